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
use serde::Serialize;

pub(crate) use self::entries::entries;
pub use self::{
    entries::{Effect, EntryLine, Need},
    line::Line,
    many::ManyLine,
    margin::Margin,
};
use crate::result::StepResult;
pub use crate::result::{Lost, Tally};

mod entries;
mod limit;
mod line;
mod many;
mod margin;

/// The report of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether nothing was changed: the report says what a run would do.
    pub dry_run: bool,
    /// The sums over all subscriptions. Tenants and entries that failed, and problems that are errors, count as failures
    /// too, and lists for which the time was too short as unfinished.
    #[serde(flatten)]
    pub tally: Tally,
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
            self.tally.failed += usize::from(problem.severity == Severity::Error);
            self.problems.push(problem);
        }
    }

    /// Adds the expiries of credentials and keys, and a problem for each that needs a person.
    pub(crate) fn foresee(&mut self, expiries: Vec<Expiry>) {
        self.days_left = expiries.iter().filter_map(|expiry| expiry.days_left).min();
        self.note(expiries.iter().filter_map(Expiry::problem));
        self.expiries = expiries;
    }

    /// Adds the results of a tenant's steps: `many` has its `forEach` entries.
    pub(crate) fn add(&mut self, tenant: TenantLine, many: Vec<ManyLine>, results: &[StepResult]) {
        self.tally.failed += usize::from(tenant.error.is_some());
        self.tally.unfinished += usize::from(tenant.unfinished);
        let mut by_entry: BTreeMap<String, (ManyLine, Vec<&StepResult>)> = many
            .into_iter()
            .map(|line| (line.name.clone(), (line, Vec::new())))
            .collect();
        for result in results {
            self.tally.add(result);
            let Some((entry, _)) = result.step.name.split_once('/') else {
                self.subscriptions.push(Line::of(result, &tenant.tenant));
                continue;
            };
            let of_entry = by_entry
                .entry(entry.to_owned())
                .or_insert_with(|| (ManyLine::new(entry, &tenant.tenant), Vec::new()));
            of_entry.1.push(result);
        }
        for (mut line, results) in by_entry.into_values() {
            self.tally.failed += usize::from(line.error.is_some());
            self.tally.unfinished += line.tally.unfinished;
            let shown: usize = self.for_each.iter().map(|line| line.lines.len()).sum();
            line.add(results, MAX_REPORT_LINES.saturating_sub(shown));
            self.for_each.push(line);
        }
        self.tenants.push(tenant);
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
    /// Whether the list of its subscriptions is left for the next run: the time was too short.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
    /// Why the run could not handle the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
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
const MAX_REPORT_LINES: usize = 1000;
