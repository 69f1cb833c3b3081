//! Amazon SQS: many messages to one queue, each with an answer of its own.

use std::{fmt, time::Duration};

use aws_sdk_sqs::{
    Client,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry},
};
use futures_util::{StreamExt, stream};
use graph_core::{models::guid::is_guid, notification::message};
use tokio::time::sleep;
use tracing::warn;

use crate::telemetry::causes;

/// A queue that takes many messages and answers for each.
pub trait Queue {
    /// Sends all messages and returns, in their order, which of them are stored.
    fn send_all(&self, messages: &[Message]) -> impl Future<Output = Vec<Result<(), NotStored>>> + Send;
}

/// Amazon SQS in one account and region.
#[derive(Clone, Debug)]
pub struct Sqs(Client);

impl Sqs {
    /// Returns the service that `config` points at.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        Self(Client::new(config))
    }

    /// Returns the queue at `url`.
    pub fn queue(&self, url: String) -> SqsQueue {
        SqsQueue {
            client: self.0.clone(),
            url,
        }
    }
}

/// A queue of Amazon SQS.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

/// A message to be sent. Prints its size, not its body.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The body.
    pub body: String,
    /// Whose message it is: SQS keeps a tenant with many messages from delaying the others (Amazon SQS, *fair queues*).
    group: Option<String>,
    /// Why the body could not be processed: the message attribute `Reason` of a failed item.
    pub reason: Option<&'static str>,
}

impl SqsQueue {
    /// Sends the messages at `pending` and returns the indices of those that are stored.
    async fn send_once(&self, messages: &[Message], pending: &[usize]) -> Vec<usize> {
        let entries: Vec<(usize, &Message)> = pending
            .iter()
            .filter_map(|index| Some((*index, messages.get(*index)?)))
            .collect();
        let sizes: Vec<usize> = entries.iter().map(|(_, message)| message.size()).collect();
        let batches = message::pack(&sizes)
            .into_iter()
            .filter_map(|range| entries.get(range));
        let calls: Vec<_> = batches.map(|entries| self.send_batch(entries)).collect();
        stream::iter(calls)
            .buffer_unordered(PARALLEL_CALLS)
            .concat()
            .await
    }

    /// Makes one call and returns the indices of the messages that it stored.
    async fn send_batch(&self, messages: &[(usize, &Message)]) -> Vec<usize> {
        let entries: Result<Vec<_>, _> = messages
            .iter()
            .map(|(index, message)| message.entry(index.to_string()))
            .collect();
        let Ok(entries) = entries else { return Vec::new() };
        let call = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries));
        match call.send().await {
            Ok(output) => {
                for failed in &output.failed {
                    warn!(
                        code = failed.code,
                        sender_fault = failed.sender_fault,
                        "SQS did not store a message"
                    );
                }
                output
                    .successful
                    .iter()
                    .filter_map(|entry| entry.id.parse().ok())
                    .collect()
            }
            Err(error) => {
                warn!(
                    error = causes(&error),
                    messages = messages.len(),
                    "SQS did not take a batch of messages"
                );
                Vec::new()
            }
        }
    }
}

impl Queue for SqsQueue {
    /// Calls go out in parallel, each within the limits of `SendMessageBatch`; entries that the service could not take
    /// are tried again, three times in all.
    async fn send_all(&self, messages: &[Message]) -> Vec<Result<(), NotStored>> {
        let mut stored = vec![Err(NotStored); messages.len()];
        let mut pending: Vec<usize> = (0..messages.len()).collect();
        for attempt in 0..ATTEMPTS {
            if pending.is_empty() {
                break;
            }
            if attempt > 0 {
                sleep(PAUSE * attempt).await;
            }
            for index in self.send_once(messages, &pending).await {
                if let Some(stored) = stored.get_mut(index) {
                    *stored = Ok(());
                }
            }
            pending.retain(|index| stored.get(*index).is_some_and(Result::is_err));
        }
        stored
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("bytes", &self.body.len())
            .field("group", &self.group)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl Message {
    /// Returns a message of a tenant. SQS does not encrypt the group, and takes no other text than an id: what has not the
    /// form of a tenant's id is left out, and the message counts as a tenant of its own.
    pub fn of_tenant(tenant_id: &str, body: String) -> Self {
        Self {
            body,
            group: is_guid(tenant_id).then(|| tenant_id.to_ascii_lowercase()),
            reason: None,
        }
    }

    /// Returns a message that does not say whose it is.
    pub fn of_nobody(body: String) -> Self {
        Self {
            body,
            group: None,
            reason: None,
        }
    }

    /// Returns the message with the reason for which its body could not be processed.
    #[must_use]
    pub fn failed(self, reason: &'static str) -> Self {
        Self {
            reason: Some(reason),
            ..self
        }
    }

    /// Returns whose message it is.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Returns the size that counts towards the limits of SQS.
    fn size(&self) -> usize {
        let attribute = self
            .reason
            .map_or(0, |reason| REASON.len() + TEXT.len() + reason.len());
        self.body.len() + attribute
    }

    fn entry(&self, id: String) -> Result<SendMessageBatchRequestEntry, aws_sdk_sqs::error::BuildError> {
        let entry = SendMessageBatchRequestEntry::builder()
            .id(id)
            .message_body(&self.body)
            .set_message_group_id(self.group.clone());
        let Some(reason) = self.reason else {
            return entry.build();
        };
        let reason = MessageAttributeValue::builder()
            .data_type(TEXT)
            .string_value(reason)
            .build()?;
        entry.message_attributes(REASON, reason).build()
    }
}

/// The queue did not take a message; the cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message is not stored")]
pub struct NotStored;

/// How often a message is tried. The SDK tries a call that fails as a whole again by itself.
const ATTEMPTS: u32 = 3;

/// The pause before the second attempt; each later one is longer by the same.
const PAUSE: Duration = Duration::from_millis(50);

/// How many calls are under way at once.
const PARALLEL_CALLS: usize = 16;

/// The message attribute that says why an item failed.
pub const REASON: &str = "Reason";

const TEXT: &str = "String";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_sent_in_the_group_of_its_tenant() {
        for tenant_id in [TENANT, "ABCDEF00-2222-3333-4444-555555555555"] {
            let message = Message::of_tenant(tenant_id, "{}".to_owned());
            assert_eq!(group(&message), Some(tenant_id.to_ascii_lowercase()));
            assert_eq!(
                group(&message.failed("Malformed")),
                Some(tenant_id.to_ascii_lowercase())
            );
        }
    }

    /// SQS refuses the whole call for one group that has not its form.
    #[test]
    fn what_is_no_id_of_a_tenant_is_no_group() {
        for text in ["", "contoso", "x/../../evil", "a b", "\u{fc}", &"a".repeat(129)] {
            assert_eq!(group(&Message::of_tenant(text, "{}".to_owned())), None, "{text}");
        }
        assert_eq!(group(&Message::of_nobody("{}".to_owned())), None);
    }

    fn group(message: &Message) -> Option<String> {
        message.entry("0".to_owned()).unwrap().message_group_id
    }

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";
}
