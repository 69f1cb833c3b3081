//! The report of a run of renewal, as its function returns it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::effect::Live;

pub mod plan;
pub mod status;

/// The report; docs/configuration.md describes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Report {
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Number of failed tenants, entries and subscriptions, and of problems that are errors.
    pub failed: usize,
    /// Number of objects that cannot have a subscription.
    pub skipped: usize,
    /// Number of subscriptions left for the next run.
    pub unfinished: usize,
    /// Number of subscriptions by action.
    pub counts: BTreeMap<String, usize>,
    /// The credentials and keys in use.
    pub expiries: Vec<Expiry>,
    /// Mistakes in the configuration, and credentials that expire soon.
    pub problems: Vec<Problem>,
    /// Keys that the run created and removed.
    pub keys: Vec<String>,
    /// The result in each tenant.
    pub tenants: Vec<TenantLine>,
    /// The result for each subscription of an entry without `forEach`.
    pub subscriptions: Vec<Line>,
    /// The result for each entry with `forEach`.
    pub for_each: Vec<ForEachLine>,
    /// How long all renewals may fail.
    pub margins: Vec<Margin>,
    /// The entries; only in a dry run.
    pub entries: Vec<EntryLine>,
    /// Number of lines of each list that the report leaves out, because it would be too large.
    pub more: BTreeMap<String, usize>,
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

/// A permission that an entry needs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Need {
    /// `resource`, or `forEach` for the list of objects.
    #[serde(rename = "for")]
    pub purpose: String,
    /// The sufficient permissions, the least privileged first.
    pub any_of: Vec<String>,
    /// `granted`, `missing` or `unknown`, by the access token.
    pub state: String,
}

/// How long all renewals may fail before a subscription lapses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Margin {
    /// The tenant's name.
    pub tenant: String,
    /// Number of subscriptions.
    pub subscriptions: usize,
    /// Their lifetime.
    pub lifetime_minutes: i64,
    /// How long renewals may fail.
    pub survives_minutes: Option<i64>,
    /// The same in words.
    pub summary: String,
    /// The same without Graph's limits, if these shorten it.
    pub unlimited_minutes: Option<i64>,
}

/// A credential or key.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Expiry {
    /// Its kind.
    pub what: String,
    /// Its tenant.
    pub tenant: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// Whole days until it expires.
    pub days_left: Option<i64>,
}

/// A mistake, or a credential that expires soon.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Problem {
    /// Its path in the configuration.
    pub path: String,
    /// The mistake, and what to do.
    pub message: String,
    /// `error` or `warning`.
    pub severity: String,
}

/// The result in a tenant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TenantLine {
    /// The name.
    pub tenant: String,
    /// Number of listed subscriptions.
    pub listed: usize,
    /// Number of listed subscriptions that are not this stack's.
    pub others: usize,
    /// Whether the run had no time to list its subscriptions.
    pub unfinished: bool,
    /// Why the tenant failed.
    pub error: Option<String>,
}

impl TenantLine {
    /// Returns why its subscriptions are not known; nothing if they are listed.
    #[must_use]
    pub fn unlisted(&self) -> Option<&str> {
        let late = "the run had no time to list its subscriptions; the next one tries again";
        self.error.as_deref().or(self.unfinished.then_some(late))
    }
}

/// The result for a subscription.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Line {
    /// The name.
    pub name: String,
    /// The tenant's name.
    pub tenant: String,
    /// `create`, `renew`, `replace`, `adopt`, `delete` or `keep`.
    pub action: String,
    /// The reason.
    pub reason: String,
    /// The resource.
    pub resource: Option<String>,
    /// The change types.
    pub change_type: Option<String>,
    /// Graph's id.
    pub subscription_id: Option<String>,
    /// Its expiry; in a dry run, the expiry after this action.
    pub expires_at: Option<Timestamp>,
    /// Its expiry without this action; only in a dry run.
    pub ends_at: Option<Timestamp>,
    /// Whether the action is left for the next run.
    pub unfinished: bool,
    /// Why the action failed.
    pub error: Option<String>,
    /// Why the object cannot have a subscription.
    pub skipped: Option<String>,
}

/// The result for an entry with `forEach`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForEachLine {
    /// The entry's name.
    pub name: String,
    /// The tenant's name.
    pub tenant: String,
    /// Number of objects.
    pub objects: usize,
    /// Number of subscriptions by action.
    pub counts: BTreeMap<String, usize>,
    /// Number of failures.
    pub failed: usize,
    /// The first expiry.
    pub next_expiry: Option<Timestamp>,
    /// Why the objects could not be listed.
    pub error: Option<String>,
    /// The lines that need attention.
    pub lines: Vec<Line>,
    /// Number of further lines.
    pub more: usize,
}

impl Report {
    /// Returns the subscriptions that exist.
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
        let unlisted = self.tenants.iter().filter(|line| line.unlisted().is_some());
        Live {
            counts,
            unlisted: unlisted.map(|line| line.tenant.clone()).collect(),
            is_unknown: false,
        }
    }
}
