//! The queues of a stack.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName};

use tools::EventSchema;

use super::{ACCESS_KEY, Error, REGION, Stack, http_client};

impl Stack {
    /// Returns a client of SQS. It belongs to the runtime that uses it first, so every test takes its own.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::from_conf(
            aws_sdk_sqs::Config::builder()
                .behavior_version_latest()
                .region(aws_sdk_sqs::config::Region::new(REGION))
                .endpoint_url(self.endpoint_url())
                .http_client(http_client())
                .credentials_provider(aws_sdk_sqs::config::Credentials::new(
                    ACCESS_KEY, ACCESS_KEY, None, None, "local",
                ))
                .build(),
        )
    }

    /// Receives messages from a queue until `done` says that there are enough, or `within` has passed.
    ///
    /// # Errors
    ///
    /// SQS does not answer, or an event of `DeliveryQueue` does not follow docs/events.schema.json.
    pub async fn receive(
        &self,
        queue_url: &str,
        within: Duration,
        mut done: impl FnMut(&[Message]) -> bool,
    ) -> Result<Vec<Message>, Error> {
        let (sqs, deadline, mut messages) = (self.sqs(), Instant::now() + within, Vec::new());
        while !done(&messages) && Instant::now() < deadline {
            messages.extend(self.receive_batch(&sqs, queue_url).await?);
        }
        Ok(messages)
    }

    /// Receives what a queue hands over at once, and deletes it. Waits for a second if the queue is empty.
    ///
    /// # Errors
    ///
    /// SQS does not answer, or an event of `DeliveryQueue` does not follow docs/events.schema.json.
    pub async fn receive_batch(
        &self,
        sqs: &aws_sdk_sqs::Client,
        queue_url: &str,
    ) -> Result<Vec<Message>, Error> {
        let receive = sqs
            .receive_message()
            .queue_url(queue_url)
            .max_number_of_messages(10)
            .wait_time_seconds(1);
        let receive = receive.message_attribute_names("All");
        let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
        let batch = receive
            .send()
            .await
            .map_err(Error::unreachable("SQS"))?
            .messages
            .unwrap_or_default();
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        delete(sqs, queue_url, &batch).await?;
        let batch: Vec<Message> = batch.into_iter().map(Message::from).collect();
        if self.resource("DeliveryQueue").is_ok_and(|url| url == queue_url) {
            return self.checked(batch).await;
        }
        Ok(batch)
    }

    /// Checks events against docs/events.schema.json. Every test and the demo receive events through this check.
    async fn checked(&self, events: Vec<Message>) -> Result<Vec<Message>, Error> {
        let validator = self.validator()?;
        // The validator is another program, which takes a millisecond for an event.
        let checked = tokio::task::spawn_blocking(move || {
            let mut validator = validator.lock().unwrap_or_else(PoisonError::into_inner);
            for Message { body, .. } in &events {
                if let Some(fault) = validator.fault(body)? {
                    let event = body.clone();
                    return Err(Error::Schema { fault, event });
                }
            }
            Ok(events)
        });
        checked.await.map_err(Error::unreachable("validator of events"))?
    }

    /// Returns the validator of events, and starts it for the first of them.
    fn validator(&self) -> Result<Arc<Mutex<EventSchema>>, Error> {
        let mut schema = self.schema.lock().unwrap_or_else(PoisonError::into_inner);
        let started = match &mut *schema {
            Some(started) => started,
            none => none.insert(Arc::new(Mutex::new(EventSchema::start(&self.tools)?))),
        };
        Ok(Arc::clone(started))
    }

    /// Sets the visibility timeout of a queue. A message that is not deleted by then becomes visible again.
    ///
    /// # Errors
    ///
    /// SQS does not answer.
    pub async fn set_visibility(&self, queue_url: &str, seconds: u16) -> Result<(), Error> {
        let set = self.sqs().set_queue_attributes().queue_url(queue_url);
        let set = set.attributes(QueueAttributeName::VisibilityTimeout, seconds.to_string());
        set.send().await.map(drop).map_err(Error::unreachable("SQS"))
    }

    /// Returns how many messages a queue has, including those in flight and those that are not due yet.
    ///
    /// # Errors
    ///
    /// SQS does not answer.
    pub async fn held(&self, queue_url: &str) -> Result<usize, Error> {
        let counts = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let get = self.sqs().get_queue_attributes().queue_url(queue_url);
        let got = get.set_attribute_names(Some(counts.to_vec())).send().await;
        let attributes = got
            .map_err(Error::unreachable("SQS"))?
            .attributes
            .unwrap_or_default();
        let count = |name| attributes.get(name)?.parse::<usize>().ok();
        let counts: Option<Vec<usize>> = counts.iter().map(count).collect();
        let malformed = || Error::Malformed(format!("length of {queue_url}"));
        Ok(counts.ok_or_else(malformed)?.iter().sum())
    }
}

/// Deletes received messages.
async fn delete(
    sqs: &aws_sdk_sqs::Client,
    queue_url: &str,
    batch: &[aws_sdk_sqs::types::Message],
) -> Result<(), Error> {
    let entry = |(index, message): (usize, &aws_sdk_sqs::types::Message)| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
        entry.set_receipt_handle(message.receipt_handle.clone()).build()
    };
    let entries: Result<Vec<_>, _> = batch.iter().enumerate().map(entry).collect();
    let delete = sqs.delete_message_batch().queue_url(queue_url);
    let delete = delete.set_entries(Some(entries.map_err(Error::unreachable("SQS"))?));
    let deleted = delete.send().await.map_err(Error::unreachable("SQS"))?;
    // On a busy machine a message may be visible again by now: then it comes once more, as to any consumer.
    let is_fault =
        |failed: &&aws_sdk_sqs::types::BatchResultErrorEntry| failed.code != "ReceiptHandleIsInvalid";
    match deleted.failed.iter().find(is_fault) {
        Some(failed) => Err(Error::Malformed(format!(
            "deletion that fails with {}",
            failed.code
        ))),
        None => Ok(()),
    }
}

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The body.
    pub body: String,
    /// The message attributes of type text.
    pub attributes: BTreeMap<String, String>,
    /// When it was sent to the queue, in milliseconds since 1970.
    pub sent_at: Option<i64>,
}

impl From<aws_sdk_sqs::types::Message> for Message {
    fn from(message: aws_sdk_sqs::types::Message) -> Self {
        let attributes = message.message_attributes.unwrap_or_default().into_iter();
        let system = message.attributes.unwrap_or_default();
        let sent_at = system
            .get(&MessageSystemAttributeName::SentTimestamp)
            .and_then(|time| time.parse().ok());
        Self {
            body: message.body.unwrap_or_default(),
            attributes: attributes
                .filter_map(|(name, value)| Some((name, value.string_value?)))
                .collect(),
            sent_at,
        }
    }
}
