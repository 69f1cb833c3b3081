//! The changes of a new configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use subtle::ConstantTimeEq;

use super::document::{Document, Leaf};

/// A change of one entry, such as `subscriptions.users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The entry.
    pub entry: String,
    /// The kind of change.
    pub kind: Kind,
    /// The members that differ.
    pub members: Vec<Member>,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The entry is new.
    Add,
    /// The entry changed.
    Change,
    /// The entry was removed.
    Remove,
}

/// A member that differs. Possible secrets are redacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its path below the entry.
    pub path: String,
    /// Its JSON before.
    pub before: Option<String>,
    /// Its JSON afterwards.
    pub after: Option<String>,
}

/// Returns the entries that differ, in the order of their names.
#[must_use]
pub fn changes(before: &Document<'_>, after: &Document<'_>) -> Vec<Change> {
    let (before, after) = (entries(before), entries(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = BTreeMap::new();
    let change = |name: &&String| {
        let (old, new) = (before.get(*name), after.get(*name));
        let members = members(old.unwrap_or(&none), new.unwrap_or(&none));
        let kind = match (old, new) {
            (None, _) => Kind::Add,
            (_, None) => Kind::Remove,
            _ => Kind::Change,
        };
        (!members.is_empty()).then(|| Change {
            entry: (*name).clone(),
            kind,
            members,
        })
    };
    names.iter().filter_map(change).collect()
}

type Leaves<'a> = BTreeMap<String, Leaf<'a>>;

/// Returns the leaves of each entry by their path below it.
fn entries<'a>(document: &'a Document<'_>) -> BTreeMap<String, Leaves<'a>> {
    let mut entries: BTreeMap<String, Leaves<'_>> = BTreeMap::new();
    for leaf in document.leaves() {
        let (entry, below) = leaf.path.split_at(leaf.path.len().min(2));
        entries
            .entry(entry.join("."))
            .or_default()
            .insert(joined(below), leaf);
    }
    entries
}

fn joined(path: &[String]) -> String {
    path.iter()
        .fold(String::new(), |joined, name| match joined.as_str() {
            "" => name.clone(),
            _ if name.starts_with('[') => joined + name,
            _ => joined + "." + name,
        })
}

fn members(before: &Leaves<'_>, after: &Leaves<'_>) -> Vec<Member> {
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs = |path: &&&String| match (before.get(**path), after.get(**path)) {
        (Some(old), Some(new)) => !bool::from(old.text.as_bytes().ct_eq(new.text.as_bytes())),
        _ => true,
    };
    let member = |path: &String| Member {
        path: path.clone(),
        before: before.get(path).map(Leaf::shown),
        after: after.get(path).map(Leaf::shown),
    };
    paths.iter().filter(differs).map(|path| member(path)).collect()
}
