//! Messages on their way to FailedQueue.

use graph_core::notification::client_state::Proven;
use tracing::error;

use super::{Message, Queue, Reason, Sent};
use crate::deadline::Deadline;

/// A message that its function cannot process.
#[derive(Debug)]
pub struct Failed<T> {
    /// What the caller knows the message by.
    pub note: T,
    /// The id that SQS gave the message.
    pub id: String,
    /// The body.
    pub body: String,
    /// The owner, as far as it is proven.
    pub owner: Option<Proven>,
    /// What is wrong with the message, or what was in the way.
    pub reason: Reason,
    /// Whether the message was tried as often as its queue hands it over.
    pub is_last_try: bool,
}

/// Moves messages of the queue called `from` to FailedQueue, each with its reason.
///
/// Logs a line for each that FailedQueue has stored, and none before: what it does not store comes again, and would be a line at
/// each try.
pub async fn set_aside<T: Send>(
    failed: Vec<Failed<T>>,
    from: &str,
    failed_queue: &impl Queue,
    deadline: Deadline,
) -> Sent<T> {
    if failed.is_empty() {
        return Sent::default();
    }
    let messages = failed.into_iter().map(|failed| {
        let message = Message::of_any(failed.owner.as_ref(), failed.body).failed(failed.reason);
        let line = Line {
            id: failed.id,
            owner: failed.owner,
            reason: failed.reason.name(),
            is_last_try: failed.is_last_try,
        };
        ((line, failed.note), message)
    });
    let sent = failed_queue.send(messages.collect(), deadline).await;
    let stored = sent.stored.into_iter().map(|(line, note)| {
        line.log(from);
        note
    });
    Sent {
        stored: stored.collect(),
        lost: sent.lost.into_iter().map(|(_, note)| note).collect(),
    }
}

/// What the log says of a message.
struct Line {
    id: String,
    owner: Option<Proven>,
    reason: &'static str,
    is_last_try: bool,
}

impl Line {
    fn log(&self, from: &str) {
        let Self { id, reason, .. } = self;
        let owner = self.owner.as_ref();
        let subscription = owner.map(|owner| &*owner.subscription);
        let tenant = owner.map(|owner| owner.application.tenant_id.to_string());
        let what = if self.is_last_try {
            "could not be processed at its last try"
        } else {
            "cannot be processed"
        };
        error!(
            message.id = id,
            subscription.name = subscription,
            tenant.id = tenant,
            reason,
            "Message {id} of {from} for subscription {} of tenant {} {what} ({reason}); it is in FailedQueue",
            subscription.unwrap_or("(not proven)"),
            tenant.as_deref().unwrap_or("(not proven)")
        );
    }
}
