//! Messages that their queue hands over for the last time.

use graph_core::notification::client_state::Proven;

use super::{Failed, Queue, Reason, Sent, set_aside};
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
}

/// A message that could not be finished.
#[derive(Debug)]
pub struct Unfinished<T> {
    /// What the caller knows it by.
    pub note: T,
    /// The id that SQS gave it.
    pub id: String,
    /// The message; nothing if its queue hands it over again.
    pub last_try: Option<LastTry>,
    /// What was in the way.
    pub reason: Reason,
}

/// Moves messages of the queue called `from` to FailedQueue, with their reasons, if their queue does not hand them over again.
/// The others count as lost.
pub async fn keep<T: Send>(
    unfinished: Vec<Unfinished<T>>,
    from: &str,
    failed_queue: &impl Queue,
    deadline: Deadline,
) -> Sent<T> {
    let (mut failed, mut lost) = (Vec::new(), Vec::new());
    for Unfinished {
        note,
        id,
        last_try,
        reason,
    } in unfinished
    {
        match last_try {
            Some(LastTry { body, owner }) => failed.push(Failed {
                note,
                id,
                body,
                owner,
                reason,
                is_last_try: true,
            }),
            None => lost.push(note),
        }
    }
    let mut sent = set_aside(failed, from, failed_queue, deadline).await;
    sent.lost.extend(lost);
    sent
}

/// Returns how often a queue has handed a message over, from its attribute `ApproximateReceiveCount`.
#[must_use]
pub fn received(count: Option<&str>) -> u32 {
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}
