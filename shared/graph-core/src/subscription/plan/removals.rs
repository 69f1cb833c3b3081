//! The removals that Graph reported.

use std::collections::BTreeSet;

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
