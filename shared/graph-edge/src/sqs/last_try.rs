//! Messages that their queue hands over for the last time.

use graph_core::notification::client_state::Proven;
use tracing::error;

use super::{Message, Queue, Reason, Sent};
use crate::deadline::Deadline;

/// A message that its queue does not hand over again: what stays unfinished now, SQS moves to FailedQueue. It would have no reason
/// there, or the old reason of a message that was in FailedQueue before, so the function itself moves it.
#[derive(Clone, Debug)]
pub struct LastTry {
    body: String,
    /// The owner, as far as it is proven.
    owner: Option<Proven>,
}

impl LastTry {
    /// Returns the message if it was received `received` times, and has `tries`. Its queue hands it over once more
    /// (`maxReceiveCount`), for the case that the function is killed at its last try, or that FailedQueue does not answer.
    pub fn of(received: u32, tries: u32, body: &str, owner: Option<&Proven>) -> Option<Self> {
        (received >= tries).then(|| Self {
            body: body.to_owned(),
            owner: owner.cloned(),
        })
    }

    /// Returns the body.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Returns the owner, as far as it is proven.
    pub fn owner(&self) -> Option<&Proven> {
        self.owner.as_ref()
    }

    /// Logs that the message `id` of `queue` goes to FailedQueue.
    pub fn log(&self, id: &str, queue: &str, reason: Reason) {
        let subscription = self.owner.as_ref().map(|owner| &*owner.subscription);
        let tenant = self.owner.as_ref();
        let tenant = tenant.map(|owner| owner.application.tenant_id.to_string());
        let reason = reason.name();
        error!(
            message.id = id,
            subscription.name = subscription,
            tenant.id = tenant,
            reason,
            "Message {id} of {queue} for subscription {} of tenant {} could not be processed at its last try ({reason}); it goes to FailedQueue",
            subscription.unwrap_or("(not proven)"),
            tenant.as_deref().unwrap_or("(not proven)")
        );
    }
}

/// A message that could not be finished.
#[derive(Debug)]
pub struct Unfinished<T> {
    /// What the caller knows it by.
    pub note: T,
    /// The message; nothing if its queue hands it over again.
    pub last_try: Option<LastTry>,
    /// What was in the way.
    pub reason: Reason,
}

/// Moves messages to FailedQueue, with their reasons, if their queues do not hand them over again. The others count as lost.
pub async fn keep<T: Send>(
    unfinished: Vec<Unfinished<T>>,
    failed_queue: &impl Queue,
    deadline: Deadline,
) -> Sent<T> {
    let (mut messages, mut lost) = (Vec::new(), Vec::new());
    for Unfinished {
        note,
        last_try,
        reason,
    } in unfinished
    {
        match last_try {
            Some(LastTry { body, owner }) => {
                messages.push((note, Message::of_any(owner.as_ref(), body).failed(reason)));
            }
            None => lost.push(note),
        }
    }
    let mut sent = if messages.is_empty() {
        Sent::default()
    } else {
        failed_queue.send(messages, deadline).await
    };
    sent.lost.extend(lost);
    sent
}

/// Returns how often a queue has handed a message over, from its attribute `ApproximateReceiveCount`.
#[must_use]
pub fn received(count: Option<&str>) -> u32 {
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}
