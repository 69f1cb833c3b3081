//! The removals that Graph reported.

use std::collections::{BTreeMap, BTreeSet};

/// Removals that Graph reported and that may have happened.
///
/// A client state proves the name in a report, not the id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removals {
    /// The ids and names of subscriptions that are known to have existed.
    proven: BTreeSet<(String, String)>,
    /// The names of subscriptions whose ids are unknown: any id may be invented, so it is not kept.
    names: BTreeSet<String>,
}

impl Removals {
    /// Adds a report on a subscription that is known to have existed.
    pub(super) fn add(&mut self, id: &str, name: &str) {
        self.proven.insert((id.to_owned(), name.to_owned()));
    }

    /// Adds a report on a subscription that may have existed.
    pub(super) fn add_name(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    /// Adds other removals.
    pub fn extend(&mut self, other: Self) {
        self.proven.extend(other.proven);
        self.names.extend(other.names);
    }

    /// Returns whether the subscription with this id is known to have existed.
    #[must_use]
    pub fn is_proven(&self, id: &str, name: &str) -> bool {
        self.proven.contains(&(id.to_owned(), name.to_owned()))
    }

    /// Returns whether a subscription called `name` and of unknown id may have existed.
    #[must_use]
    pub fn is_possible(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Returns whether a subscription called `name` may have been removed.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.is_possible(name) || self.proven.iter().any(|(_, proven)| proven == name)
    }
}

/// What a process knows of the subscriptions that existed before the current one of each name.
///
/// Another process may have made the current one and ended before consumers heard of the loss. So the first report of an
/// unknown id stands for all of them; once consumers have an event about it, further unknown ids are inventions.
#[derive(Clone, Debug, Default)]
pub(super) struct Predecessors {
    /// The reported removals of which consumers have not heard: the reports come again.
    untold: Removals,
    /// The current subscription of each name before which nothing was lost that consumers have not heard of.
    settled: BTreeMap<String, String>,
}

impl Predecessors {
    /// Adds the removals that a run has confirmed.
    pub(super) fn add(&mut self, removed: Removals) {
        self.untold.extend(removed);
    }

    /// Returns whether a report that this subscription was removed is still needed.
    pub(super) fn has_untold(&self, id: &str, name: &str) -> bool {
        self.untold.is_proven(id, name)
    }

    /// Returns whether consumers may not have heard of a loss before the subscription called `name`, which is `current` now.
    pub(super) fn may_be_untold(&self, name: &str, current: &str) -> bool {
        self.untold.is_possible(name) || self.settled.get(name).is_none_or(|settled| settled != current)
    }

    /// Remembers that nothing untold was lost before the subscription called `name` with this id.
    pub(super) fn settle(&mut self, name: &str, id: &str) {
        self.settled.insert(name.to_owned(), id.to_owned());
    }

    /// Remembers that consumers have an event about the loss before the subscription `current`.
    pub(super) fn told(&mut self, name: &str, lost: Option<&str>, current: Option<&str>) {
        if let Some(current) = current {
            self.settle(name, current);
            self.untold.names.remove(name);
        }
        if let Some(lost) = lost {
            self.untold.proven.remove(&(lost.to_owned(), name.to_owned()));
        }
    }
}
