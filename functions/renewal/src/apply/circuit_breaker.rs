//! Leaves the rest of an entry to the next run once Graph has refused its first subscriptions and accepted none.

use std::{collections::BTreeMap, sync::Mutex};

use super::failure::Failure;
use crate::memory::lock;

/// Counts refused and accepted creations of each `forEach` entry. The next run continues where this one stopped.
#[derive(Debug, Default)]
pub(crate) struct CircuitBreaker(Mutex<BTreeMap<String, Tally>>);

#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    taken: usize,
}

impl CircuitBreaker {
    /// Returns whether the creation of the subscription called `name` is left to the next run.
    pub(super) fn is_open(&self, name: &str) -> bool {
        let Some((entry, _)) = name.split_once('/') else {
            return false;
        };
        lock(&self.0)
            .get(entry)
            .is_some_and(|tally| tally.taken == 0 && tally.refused >= REFUSALS)
    }

    /// Counts the result of a creation of the subscription called `name`.
    pub(super) fn note(&self, name: &str, failure: Option<&Failure>) {
        let Some((entry, _)) = name.split_once('/') else {
            return;
        };
        let mut tallies = lock(&self.0);
        let tally = tallies.entry(entry.to_owned()).or_default();
        match failure {
            None => tally.taken += 1,
            Some(failure) if failure.is_refusal() => tally.refused += 1,
            // Other failures say nothing about the next object.
            Some(_) => {}
        }
    }
}

/// How many refusals open the breaker.
const REFUSALS: usize = 30;
