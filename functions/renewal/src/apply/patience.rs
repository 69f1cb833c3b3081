//! Not asking again at once for what Graph has refused.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use graph_core::subscription::plan::Desired;
use jiff::{SignedDuration, Timestamp};

use super::failure::Failure;

/// Stops creating for an entry that stands for many once Graph has refused the first few of them and taken none.
#[derive(Default)]
pub(super) struct Breaker(Mutex<BTreeMap<String, Tally>>);

#[derive(Default)]
struct Tally {
    refused: usize,
    taken: usize,
}

impl Breaker {
    /// Returns whether the subscription called `name` is not worth a try.
    pub(super) fn is_open(&self, name: &str) -> bool {
        let Some((entry, _)) = name.split_once('/') else {
            return false;
        };
        let tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tallies
            .get(entry)
            .is_some_and(|tally| tally.taken == 0 && tally.refused >= REFUSALS)
    }

    /// Notes how the creation of the subscription called `name` went.
    pub(super) fn note(&self, name: &str, failure: Option<&Failure>) {
        let Some((entry, _)) = name.split_once('/') else {
            return;
        };
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = tallies.entry(entry.to_owned()).or_default();
        match failure {
            None => tally.taken += 1,
            Some(failure) if failure.is_refusal() => tally.refused += 1,
            Some(_) => {}
        }
    }
}

/// What Graph has refused, and when it is asked again. Lives as long as the process does: a new one asks once more, which
/// does no harm.
#[derive(Debug, Default)]
pub(crate) struct Patience(BTreeMap<Refused, Timestamp>);

impl Patience {
    /// Returns until when `desired` is not asked for.
    pub(super) fn until(&self, tenant_id: &str, desired: &Desired, now: Timestamp) -> Option<Timestamp> {
        self.0
            .get(&key(tenant_id, desired))
            .copied()
            .filter(|until| *until > now)
    }

    /// Notes that `desired` was refused, and returns until when it is not asked for.
    pub(super) fn note(&mut self, tenant_id: &str, desired: &Desired, now: Timestamp) -> Timestamp {
        let until = now.saturating_add(PAUSE).unwrap_or(now);
        self.0.retain(|_, until| *until > now);
        self.0.insert(key(tenant_id, desired), until);
        until
    }

    /// Forgets that `desired` was refused.
    pub(super) fn forget(&mut self, tenant_id: &str, desired: &Desired) {
        self.0.remove(&key(tenant_id, desired));
    }
}

/// A tenant's id, and what its application has asked for: an entry that has been mended does not wait.
type Refused = (String, String, String, Option<String>);

fn key(tenant_id: &str, desired: &Desired) -> Refused {
    (
        tenant_id.to_owned(),
        desired.name.clone(),
        desired.resource.clone(),
        desired.query_options.clone(),
    )
}

/// How many refusals are enough to know.
const REFUSALS: usize = 3;

/// How long Graph is left alone with what it has refused. A place that a deleted subscription still takes up is free
/// again after one to three hours.
const PAUSE: SignedDuration = SignedDuration::from_mins(30);
