//! What becomes of the messages of a batch: stored in another queue, or left to be tried again.

use aws_lambda_events::sqs::SqsMessage;
use graph_core::notification::client_state::Proven;
use graph_edge::{
    deadline::Deadline,
    sqs::{Message, Queue, Sent},
};

use crate::{
    Deps,
    outcome::{Delivery, Facts, Failure, Obstacle, Outcome, Results, Unit},
    report::{self, Subject},
};

/// The messages of a batch on their way, each with the id of the one that it comes from.
#[derive(Default)]
pub(crate) struct Batch {
    deliver: Vec<(Note<Facts>, Message)>,
    fail: Vec<(Note<Failure>, Message)>,
    renewal: Vec<(Note<()>, Message)>,
    reader: Vec<(Note<()>, Message)>,
    retry: Vec<(String, Obstacle)>,
}

struct Note<T> {
    id: String,
    about: T,
}

impl Batch {
    /// Takes a message and what it came to. `owner` is what its client state proves, `tries` how often the queue hands it
    /// over.
    pub(crate) fn add(&mut self, record: SqsMessage, outcome: Outcome, owner: Option<&Proven>, tries: u32) {
        let receives = receives(&record);
        let id = record.message_id.unwrap_or_default();
        let body = record.body.unwrap_or_default();
        let subject = || Subject::of(&id, &body, owner);
        match outcome {
            Outcome::Deliver(Delivery { event, facts }) => {
                let message = match owner {
                    Some(proven) => Message::of_tenant(proven.application.tenant_id, event),
                    None => Message::of_nobody(event),
                };
                self.deliver.push((Note { id, about: facts }, message));
            }
            Outcome::Forward(unit) => {
                report::log_forward(&subject(), unit);
                self.forward(id, unit, owner, body);
            }
            Outcome::Fail(failure) => {
                report::log_failure(&subject(), failure);
                self.fail(id, failure, owner, body);
            }
            // SQS itself would move the message on with the reason that it had when it was last in FailedQueue, if any.
            Outcome::Retry(obstacle) if receives >= tries => {
                report::log_failure(&subject(), Failure::TriesUsedUp(obstacle));
                self.fail(id, Failure::TriesUsedUp(obstacle), owner, body);
            }
            Outcome::Retry(obstacle) => {
                // What is in the way of thousands of messages at each of their tries would be most of the log.
                if receives <= 1 {
                    report::log_obstacle(&subject(), obstacle);
                }
                self.retry.push((id, obstacle));
            }
        }
    }

    fn forward(&mut self, id: String, unit: Unit, owner: Option<&Proven>, body: String) {
        let note = Note { id, about: () };
        match unit {
            Unit::Lifecycle => self.renewal.push((note, Message::of_any(owner, body))),
            Unit::Fetch => self.reader.push((note, Message::of_any(owner, body))),
            Unit::Window => self
                .reader
                .push((note, Message::of_any(owner, body).grouped_with_windows())),
        }
    }

    fn fail(&mut self, id: String, failure: Failure, owner: Option<&Proven>, body: String) {
        let message = Message::of_any(owner, body).failed(failure.reason());
        self.fail.push((Note { id, about: failure }, message));
    }

    /// Stores what is to be stored. What no queue has taken is tried again.
    pub(crate) async fn store<S, F, Q: Queue>(self, deps: &Deps<S, F, Q>, deadline: Deadline) -> Results {
        let (delivered, failed, renewal, reader) = tokio::join!(
            store(&deps.delivery_queue, self.deliver, deadline),
            store(&deps.failed_queue, self.fail, deadline),
            store(&deps.lifecycle_queue, self.renewal, deadline),
            store_for_reader(deps.read_queue.as_ref(), self.reader, deadline),
        );
        let mut retried = self.retry;
        let delivered = settle(delivered, &mut retried);
        let failed = settle(failed, &mut retried);
        settle(renewal, &mut retried);
        settle(reader, &mut retried);
        Results {
            delivered,
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
        None => Sent {
            lost: messages.into_iter().map(|(about, _)| about).collect(),
            ..Sent::default()
        },
    }
}

/// Returns the notes on those that are stored, and puts the ids of the others among the ones to try again.
fn settle<T>(sent: Sent<Note<T>>, retried: &mut Vec<(String, Obstacle)>) -> Vec<T> {
    retried.extend(sent.lost.into_iter().map(|note| (note.id, Obstacle::NotStored)));
    sent.stored.into_iter().map(|note| note.about).collect()
}

/// Returns how often the queue has handed a message over.
fn receives(record: &SqsMessage) -> u32 {
    let count = record.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}
