//! The processes that share Graph's limits: each announces itself in the stored state.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The processes that use Graph's limits, with the second until which each counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Processes(BTreeMap<String, i64>);

impl Processes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Has `process` count until `until`, and forgets those that no longer count at `now`.
    pub fn announce(&mut self, process: &str, until: Timestamp, now: Timestamp) {
        self.0.retain(|_, until| *until > now.as_second());
        self.0.insert(process.to_owned(), rounded_up(until));
    }

    /// Adds the processes of `other` that are not here.
    pub fn join(&mut self, other: &Self) {
        for (process, until) in &other.0 {
            self.0.entry(process.clone()).or_insert(*until);
        }
    }

    /// Returns whether `process` counts at `now`, and how many others do.
    #[must_use]
    pub fn at(&self, process: &str, now: Timestamp) -> (bool, usize) {
        let alive = self.0.iter().filter(|(_, until)| **until > now.as_second());
        let (own, others): (Vec<_>, Vec<_>) = alive.partition(|(one, _)| *one == process);
        (!own.is_empty(), others.len())
    }

    /// Returns whether `process` counts until `until`.
    #[must_use]
    pub fn has(&self, process: &str, until: Timestamp) -> bool {
        self.0.get(process) == Some(&rounded_up(until))
    }
}

fn rounded_up(time: Timestamp) -> i64 {
    time.as_second().saturating_add(1)
}
