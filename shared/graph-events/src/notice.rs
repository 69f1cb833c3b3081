//! Events about a subscription and not about a resource, which the pipeline itself creates.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Number;

use crate::{
    DateTime, DeliveredEvent, ReadError,
    define::model,
    event_type::{CATCH_UP_COMPLETED, SUBSCRIPTION_MISSED, SUBSCRIPTION_RECREATED, SUBSCRIPTION_REMOVED},
};

/// An event about a subscription.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is read at a time, and a box would be in every consumer's way"
)]
#[non_exhaustive]
pub enum Notice {
    /// `Microsoft.Graph.SubscriptionMissed`: Graph could not deliver some notifications.
    SubscriptionMissed(SubscriptionGap),
    /// `Microsoft.Graph.SubscriptionRemoved`: Graph removed the subscription, which has been created again.
    SubscriptionRemoved(SubscriptionGap),
    /// `Microsoft.Graph.SubscriptionRecreated`: the subscription had to be created again for another reason.
    SubscriptionRecreated(SubscriptionGap),
    /// `Microsoft.Graph.CatchUpCompleted`: the reader has read the period of a gap, as far as Graph allows.
    CatchUpCompleted(CatchUpCompleted),
}

model! {
    /// A period in which notifications of a subscription may have been lost.
    pub struct SubscriptionGap {
        /// The id of the tenant.
        tenant_id: String,
        /// The proof of the gap: `clientState` if a notification of Graph tells of it, `read` if renewal asked Graph.
        proof: String,
        /// Graph's id of the affected subscription.
        subscription_id: String,
        /// Graph's id of its successor.
        new_subscription_id: String,
        /// The resource of the subscription.
        resource: String,
        /// The beginning of the period; absent if unknown.
        lost_from: DateTime,
        /// The end of the period.
        lost_until: DateTime,
        /// The reason, in words.
        reason: String,
    }

    /// The result of reading the period of a gap.
    pub struct CatchUpCompleted {
        /// The id of the tenant.
        tenant_id: String,
        /// How it is proven: `read`, as Graph was asked.
        proof: String,
        /// The id of the event about the gap.
        gap: String,
        /// The beginning of the period that was read.
        from: DateTime,
        /// The end of the period that was read.
        until: DateTime,
        /// Whether every change in the period has been delivered.
        complete: bool,
        /// The resource that the subscription is for.
        resource: String,
        /// The team or user, if the resource is read in parts.
        part: String,
        /// The number of parts. Each has an event of its own; the gap is closed when all are complete.
        parts: Number,
        /// How many events about created resources were delivered.
        created: Number,
        /// How many events about updated resources were delivered.
        updated: Number,
        /// How many events about deleted resources were delivered.
        deleted: Number,
        /// How many pages were read.
        pages: Number,
        /// The changes that Graph does not return: `deleted`, `filtered`, `late`, `moved`, `occurrences`.
        unseen: Vec<String>,
        /// Why the result is incomplete, in words.
        reason: String,
        /// The missing permission.
        permission: String,
    }
}

impl DeliveredEvent {
    /// Returns the event as one about a subscription; nothing if it is about a resource.
    ///
    /// # Errors
    ///
    /// Returns an error if its data is not an object.
    pub fn notice(&self) -> Result<Option<Notice>, ReadError> {
        let notice = match self.event_type.as_str() {
            SUBSCRIPTION_MISSED => Notice::SubscriptionMissed(self.data_as()?),
            SUBSCRIPTION_REMOVED => Notice::SubscriptionRemoved(self.data_as()?),
            SUBSCRIPTION_RECREATED => Notice::SubscriptionRecreated(self.data_as()?),
            CATCH_UP_COMPLETED => Notice::CatchUpCompleted(self.data_as()?),
            _ => return Ok(None),
        };
        Ok(Some(notice))
    }

    fn data_as<T: DeserializeOwned>(&self) -> Result<T, ReadError> {
        // By way of a JSON value, because the model's members are spread over the fields of `EventData`.
        let data = serde_json::to_value(&self.data).map_err(ReadError::Event)?;
        serde_json::from_value(data).map_err(ReadError::Event)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Resource;

    #[test]
    fn an_event_of_our_own_is_a_notice_and_no_resource() {
        let event = event(
            SUBSCRIPTION_RECREATED,
            &json!({
                "tenantId": "t", "proof": "read", "resource": "/teams/getAllMessages", "newSubscriptionId": "2",
                "lostFrom": "2026-11-22T09:00:00Z", "lostUntil": "2026-11-22T10:00:00Z", "reason": "it was gone"
            }),
        );
        let Some(Notice::SubscriptionRecreated(gap)) = event.notice().unwrap() else {
            panic!("{event:?}");
        };
        assert_eq!(gap.new_subscription_id.as_deref(), Some("2"));
        assert_eq!(gap.proof.as_deref(), Some("read"));
        assert_eq!(
            gap.lost_from.value().map(DateTime::as_str),
            Some("2026-11-22T09:00:00Z")
        );
        assert!(gap.subscription_id.is_absent() && gap.other.is_empty());
        assert_eq!(event.entity(), "subscription");
        assert!(matches!(event.resource().unwrap(), Resource::Other(_)));
    }

    #[test]
    fn read_changes_are_counted() {
        let event = event(
            CATCH_UP_COMPLETED,
            &json!({"tenantId": "t", "gap": "g", "complete": false, "created": 3, "unseen": ["deleted"], "part": "2", "parts": 5}),
        );
        let Some(Notice::CatchUpCompleted(done)) = event.notice().unwrap() else {
            panic!("{event:?}");
        };
        assert_eq!(done.complete.value(), Some(&false));
        assert_eq!(done.part.as_deref(), Some("2"));
        assert_eq!(done.parts.value(), Some(&5.into()));
        assert!(done.other.is_empty() && done.reason.is_absent());
        assert_eq!(done.unseen.as_deref(), Some(&["deleted".to_owned()][..]));
    }

    #[test]
    fn an_event_about_a_resource_is_not_a_notice() {
        let event = event(
            "Microsoft.Graph.TeamCreated",
            &json!({"tenantId": "t", "resource": "teams('1')"}),
        );
        assert_eq!(event.notice().unwrap(), None);
        assert!(!event.is_notice());
        assert!(matches!(event.resource().unwrap(), Resource::Team(_)));
    }

    fn event(event_type: &str, data: &Value) -> DeliveredEvent {
        let event = json!({
            "specversion": "1.0", "id": "x", "source": "/tenants/t/applications/c", "type": event_type,
            "time": "2026-11-22T10:00:00Z", "subscription": "team-messages", "data": data
        });
        DeliveredEvent::parse(&event.to_string()).unwrap()
    }
}
