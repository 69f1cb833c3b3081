//! The messages of a batch, sorted.

use aws_lambda_events::sqs::SqsMessage;
use graph_core::{
    application::Application,
    notification::{client_state::Proven, queued::VerifiedItem},
    read::{QueueMessage, Window},
};
use graph_edge::{
    clock::Clock,
    deadline::Deadline,
    documents::Unopened,
    metrics::Metrics,
    sqs::{Failed, LastTry, Reason, Unfinished, keep, received, set_aside},
};
use jiff::Timestamp;
use tracing::error;

use crate::{Deps, deps::Obstacle, ports::Ports};

/// The messages of a batch by what they ask for.
#[derive(Default)]
pub(crate) struct Batch<'a> {
    /// Windows; several gaps of one subscription are one window.
    pub(crate) windows: Vec<WindowTask>,
    /// Items to fetch.
    pub(crate) items: Vec<(&'a Record, VerifiedItem<'a>)>,
    /// Messages that are not genuine, or not of the documented form.
    pub(crate) rejected: Vec<RejectedMessage<'a>>,
    /// Messages that cannot be verified now.
    pub(crate) unfinished: Vec<Unprocessed>,
}

/// A message to try again.
pub(crate) struct Unprocessed {
    pub(crate) id: String,
    /// What is in the way; nothing if it is FailedQueue itself, so that the message cannot be kept there.
    pub(crate) obstacle: Option<Obstacle>,
}

impl Unprocessed {
    pub(crate) fn all(
        ids: impl IntoIterator<Item = String>,
        obstacle: Obstacle,
    ) -> impl Iterator<Item = Self> {
        ids.into_iter().map(move |id| Self {
            id,
            obstacle: Some(obstacle),
        })
    }
}

/// A window with the ids of its messages.
pub(crate) struct WindowTask {
    pub(crate) ids: Vec<String>,
    pub(crate) window: Window,
    /// Whether SQS delivers the messages for the last time.
    pub(crate) is_last_try: bool,
}

/// A message.
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) tried: u32,
}

/// A message for FailedQueue.
pub(crate) struct RejectedMessage<'a> {
    pub(crate) record: &'a Record,
    pub(crate) reason: Reason,
    /// The owner, where it is proven.
    pub(crate) owner: Option<Proven>,
}

impl From<SqsMessage> for Record {
    fn from(record: SqsMessage) -> Self {
        let count = record.attributes.get("ApproximateReceiveCount");
        Self {
            tried: received(count.map(String::as_str)),
            id: record.message_id.unwrap_or_default(),
            body: record.body.unwrap_or_default(),
        }
    }
}

impl WindowTask {
    /// Returns whose reads Microsoft Graph counts together.
    pub(crate) fn mailbox(&self) -> String {
        let Window {
            application, part, ..
        } = &self.window;
        let part = part.as_ref().map_or("", |part| part.id.as_str());
        format!("{} {part}", mailbox(*application, &self.window.resource))
    }
}

impl<'a> Batch<'a> {
    /// Sorts messages.
    pub(crate) async fn sort<P: Ports>(
        records: &'a [Record],
        deps: &Deps<P>,
        now: Timestamp,
        deadline: Deadline,
    ) -> Self {
        let mut batch = Self::default();
        for record in records {
            match deps.client_states.open(&record.body, now, deadline).await {
                Ok(QueueMessage::Item(item)) => batch.items.push((record, item)),
                Ok(QueueMessage::Window(window)) => {
                    batch.add(window, record, record.tried >= deps.tries);
                }
                Err(Unopened {
                    unproven: Some(unproven),
                    owner,
                }) => batch.rejected.push(RejectedMessage {
                    record,
                    reason: unproven.into(),
                    owner,
                }),
                Err(Unopened { unproven: None, .. }) => batch.unfinished.push(Unprocessed {
                    id: record.id.clone(),
                    obstacle: Some(Obstacle::NoClientStateKeys),
                }),
            }
        }
        if !batch.unfinished.is_empty() {
            let count = batch.unfinished.len();
            error!(
                messages = count,
                "ClientStateSecret cannot be read, or does not have a usable key for {count} messages of ReadQueue; SQS retries them"
            );
        }
        batch
    }

    fn add(&mut self, window: Window, record: &Record, is_last_try: bool) {
        let mut window = Some(window);
        // A window at its last try may be given up, and one that is newer must not be given up with it.
        let same_age = self
            .windows
            .iter_mut()
            .filter(|task| task.is_last_try == is_last_try);
        for task in same_age {
            let Some(other) = window.take() else { return };
            match task.window.join(other) {
                Ok(()) => {
                    task.ids.push(record.id.clone());
                }
                Err(other) => window = Some(*other),
            }
        }
        if let Some(window) = window {
            self.windows.push(WindowTask {
                ids: vec![record.id.clone()],
                window,
                is_last_try,
            });
        }
    }
}

/// Returns work in lanes: what belongs to one mailbox follows one another. Graph answers four reads of a mailbox at once,
/// and two instances each read one window and fetch one item of it.
pub(crate) fn by_mailbox<T>(all: Vec<T>, mailbox: impl Fn(&T) -> String) -> Vec<Vec<T>> {
    let mut lanes: Vec<(String, Vec<T>)> = Vec::new();
    for one in all {
        let key = mailbox(&one);
        match lanes.iter_mut().find(|(other, _)| *other == key) {
            Some((_, lane)) => lane.push(one),
            None => lanes.push((key, vec![one])),
        }
    }
    lanes.into_iter().map(|(_, lane)| lane).collect()
}

/// Returns the key of a lane: the application and the user in the path, or the path itself.
pub(crate) fn mailbox(application: Application, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default().trim_matches('/');
    let mut segments = path.split('/');
    let object = match (segments.next(), segments.next()) {
        (Some(users), Some(user)) if users.eq_ignore_ascii_case("users") => user,
        _ => path,
    };
    let Application { tenant_id, client_id } = application;
    format!("{tenant_id} {client_id} {object}")
}

/// Moves messages that `ReadQueue` does not hand over again to FailedQueue, and returns the ids of the others.
pub(crate) async fn keep_last<P: Ports>(
    unfinished: Vec<Unprocessed>,
    records: &[Record],
    deps: &Deps<P>,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> Vec<String> {
    let mut all = Vec::with_capacity(unfinished.len());
    for Unprocessed { id, obstacle } in unfinished {
        let reason = obstacle.map_or(Reason::NotStored, Obstacle::reason);
        let record = records.iter().find(|record| record.id == id);
        let record = record.filter(|record| obstacle.is_some() && record.tried >= deps.tries);
        let last_try = match record {
            Some(record) => {
                let owner = owner(record, deps, deadline).await;
                LastTry::of(record.tried, deps.tries, &record.body, owner.as_ref())
            }
            None => None,
        };
        all.push(Unfinished {
            note: (id.clone(), reason),
            id,
            last_try,
            reason,
        });
    }
    let sent = keep(all, QUEUE, &deps.failed_queue, deadline).await;
    for (_, reason) in sent.stored {
        reason.count(1, metrics);
    }
    sent.lost.into_iter().map(|(id, _)| id).collect()
}

/// Returns the owner of a message, as far as it is proven.
async fn owner<P: Ports>(record: &Record, deps: &Deps<P>, deadline: Deadline) -> Option<Proven> {
    let opened = deps.client_states.open(&record.body, deps.clock.now(), deadline);
    match opened.await {
        Ok(QueueMessage::Item(item)) => Some(item.proven().clone()),
        Ok(QueueMessage::Window(window)) => Some(window.owner()),
        Err(unopened) => unopened.owner,
    }
}

/// Moves messages that cannot be processed to FailedQueue, and returns those that were not stored there.
pub(crate) async fn reject<P: Ports>(
    rejected: &[RejectedMessage<'_>],
    deps: &Deps<P>,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> Vec<Unprocessed> {
    let failed = rejected.iter().map(|rejected| Failed {
        note: rejected,
        id: rejected.record.id.clone(),
        body: rejected.record.body.clone(),
        owner: rejected.owner.clone(),
        reason: rejected.reason,
        is_last_try: false,
    });
    let sent = set_aside(failed.collect(), QUEUE, &deps.failed_queue, deadline).await;
    for rejected in sent.stored {
        rejected.reason.count(1, metrics);
    }
    let lost = sent.lost.into_iter();
    lost.map(|rejected| Unprocessed {
        id: rejected.record.id.clone(),
        obstacle: None,
    })
    .collect()
}

/// The queue of windows and items, as the log names it.
const QUEUE: &str = "ReadQueue";
