//! What an event asks of a consumer.

use graph_events::{CatchUpCompleted, Change, DeliveredEvent, Notice, ReadError, Resource, SubscriptionGap};

/// What an event asks of a consumer.
#[derive(Debug)]
pub enum Action {
    /// Keep the resource: the event carries it.
    Store(Box<Resource>),
    /// `GET` the resource: the event does not carry it.
    Fetch,
    /// Forget the resource.
    Delete,
    /// Wait for the end of the catch-up. Where the stack has `Reader=disabled`, no end comes: catch up now.
    Await(Box<SubscriptionGap>),
    /// Read what the stack could not read of a gap: `reason` says why, or `unseen` which changes Graph's list does not show.
    CatchUp(Box<CatchUpCompleted>),
    /// Nothing: everything that changed in a gap was delivered, or in one of its `parts`.
    CaughtUp(Box<CatchUpCompleted>),
}

impl Action {
    /// Returns what `event` asks for.
    pub fn of(event: &DeliveredEvent) -> Result<Self, ReadError> {
        Ok(match event.notice()? {
            Some(Notice::CatchUpCompleted(done)) if done.complete.value() == Some(&true) => {
                Self::CaughtUp(Box::new(done))
            }
            Some(Notice::CatchUpCompleted(done)) => Self::CatchUp(Box::new(done)),
            Some(
                Notice::SubscriptionMissed(gap)
                | Notice::SubscriptionRemoved(gap)
                | Notice::SubscriptionRecreated(gap),
            ) => Self::Await(Box::new(gap)),
            _ if event.change() == Some(Change::Deleted) && !is_hint(event) => Self::Delete,
            // A basic notification, content that is larger than a message (`contentOmitted`), content that could not be fetched
            // (`contentMissing`) and content that was not sent (`contentAbsent`) look alike here.
            _ if event.data.content.is_none() => Self::Fetch,
            _ => Self::Store(Box::new(event.resource()?)),
        })
    }
}

/// Whether anybody who knows the client state of the entry could have sent this: then only Graph knows what is true.
fn is_hint(event: &DeliveredEvent) -> bool {
    event.data.proof.as_deref() == Some("clientState")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_change_with_content_is_stored() {
        let action = action(
            "ChatMessageCreated",
            json!({"changeType": "created", "content": {"id": "1"}}),
        );
        let Action::Store(resource) = action else {
            panic!("{action:?}");
        };
        assert!(matches!(*resource, Resource::ChatMessage(_)));
    }

    #[test]
    fn a_change_without_content_is_fetched() {
        for data in [
            json!({"changeType": "updated"}),
            json!({"changeType": "updated", "contentOmitted": true}),
            json!({"changeType": "updated", "contentMissing": true}),
            json!({"changeType": "updated", "contentAbsent": true}),
        ] {
            assert!(matches!(action("ChatMessageUpdated", data), Action::Fetch));
        }
    }

    #[test]
    fn a_deletion_is_looked_up_where_only_a_client_state_proves_it() {
        let deleted = |proof| {
            action(
                "ChatMessageDeleted",
                json!({"changeType": "deleted", "proof": proof}),
            )
        };
        for proof in ["token", "read"] {
            assert!(matches!(deleted(proof), Action::Delete), "{proof}");
        }
        assert!(matches!(deleted("clientState"), Action::Fetch));
    }

    #[test]
    fn a_gap_is_awaited_and_read_where_the_stack_could_not() {
        let gap = json!({"lostUntil": "2026-11-22T10:00:00Z", "reason": "r"});
        for name in [
            "SubscriptionMissed",
            "SubscriptionRemoved",
            "SubscriptionRecreated",
        ] {
            assert!(matches!(action(name, gap.clone()), Action::Await(_)), "{name}");
        }
        let ended = |complete: bool| action("CatchUpCompleted", json!({"complete": complete}));
        assert!(matches!(ended(true), Action::CaughtUp(_)));
        assert!(matches!(ended(false), Action::CatchUp(_)));
    }

    fn action(name: &str, mut data: Value) -> Action {
        data["tenantId"] = json!("t");
        data["resource"] = json!("chats('1')/messages('1')");
        let event = json!({
            "specversion": "1.0", "id": "x", "source": "/tenants/t/applications/c",
            "type": format!("Microsoft.Graph.{name}"), "time": "2026-11-22T10:00:00Z", "subscription": "chats", "data": data
        });
        Action::of(&DeliveredEvent::parse(&event.to_string()).unwrap()).unwrap()
    }
}
