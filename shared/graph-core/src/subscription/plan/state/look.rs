//! The last look at one tenant: which subscriptions were missing, and which existed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ALL, DIGEST, MAX_STORED, has, step};
use crate::subscription::plan::{digest::digest, existing::Existing};

/// The subscriptions of a tenant that were missing at a look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Missing {
    /// The names of single entries that never had one.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) new: BTreeSet<String>,
    /// The digests of objects that never had one, the first of them: guests without a mailbox may be thousands.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) new_objects: String,
    /// Those that were lost, with the time of their last sight, if known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::subscription::plan) lost: BTreeMap<String, Option<Timestamp>>,
    /// Those of the lost that may have a successor of which consumers have not heard.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(in crate::subscription::plan) followed: BTreeSet<String>,
    /// What existed of each entry with `forEach`; nothing for an entry of which that is not known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::subscription::plan) existing: BTreeMap<String, Existing>,
}

impl Missing {
    /// Returns what was missing: names that `never` had a subscription, and those that `lost` theirs.
    pub(in crate::subscription::plan) fn of<'n>(
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
            followed: BTreeSet::new(),
            existing,
        }
    }

    /// Adds which of the lost subscriptions may have a successor of which consumers have not heard.
    pub(in crate::subscription::plan) fn with_followed(self, names: &BTreeSet<String>) -> Self {
        let followed = names.iter().filter(|name| self.lost.contains_key(*name));
        Self {
            followed: followed.cloned().collect(),
            ..self
        }
    }

    pub(super) fn has_never_been(&self, name: &str) -> bool {
        self.new.contains(name) || has(&self.new_objects, name)
    }

    /// Returns how many bytes of a parameter it takes.
    pub(super) fn size(&self) -> usize {
        serde_json::to_string(self).map_or(0, |text| text.len())
    }
}

/// The stored look at one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub(in crate::subscription::plan) at: Timestamp,
    pub(in crate::subscription::plan) missing: Missing,
    /// The digests of the entries at that time, with their tenants; nothing if they are those of today.
    pub(super) entries: Option<BTreeSet<String>>,
    /// The digests of the subscriptions in all tenants that were deleted because their objects were absent, or will be.
    pub(super) absent: String,
    pub(super) tenant: String,
}

impl Look {
    /// Returns what the subscription called `name` was, if it is missing now; `existing` is what exists now of each entry
    /// with `forEach`.
    pub(in crate::subscription::plan) fn before(
        &self,
        name: &str,
        existing: &BTreeMap<String, Existing>,
    ) -> Before {
        if let Some(since) = self.missing.lost.get(name) {
            return Before::There(*since);
        }
        if has(&self.absent, &step(&self.tenant, name)) {
            return Before::There(None);
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
    pub(in crate::subscription::plan) fn existing(&self, entry: &str) -> Option<Existing> {
        let existing = self.missing.existing.get(entry).cloned();
        (!self.is_new(entry)).then(|| existing.unwrap_or_else(Existing::unknown))
    }

    fn is_new(&self, entry: &str) -> bool {
        let Some(known) = &self.entries else { return false };
        let is_known = |tenant: &str| known.contains(&digest(&step(tenant, entry), DIGEST));
        !is_known(ALL) && !is_known(&self.tenant)
    }
}

/// What a missing subscription was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::subscription::plan) enum Before {
    /// It never existed.
    New,
    /// It existed, and was last seen at this time, if known.
    There(Option<Timestamp>),
}
