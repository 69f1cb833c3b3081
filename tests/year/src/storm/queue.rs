//! A fair SQS queue in virtual time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use graph_edge::{clock::Clock, sqs::Message, testing::VirtualClock};
use jiff::{SignedDuration, Timestamp};

/// The messages of a queue, by group. The group with the fewest messages in flight is served first (Amazon SQS, *fair
/// queues*).
#[derive(Clone, Debug)]
pub(super) struct FairQueue {
    clock: VirtualClock,
    messages: Arc<Mutex<Messages>>,
}

#[derive(Debug, Default)]
struct Messages {
    /// By group, and by the time from which a message can be received. The number distinguishes messages of the same
    /// time.
    waiting: BTreeMap<String, BTreeMap<(Timestamp, u64), String>>,
    in_flight: BTreeMap<String, usize>,
    next: u64,
}

/// A received message.
#[derive(Clone, Debug)]
pub(super) struct Received {
    group: String,
    pub(super) body: String,
}

impl FairQueue {
    pub(super) fn new(clock: VirtualClock) -> Self {
        Self {
            clock,
            messages: Arc::default(),
        }
    }

    pub(super) fn put(&self, message: &Message) {
        let group = message.group().unwrap_or_default().to_owned();
        let delay = SignedDuration::from_secs(message.delay_seconds().into());
        self.enqueue(group, message.body.clone(), delay);
    }

    /// Receives up to `most` messages.
    pub(super) fn receive(&self, most: usize) -> Vec<Received> {
        let now = self.clock.now();
        let mut messages = self.messages();
        let Messages {
            waiting, in_flight, ..
        } = &mut *messages;
        let mut received = Vec::with_capacity(most);
        while received.len() < most {
            let visible = waiting.iter_mut().filter(|(_, messages)| {
                let first = messages.keys().next();
                first.is_some_and(|(moment, _)| *moment <= now)
            });
            let busy = |group: &str| in_flight.get(group).copied().unwrap_or_default();
            let Some((group, messages)) = visible.min_by_key(|(group, _)| busy(group)) else {
                break;
            };
            let Some((_, body)) = messages.pop_first() else {
                break;
            };
            *in_flight.entry(group.clone()).or_default() += 1;
            received.push(Received {
                group: group.clone(),
                body,
            });
        }
        received
    }

    /// Deletes a message, or makes it visible again after `back`.
    pub(super) fn finish(&self, received: Received, back: Option<SignedDuration>) {
        if let Some(busy) = self.messages().in_flight.get_mut(&received.group) {
            *busy = busy.saturating_sub(1);
        }
        if let Some(back) = back {
            self.enqueue(received.group, received.body, back);
        }
    }

    /// Returns whether the queue has no messages, in flight or not.
    pub(super) fn is_empty(&self) -> bool {
        let messages = self.messages();
        messages.waiting.values().all(BTreeMap::is_empty)
            && messages.in_flight.values().all(|busy| *busy == 0)
    }

    fn enqueue(&self, group: String, body: String, delay: SignedDuration) {
        let visible_at = self.clock.now() + delay;
        let mut messages = self.messages();
        messages.next += 1;
        let key = (visible_at, messages.next);
        messages.waiting.entry(group).or_default().insert(key, body);
    }

    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
