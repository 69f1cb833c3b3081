//! The messages of a batch: each is stored in another queue, or left for a retry.

use aws_lambda_events::sqs::SqsMessage;
use graph_core::notification::client_state::Proven;
use graph_edge::{
    deadline::Deadline,
    sqs::{Message, Queue, Sent},
};

use crate::{
    Deps, Ports,
    outcome::{Delivery, Facts, Failure, MessageKind, Obstacle, Results, Undelivered},
    report::{self, Subject},
};

/// The messages to store, by queue, and the ids of those to retry.
#[derive(Default)]
pub(crate) struct Batch {
    deliver: Vec<(Note<Facts>, Message)>,
    fail: Vec<(Note<Failure>, Message)>,
    renewal: Vec<(Note<()>, Message)>,
    reader: Vec<(Note<()>, Message)>,
    retry: Vec<(String, Obstacle)>,
}

/// A message to store comes from the message with this id, and is reported with this.
struct Note<T> {
    id: String,
    report: T,
}

impl Batch {
    /// Adds a message with its result. `owner` is proven by its client state, and `tries` is how often the queue hands it over.
    pub(crate) fn add(
        &mut self,
        record: SqsMessage,
        result: Result<Delivery, Undelivered>,
        owner: Option<&Proven>,
        tries: u32,
    ) {
        let receives = receives(&record);
        let id = record.message_id.unwrap_or_default();
        let body = record.body.unwrap_or_default();
        let subject = || Subject::of(&id, &body, owner);
        match result {
            Ok(Delivery { event, facts }) => {
                let message = match owner {
                    Some(proven) => Message::of_tenant(proven.application.tenant_id, event),
                    None => Message::of_nobody(event),
                };
                self.deliver.push((Note { id, report: facts }, message));
            }
            Err(Undelivered::Forward(kind)) => {
                report::log_forward(&subject(), kind);
                self.forward(id, kind, owner, body);
            }
            Err(Undelivered::Fail(failure)) => {
                report::log_failure(&subject(), failure);
                self.fail(id, failure, owner, body);
            }
            // At the last try the message is moved here and not by SQS: SQS would leave it without a reason, or with the old
            // one of a message that was in FailedQueue before.
            Err(Undelivered::Retry(obstacle)) if receives >= tries => {
                report::log_failure(&subject(), Failure::TriesUsedUp(obstacle));
                self.fail(id, Failure::TriesUsedUp(obstacle), owner, body);
            }
            Err(Undelivered::Retry(obstacle)) => {
                // Thousands of messages may meet the same obstacle, each of them at every try: one line for each is enough.
                if receives <= 1 {
                    report::log_obstacle(&subject(), obstacle);
                }
                self.retry.push((id, obstacle));
            }
        }
    }

    fn forward(&mut self, id: String, kind: MessageKind, owner: Option<&Proven>, body: String) {
        let (note, message) = (Note { id, report: () }, Message::of_any(owner, body));
        match kind {
            MessageKind::Lifecycle => self.renewal.push((note, message)),
            MessageKind::Fetch => self.reader.push((note, message)),
            MessageKind::Window => self.reader.push((note, message.grouped_with_windows())),
        }
    }

    fn fail(&mut self, id: String, failure: Failure, owner: Option<&Proven>, body: String) {
        let message = Message::of_any(owner, body).failed(failure.reason());
        let report = failure;
        self.fail.push((Note { id, report }, message));
    }

    /// Stores the messages. Those that SQS does not store are retried.
    pub(crate) async fn store<P: Ports>(self, deps: &Deps<P>, deadline: Deadline) -> Results {
        let (delivered, failed, renewal, reader) = tokio::join!(
            store(&deps.delivery_queue, self.deliver, deadline),
            store(&deps.failed_queue, self.fail, deadline),
            store(&deps.lifecycle_queue, self.renewal, deadline),
            store_for_reader(deps.read_queue.as_ref(), self.reader, deadline),
        );
        let mut retried = self.retry;
        let delivered = settle(delivered, &mut retried);
        let failed = settle(failed, &mut retried);
        let forwarded = settle(renewal, &mut retried).len() + settle(reader, &mut retried).len();
        Results {
            delivered,
            forwarded,
            failed,
            retried,
        }
    }
}

async fn store<T: Send>(queue: &impl Queue, messages: Vec<(T, Message)>, deadline: Deadline) -> Sent<T> {
    if messages.is_empty() {
        return Sent::default();
    }
    queue.send(messages, deadline).await
}

async fn store_for_reader<T: Send>(
    queue: Option<&impl Queue>,
    messages: Vec<(T, Message)>,
    deadline: Deadline,
) -> Sent<T> {
    match queue {
        Some(queue) => store(queue, messages, deadline).await,
        // Nothing is forwarded to a reader that does not exist, but a message must not end without a trace.
        None => Sent {
            lost: messages.into_iter().map(|(note, _)| note).collect(),
            ..Sent::default()
        },
    }
}

/// Returns the reports of the stored messages, and adds the ids of the others to `retried`.
fn settle<T>(sent: Sent<Note<T>>, retried: &mut Vec<(String, Obstacle)>) -> Vec<T> {
    retried.extend(sent.lost.into_iter().map(|note| (note.id, Obstacle::NotStored)));
    sent.stored.into_iter().map(|note| note.report).collect()
}

/// Returns how often the queue has handed over a message.
fn receives(record: &SqsMessage) -> u32 {
    let count = record.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}
