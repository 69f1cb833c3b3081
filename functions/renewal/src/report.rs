//! The report of a run: the function's return value.

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
    /// Whether nothing was changed: the report says what a run would do.
    pub dry_run: bool,
    /// How many tenants, entries and subscriptions failed, plus the problems that are errors. Every failure needs a
    /// person.
    pub failed: usize,
    /// How many subscriptions do not exist for a reason that nobody here can change: the object has no mailbox, or a
    /// policy blocks the application.
    pub skipped: usize,
    /// How many subscriptions are left for the next run, because the time was too short or the configuration changed.
    pub unfinished: usize,
    /// How many subscriptions each action was applied to, without failures.
    pub counts: BTreeMap<&'static str, usize>,
    /// When the first subscription expires if no later run renews it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_expiry: Option<Timestamp>,
    /// The smallest number of days left in `expiries`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    /// The credentials and keys in use, with their expiry.
    pub expiries: Vec<Expiry>,
    /// The mistakes in the configuration, and credentials that expire soon.
    pub problems: Vec<Problem>,
    /// The keys that the run created or removed.
    pub keys: Vec<String>,
    /// The result for each tenant.
    pub tenants: Vec<TenantLine>,
    /// The result for each subscription of a single entry, tenant by tenant, soonest expiry first.
    pub subscriptions: Vec<Line>,
    /// The result for each `forEach` entry.
    pub for_each: Vec<ManyLine>,
    /// How long renewals may fail without a lapse, by tenant and lifetime.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub margins: Vec<Margin>,
    /// In a dry run, how each entry would change, and which permissions it needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<EntryLine>,
}

impl Report {
    /// Adds problems. Errors count as failures.
    pub(crate) fn note(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            self.failed += usize::from(problem.severity == Severity::Error);
            self.problems.push(problem);
        }
    }

    /// Adds the expiries of credentials and keys, and a problem for each that needs a person.
    pub(crate) fn foresee(&mut self, expiries: Vec<Expiry>) {
        self.days_left = expiries.iter().filter_map(|expiry| expiry.days_left).min();
        self.note(expiries.iter().filter_map(Expiry::problem));
        self.expiries = expiries;
    }

    /// Adds the result of a tenant: `many` has its `forEach` entries, `lines` its subscriptions.
    pub(crate) fn add(&mut self, tenant: TenantLine, many: Vec<ManyLine>, lines: Vec<Line>) {
        self.failed += usize::from(tenant.error.is_some());
        let mut by_entry: BTreeMap<String, ManyLine> =
            many.into_iter().map(|line| (line.name.clone(), line)).collect();
        for line in lines {
            // A subscription that is deleted ends on purpose, so its expiry is not one to watch.
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

/// The result for a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantLine {
    /// The tenant's name in the configuration.
    pub tenant: String,
    /// How many subscriptions Graph lists for the application.
    pub listed: usize,
    /// How many of them belong to others and are left alone.
    pub others: usize,
    /// Whether the tenant was removed from the configuration, so that its subscriptions are deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub taken_out: bool,
    /// Why the run could not handle the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The result for a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The subscription's name.
    pub name: String,
    /// The tenant's name in the configuration.
    pub tenant: String,
    /// `create`, `renew`, `replace`, `adopt`, `delete` or `keep`.
    pub action: &'static str,
    /// Why the action was chosen.
    pub reason: String,
    /// The resource that the entry asks for, or for a kept or unwanted subscription the one that it watches; absent if
    /// unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The change types, from the same source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_type: Option<String>,
    /// Graph's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// When the subscription expires; in a dry run, when it would expire after the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// In a dry run, when the subscription expires without the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Whether the action is left for the next run.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
    /// The period in which notifications may have been lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// Why the action failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why the subscription does not exist, where nobody here can change that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

impl Line {
    /// Returns when the subscription expires, if no later run renews it.
    pub(crate) fn next_end(&self) -> Option<Timestamp> {
        self.ends_at.or(self.expires_at)
    }
}

/// A period in which notifications may have been lost. `DeliveryQueue` has an event about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// When it began; absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// When it ended.
    pub until: Timestamp,
}

/// Returns the text about a failed call for an operator: its meaning, Graph's message, the code and the request id.
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

/// How many lines all `forEach` entries show together: AWS Lambda limits a response to 6 MB.
const MOST_LINES: usize = 1000;
