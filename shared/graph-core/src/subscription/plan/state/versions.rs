//! The versions of the configuration that runs have used.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DIGEST, StoredState, has};
use crate::subscription::plan::digest::digest;

/// For each tenant, the last version of the configuration whose changes runs have made there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettledVersions {
    /// The time of the run that found it out.
    at: Option<Timestamp>,
    /// The version of most tenants; empty if it is unknown.
    most: String,
    /// The digests of the other tenants by version, which is empty where it is unknown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    others: BTreeMap<String, String>,
}

impl SettledVersions {
    /// Returns the versions of all `tenants` after a run at `at`; a tenant may have none that is known.
    pub fn new<'t>(at: Timestamp, tenants: impl Iterator<Item = (&'t str, Option<&'t str>)>) -> Self {
        let mut by_version: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (tenant, version) in tenants {
            let digests = by_version.entry(version.unwrap_or_default()).or_default();
            digests.push(digest(tenant, DIGEST));
        }
        let mut by_size: Vec<_> = by_version.into_iter().collect();
        by_size.sort_by_key(|(_, tenants)| Reverse(tenants.len()));
        let mut by_size = by_size.into_iter();
        let most = by_size.next().map(|(version, _)| version.to_owned());
        let mut others: BTreeMap<String, String> = BTreeMap::new();
        for (number, (version, tenants)) in by_size.enumerate() {
            // Each version is read in each run.
            let version = if number < MAX_OTHERS { version } else { "" };
            others
                .entry(version.to_owned())
                .or_default()
                .push_str(&tenants.concat());
        }
        Self {
            at: Some(at),
            most: most.unwrap_or_default(),
            others,
        }
    }

    /// Returns the version of a tenant, if it is known.
    #[must_use]
    pub fn of(&self, tenant: &str) -> Option<&str> {
        let other = self.others.iter().find(|(_, tenants)| has(tenants, tenant));
        let version = other.map_or(&self.most, |(version, _)| version);
        Some(version.as_str()).filter(|version| !version.is_empty())
    }

    /// Returns all known versions.
    pub fn all(&self) -> BTreeSet<&str> {
        let all = self.others.keys().chain([&self.most]).map(String::as_str);
        all.filter(|version| !version.is_empty()).collect()
    }

    /// Returns whether a run has found out anything.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.at.is_some()
    }

    /// Returns what the later run has found out, this one or the `other`. Of the same run, what was stored may have been
    /// forgotten.
    #[must_use]
    pub fn or_later(self, other: &Self) -> Self {
        let knows = |one: &Self| (one.at, !one.all().is_empty());
        if knows(other) > knows(&self) {
            other.clone()
        } else {
            self
        }
    }

    /// Forgets the version of every tenant if that saves room; returns whether it does. One version of all tenants is short.
    pub(super) fn forget(&mut self) -> bool {
        if self.others.is_empty() {
            return false;
        }
        self.most.clear();
        self.others.clear();
        true
    }
}

impl StoredState {
    /// Stores the earlier versions of the configuration that alone have tenants whose subscriptions live, the newest first.
    pub fn set_needed(&mut self, versions: &[String]) {
        self.needed = versions.to_vec();
        if let Some(oldest) = self.needed.pop() {
            // Tenants leave one after the other, so the oldest has most of them, if with older credentials.
            self.needed.truncate(MAX_NEEDED - 1);
            self.needed.push(oldest);
        }
    }

    /// Returns the versions of the configuration that were used last, the newest first, then those that are still needed.
    pub fn versions(&self) -> impl Iterator<Item = &str> {
        let all = self
            .mistaken
            .as_deref()
            .into_iter()
            .chain([self.version.as_str()])
            .chain(self.needed.iter().map(String::as_str));
        all.filter(|version| !version.is_empty())
    }
}

/// How many versions besides that of most tenants are stored.
const MAX_OTHERS: usize = 3;

/// How many earlier versions of the configuration are stored as needed, with 36 characters each. All are read in each run.
const MAX_NEEDED: usize = 20;
