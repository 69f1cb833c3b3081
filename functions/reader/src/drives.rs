//! What this process knows of the drives that it reads after notifications. A notification names no file, so each has the last
//! quarter of an hour read, and without this memory each would have everything in it delivered again.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use graph_core::{
    application::Application,
    read::{Change, Window},
};
use jiff::Timestamp;

/// The readings that are ordered, by subscription: one for all notifications that arrive before it.
#[derive(Debug, Default)]
pub(crate) struct OrderedDrives(Mutex<BTreeMap<(Application, String), (Timestamp, Timestamp)>>);

impl OrderedDrives {
    /// Returns whether a reading at the same time is ordered that goes back as far.
    pub(crate) fn has(&self, window: &Window) -> bool {
        let ordered = self.lock().get(&key(window)).copied();
        ordered.is_some_and(|(from, until)| until == window.until && from <= window.from)
    }

    /// Remembers a reading that `ReadQueue` has stored, and forgets those that are over.
    pub(crate) fn note(&self, window: &Window, now: Timestamp) {
        let mut ordered = self.lock();
        ordered.retain(|_, (_, until)| *until > now);
        ordered.insert(key(window), (window.from, window.until));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Application, String), (Timestamp, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(window: &Window) -> (Application, String) {
    (
        window.application,
        format!("{} {}", window.subscription, window.resource),
    )
}

/// The changes that were delivered last, by a number that nobody outside can guess.
#[derive(Debug, Default)]
pub(crate) struct DeliveredChanges {
    hasher: RandomState,
    numbers: Mutex<Numbers>,
}

#[derive(Debug, Default)]
struct Numbers {
    known: HashSet<u64>,
    in_order: VecDeque<u64>,
}

impl DeliveredChanges {
    /// Returns the number of a change that was not delivered yet.
    pub(crate) fn new_number(&self, window: &Window, change: &Change<'_>) -> Option<u64> {
        // What the id of the event is made of.
        let time = change.version.is_none().then_some(change.time);
        let number = self.hasher.hash_one((
            (window.application, &window.subscription),
            (change.kind.as_str(), &change.path),
            (&change.version, time),
        ));
        (!self.lock().known.contains(&number)).then_some(number)
    }

    /// Remembers changes whose events are stored, and forgets the oldest.
    pub(crate) fn note(&self, numbers: Vec<u64>) {
        let mut all = self.lock();
        for number in numbers {
            if all.known.insert(number) {
                all.in_order.push_back(number);
            }
            if all.in_order.len() > MAX_CHANGES
                && let Some(oldest) = all.in_order.pop_front()
            {
                all.known.remove(&oldest);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many changes are remembered: less than a megabyte.
const MAX_CHANGES: usize = 20_000;
