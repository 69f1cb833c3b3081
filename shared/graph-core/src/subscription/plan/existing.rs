//! The subscriptions of an entry with `forEach` that existed at a look, as a few letters: their names may be thousands.
//!
//! If the same ones exist at the next look, none was lost, so a subscription that is missing then belongs to a new object.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Step, digest::digest};

/// The digest of the names that existed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Existing(String);

impl Existing {
    /// Returns the digest of names.
    fn of(names: &BTreeSet<&str>) -> Self {
        if names.is_empty() {
            return Self::default();
        }
        // No name has such a character.
        let names: Vec<&str> = names.iter().copied().collect();
        Self(digest(&names.join("\0"), LETTERS))
    }

    /// Returns the digest for names of which nothing is known.
    pub(super) fn unknown() -> Self {
        Self(format!("{EARLIER}{UNKNOWN}"))
    }

    /// Returns the digest for a later look that could not see whether anything had changed.
    pub(super) fn carried(self) -> Self {
        if self.is_of_earlier() {
            return self;
        }
        Self(format!("{EARLIER}{}", self.0))
    }

    /// Returns whether the names existed at a look before the one that stored them.
    pub(super) fn is_of_earlier(&self) -> bool {
        self.0.starts_with(EARLIER)
    }

    /// Returns whether the same names exist `now`.
    pub(super) fn is_same(&self, now: &Self) -> bool {
        self.0.trim_start_matches(EARLIER) == now.0
    }
}

/// Returns the digest for each entry with `forEach` of the names.
pub(super) fn by_entry<'n>(names: impl Iterator<Item = &'n str>) -> BTreeMap<String, Existing> {
    let mut entries: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for name in names {
        if let Some((entry, _)) = name.split_once('/') {
            entries.entry(entry).or_default().insert(name);
        }
    }
    let digests = entries.into_iter();
    digests
        .map(|(entry, names)| (entry.to_owned(), Existing::of(&names)))
        .collect()
}

/// Returns the names of the subscriptions that exist before the steps, those to delete among them.
pub(super) fn names(steps: &[Step]) -> impl Iterator<Item = &str> {
    let exist = steps.iter().filter(|step| step.action.id().is_some());
    exist.map(|step| step.name.as_str())
}

/// How many letters of a digest are stored: another set hardly ever has the same.
const LETTERS: usize = 8;

/// Stands before what was known at an earlier look. It is no letter of a digest.
const EARLIER: char = '~';

/// Equals no digest.
const UNKNOWN: char = '?';
