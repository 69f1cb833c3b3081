//! The types of delivered events.

use std::borrow::Cow;

use crate::change::Change;

/// Graph could not deliver some notifications of a subscription.
pub const SUBSCRIPTION_MISSED: &str = "Microsoft.Graph.SubscriptionMissed";

/// Graph removed a subscription, which has been created again.
pub const SUBSCRIPTION_REMOVED: &str = "Microsoft.Graph.SubscriptionRemoved";

/// A subscription had to be created again for another reason.
pub const SUBSCRIPTION_RECREATED: &str = "Microsoft.Graph.SubscriptionRecreated";

/// The reader has read the period of a gap, as far as Graph allows.
pub const CATCH_UP_COMPLETED: &str = "Microsoft.Graph.CatchUpCompleted";

/// Returns the type of the delivered event, such as `Microsoft.Graph.ChatMessageCreated`.
///
/// Without a change type, it ends in `Changed`. The types of the product's own events are reserved: an item that would have
/// one of them is about an `Entity`.
#[must_use]
pub fn of(entity: &str, change_type: Option<&str>) -> String {
    let is_name = |change: &String| (1..=MAX_NAME_BYTES).contains(&change.len());
    let change = change_type.map(capitalised).filter(is_name);
    let change = change.map_or(Cow::Borrowed("Changed"), |change| {
        let known = Change::parse(&change).map(|change| capitalised(change.as_str()));
        Cow::Owned(known.unwrap_or(change))
    });
    let event_type = ["Microsoft.Graph.", &capitalised(entity), &change].concat();
    if RESERVED_TYPES
        .iter()
        .any(|own| own.eq_ignore_ascii_case(&event_type))
    {
        return format!("Microsoft.Graph.Entity{change}");
    }
    event_type
}

/// Returns whether a type is one of the product's own.
pub(crate) fn is_own(event_type: &str) -> bool {
    RESERVED_TYPES.contains(&event_type)
}

/// Returns the letters and digits of `text`, the first one as a capital.
fn capitalised(text: &str) -> String {
    let mut letters = text.to_owned();
    letters.retain(|letter| letter.is_ascii_alphanumeric());
    if let Some(first) = letters.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    letters
}

/// The types of the product's own events.
const RESERVED_TYPES: [&str; 4] = [
    SUBSCRIPTION_MISSED,
    SUBSCRIPTION_REMOVED,
    SUBSCRIPTION_RECREATED,
    CATCH_UP_COMPLETED,
];

/// The longest name of a change. Graph's have up to about 20 bytes.
const MAX_NAME_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever has a client state may write any type into an item, and consumers believe the product's own events.
    #[test]
    fn no_item_has_a_type_of_the_products_own_events() {
        for (entity, change, expected) in [
            ("subscription", "missed", "Microsoft.Graph.EntityMissed"),
            ("Subscription", "REMOVED", "Microsoft.Graph.EntityREMOVED"),
            (
                "sub",
                "scription-Recreated",
                "Microsoft.Graph.EntityScriptionRecreated",
            ),
            ("catchUp", "completed", "Microsoft.Graph.EntityCompleted"),
            ("catch", "up Completed", "Microsoft.Graph.EntityUpCompleted"),
            ("subscription", "created", "Microsoft.Graph.SubscriptionCreated"),
        ] {
            assert_eq!(of(entity, Some(change)), expected);
        }
    }

    #[test]
    fn an_event_type_has_capitals_and_no_marks() {
        for (entity, change, expected) in [
            ("chatMessage", Some("created"), "ChatMessageCreated"),
            ("chatMessage", Some("Created"), "ChatMessageCreated"),
            ("team", Some("UPDATED"), "TeamUpdated"),
            ("callRecord", Some("deleted"), "CallRecordDeleted"),
            ("user", Some("unknownFutureValue"), "UserUnknownFutureValue"),
            ("user", Some("soft-deleted"), "UserSoftdeleted"),
            ("user", Some("--"), "UserChanged"),
            ("user", Some(&"c".repeat(65)), "UserChanged"),
            ("user", Some(""), "UserChanged"),
            ("user", None, "UserChanged"),
            ("odd type\n", None, "OddtypeChanged"),
            ("", Some("created"), "Created"),
        ] {
            assert_eq!(
                of(entity, change),
                format!("Microsoft.Graph.{expected}"),
                "{entity} {change:?}"
            );
        }
    }
}
