//! The state that outlives a process: the time of the last look at all subscriptions, and which ones were missing.
//!
//! Without it, a new process cannot tell lost subscriptions from those that never existed. It is one text of at most 4
//! kB for all tenants, so it only names what was missing: everything else existed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    caught_up::CaughtUp,
    count::LastLook,
    digest::{digest, digests},
    existing::Existing,
    live::LiveCounts,
    processes::Processes,
};
use crate::subscription::config::Config;

/// The result of the last look at all subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StoredState {
    /// The version of the configuration at that look.
    version: String,
    /// The digests of the tenants in which not all changes of the newest of both versions are made.
    #[serde(skip_serializing_if = "String::is_empty")]
    unsettled: String,
    /// A newer version of the configuration that can be parsed, if it has mistakes.
    #[serde(skip_serializing_if = "Option::is_none")]
    mistaken: Option<String>,
    /// The earlier versions of the configuration that alone have tenants whose subscriptions live.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needed: Vec<String>,
    /// The time of the look.
    looked_at: Option<Timestamp>,
    /// The digests of all entry names, four characters each. Without them, only an unchanged version tells old entries
    /// from new.
    entries: Option<String>,
    /// The missing subscriptions by tenant; nothing for a tenant whose state is unknown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tenants: BTreeMap<String, Option<Missing>>,
    /// The time of the last look at tenants that the last look over everything could not list. What was missing then is in
    /// `tenants`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unlisted: BTreeMap<String, Timestamp>,
    /// How many subscriptions exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<LiveCounts>,
    /// The failures of the last runs; nothing if they are too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    failures: Option<String>,
    /// The digests of the first steps that the last run left for the next one.
    #[serde(skip_serializing_if = "String::is_empty")]
    left_over: String,
    /// Which windows were ordered because Graph missed notifications.
    #[serde(skip_serializing_if = "CaughtUp::is_empty")]
    pub caught_up: CaughtUp,
    /// The processes that use Graph's limits.
    #[serde(skip_serializing_if = "Processes::is_empty")]
    pub processes: Processes,
    /// Whether this stands for a state that could not be read.
    #[serde(skip)]
    is_unread: bool,
}

/// What is stored of the last look at a tenant, for the alarms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredLook {
    /// Graph has never listed its subscriptions.
    Never,
    /// Graph has listed them.
    At(LastLook),
    /// Whether Graph has listed them, or what it listed, is not known.
    Unknown,
}

/// The subscriptions of a tenant that were missing at a look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Missing {
    /// The names of single entries that never had one.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    new: BTreeSet<String>,
    /// The digests of objects that never had one, the first of them: guests without a mailbox may be thousands.
    #[serde(skip_serializing_if = "String::is_empty")]
    new_objects: String,
    /// Those that were lost, with the time of their last sight, if known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) lost: BTreeMap<String, Option<Timestamp>>,
    /// What existed of each entry with `forEach`; nothing for an entry of which that is not known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) existing: BTreeMap<String, Existing>,
}

impl Missing {
    /// Returns what was missing: names that `never` had a subscription, and those that `lost` theirs.
    pub(super) fn of<'n>(
        never: impl Iterator<Item = &'n str>,
        lost: BTreeMap<String, Option<Timestamp>>,
        existing: BTreeMap<String, Existing>,
    ) -> Self {
        let (objects, single): (Vec<&str>, Vec<&str>) = never.partition(|name| name.contains('/'));
        let digests = objects.into_iter().take(MAX_STORED);
        Self {
            new: single.into_iter().map(str::to_owned).collect(),
            new_objects: digests.map(|name| digest(name, DIGEST)).collect(),
            lost,
            existing,
        }
    }

    fn has_never_been(&self, name: &str) -> bool {
        self.new.contains(name) || has(&self.new_objects, name)
    }

    /// Returns how many bytes of a parameter it takes.
    fn size(&self) -> usize {
        serde_json::to_string(self).map_or(0, |text| text.len())
    }
}

/// Returns whether a text of digests has that of `name`.
fn has(text: &str, name: &str) -> bool {
    let name = digest(name, DIGEST);
    digests(text, DIGEST).any(|one| one == name)
}

/// The stored look at one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub(super) at: Timestamp,
    pub(super) missing: Missing,
    /// The digests of the entries at that time; nothing if they are those of today.
    entries: Option<BTreeSet<String>>,
}

impl StoredState {
    /// Reads the text. An unreadable text counts as empty.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
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
        let entries = config.subscriptions.keys();
        Self {
            version: version.to_owned(),
            mistaken: None,
            looked_at: Some(now),
            entries: Some(entries.map(|name| digest(name, DIGEST)).collect()),
            tenants,
            unlisted,
            ..self
        }
    }

    /// Returns the state with a newer version of the configuration, which has mistakes.
    #[must_use]
    pub fn with_mistaken(self, version: &str) -> Self {
        Self {
            mistaken: Some(version.to_owned()),
            ..self
        }
    }

    /// Returns the state with the earlier versions of the configuration that alone have tenants whose subscriptions live.
    #[must_use]
    pub fn with_needed(self, versions: &[String]) -> Self {
        Self {
            needed: versions.iter().take(MAX_NEEDED).cloned().collect(),
            ..self
        }
    }

    /// Returns the state with the tenants in which not all changes of the newest version are made.
    #[must_use]
    pub fn with_unsettled<'t>(self, tenants: impl Iterator<Item = &'t str>) -> Self {
        Self {
            unsettled: tenants.map(|tenant| digest(tenant, DIGEST)).collect(),
            ..self
        }
    }

    /// Returns the state with the steps, by tenant and name, that a run left for the next one.
    #[must_use]
    pub fn with_left_over(self, steps: &BTreeSet<(String, String)>) -> Self {
        let digests = steps.iter().take(MAX_STORED);
        Self {
            left_over: digests
                .map(|(tenant, name)| digest(&step(tenant, name), DIGEST))
                .collect(),
            ..self
        }
    }

    /// Returns whether the last run left the step called `name` in the tenant, if it was one of the first that it left.
    #[must_use]
    pub fn was_left_over(&self, tenant: &str, name: &str) -> bool {
        has(&self.left_over, &step(tenant, name))
    }

    /// Returns the state with the counts and failures of a run.
    #[must_use]
    pub fn with_counts(self, live: LiveCounts, failures: Option<String>) -> Self {
        Self {
            live: Some(live),
            failures,
            ..self
        }
    }

    /// Adds what several processes store at the same time, from another state.
    pub fn join(&mut self, other: &Self) {
        self.caught_up.join(&other.caught_up);
        self.processes.join(&other.processes);
    }

    /// Returns how many subscriptions existed.
    #[must_use]
    pub fn live(&self) -> Option<&LiveCounts> {
        self.live.as_ref()
    }

    /// Returns the failures of the last runs.
    #[must_use]
    pub fn failures(&self) -> Option<&str> {
        self.failures.as_deref()
    }

    /// Returns whether nobody has stored anything yet.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.looked_at.is_none() && !self.is_unread
    }

    /// Returns what is stored of the last look at a tenant.
    #[must_use]
    pub fn last_look(&self, tenant: &str) -> StoredLook {
        let live = self.live.as_ref().filter(|_| self.looked_at.is_some());
        if live.is_some_and(|live| live.is_new(tenant)) {
            return StoredLook::Never;
        }
        let live = live.and_then(|live| live.of(tenant));
        match (live, self.missing_at(tenant)) {
            (Some(live), Some((at, _))) => StoredLook::At(LastLook {
                at,
                live,
                missing: self.missing(tenant),
            }),
            _ => StoredLook::Unknown,
        }
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

    /// Returns whether runs have used this version of the configuration before, and made its changes in the tenant.
    #[must_use]
    pub fn has_seen(&self, tenant: &str, version: &str) -> bool {
        self.versions().next() == Some(version) && !has(&self.unsettled, tenant)
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
        Some(Look { at, missing, entries })
    }

    /// Returns the text. If a parameter cannot hold it, parts are left out, which then count as unknown.
    #[must_use]
    pub fn into_text(mut self) -> String {
        loop {
            let text = self.text();
            if text.len() <= MAX_BYTES {
                return text;
            }
            if !self.drop_part() {
                // What was there counts as unknown. The versions stay: they keep subscriptions alive if the next version
                // has a mistake. Without the processes, Graph's limits would be exceeded.
                let rest = Self {
                    version: self.version,
                    mistaken: self.mistaken,
                    needed: self.needed,
                    processes: self.processes,
                    ..Self::default()
                };
                return rest.text();
            }
        }
    }

    /// Drops the part that matters least; returns whether there was any.
    fn drop_part(&mut self) -> bool {
        // First what senders of `missed` make grow: what is forgotten is read again, and nothing is lost.
        if !self.caught_up.is_empty() {
            self.caught_up = CaughtUp::default();
            return true;
        }
        // Then what grows with tenants times entries: without it, consumers catch up once too often. One tenant with much
        // comes before what tells of all of them.
        if self.drop_existing() || self.drop_tenant(LARGE) || self.drop_counts() {
            return true;
        }
        if !self.unlisted.is_empty() {
            let unlisted = std::mem::take(&mut self.unlisted).into_keys();
            self.tenants.extend(unlisted.map(|tenant| (tenant, None)));
            return true;
        }
        self.drop_tenant(0) || self.entries.take().is_some()
    }

    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Drops what existed of each entry with `forEach`; returns whether there was anything.
    fn drop_existing(&mut self) -> bool {
        let mut missing = self.tenants.values_mut().flatten();
        if missing.all(|missing| missing.existing.is_empty()) {
            return false;
        }
        let missing = self.tenants.values_mut().flatten();
        missing.for_each(|missing| missing.existing.clear());
        self.tenants
            .retain(|_, missing| *missing != Some(Missing::default()));
        true
    }

    /// Drops what is missing in the tenant with the most of it, if that takes at least so many bytes: it frees the most
    /// room for the fewest unknown tenants.
    fn drop_tenant(&mut self, least: usize) -> bool {
        let known = self.tenants.values_mut().filter(|missing| missing.is_some());
        let sizes = known.map(|missing| (missing.as_ref().map_or(0, Missing::size), missing));
        let Some((_, largest)) = sizes
            .filter(|(size, _)| *size >= least)
            .max_by_key(|(size, _)| *size)
        else {
            return false;
        };
        *largest = None;
        true
    }

    /// Drops what only alarms need: the failures and what was left over, or if that is not enough, the counts; returns
    /// whether there was anything.
    fn drop_counts(&mut self) -> bool {
        let (failures, left_over) = (self.failures.take(), std::mem::take(&mut self.left_over));
        if self.live.is_some() && self.text().len() > MAX_BYTES {
            self.live = None;
            // They may fit without the counts.
            (self.failures, self.left_over) = (failures, left_over);
            return true;
        }
        failures.is_some() || !left_over.is_empty()
    }
}

/// Returns the name of a step among those of all tenants.
fn step(tenant: &str, name: &str) -> String {
    format!("{tenant} {name}")
}

impl Look {
    /// Returns what the subscription called `name` was, if it is missing now; `existing` is what exists now of each entry
    /// with `forEach`.
    pub(super) fn before(&self, name: &str, existing: &BTreeMap<String, Existing>) -> Before {
        if let Some(since) = self.missing.lost.get(name) {
            return Before::There(*since);
        }
        let entry = name.split('/').next().unwrap_or_default();
        if self.is_new(entry) || self.missing.has_never_been(name) {
            return Before::New;
        }
        let before = self.missing.existing.get(entry).filter(|_| name.contains('/'));
        match before {
            Some(before) if before.is_same(existing.get(entry).unwrap_or(&Existing::default())) => {
                Before::New
            }
            Some(before) if before.is_of_earlier() => Before::There(None),
            _ => Before::There(Some(self.at)),
        }
    }

    /// Returns what existed of an entry; nothing for a new entry.
    pub(super) fn existing(&self, entry: &str) -> Option<Existing> {
        let existing = self.missing.existing.get(entry).cloned();
        (!self.is_new(entry)).then(|| existing.unwrap_or_else(Existing::unknown))
    }

    fn is_new(&self, entry: &str) -> bool {
        let entries = self.entries.as_ref();
        entries.is_some_and(|known| !known.contains(&digest(entry, DIGEST)))
    }
}

/// What a missing subscription was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// It never existed.
    New,
    /// It existed, and was last seen at this time, if known.
    There(Option<Timestamp>),
}

/// How many characters of a digest are stored. Among 600 entries, a new one hardly ever looks like an old one.
const DIGEST: usize = 4;

/// How many earlier versions of the configuration are needed at most: Secrets Manager may drop a version that was replaced.
const MAX_NEEDED: usize = 3;

/// How many digests of a kind are stored.
const MAX_STORED: usize = 100;

/// A tenant of which so many bytes are stored is dropped before what tells of all tenants.
const LARGE: usize = 500;

/// What a standard parameter holds (AWS Systems Manager, *parameter tiers*: 4 KB), with some room to spare.
const MAX_BYTES: usize = 4_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscription::plan::existing::by_entry;

    #[test]
    fn an_entry_that_is_new_in_the_configuration_is_not_lost() {
        let state = state(BTreeMap::new());
        for (version, name, expected) in [
            ("v1", "mail", Before::There(Some(at()))),
            ("v1", "mail/1", Before::There(Some(at()))),
            ("v2", "mail/1", Before::There(Some(at()))),
            ("v2", "added", Before::New),
            ("v2", "added/1", Before::New),
        ] {
            let look = state.of("contoso", version).unwrap();
            assert_eq!(look.before(name, &BTreeMap::new()), expected, "{version} {name}");
        }
    }

    #[test]
    fn missing_subscriptions_survive_in_the_stored_state() {
        let earlier: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let lost = BTreeMap::from([
            ("mail/lost".to_owned(), Some(earlier)),
            ("mail/unsure".to_owned(), None),
        ]);
        let missing = Missing::of(std::iter::once("mail/new"), lost, BTreeMap::new());
        let state = state(BTreeMap::from([
            ("contoso".to_owned(), Some(missing)),
            ("unseen".to_owned(), None),
        ]));
        let state = StoredState::parse(&state.into_text());
        let look = state.of("contoso", "v1").unwrap();
        assert_eq!(look.before("mail/new", &BTreeMap::new()), Before::New);
        assert_eq!(
            look.before("mail/lost", &BTreeMap::new()),
            Before::There(Some(earlier))
        );
        assert_eq!(look.before("mail/unsure", &BTreeMap::new()), Before::There(None));
        assert_eq!(state.of("unseen", "v1"), None);
        assert_eq!(StoredState::parse("{}").of("contoso", "v1"), None);
        assert_eq!(StoredState::parse("junk").of("contoso", "v1"), None);
    }

    #[test]
    fn the_state_always_fits_into_a_parameter() {
        let many = |count: usize| Missing {
            lost: (0..count)
                .map(|number| (format!("mail/{number:036}"), None))
                .collect(),
            ..Missing::default()
        };
        let state = state(BTreeMap::from([
            ("large".to_owned(), Some(many(10_000))),
            ("small".to_owned(), Some(many(3))),
        ]));
        let text = state.into_text();
        assert!(text.len() <= 4_096, "{}", text.len());
        let state = StoredState::parse(&text);
        assert_eq!(state.of("large", "v1"), None, "in doubt a loss is reported");
        assert!(state.of("small", "v1").is_some());
    }

    #[test]
    fn existing_subscriptions_are_dropped_before_missing_ones() {
        let names: Vec<String> = (0..400).map(|number| format!("entry-{number}/1")).collect();
        let existing = by_entry(names.iter().map(String::as_str));
        let missing = Missing::of(std::iter::once("mail/new"), BTreeMap::new(), existing);
        let state = state(BTreeMap::from([("contoso".to_owned(), Some(missing))]));
        let look = StoredState::parse(&state.into_text())
            .of("contoso", "v1")
            .unwrap();
        assert_eq!(look.before("mail/new", &BTreeMap::new()), Before::New);
        assert_eq!(
            look.before("entry-1/2", &by_entry(std::iter::once("entry-1/1"))),
            Before::There(Some(at())),
            "in doubt a loss is reported"
        );
    }

    #[test]
    fn thousands_of_guests_without_a_mailbox_hide_nothing_else() {
        let guests: Vec<String> = (0..5_000).map(|number| format!("mail/{number:036}")).collect();
        let missing = Missing::of(
            guests.iter().map(String::as_str),
            BTreeMap::new(),
            BTreeMap::new(),
        );
        let mut live = LiveCounts::default();
        live.record("contoso", 12);
        let state = state(BTreeMap::from([("contoso".to_owned(), Some(missing))]));
        let state = state.with_counts(live, Some("abcd".to_owned()));
        let state = StoredState::parse(&state.into_text());
        assert!(state.has_seen("contoso", "v1"));
        assert!(matches!(state.last_look("contoso"), StoredLook::At(_)));
        assert_eq!(state.failures(), Some("abcd"));
        let look = state.of("contoso", "v1").unwrap();
        assert_eq!(look.before(&guests[0], &BTreeMap::new()), Before::New);
    }

    #[test]
    fn one_tenant_with_much_is_dropped_before_the_counts_of_all() {
        let lost = (0..200)
            .map(|number| (format!("mail/{number:036}"), None))
            .collect();
        let missing = Missing::of(std::iter::empty(), lost, BTreeMap::new());
        let mut live = LiveCounts::default();
        live.record("contoso", 12);
        live.record("small", 1);
        let state = state(BTreeMap::from([("contoso".to_owned(), Some(missing))]));
        let state = StoredState::parse(&state.with_counts(live, Some("abcd".to_owned())).into_text());
        assert_eq!(state.last_look("contoso"), StoredLook::Unknown);
        assert!(matches!(state.last_look("small"), StoredLook::At(_)));
        assert_eq!(state.failures(), Some("abcd"));
        assert!(state.has_seen("contoso", "v1"), "its brake holds");
    }

    #[test]
    fn a_tenant_whose_changes_are_not_made_has_not_seen_the_version() {
        let state = state(BTreeMap::new()).with_unsettled(std::iter::once("contoso"));
        let state = StoredState::parse(&state.into_text());
        assert!(!state.has_seen("contoso", "v1"));
        assert!(state.has_seen("other", "v1") && !state.has_seen("other", "v2"));
    }

    /// One of them may have a secret that has ended.
    #[test]
    fn the_counts_of_five_hundred_tenants_fit() {
        let state = large(500, |_| 12);
        let text = state.into_text();
        assert!(text.len() <= 4_096, "{}", text.len());
        let state = StoredState::parse(&text);
        let StoredLook::At(look) = state.last_look("tenant-7") else {
            panic!("{text}");
        };
        assert_eq!((look.at, look.live), (at(), 12));
        assert_eq!(state.last_look("new"), StoredLook::Never);
        assert!(state.failures().is_some());
    }

    #[test]
    fn counts_that_do_not_fit_are_unknown_and_not_zero() {
        let state = large(500, |number| number * 3);
        let text = state.into_text();
        assert!(text.len() <= 4_096, "{}", text.len());
        let state = StoredState::parse(&text);
        assert_eq!(state.live(), None);
        assert!(state.failures().is_some(), "they fit without the counts");
        for tenant in ["tenant-7", "new"] {
            assert_eq!(state.last_look(tenant), StoredLook::Unknown, "{tenant}");
        }
    }

    #[test]
    fn a_tenant_whose_look_is_not_stored_is_unknown() {
        let state = state(BTreeMap::from([("contoso".to_owned(), None)]));
        let mut live = LiveCounts::default();
        live.record("contoso", 12);
        let state = state.with_counts(live, None);
        assert_eq!(state.last_look("contoso"), StoredLook::Unknown);
        assert_eq!(StoredState::unread().last_look("contoso"), StoredLook::Unknown);
    }

    /// Returns a state with an entry with `forEach` in each tenant, and with the counts of the tenants.
    fn large(tenants: usize, live: impl Fn(usize) -> usize) -> StoredState {
        let mut counts = LiveCounts::default();
        let name = |number: usize| format!("tenant-{number}");
        let looks = (0..tenants).map(|number| {
            counts.record(&name(number), live(number));
            let missing = Missing {
                existing: by_entry(std::iter::once("mail/1")),
                ..Missing::default()
            };
            (name(number), Some(missing))
        });
        let looks = looks.collect();
        state(looks).with_counts(counts, Some("abcd".repeat(100)))
    }

    fn state(tenants: BTreeMap<String, Option<Missing>>) -> StoredState {
        let config = serde_json::json!({
            "tenants": {"contoso": {
                "tenantId": "11111111-2222-3333-4444-555555555555", "clientId": "66666666-7777-8888-9999-000000000000",
                "credential": {"clientSecret": "s"},
            }},
            "subscriptions": {"mail": {
                "resource": "/users/{id}/messages", "changeType": "created", "forEach": {"users": "all"},
            }},
        });
        let (config, _) = Config::parse(&config.to_string()).unwrap();
        StoredState::default().after("v1", &config, at(), tenants)
    }

    fn at() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }
}
