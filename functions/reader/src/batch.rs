//! The messages of a batch, sorted.

use aws_lambda_events::sqs::SqsMessage;
use graph_core::read::Window;
use graph_edge::{
    deadline::Deadline,
    sqs::{Message, Queue},
};
use tracing::error;

use crate::Deps;

/// The messages of a batch by what they ask for.
#[derive(Default)]
pub(crate) struct Batch {
    /// Windows, those of one subscription as one.
    pub(crate) windows: Vec<Work>,
    /// Items to fetch.
    pub(crate) items: Vec<Record>,
    /// What is neither.
    refused: Vec<Record>,
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

impl Batch {
    /// Sorts messages. Several gaps of one subscription are one window.
    pub(crate) fn sort(records: Vec<SqsMessage>) -> Self {
        let mut batch = Self::default();
        for record in records {
            let count = record.attributes.get("ApproximateReceiveCount");
            let record = Record {
                tried: count.and_then(|count| count.parse().ok()).unwrap_or(1),
                id: record.message_id.unwrap_or_default(),
                body: record.body.unwrap_or_default(),
            };
            match Window::parse(&record.body) {
                Some(window) => batch.add(window, record),
                // What a window is not may be an item; who is to process it decides.
                None if record.body.contains("\"item\"") => batch.items.push(record),
                None => batch.refused.push(record),
            }
        }
        batch
    }

    fn add(&mut self, window: Window, record: Record) {
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
                ids: vec![record.id],
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

    /// Puts what is neither a window nor an item into FailedQueue and returns the ids of what was not stored there.
    pub(crate) async fn refuse<S, R, C, Q: Queue>(
        &self,
        deps: &Deps<S, R, C, Q>,
        deadline: Deadline,
    ) -> Vec<String> {
        let refused = self.refused.iter().map(|record| {
            error!(
                message.id = record.id,
                "Message {} in ReadQueue is neither a window nor an item; it goes to FailedQueue", record.id
            );
            (
                record.id.clone(),
                Message::of_nobody(record.body.clone()).failed(MALFORMED),
            )
        });
        let refused: Vec<_> = refused.collect();
        if refused.is_empty() {
            return Vec::new();
        }
        deps.failed_queue.send(refused, deadline).await.lost
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

/// The reason of a message of which nothing can be read.
pub(crate) const MALFORMED: &str = "Malformed";
