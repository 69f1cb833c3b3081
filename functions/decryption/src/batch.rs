//! The messages of a batch: each is stored in another queue, or left for a retry.

use std::time::Duration;

use aws_lambda_events::sqs::SqsMessage;
use graph_core::notification::client_state::Proven;
use graph_edge::{
    deadline::Deadline,
    sqs::{LastTry, Message, Queue, Sent, Unfinished, keep, received},
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
    fail: Vec<(Note<Failed>, Message)>,
    renewal: Vec<(Note<()>, Message)>,
    reader: Vec<(Note<()>, Message)>,
    waiting: Vec<Waiting>,
}

/// A message to store comes from the message with this id, and is reported with this.
struct Note<T> {
    id: String,
    report: T,
    last_try: Option<LastTry>,
}

/// A message that can never be processed.
struct Failed {
    failure: Failure,
    subject: Subject,
}

/// The message with this id cannot be processed now.
struct Waiting {
    id: String,
    obstacle: Obstacle,
    last_try: Option<LastTry>,
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
        let count = record.attributes.get("ApproximateReceiveCount");
        let received = received(count.map(String::as_str));
        let id = record.message_id.unwrap_or_default();
        let body = record.body.unwrap_or_default();
        let subject = || Subject::of(&id, &body, owner);
        let last_try = LastTry::of(received, tries, &body, owner);
        match result {
            Ok(Delivery { event, facts }) => {
                let message = match owner {
                    Some(proven) => Message::of_tenant(proven.application.tenant_id, event),
                    None => Message::of_nobody(event),
                };
                let report = facts;
                self.deliver.push((Note { id, report, last_try }, message));
            }
            Err(Undelivered::Forward(kind)) => {
                report::log_forward(&subject(), kind);
                self.forward(id, kind, Message::of_any(owner, body), last_try);
            }
            Err(Undelivered::Fail(failure)) => {
                let subject = subject();
                let message = Message::of_any(owner, body).failed(failure.reason());
                let note = Note {
                    id,
                    report: Failed { failure, subject },
                    // What FailedQueue does not take now, it does not take a second time either.
                    last_try: None,
                };
                self.fail.push((note, message));
            }
            Err(Undelivered::Retry(obstacle)) => {
                // Thousands of messages may meet the same obstacle, each of them at every try: one line for each is enough.
                if received <= 1 && last_try.is_none() {
                    report::log_obstacle(&subject(), obstacle);
                }
                self.waiting.push(Waiting {
                    id,
                    obstacle,
                    last_try,
                });
            }
        }
    }

    fn forward(&mut self, id: String, kind: MessageKind, message: Message, last_try: Option<LastTry>) {
        let note = Note {
            id,
            report: (),
            last_try,
        };
        match kind {
            MessageKind::Lifecycle => self.renewal.push((note, message)),
            MessageKind::Fetch => self.reader.push((note, message)),
            MessageKind::Window => self.reader.push((note, message.grouped_with_windows())),
        }
    }

    /// Stores the messages. Those that SQS does not store are retried, or kept in FailedQueue after their last try.
    pub(crate) async fn store<P: Ports>(self, deps: &Deps<P>, deadline: Deadline) -> Results {
        let until = deadline.less(KEEP_WITHIN);
        let (delivered, failed, renewal, reader) = tokio::join!(
            store(&deps.delivery_queue, self.deliver, until),
            store(&deps.failed_queue, self.fail, until),
            store(&deps.lifecycle_queue, self.renewal, until),
            store_for_reader(deps.read_queue.as_ref(), self.reader, until),
        );
        let mut waiting = self.waiting;
        let delivered = settle(delivered, &mut waiting);
        // Logged only now: what FailedQueue does not store comes again, and would be a line at each try.
        let failed = settle(failed, &mut waiting).into_iter().map(|failed| {
            report::log_failure(&failed.subject, failed.failure);
            failed.failure
        });
        let mut failed: Vec<Failure> = failed.collect();
        let forwarded = settle(renewal, &mut waiting).len() + settle(reader, &mut waiting).len();
        let kept = keep_last(waiting, &deps.failed_queue, deadline).await;
        let used_up = |(_, obstacle)| Failure::TriesUsedUp(obstacle);
        failed.extend(kept.stored.into_iter().map(used_up));
        let retried = kept.lost;
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

/// Returns the reports of the stored messages, and adds the others to `waiting`.
fn settle<T>(sent: Sent<Note<T>>, waiting: &mut Vec<Waiting>) -> Vec<T> {
    waiting.extend(sent.lost.into_iter().map(|note| Waiting {
        id: note.id,
        obstacle: Obstacle::NotStored,
        last_try: note.last_try,
    }));
    sent.stored.into_iter().map(|note| note.report).collect()
}

/// Keeps in FailedQueue what NotificationQueue does not hand over again.
async fn keep_last(
    waiting: Vec<Waiting>,
    queue: &impl Queue,
    deadline: Deadline,
) -> Sent<(String, Obstacle)> {
    let unfinished = waiting.into_iter().map(|waiting| {
        let Waiting {
            id,
            obstacle,
            last_try,
        } = waiting;
        Unfinished {
            note: (id.clone(), obstacle),
            id,
            last_try,
            reason: obstacle.reason(),
        }
    });
    keep(unfinished.collect(), QUEUE, queue, deadline).await
}

/// The queue of items, as the log names it.
const QUEUE: &str = "NotificationQueue";

/// How much time is left for FailedQueue when another queue hangs.
const KEEP_WITHIN: Duration = Duration::from_millis(1_500);
