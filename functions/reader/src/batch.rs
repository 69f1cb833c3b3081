//! The messages of a batch, sorted.

use aws_lambda_events::sqs::SqsMessage;
use graph_core::{
    notification::{client_state::Proven, queued::VerifiedItem},
    read::{QueueMessage, Window},
};
use graph_edge::{
    deadline::Deadline,
    metrics::Metrics,
    secrets::Source,
    sqs::{Message, Queue, Reason},
};
use jiff::Timestamp;
use tracing::error;

use crate::Deps;

/// The messages of a batch by what they ask for.
#[derive(Default)]
pub(crate) struct Batch<'a> {
    /// Windows, those of one subscription as one.
    pub(crate) windows: Vec<Work>,
    /// Items to fetch.
    pub(crate) items: Vec<(&'a Record, VerifiedItem<'a>)>,
    /// What nobody may act on.
    pub(crate) refused: Vec<Refusal<'a>>,
    /// The ids of messages that cannot be judged now.
    pub(crate) retried: Vec<String>,
}

/// A window with the ids of the messages that it comes from.
pub(crate) struct Work {
    pub(crate) ids: Vec<String>,
    pub(crate) window: Window,
    /// How often the queue has handed the message over.
    pub(crate) tried: u32,
}

/// A message.
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) tried: u32,
}

/// A message for FailedQueue.
pub(crate) struct Refusal<'a> {
    pub(crate) record: &'a Record,
    pub(crate) reason: Reason,
    /// Whose it is, where that is proven.
    pub(crate) owner: Option<Proven>,
}

impl From<SqsMessage> for Record {
    fn from(record: SqsMessage) -> Self {
        let count = record.attributes.get("ApproximateReceiveCount");
        Self {
            tried: count.and_then(|count| count.parse().ok()).unwrap_or(1),
            id: record.message_id.unwrap_or_default(),
            body: record.body.unwrap_or_default(),
        }
    }
}

impl<'a> Batch<'a> {
    /// Sorts messages. Several gaps of one subscription are one window.
    pub(crate) async fn sort<S: Source, R, C, Q>(
        records: &'a [Record],
        deps: &Deps<S, R, C, Q>,
        now: Timestamp,
        deadline: Deadline,
    ) -> Self {
        let mut batch = Self::default();
        for record in records {
            match deps.client_states.open(&record.body, now, deadline).await {
                Ok(Ok(QueueMessage::Item(item))) => batch.items.push((record, item)),
                Ok(Ok(QueueMessage::Window(window))) => batch.add(window, record),
                Ok(Err(unproven)) => batch.refused.push(Refusal {
                    record,
                    reason: unproven.into(),
                    owner: None,
                }),
                Err(_) => batch.retried.push(record.id.clone()),
            }
        }
        if !batch.retried.is_empty() {
            let count = batch.retried.len();
            error!(
                messages = count,
                "No client-state key is available, so {count} messages of ReadQueue cannot be judged; the queue tries again"
            );
        }
        batch
    }

    fn add(&mut self, window: Window, record: &Record) {
        let mut window = Some(window);
        for work in &mut self.windows {
            let Some(other) = window.take() else { return };
            match work.window.join(other) {
                Ok(()) => {
                    work.ids.push(record.id.clone());
                    work.tried = work.tried.max(record.tried);
                }
                Err(other) => window = Some(*other),
            }
        }
        if let Some(window) = window {
            self.windows.push(Work {
                ids: vec![record.id.clone()],
                window,
                tried: record.tried,
            });
        }
    }

    /// Returns the windows, those of one user one after the other: Graph takes four reads of a mailbox at once, and two
    /// instances read at the same time.
    pub(crate) fn lanes(windows: Vec<Work>) -> Vec<Vec<Work>> {
        let mut lanes: Vec<(String, Vec<Work>)> = Vec::new();
        for work in windows {
            let lane = lane(&work.window);
            match lanes.iter_mut().find(|(other, _)| *other == lane) {
                Some((_, works)) => works.push(work),
                None => lanes.push((lane, vec![work])),
            }
        }
        lanes.into_iter().map(|(_, works)| works).collect()
    }
}

/// Returns what the windows of a lane have in common: the tenant and the user, or else the resource.
fn lane(window: &Window) -> String {
    let resource = window.resource.split('?').next().unwrap_or_default();
    let object = match resource
        .trim_matches('/')
        .split('/')
        .collect::<Vec<_>>()
        .as_slice()
    {
        [users, user, ..] if users.eq_ignore_ascii_case("users") => (*user).to_owned(),
        _ => resource.to_owned(),
    };
    let part = window.part.as_ref().map_or("", |part| part.id.as_str());
    format!("{} {object} {part}", window.application.tenant_id)
}

/// Puts messages that nothing can be made of into FailedQueue and returns the ids of what was not stored there.
pub(crate) async fn refuse<S, R, C, Q: Queue>(
    refused: &[Refusal<'_>],
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> Vec<String> {
    if refused.is_empty() {
        return Vec::new();
    }
    let messages = refused.iter().map(|refusal| {
        let (id, reason) = (&refusal.record.id, refusal.reason.name());
        error!(
            message.id = id,
            subscription = refusal.owner.as_ref().map(|owner| &*owner.subscription),
            reason,
            "Message {id} of ReadQueue cannot be processed ({reason}); it goes to FailedQueue"
        );
        let message = Message::of_any(refusal.owner.as_ref(), refusal.record.body.clone());
        (refusal, message.failed(refusal.reason))
    });
    let sent = deps.failed_queue.send(messages.collect(), deadline).await;
    for refusal in sent.stored {
        refusal.reason.count(1, metrics);
    }
    sent.lost
        .into_iter()
        .map(|refusal| refusal.record.id.clone())
        .collect()
}
