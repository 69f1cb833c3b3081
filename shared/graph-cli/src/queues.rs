//! Reads, moves and deletes messages of SQS queues.

pub mod visit;

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use aws_sdk_sqs::{
    Client,
    operation::receive_message::ReceiveMessageError,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, Message as Received, MessageAttributeValue,
        MessageSystemAttributeName, QueueAttributeName,
    },
};
use futures_util::future::join_all;
use graph_edge::sqs::REASON;
use jiff::Timestamp;

use self::visit::{Extent, MessageSource, Visited, visit_messages};
use crate::{
    aws::{Aws, timeouts},
    failure::Failure,
    messages::{Message, unseen::Unseen},
    progress::Progress,
    terminal::counted,
};

/// The queues of an account and region.
#[derive(Debug)]
pub struct Queues<'a> {
    aws: &'a Aws,
    client: Client,
}

impl<'a> Queues<'a> {
    /// Creates the client.
    #[must_use]
    pub fn new(aws: &'a Aws) -> Self {
        let client = Client::new(&aws.config);
        Self { aws, client }
    }

    /// Opens a queue. A received message stays hidden from others for the time that the work may take.
    ///
    /// # Errors
    ///
    /// Returns a failure if SQS refuses or does not answer.
    pub async fn open<'q>(&'q self, url: &'q str) -> Result<SqsQueue<'q>, Failure> {
        let hidden = hidden(self.held(url).await?);
        Ok(SqsQueue {
            queues: self,
            url,
            hidden,
        })
    }

    /// Looks at the messages of a queue, which stay there. Only what `take` returns of them stays in memory.
    ///
    /// # Errors
    ///
    /// Returns a failure if SQS refuses or does not answer.
    pub async fn look<T>(
        &self,
        url: &str,
        extent: Extent,
        take: impl Fn(&Message) -> Option<T>,
    ) -> Result<Look<T>, Failure> {
        let (taken, looked_at) = (RefCell::new(Vec::new()), Cell::new(0));
        let queue = self.open(url).await?;
        let look = visit_messages(&queue, extent, async |message| {
            looked_at.update(|count| count + 1);
            Ok(match take(&message) {
                Some(one) => {
                    taken.borrow_mut().push((message.sent_at, one));
                    Visited::Kept
                }
                None => Visited::Skipped,
            })
        });
        let state = || counted(looked_at.get(), "message");
        let unseen = Progress::start("Looking").during(&state, look).await?;
        let mut taken = taken.into_inner();
        taken.sort_by_key(|(sent_at, _)| *sent_at);
        Ok(Look {
            found: taken.into_iter().map(|(_, one)| one).collect(),
            looked_at: looked_at.get(),
            unseen,
        })
    }

    /// Sends a message to another queue without the attributes of its failure, and deletes it from this one.
    ///
    /// # Errors
    ///
    /// Returns a failure if SQS refuses or does not answer. The message is then still in this queue.
    pub async fn move_message(&self, message: &Message, from: &str, to: &str) -> Result<(), Failure> {
        let mut send = self
            .client
            .send_message()
            .queue_url(to)
            .message_body(&message.body);
        for (name, value) in message.attributes.iter().filter(|(name, _)| *name != REASON) {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build();
            let value = value.map_err(|error| self.aws.unreachable("Amazon SQS", &error.to_string()))?;
            send = send.message_attributes(name, value);
        }
        let answer = send.set_message_group_id(message.group.clone()).send().await;
        answer.map_err(|error| self.aws.failure("Amazon SQS", &error))?;
        self.delete(message, from).await
    }

    /// Deletes a message.
    ///
    /// # Errors
    ///
    /// Returns a failure if SQS refuses or does not answer.
    pub async fn delete(&self, message: &Message, url: &str) -> Result<(), Failure> {
        let delete = self
            .client
            .delete_message()
            .queue_url(url)
            .receipt_handle(&message.receipt);
        let deleted = delete.send().await;
        deleted
            .map(|_| ())
            .map_err(|error| self.aws.failure("Amazon SQS", &error))
    }

    /// Returns about how many messages a queue holds: those that are visible, hidden by a reader, or delayed.
    ///
    /// # Errors
    ///
    /// Returns a failure if SQS refuses or does not answer.
    pub async fn held(&self, url: &str) -> Result<usize, Failure> {
        let counts = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let get = self.client.get_queue_attributes().queue_url(url);
        let got = get.set_attribute_names(Some(counts.to_vec())).send().await;
        let attributes = got
            .map_err(|error| self.aws.failure("Amazon SQS", &error))?
            .attributes
            .unwrap_or_default();
        let count = |name| -> Option<usize> { attributes.get(name)?.parse().ok() };
        Ok(counts.iter().filter_map(count).sum())
    }
}

/// A look at a queue.
#[derive(Debug)]
pub struct Look<T> {
    /// What was taken of the messages, the oldest first.
    pub found: Vec<T>,
    /// Number of messages that were looked at.
    pub looked_at: usize,
    /// The messages that were not looked at.
    pub unseen: Unseen,
}

/// One queue of SQS.
#[derive(Debug)]
pub struct SqsQueue<'q> {
    queues: &'q Queues<'q>,
    url: &'q str,
    hidden: i32,
}

impl MessageSource for SqsQueue<'_> {
    async fn receive(&self, most: usize) -> Result<Vec<Message>, Failure> {
        let aws = self.queues.aws;
        let receive = self.queues.client.receive_message().queue_url(self.url);
        let receive = receive
            .max_number_of_messages(most.try_into().unwrap_or(i32::MAX))
            .visibility_timeout(self.hidden)
            // Only a look that waits asks all servers of SQS.
            .wait_time_seconds(LONG_POLL)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All);
        let answer = receive.customize().config_override(
            aws_sdk_sqs::config::Builder::new()
                .timeout_config(timeouts(aws.timeout + Duration::from_secs(2))),
        );
        let received = match answer.send().await {
            Ok(answer) => answer.messages.unwrap_or_default(),
            // So many are in flight that SQS shows no other, which it mostly says with an empty answer.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(ReceiveMessageError::is_over_limit) =>
            {
                Vec::new()
            }
            Err(error) => return Err(aws.failure("Amazon SQS", &error)),
        };
        Ok(received.into_iter().map(Message::from).collect())
    }

    async fn held(&self) -> Result<usize, Failure> {
        self.queues.held(self.url).await
    }

    async fn release(&self, receipts: Vec<String>) {
        // A request takes ten.
        for receipts in receipts.chunks(100) {
            join_all(receipts.chunks(10).map(|ten| self.release_ten(ten))).await;
        }
    }
}

impl SqsQueue<'_> {
    async fn release_ten(&self, receipts: &[String]) {
        let entry = |(index, receipt): (usize, &String)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
            entry.receipt_handle(receipt).visibility_timeout(0).build().ok()
        };
        let entries = receipts.iter().enumerate().filter_map(entry).collect();
        let change = self.queues.client.change_message_visibility_batch();
        // What is not shown now shows up by itself when its time is over.
        let _ = change.queue_url(self.url).set_entries(Some(entries)).send().await;
    }
}

impl From<Received> for Message {
    fn from(message: Received) -> Self {
        let attributes = message.message_attributes.unwrap_or_default().into_iter();
        let system = message.attributes.unwrap_or_default();
        let system = |name| system.get(&name).cloned();
        let sent_at = system(MessageSystemAttributeName::SentTimestamp).and_then(|time| time.parse().ok());
        Self {
            id: message.message_id.unwrap_or_default(),
            receipt: message.receipt_handle.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
            attributes: attributes
                .filter_map(|(name, value)| Some((name, value.string_value?)))
                .collect(),
            group: system(MessageSystemAttributeName::MessageGroupId),
            sent_at: sent_at.and_then(|time| Timestamp::from_millisecond(time).ok()),
            receives: system(MessageSystemAttributeName::ApproximateReceiveCount)
                .and_then(|count| count.parse().ok())
                .unwrap_or_default(),
        }
    }
}

/// Returns the visibility timeout in seconds at which no message reappears before the last of `held` was moved.
fn hidden(held: usize) -> i32 {
    let seconds = MIN_HIDDEN + held / MOVES_PER_SECOND;
    seconds.min(MAX_HIDDEN).try_into().unwrap_or(i32::MAX)
}

/// The shortest visibility timeout, in seconds.
const MIN_HIDDEN: usize = 60;

/// The longest visibility timeout, in seconds. After it, the messages of an interrupted program reappear.
const MAX_HIDDEN: usize = 3600;

/// Messages moved in a second over a slow connection.
const MOVES_PER_SECOND: usize = 10;

/// How long a receive waits for messages, in seconds.
const LONG_POLL: i32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_hidden_for_as_long_as_the_queue_takes() {
        let seconds = [0, 400, 10_000, 1_000_000].map(hidden);
        assert_eq!(seconds, [60, 100, 1060, 3600]);
    }
}
