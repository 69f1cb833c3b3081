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

    /// Has `process` count until `until`, and forgets those that no longer count at `now`, or are too many.
    pub fn announce(&mut self, process: &str, until: Timestamp, now: Timestamp) {
        self.0.retain(|_, until| *until > now.as_second());
        self.0.insert(process.to_owned(), rounded_up(until));
        while self.0.len() > MAX_PROCESSES {
            let others = self.0.iter().filter(|(one, _)| *one != process);
            let Some(first) = others.min_by_key(|(_, until)| **until) else {
                return;
            };
            let first = first.0.clone();
            self.0.remove(&first);
        }
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
        (!own.is_empty(), others.len().min(MAX_PROCESSES - 1))
    }

    /// Returns whether `process` counts until a time between these.
    #[must_use]
    pub fn has(&self, process: &str, least: Timestamp, until: Timestamp) -> bool {
        let times = least.as_second()..=rounded_up(until);
        self.0.get(process).is_some_and(|until| times.contains(until))
    }
}

fn rounded_up(time: Timestamp) -> i64 {
    time.as_second().saturating_add(1)
}

/// How many processes count at most: each has a share with which it gets on, and more hardly ever work at once.
const MAX_PROCESSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_processes_count_and_are_stored_as_eight() {
        let mut processes = Processes::default();
        let now = Timestamp::UNIX_EPOCH;
        let later = |seconds| Timestamp::from_second(seconds).unwrap();
        for number in 0..60 {
            processes.announce(&number.to_string(), later(60 + number), now);
        }
        assert_eq!(processes.at("59", now), (true, 7));
        assert_eq!(processes.at("none", now), (false, 7));
        assert_eq!(processes.0.len(), MAX_PROCESSES);
        assert_eq!(processes.at("59", later(200)), (false, 0), "they have ended");
    }
}
