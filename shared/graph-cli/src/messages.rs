//! Messages of a queue as displayed to a person: owner and reason, never content.

pub mod age;
pub mod displayed;
pub mod filter;
pub mod listed;
pub mod outcome;
pub mod unseen;

use std::collections::BTreeMap;

use graph_core::{models::DeliveredEvent, notification::queued::QueuedItem};
use graph_edge::sqs::{REASON, SUBSCRIPTION, TENANT};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use self::age::retry_until;
use crate::{table::shortened, terminal::printable};

/// A message of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The id that SQS gave it.
    pub id: String,
    /// The receipt handle, which deletes the message.
    pub receipt: String,
    /// The body.
    pub body: String,
    /// The text attributes.
    pub attributes: BTreeMap<String, String>,
    /// The message group (fair queues).
    pub group: Option<String>,
    /// When it was sent to the queue.
    pub sent_at: Option<Timestamp>,
    /// Number of receives.
    pub receives: u32,
}

/// A queue with messages for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// `FailedQueue`: items as Graph sent them.
    Failed,
    /// `UndeliveredQueue`: events.
    Undelivered,
    /// `DeliveryQueue`: events.
    Delivery,
}

impl Queue {
    /// Returns the name of the output with its URL.
    #[must_use]
    pub fn output(self) -> &'static str {
        match self {
            Self::Failed => "FailedQueueUrl",
            Self::Undelivered => "UndeliveredQueueUrl",
            Self::Delivery => "DeliveryQueueUrl",
        }
    }

    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.output().trim_end_matches("Url")
    }

    /// Returns the name of the output with the URL of the queue from which a message is retried.
    #[must_use]
    pub fn retried_from(self, body: &str) -> &'static str {
        match self {
            Self::Failed if is_window(body) => "ReadQueueUrl",
            // Decryption passes lifecycle notifications on to LifecycleQueue.
            Self::Failed => "NotificationQueueUrl",
            Self::Undelivered | Self::Delivery => "DeliveryQueueUrl",
        }
    }
}

/// The summary of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageSummary {
    /// The id that SQS gave it.
    pub id: String,
    /// The reason; none if SQS moved the message after its last try.
    pub reason: Option<String>,
    /// The tenant's id, if it is proven.
    pub tenant: Option<String>,
    /// The subscription's name, if it is proven.
    pub subscription: Option<String>,
    /// The change, or the type of the event.
    pub what: String,
    /// When it was sent to the queue.
    pub since: Option<Timestamp>,
    /// When the webhook received the item.
    pub received_at: Option<Timestamp>,
    /// When a retry comes too late.
    pub retry_until: Option<Timestamp>,
    /// Number of receives.
    pub receives: u32,
}

impl MessageSummary {
    /// Returns the summary of a message.
    #[must_use]
    pub fn of(queue: Queue, message: &Message) -> Self {
        let attribute = |name: &str| message.attributes.get(name).map(|value| field(value));
        let summary = Self {
            id: message.id.clone(),
            reason: attribute(REASON),
            tenant: attribute(TENANT),
            subscription: attribute(SUBSCRIPTION),
            since: message.sent_at,
            retry_until: retry_until(message.sent_at, None),
            receives: message.receives,
            ..Self::default()
        };
        match queue {
            Queue::Failed => summary.with_item(&message.body),
            Queue::Undelivered | Queue::Delivery => summary.with_event(&message.body),
        }
    }

    /// Adds what the body says of an item of Graph or a window.
    fn with_item(self, body: &str) -> Self {
        let received_at = QueuedItem::parse(body).ok().map(|queued| queued.received_at);
        Self {
            what: field(&change(body)),
            received_at,
            retry_until: retry_until(self.since, received_at),
            ..self
        }
    }

    /// Adds the members of an event. Its consumers trust the writers of this queue as well.
    fn with_event(self, body: &str) -> Self {
        let Ok(event) = serde_json::from_str::<DeliveredEvent>(body) else {
            return Self {
                what: "not an event".to_owned(),
                ..self
            };
        };
        let what = event.event_type.trim_start_matches(EVENT_TYPE).to_owned();
        Self {
            tenant: Some(field(&event.data.tenant_id)),
            subscription: Some(field(&event.subscription)),
            what: field(&what),
            ..self
        }
    }
}

/// Returns a text of a message for a summary. An item may say a megabyte, and a queue holds many thousands.
fn field(text: &str) -> String {
    printable(&shortened(text, MAX_FIELD))
}

/// Returns whether a message is a window for the reader, and not an item of Graph.
fn is_window(body: &str) -> bool {
    let body = serde_json::from_str::<Value>(body);
    body.is_ok_and(|body| body.get("read").is_some_and(|read| read == "window"))
}

/// Returns the change type or the lifecycle event of an item.
fn change(body: &str) -> String {
    let queued = QueuedItem::parse(body).ok();
    let item = queued.and_then(|queued| serde_json::from_str::<Value>(queued.item.get()).ok());
    let Some(item) = item else {
        return if is_window(body) { "window" } else { "not an item" }.to_owned();
    };
    // One by one: an item is here because one of its members is odd.
    let names = ["lifecycleEvent", "changeType"];
    let text = names.iter().find_map(|name| item.get(name)?.as_str());
    text.unwrap_or("of an unknown kind").to_owned()
}

/// Stands for the reason of a message that SQS moved after its last try.
pub const NO_REASON: &str = "none";

/// The most characters of a field of a summary. Names of subscriptions and ids of tenants are shorter.
const MAX_FIELD: usize = 256;

/// The prefix of event types.
const EVENT_TYPE: &str = "Microsoft.Graph.";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_window_goes_back_to_the_reader_and_an_item_to_decryption() {
        let window = r#"{"read":"window","subscription":"mail"}"#;
        let item = failed(None).body;
        let to = [window, &item, "{}"].map(|body| Queue::Failed.retried_from(body));
        assert_eq!(
            to,
            ["ReadQueueUrl", "NotificationQueueUrl", "NotificationQueueUrl"]
        );
        let message = Message {
            body: window.to_owned(),
            ..Message::default()
        };
        assert_eq!(MessageSummary::of(Queue::Failed, &message).what, "window");
    }

    #[test]
    fn an_event_is_named_by_its_type() {
        let body = json!({
            "specversion": "1.0", "id": "i", "source": "s", "type": "Microsoft.Graph.UserUpdated", "time": "2026-11-22T10:00:00Z",
            "subscription": "users", "data": {"tenantId": "11111111-2222-3333-4444-555555555555"},
        });
        let message = Message {
            body: body.to_string(),
            ..Message::default()
        };
        let summaries = MessageSummary::of(Queue::Delivery, &message);
        assert_eq!(
            (summaries.what.as_str(), summaries.subscription.as_deref()),
            ("UserUpdated", Some("users"))
        );
    }

    #[test]
    fn an_odd_member_does_not_hide_what_an_item_says() {
        let mut message = failed(Some("Malformed"));
        message.body = message.body.replace(
            r#""changeType":"created""#,
            r#""changeType":5,"lifecycleEvent":"missed""#,
        );
        assert_eq!(MessageSummary::of(Queue::Failed, &message).what, "missed");
        message.body = message.body.replace(r#""missed""#, "[]");
        assert_eq!(
            MessageSummary::of(Queue::Failed, &message).what,
            "of an unknown kind"
        );
    }

    #[test]
    fn a_summary_is_short_whatever_a_message_says() {
        let long = "x".repeat(1 << 19);
        let mut item = failed(Some(&long));
        item.body = item.body.replace("created", &long);
        let event = Message {
            body: json!({
                "specversion": "1.0", "id": "i", "source": "s", "type": long, "time": "2026-11-22T10:00:00Z",
                "subscription": long, "data": {"tenantId": long},
            })
            .to_string(),
            ..Message::default()
        };
        for (queue, message) in [(Queue::Failed, item), (Queue::Undelivered, event)] {
            let summary = serde_json::to_string(&MessageSummary::of(queue, &message)).unwrap();
            assert!(
                summary.contains("xxx") && summary.len() < 4 * MAX_FIELD,
                "{}",
                summary.len()
            );
        }
    }

    pub(super) fn failed(reason: Option<&str>) -> Message {
        let body = json!({
            "subscription": "mail/1", "tenantId": "t", "clientId": "c", "receivedAt": "2026-11-22T09:00:00Z",
            "validationTokens": ["t0ken"],
            "item": {"changeType": "created", "clientState": "s3cret", "encryptedContent": {"data": "c1pher"}},
        });
        let tenant = "11111111-2222-3333-4444-555555555555";
        let attributes = [
            (REASON, reason),
            (TENANT, Some(tenant)),
            (SUBSCRIPTION, Some("mail/1")),
        ];
        let attributes = attributes
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        Message {
            id: "0a1b2c3d-0000-4000-8000-000000000000".to_owned(),
            body: body.to_string(),
            attributes: attributes.collect(),
            sent_at: Some("2026-11-22T09:30:00Z".parse().unwrap()),
            receives: 1,
            ..Message::default()
        }
    }
}
