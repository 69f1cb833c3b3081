//! What a run found and did: the function's return value.

use std::collections::BTreeMap;

use graph_core::subscription::{
    config::{Problem, Severity},
    expiry::Expiry,
};
use graph_edge::{
    graph::{GraphError, GraphErrorKind},
    telemetry::causes,
};
use jiff::Timestamp;
use serde::Serialize;

pub(crate) use self::entries::entries;
pub use self::{
    entries::{Effect, EntryLine, Need},
    many::ManyLine,
    margin::Margin,
};

mod entries;
mod many;
mod margin;

/// The report of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether nothing was changed: what follows is what a run would do.
    pub dry_run: bool,
    /// How many tenants, entries and subscriptions something failed for, and how many problems are errors. Whatever is not
    /// zero calls for a person.
    pub failed: usize,
    /// How many subscriptions there are none of, for a reason that nobody here can change: their objects have no mailbox, or a
    /// policy keeps the application away from them.
    pub skipped: usize,
    /// How many subscriptions are left for the next run: time did not suffice, or the configuration has changed meanwhile.
    pub unfinished: usize,
    /// How many subscriptions each action was taken for, failures left out.
    pub counts: BTreeMap<&'static str, usize>,
    /// When the first subscription ends, unless it is renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_expiry: Option<Timestamp>,
    /// The least of the days that are left in `expiries`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    /// The credentials and keys in use, and when they end.
    pub expiries: Vec<Expiry>,
    /// What is wrong in the configuration, or about to end.
    pub problems: Vec<Problem>,
    /// The keys that the run made, and those that it removed.
    pub keys: Vec<String>,
    /// What was found in each tenant.
    pub tenants: Vec<TenantLine>,
    /// What was done about each subscription that an entry stands for by itself, tenant by tenant, soonest expiry first.
    pub subscriptions: Vec<Line>,
    /// What was done about entries that stand for many.
    pub for_each: Vec<ManyLine>,
    /// For how long renewals may fail, by tenant and lifetime.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub margins: Vec<Margin>,
    /// In a dry run, what would change about each entry, and what it needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<EntryLine>,
}

impl Report {
    /// Adds problems. Errors among them are failures.
    pub(crate) fn note(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            self.failed += usize::from(problem.severity == Severity::Error);
            self.problems.push(problem);
        }
    }

    /// Adds what ends by itself, and what a person has to do about it.
    pub(crate) fn foresee(&mut self, expiries: Vec<Expiry>) {
        self.days_left = expiries.iter().filter_map(|expiry| expiry.days_left).min();
        self.note(expiries.iter().filter_map(Expiry::problem));
        self.expiries = expiries;
    }

    /// Adds what happened in a tenant: `many` are its entries that stand for many.
    pub(crate) fn add(&mut self, tenant: TenantLine, many: Vec<ManyLine>, lines: Vec<Line>) {
        self.failed += usize::from(tenant.error.is_some());
        let mut by_entry: BTreeMap<String, ManyLine> =
            many.into_iter().map(|line| (line.name.clone(), line)).collect();
        for line in lines {
            if line.action != "delete" {
                self.next_expiry = self.next_expiry.into_iter().chain(line.next_end()).min();
            }
            match (&line.error, line.unfinished) {
                _ if line.skipped.is_some() => self.skipped += 1,
                (Some(_), _) => self.failed += 1,
                (None, true) => self.unfinished += 1,
                (None, false) => *self.counts.entry(line.action).or_default() += 1,
            }
            match line.name.split_once('/') {
                None => self.subscriptions.push(line),
                Some((entry, _)) => by_entry
                    .entry(entry.to_owned())
                    .or_insert_with(|| ManyLine::new(entry, &tenant.tenant))
                    .add(line),
            }
        }
        self.tenants.push(tenant);
        for mut line in by_entry.into_values() {
            self.failed += usize::from(line.error.is_some());
            let shown: usize = self.for_each.iter().map(|line| line.lines.len()).sum();
            line.close(MOST_LINES.saturating_sub(shown));
            self.for_each.push(line);
        }
    }
}

/// What was found in a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantLine {
    /// The tenant's name in the configuration.
    pub tenant: String,
    /// How many subscriptions Graph lists for the application.
    pub listed: usize,
    /// How many of them are not ours, and are left alone.
    pub others: usize,
    /// Whether the configuration no longer has the tenant, so that its subscriptions are to go.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub taken_out: bool,
    /// Why nothing could be done in the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What was done about a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The subscription's name.
    pub name: String,
    /// The tenant's name in the configuration.
    pub tenant: String,
    /// `create`, `renew`, `replace`, `adopt`, `delete` or `keep`.
    pub action: &'static str,
    /// Why.
    pub reason: String,
    /// What the entry asks to watch, or what is watched where nothing is asked for or done; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The changes that are watched, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_type: Option<String>,
    /// Graph's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// When the subscription ends; in a dry run, when it would end if this were done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// In a dry run, when the subscription ends if nothing is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Whether the action is left for the next run.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
    /// The time in which notifications may have been lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// Why the action failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why there is no subscription, where nobody here can change that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

impl Line {
    /// Returns when the subscription ends, if no later run renews it.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        self.ends_at.or(self.expires_at)
    }
}

/// A time in which notifications may have been lost. `DeliveryQueue` has an event about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// When it began; nothing where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// When it was over.
    pub until: Timestamp,
}

/// Returns what an operator needs to know about a failed call: what it means, Graph's own words, code and request id.
pub(crate) fn describe(error: &GraphError) -> String {
    let mut text = causes(error);
    if let Some(message) = error.kind.message() {
        text = format!("{text}: {message}");
    }
    if let GraphErrorKind::Throttled {
        retry_after: Some(wait),
    } = &error.kind
    {
        text = format!("{text}; Graph asks to wait {} s", wait.as_secs());
    }
    let code = error.code.as_ref().map(|code| format!("code {code}"));
    let request_id = error.request_id.as_ref().map(|id| format!("request id {id}"));
    let details: Vec<String> = [code, request_id].into_iter().flatten().collect();
    if details.is_empty() {
        text
    } else {
        format!("{text} ({})", details.join(", "))
    }
}

/// How many lines the entries that stand for many show together: Lambda takes 6 MB for an answer.
const MOST_LINES: usize = 1000;
