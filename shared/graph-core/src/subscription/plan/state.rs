//! The state that outlives a process: the time of the last look at all subscriptions, and which ones were missing.
//!
//! Without it, a new process cannot tell lost subscriptions from those that never existed. It is one text of at most 4
//! kB for all tenants, so it only names what was missing: everything else existed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(super) use self::look::Before;
pub use self::{
    look::{Look, Missing},
    unread::UnreadRemovals,
    versions::SettledVersions,
};
use super::{
    caught_up::CaughtUp,
    count::LastLook,
    digest::{digest, digests},
    failures::FailureHistory,
    live::LiveCounts,
    processes::Processes,
};
use crate::{
    application::Application,
    subscription::config::{Config, Entry},
};

mod look;
#[cfg(test)]
mod tests;
mod unread;
mod versions;

/// The result of the last look at all subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StoredState {
    /// The version of the configuration at that look.
    version: String,
    /// The versions whose changes the tenants have.
    pub settled: SettledVersions,
    /// A newer version of the configuration that can be parsed, if it has mistakes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mistaken: Option<String>,
    /// The earlier versions of the configuration that alone have tenants whose subscriptions live.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needed: Vec<String>,
    /// The digests of the new applications whose subscriptions Graph has never listed.
    #[serde(skip_serializing_if = "String::is_empty")]
    unseen: String,
    /// The time of the look.
    looked_at: Option<Timestamp>,
    /// The digests of all entries with their tenants, four characters each. Without them, only an unchanged version tells old
    /// entries from new.
    entries: Option<String>,
    /// The missing subscriptions by tenant; nothing for a tenant whose state is unknown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tenants: BTreeMap<String, Option<Missing>>,
    /// The time of the last look at tenants that the last look over everything could not list. What was missing then is in
    /// `tenants`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unlisted: BTreeMap<String, Timestamp>,
    /// The digests of the subscriptions whose objects a list lacked, and of those that were deleted for that.
    #[serde(skip_serializing_if = "String::is_empty")]
    absent: String,
    /// How many subscriptions existed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveCounts>,
    /// The failures of the last runs.
    #[serde(skip_serializing_if = "FailureHistory::are_too_many")]
    pub failures: Option<FailureHistory>,
    /// The digests of some of the steps that the last run left for the next one.
    #[serde(skip_serializing_if = "String::is_empty")]
    left_over: String,
    /// The digests of the tenants in which the brake holds deletions.
    #[serde(skip_serializing_if = "String::is_empty")]
    held: String,
    /// Which windows were ordered because Graph missed notifications.
    #[serde(skip_serializing_if = "CaughtUp::is_empty")]
    pub caught_up: CaughtUp,
    /// Which removed subscriptions still have to be read.
    #[serde(skip_serializing_if = "UnreadRemovals::is_empty")]
    pub unread_removals: UnreadRemovals,
    /// The processes that use Graph's limits.
    #[serde(skip_serializing_if = "Processes::is_empty")]
    pub processes: Processes,
    /// Whether this stands for a state that could not be read.
    #[serde(skip)]
    is_unread: bool,
}

impl StoredState {
    /// Reads the text.
    ///
    /// # Errors
    ///
    /// Returns an error if it is not the JSON of a state: what it said is unknown then, and not nothing.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        // Only an object: an empty list would read as a state without anything.
        let members: Map<String, Value> = serde_json::from_str(text)?;
        serde_json::from_value(Value::Object(members))
    }

    /// Returns the state in place of one that could not be read.
    #[must_use]
    pub fn unread() -> Self {
        Self {
            is_unread: true,
            ..Self::default()
        }
    }

    /// Returns the state after a look at everything in `config` at `now`. Tenants with nothing missing are left out. Of a
    /// tenant that could not be listed, the last look stays.
    #[must_use]
    pub fn after(
        self,
        version: &str,
        config: &Config,
        now: Timestamp,
        mut tenants: BTreeMap<String, Option<Missing>>,
    ) -> Self {
        let mut unlisted = BTreeMap::new();
        for (tenant, missing) in tenants.iter_mut().filter(|(_, missing)| missing.is_none()) {
            if let Some((at, before)) = self.missing_at(tenant) {
                *missing = Some(before);
                unlisted.insert(tenant.clone(), at);
            }
        }
        let is_silent = |missing: &Option<Missing>| *missing == Some(Missing::default());
        tenants.retain(|_, missing| !is_silent(missing));
        let entries = config.subscriptions.values();
        Self {
            version: version.to_owned(),
            mistaken: None,
            looked_at: Some(now),
            entries: Some(entries.map(|entry| digest(&with_tenant(entry), DIGEST)).collect()),
            tenants,
            unlisted,
            ..self
        }
    }

    /// Stores the new applications whose subscriptions Graph has never listed.
    pub fn set_unseen(&mut self, applications: impl Iterator<Item = Application>) {
        let applications = applications.take(MAX_STORED);
        self.unseen = applications
            .map(|one| digest(&application(one), DIGEST))
            .collect();
    }

    /// Returns whether an application is known to be new, and Graph has never listed its subscriptions.
    #[must_use]
    pub fn is_unseen(&self, one: Application) -> bool {
        has(&self.unseen, &application(one))
    }

    /// Stores the tenants in which the brake holds deletions.
    pub fn set_held<'t>(&mut self, tenants: impl Iterator<Item = &'t str>) {
        let digests = tenants.take(MAX_STORED).map(|tenant| digest(tenant, DIGEST));
        self.held = digests.collect();
    }

    /// Returns whether the brake held deletions in a tenant at the last look.
    #[must_use]
    pub fn is_held(&self, tenant: &str) -> bool {
        has(&self.held, tenant)
    }

    /// Stores the subscriptions, by tenant and name, whose objects a list lacked, and those that were deleted for that.
    pub fn set_absent<'n>(&mut self, names: impl Iterator<Item = (&'n str, &'n str)>) {
        let names = names.take(MAX_STORED);
        self.absent = names
            .map(|(tenant, name)| digest(&step(tenant, name), DIGEST))
            .collect();
    }

    /// Returns when a list lacked the object of the subscription called `name`, if that is stored.
    #[must_use]
    pub fn absent_at(&self, tenant: &str, name: &str) -> Option<Timestamp> {
        self.looked_at.filter(|_| has(&self.absent, &step(tenant, name)))
    }

    /// Stores the steps, by tenant and name, that a run left for the next one.
    pub fn set_left_over(&mut self, steps: &BTreeSet<(String, String)>) {
        let digests = steps
            .iter()
            .map(|(tenant, name)| digest(&step(tenant, name), DIGEST));
        // By digest, which is by chance: in the order of the run, the next one might take just these.
        let digests: BTreeSet<String> = digests.collect();
        self.left_over = digests.into_iter().take(MAX_STORED).collect();
    }

    /// Returns whether the last run left the step called `name` in the tenant, if that is stored.
    #[must_use]
    pub fn was_left_over(&self, tenant: &str, name: &str) -> bool {
        has(&self.left_over, &step(tenant, name))
    }

    /// Returns whether the last run may have left steps for the next one.
    #[must_use]
    pub fn has_left_over(&self) -> bool {
        self.is_unread || !self.left_over.is_empty()
    }

    /// Returns whether the last look came after `at`.
    #[must_use]
    pub fn is_later_than(&self, at: Timestamp) -> bool {
        self.looked_at.is_some_and(|looked_at| looked_at > at)
    }

    /// Adds what several processes store at the same time, from another state.
    pub fn join(&mut self, other: &Self) {
        self.caught_up.join(&other.caught_up);
        self.processes.join(&other.processes);
    }

    /// Returns whether nobody has stored anything yet.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.looked_at.is_none() && !self.is_unread
    }

    /// Returns what is stored of the last look at a tenant, for the alarms; nothing if that is not known.
    #[must_use]
    pub fn last_look(&self, tenant: &str) -> Option<LastLook> {
        let is_outlived = || self.live.as_ref().is_some_and(|live| live.is_outlived(tenant));
        if self.is_new(tenant) || is_outlived() {
            let (at, live, missing) = (self.looked_at?, 0, BTreeSet::new());
            return Some(LastLook { at, live, missing });
        }
        let (at, _) = self.missing_at(tenant)?;
        let live = self.live.as_ref()?.of(tenant)?;
        let missing = self.missing(tenant);
        Some(LastLook { at, live, missing })
    }

    /// Returns whether Graph has never listed the subscriptions of a tenant.
    #[must_use]
    pub fn is_new(&self, tenant: &str) -> bool {
        let live = self.live.as_ref().filter(|_| self.looked_at.is_some());
        self.is_blank() || live.is_some_and(|live| live.is_new(tenant))
    }

    /// Returns the names of entries that had no subscription in a tenant, as far as that is known.
    #[must_use]
    pub fn missing(&self, tenant: &str) -> BTreeSet<String> {
        let missing = self.missing_at(tenant).map(|(_, missing)| missing);
        let missing = missing.unwrap_or_default();
        let names = missing.new.into_iter().chain(missing.lost.into_keys());
        // Objects of `forEach` may be missing for good reasons.
        names.filter(|name| !name.contains('/')).collect()
    }

    /// Returns when a tenant was looked at last, and what was missing then.
    fn missing_at(&self, tenant: &str) -> Option<(Timestamp, Missing)> {
        let missing = match self.tenants.get(tenant) {
            None => Missing::default(),
            Some(missing) => missing.clone()?,
        };
        let at = self.unlisted.get(tenant).copied().or(self.looked_at)?;
        Some((at, missing))
    }

    /// Returns the stored look at a tenant, for this version of the configuration; nothing if its state is unknown.
    #[must_use]
    pub fn of(&self, tenant: &str, version: &str) -> Option<Look> {
        if self.unlisted.contains_key(tenant) {
            return None;
        }
        let (at, missing) = self.missing_at(tenant)?;
        let known = self.entries.as_ref().map(|text| digests(text, DIGEST).collect());
        let entries = match (self.version == version, known) {
            // With the same version, the look covered every entry of today.
            (true, _) => None,
            (false, known) => Some(known?),
        };
        Some(Look {
            at,
            missing,
            entries,
            absent: self.absent.clone(),
            tenant: tenant.to_owned(),
        })
    }

    /// Returns the text. If a parameter cannot hold it, parts are left out, which then count as unknown.
    #[must_use]
    pub fn into_text(mut self) -> String {
        for drop in PARTS {
            while self.text().len() > MAX_BYTES && drop(&mut self) {}
        }
        let text = self.text();
        if text.len() <= MAX_BYTES {
            return text;
        }
        // What was there counts as unknown. The versions stay: they keep subscriptions alive if the next version has a
        // mistake. Without the processes, Graph's limits would be exceeded.
        let rest = Self {
            version: self.version,
            settled: self.settled,
            mistaken: self.mistaken,
            needed: self.needed,
            left_over: self.left_over,
            processes: self.processes,
            ..Self::default()
        };
        rest.text()
    }

    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Drops what existed of each entry with `forEach`; returns whether there was anything.
    fn drop_existing(&mut self) -> bool {
        let mut dropped = 0;
        for missing in self.tenants.values_mut().flatten() {
            dropped += std::mem::take(&mut missing.existing).len();
        }
        self.tenants
            .retain(|_, missing| *missing != Some(Missing::default()));
        dropped > 0
    }

    /// Drops what was missing in the tenants that could not be listed; returns whether there was any.
    fn drop_unlisted(&mut self) -> bool {
        let unlisted = std::mem::take(&mut self.unlisted);
        let is_some = !unlisted.is_empty();
        let unknown = unlisted.into_keys().map(|tenant| (tenant, None));
        self.tenants.extend(unknown);
        is_some
    }

    /// Drops what existed in the tenant of which the most is stored, or else what is missing there, if that takes at least so
    /// many bytes: it frees the most room for the fewest unknown tenants.
    fn drop_tenant(&mut self, least: usize) -> bool {
        let known = self.tenants.values_mut().filter(|missing| missing.is_some());
        let sizes = known.map(|missing| (missing.as_ref().map_or(0, Missing::size), missing));
        let Some((_, largest)) = sizes
            .filter(|(size, _)| *size >= least)
            .max_by_key(|(size, _)| *size)
        else {
            return false;
        };
        let existing = largest
            .as_mut()
            .map(|missing| std::mem::take(&mut missing.existing));
        if existing.is_none_or(|existing| existing.is_empty()) {
            *largest = None;
        }
        true
    }

    /// Drops what only alarms need: the failures and what was left over, or if that is not enough, first the settled versions,
    /// then the counts; returns whether there was anything.
    fn drop_counts(&mut self) -> bool {
        // One shows the next run that there were some.
        let left_over = self.left_over.split_off(self.left_over.len().min(DIGEST));
        let failures = self.failures.take();
        let is_too_long = self.text().len() > MAX_BYTES;
        if is_too_long && (self.settled.forget() || self.live.take().is_some()) {
            // They may fit without those.
            self.failures = failures;
            self.left_over.push_str(&left_over);
            return true;
        }
        failures.is_some() || !left_over.is_empty()
    }
}

/// Returns whether a text of digests has that of `name`.
fn has(text: &str, name: &str) -> bool {
    let name = digest(name, DIGEST);
    digests(text, DIGEST).any(|one| one == name)
}

/// Returns the name of an entry with its tenant. An entry has one tenant or all of them.
fn with_tenant(entry: &Entry) -> String {
    let only = entry.tenants.first().filter(|_| entry.tenants.len() == 1);
    step(only.map_or(ALL, String::as_str), &entry.name)
}

/// Stands for all tenants.
const ALL: &str = "*";

fn application(one: Application) -> String {
    format!("{} {}", one.tenant_id, one.client_id)
}

/// Returns the name of a step among those of all tenants.
fn step(tenant: &str, name: &str) -> String {
    format!("{tenant} {name}")
}

/// The parts that are left out of a text that is too long, the one that matters least first. Each drops some of it, and
/// returns whether there was any.
const PARTS: [fn(&mut StoredState) -> bool; 9] = [
    // What senders of `missed` make grow: what is forgotten is read again, and nothing is lost.
    |state| !std::mem::take(&mut state.caught_up).is_empty(),
    // Without it, a deletion waits for one more run.
    |state| !std::mem::take(&mut state.absent).is_empty(),
    // One tenant with much comes before what tells of all of them.
    |state| state.drop_tenant(LARGE),
    // What grows with tenants times entries: without it, consumers catch up once too often.
    StoredState::drop_existing,
    // Without them, consumers hear of a removal and have to read for themselves.
    |state| !std::mem::take(&mut state.unread_removals).is_empty(),
    StoredState::drop_counts,
    StoredState::drop_unlisted,
    |state| state.drop_tenant(0),
    |state| state.entries.take().is_some(),
];

/// How many characters of a digest are stored. Among 600 entries, a new one hardly ever looks like an old one.
const DIGEST: usize = 4;

/// How many digests of a kind are stored.
const MAX_STORED: usize = 100;

/// A tenant of which so many bytes are stored is dropped before what tells of all tenants.
const LARGE: usize = 500;

/// What a standard parameter holds (AWS Systems Manager, *parameter tiers*: 4 KB), with some room to spare.
const MAX_BYTES: usize = 4_000;
