//! The meaning of Graph's error texts. Each has been seen in practice. Other texts are shown unchanged.

use serde_json::Value;

use super::Refused;

/// Returns the cause of a 403.
pub(super) fn forbidden(message: &str) -> Refused {
    let message = message.to_ascii_lowercase();
    let entry = CAUSES
        .iter()
        .find(|(words, _)| words.iter().any(|word| message.contains(word)));
    entry.map_or(Refused::Unknown, |(_, refused)| *refused)
}

/// The texts of a 403, the more specific ones first.
const CAUSES: &[(&[&str], Refused)] = &[
    (&["subscriptioncountreached"], Refused::Mailbox),
    (&["access to odata is disabled"], Refused::ExchangePolicy),
    (&["does not match the token tenant"], Refused::OtherTenant),
    (
        &["rest api is not yet supported for this mailbox"],
        Refused::NoMailbox,
    ),
    (
        &["insufficient_claims", "conditional access", "claims challenge"],
        Refused::ConditionalAccess,
    ),
    (
        &[
            "reached its limit",
            "limit of '",
            "quota",
            "subscriptions exceed",
            "maximum number of subscriptions",
        ],
        Refused::Quota,
    ),
    (
        &["scope", "permission", "privilege", "role", "consent", ".read"],
        Refused::Permission,
    ),
];

/// Returns whether a 404 means that the object never had a mailbox in Exchange Online.
pub(super) fn has_no_mailbox(message: &str) -> bool {
    message.contains("REST API is not yet supported for this mailbox")
}

/// Returns the longest lifetime in minutes from a text that refuses a longer one: "can only be {n} minutes in the
/// future", or a .NET duration `d.hh:mm:ss` behind "allowed max".
pub(super) fn longest(text: &str) -> Option<u32> {
    if let Some((_, rest)) = text.split_once("expiration can only be ") {
        return rest.split_whitespace().next()?.parse().ok();
    }
    let (_, rest) = text.split_once("allowed max '")?;
    let (days, time) = rest.split('\'').next()?.rsplit_once('.').unwrap_or(("0", rest));
    let mut parts = time.trim_end_matches('\'').split(':');
    let hours: u32 = parts.next()?.parse().ok()?;
    let minutes: u32 = parts.next()?.parse().ok()?;
    let days: u32 = days.parse().ok()?;
    days.checked_mul(24)?
        .checked_add(hours)?
        .checked_mul(60)?
        .checked_add(minutes)
}

/// Returns the id of the subscription that a text names. All known ids are GUIDs; other GUIDs in the text may be those of the
/// application or the tenant.
pub(super) fn subscription_id(text: &str) -> Option<String> {
    let named = text.split_once("Subscription Id ");
    let named = named.and_then(|(_, rest)| rest.split_whitespace().next());
    named.or_else(|| first_guid(text)).map(str::to_owned)
}

fn first_guid(text: &str) -> Option<&str> {
    let is_guid = |word: &&str| {
        let groups: Vec<&str> = word.split('-').collect();
        groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
            && groups
                .iter()
                .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    text.split(|character: char| character != '-' && !character.is_ascii_alphanumeric())
        .find(is_guid)
}

/// Returns a member as text, whatever its form.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns `bytes` without a byte order mark.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_of_the_field_has_its_cause() {
        for (text, expected) in [
            (
                "Operation: Create; Exception: [Status Code: Forbidden; Reason: Access to OData is disabled.]",
                Refused::ExchangePolicy,
            ),
            (
                "The meeting tenant does not match the token tenant.",
                Refused::OtherTenant,
            ),
            (
                "Reason: Resource 'SubscriptionCountReached' has reached limit of '1000'.",
                Refused::Mailbox,
            ),
            (
                "App '1' has reached its limit of '1' 'CHATS' subscription on tenant 2.",
                Refused::Quota,
            ),
            (
                "Missing scope permissions on the request. API requires one of 'Chat.Read.All'",
                Refused::Permission,
            ),
            (
                "Insufficient privileges to complete the operation.",
                Refused::Permission,
            ),
            (
                "Access has been blocked: insufficient_claims",
                Refused::ConditionalAccess,
            ),
            ("Access is limited in this region.", Refused::Unknown),
            ("Forbidden", Refused::Unknown),
            ("", Refused::Unknown),
        ] {
            assert_eq!(forbidden(text), expected, "{text}");
        }
    }

    #[test]
    fn the_longest_time_is_read_in_both_forms() {
        for (text, expected) in [
            (
                "Subscription expiration can only be 4230 minutes in the future.",
                Some(4_230),
            ),
            (
                "Expiration time '1' ('2' from now) is beyond allowed max '3.00:00:00'.",
                Some(4_320),
            ),
            ("is beyond allowed max '01:00:00'.", Some(60)),
            ("is beyond allowed max 'soon'.", None),
            ("expiration can only be tomorrow", None),
            ("something else", None),
        ] {
            assert_eq!(longest(text), expected, "{text}");
        }
    }

    #[test]
    fn the_id_in_the_way_is_found() {
        let guid = "11111111-2222-3333-4444-555555555555";
        let text = format!("Subscription Id {guid} already exists for the requested combination");
        assert_eq!(subscription_id(&text).as_deref(), Some(guid));
        let application = "66666666-7777-8888-9999-000000000000";
        let text = format!("Application {application} has one. {text}");
        assert_eq!(subscription_id(&text).as_deref(), Some(guid));
        let text = format!("Subscription {guid} exists.");
        assert_eq!(subscription_id(&text).as_deref(), Some(guid));
        assert_eq!(subscription_id("A subscription already exists."), None);
    }
}
