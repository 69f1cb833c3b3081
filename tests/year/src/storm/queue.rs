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
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    /// By group, and by the time from which a message can be received. The number distinguishes messages of the same
    /// time.
    waiting: BTreeMap<String, BTreeMap<(Timestamp, u64), String>>,
    in_flight: BTreeMap<String, usize>,
    next: u64,
}

/// A received message.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    group: String,
    pub(super) body: String,
}

impl FairQueue {
    pub(super) fn new(clock: VirtualClock) -> Self {
        Self {
            clock,
            held: Arc::default(),
        }
    }

    pub(super) fn put(&self, message: &Message) {
        let group = message.group().unwrap_or_default().to_owned();
        let delay = SignedDuration::from_secs(message.delay_seconds().into());
        self.hold(group, message.body.clone(), delay);
    }

    /// Receives up to `most` messages.
    pub(super) fn receive(&self, most: usize) -> Vec<Taken> {
        let now = self.clock.now();
        let mut held = self.held();
        let Held {
            waiting, in_flight, ..
        } = &mut *held;
        let mut taken = Vec::with_capacity(most);
        while taken.len() < most {
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
            taken.push(Taken {
                group: group.clone(),
                body,
            });
        }
        taken
    }

    /// Deletes a message, or makes it visible again after `back`.
    pub(super) fn finish(&self, taken: Taken, back: Option<SignedDuration>) {
        if let Some(busy) = self.held().in_flight.get_mut(&taken.group) {
            *busy = busy.saturating_sub(1);
        }
        if let Some(back) = back {
            self.hold(taken.group, taken.body, back);
        }
    }

    /// Returns whether the queue has no messages, in flight or not.
    pub(super) fn is_empty(&self) -> bool {
        let held = self.held();
        held.waiting.values().all(BTreeMap::is_empty) && held.in_flight.values().all(|busy| *busy == 0)
    }

    fn hold(&self, group: String, body: String, delay: SignedDuration) {
        let visible_at = self.clock.now() + delay;
        let mut held = self.held();
        held.next += 1;
        let key = (visible_at, held.next);
        held.waiting.entry(group).or_default().insert(key, body);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
