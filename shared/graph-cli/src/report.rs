//! The report of a run of renewal, as its function returns it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::diff::Live;

pub mod plan;
pub mod status;

/// What a run found and did; docs/configuration.md describes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Report {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// How many tenants, entries and subscriptions something failed for, and problems that are errors.
    pub failed: usize,
    /// How many subscriptions cannot exist.
    pub skipped: usize,
    /// How many are left for the next run.
    pub unfinished: usize,
    /// How many subscriptions each action was taken for.
    pub counts: BTreeMap<String, usize>,
    /// What is in use and when it ends.
    pub expiries: Vec<Expiry>,
    /// What is wrong in the configuration, or about to end.
    pub problems: Vec<Problem>,
    /// Keys that were made and removed.
    pub keys: Vec<String>,
    /// What was found in each tenant.
    pub tenants: Vec<TenantLine>,
    /// What was done about each subscription that an entry stands for by itself.
    pub subscriptions: Vec<Line>,
    /// What was done about entries that stand for many.
    pub for_each: Vec<ManyLine>,
    /// For how long every renewal may fail.
    pub margins: Vec<Margin>,
    /// What each entry needs; of a dry run only.
    pub entries: Vec<EntryLine>,
}

/// An entry in a tenant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EntryLine {
    /// The entry's name.
    pub name: String,
    /// The tenant's name.
    pub tenant: String,
    /// The permissions that it needs.
    pub permissions: Vec<Need>,
}

/// What an entry needs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Need {
    /// What for: `resource`, or `forEach` for the list of its objects.
    #[serde(rename = "for")]
    pub purpose: String,
    /// The permissions of which one is enough, the least privileged first.
    pub any_of: Vec<String>,
    /// What the access token says: `granted`, `missing` or `unknown`.
    pub state: String,
}

/// For how long every renewal may fail before a subscription lapses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Margin {
    /// The tenant's name.
    pub tenant: String,
    /// How many subscriptions.
    pub subscriptions: usize,
    /// How long they live from one renewal to the next.
    pub lifetime_minutes: i64,
    /// For how long renewals may fail.
    pub survives_minutes: Option<i64>,
    /// The same in words.
    pub summary: String,
    /// The time that it would be without Graph's limits, where these shorten it.
    pub unlimited_minutes: Option<i64>,
}

/// Something that ends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Expiry {
    /// What it is.
    pub what: String,
    /// Whose.
    pub tenant: Option<String>,
    /// Which.
    pub id: Option<String>,
    /// Whole days until its end.
    pub days_left: Option<i64>,
}

/// A mistake, or something that is about to end.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Problem {
    /// Where.
    pub path: String,
    /// What, and what to do.
    pub message: String,
    /// `error` or `warning`.
    pub severity: String,
}

/// What was found in a tenant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TenantLine {
    /// Its name.
    pub tenant: String,
    /// How many subscriptions Graph lists.
    pub listed: usize,
    /// How many of them are others'.
    pub others: usize,
    /// Why nothing could be done.
    pub error: Option<String>,
}

/// What was done about a subscription.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its tenant's name.
    pub tenant: String,
    /// `create`, `renew`, `replace`, `adopt`, `delete` or `keep`.
    pub action: String,
    /// Why.
    pub reason: String,
    /// What it watches.
    pub resource: Option<String>,
    /// The changes that it watches.
    pub change_type: Option<String>,
    /// Graph's id.
    pub subscription_id: Option<String>,
    /// When it ends; in a dry run, when it would end if this were done.
    pub expires_at: Option<Timestamp>,
    /// When it ends if nothing is done; of a dry run only.
    pub ends_at: Option<Timestamp>,
    /// Whether it is left for the next run.
    pub unfinished: bool,
    /// Why it failed.
    pub error: Option<String>,
    /// Why it cannot exist.
    pub skipped: Option<String>,
}

/// What was done about an entry that stands for many.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManyLine {
    /// The entry's name.
    pub name: String,
    /// The tenant's name.
    pub tenant: String,
    /// How many objects it stands for.
    pub objects: usize,
    /// How many subscriptions each action was taken for.
    pub counts: BTreeMap<String, usize>,
    /// How many failed.
    pub failed: usize,
    /// When the first of its subscriptions ends.
    pub next_expiry: Option<Timestamp>,
    /// Why its objects could not be listed.
    pub error: Option<String>,
    /// Those that deserve a look.
    pub lines: Vec<Line>,
    /// How many more there would be.
    pub more: usize,
}

impl Report {
    /// Returns what lives.
    #[must_use]
    pub fn live(&self) -> Live {
        let single = self.subscriptions.iter().filter(|line| line.action != "create");
        let single = single.map(|line| ((line.tenant.clone(), line.name.clone()), 1));
        let many = self.for_each.iter().map(|line| {
            let live = line.counts.iter().filter(|(action, _)| *action != "create");
            let live = live.map(|(_, count)| count).sum();
            ((line.tenant.clone(), line.name.clone()), live)
        });
        let mut counts = BTreeMap::new();
        for (key, count) in single.chain(many) {
            *counts.entry(key).or_default() += count;
        }
        let unlisted = self.tenants.iter().filter(|line| line.error.is_some());
        Live {
            counts,
            unlisted: unlisted.map(|line| line.tenant.clone()).collect(),
            is_unknown: false,
        }
    }
}
