//! The queues of SQS: looking without taking away, moving, and deleting.

use std::collections::BTreeSet;

use aws_sdk_sqs::{
    Client,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, Message as Received, MessageAttributeValue,
        MessageSystemAttributeName, QueueAttributeName,
    },
};
use graph_edge::sqs::REASON;
use jiff::Timestamp;

use crate::{aws::Aws, failure::Failure, held::Message, progress::Progress};

/// The queues of an account and region.
#[derive(Debug)]
pub struct Queues<'a> {
    aws: &'a Aws,
    client: Client,
}

impl<'a> Queues<'a> {
    /// Returns the queues that `aws` leads to.
    #[must_use]
    pub fn of(aws: &'a Aws) -> Self {
        let client = Client::new(&aws.config);
        Self { aws, client }
    }

    /// Hands each message of a queue to `take`, once, until `take` has had enough. It is hidden from others meanwhile.
    ///
    /// # Errors
    ///
    /// Returns a failure when SQS refuses or does not answer.
    pub async fn each(
        &self,
        url: &str,
        mut take: impl AsyncFnMut(Message) -> Result<Go, Failure>,
    ) -> Result<(), Failure> {
        let mut seen = BTreeSet::new();
        let mut empty = 0;
        // A short look asks some of the servers of SQS only, so one empty answer says little.
        while empty < EMPTY_ANSWERS {
            let received = self.receive(url).await?;
            let new: Vec<_> = received
                .into_iter()
                .filter(|message| seen.insert(message.id.clone()))
                .collect();
            empty = if new.is_empty() { empty + 1 } else { 0 };
            for message in new {
                if take(message).await? == Go::Stop {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Returns the messages of a queue, the oldest first and at most `most`, and leaves all of them where they are.
    ///
    /// # Errors
    ///
    /// Returns a failure when SQS refuses or does not answer.
    pub async fn look(
        &self,
        url: &str,
        most: usize,
        mut is_wanted: impl FnMut(&Message) -> bool,
    ) -> Result<Vec<Message>, Failure> {
        let (mut found, mut passed) = (Vec::new(), Vec::new());
        let mut progress = Progress::of("Looking");
        let looked = self.each(url, async |message| {
            progress.show(&format!("{} messages", found.len() + passed.len()));
            if is_wanted(&message) {
                found.push(message);
            } else {
                passed.push(message.receipt);
            }
            Ok(if found.len() >= most { Go::Stop } else { Go::On })
        });
        let looked = looked.await;
        let receipts = found.iter().map(|message| message.receipt.clone()).chain(passed);
        self.release(url, receipts.collect()).await;
        looked?;
        found.sort_by_key(|message| message.sent_at);
        Ok(found)
    }

    async fn receive(&self, url: &str) -> Result<Vec<Message>, Failure> {
        let receive = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .visibility_timeout(HIDDEN);
        let receive = receive.message_attribute_names("All");
        let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
        let answer = receive
            .send()
            .await
            .map_err(|error| self.aws.failure("Amazon SQS", &error))?;
        Ok(answer
            .messages
            .unwrap_or_default()
            .into_iter()
            .map(Message::from)
            .collect())
    }

    /// Shows messages to others again. What is not shown now shows up by itself a minute later.
    pub async fn release(&self, url: &str, receipts: Vec<String>) {
        for receipts in receipts.chunks(10) {
            let entry = |(index, receipt): (usize, &String)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
                entry.receipt_handle(receipt).visibility_timeout(0).build().ok()
            };
            let entries = receipts.iter().enumerate().filter_map(entry).collect();
            let change = self.client.change_message_visibility_batch().queue_url(url);
            let _ = change.set_entries(Some(entries)).send().await;
        }
    }

    /// Sends a message to another queue, as it was before it failed, and deletes it from this one.
    ///
    /// # Errors
    ///
    /// Returns a failure when SQS refuses or does not answer. The message is then still in this queue.
    pub async fn put(&self, message: &Message, from: &str, to: &str) -> Result<(), Failure> {
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
    /// Returns a failure when SQS refuses or does not answer.
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

    /// Returns how many messages wait in a queue, and how many are being processed.
    ///
    /// # Errors
    ///
    /// Returns a failure when SQS refuses or does not answer.
    pub async fn counts(&self, url: &str) -> Result<(usize, usize), Failure> {
        let waiting = QueueAttributeName::ApproximateNumberOfMessages;
        let under_way = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let get = self.client.get_queue_attributes().queue_url(url);
        let got = get
            .attribute_names(waiting.clone())
            .attribute_names(under_way.clone())
            .send()
            .await;
        let attributes = got
            .map_err(|error| self.aws.failure("Amazon SQS", &error))?
            .attributes
            .unwrap_or_default();
        let count = |name| {
            attributes
                .get(name)
                .and_then(|count| count.parse().ok())
                .unwrap_or_default()
        };
        Ok((count(&waiting), count(&under_way)))
    }
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// With the next one.
    On,
    /// No further.
    Stop,
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

/// Seconds for which a message that is looked at is hidden from others.
const HIDDEN: i32 = 60;

/// How many empty answers in a row mean that there is no more.
const EMPTY_ANSWERS: usize = 3;
