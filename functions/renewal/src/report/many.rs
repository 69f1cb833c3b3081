//! The line of a report about a `forEach` entry.

use serde::Serialize;

use super::Line;
use crate::result::{Status, StepResult, Tally};

/// The result for a `forEach` entry: sums, and the lines worth reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManyLine {
    /// The entry's name.
    pub name: String,
    /// The tenant's name in the configuration.
    pub tenant: String,
    /// How many objects it has.
    pub objects: usize,
    /// How many of them have no subscription on purpose: `problems` says why.
    pub left_out: usize,
    /// The sums over its subscriptions.
    #[serde(flatten)]
    pub tally: Tally,
    /// Why its objects could not be listed. Until they can, existing subscriptions are renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The first failed subscriptions, then the first others that were changed.
    pub lines: Vec<Line>,
    /// How many further lines are not shown.
    pub more: usize,
}

impl ManyLine {
    pub(crate) fn new(name: &str, tenant: &str) -> Self {
        Self {
            name: name.to_owned(),
            tenant: tenant.to_owned(),
            ..Self::default()
        }
    }

    /// Adds the results of its subscriptions. Failures are shown first, and at most `room` lines.
    pub(super) fn add(&mut self, results: Vec<&StepResult>, room: usize) {
        for result in &results {
            self.tally.add(result);
        }
        let is_of_note =
            |result: &&StepResult| matches!(result.status, Status::Failed(_)) || result.action() != "keep";
        let mut shown: Vec<&StepResult> = results.into_iter().filter(is_of_note).collect();
        // The sort is stable: within a status the order of the results stays.
        shown.sort_by_key(|result| result.status.rank());
        let room = LINES.min(room);
        self.more = shown.len().saturating_sub(room);
        let shown = shown.into_iter().take(room);
        self.lines = shown.map(|result| Line::of(result, &self.tenant)).collect();
    }
}

/// How many lines one entry shows.
const LINES: usize = 20;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use graph_core::subscription::plan::{Action, Reason, Step};
    use jiff::Timestamp;

    use super::*;
    use crate::report::{Report, TenantLine};

    #[test]
    fn ten_thousand_subscriptions_are_a_few_lines_with_the_failures_first() {
        let mut report = Report::default();
        let results = (0..10_000).map(|number| {
            let status = if number >= 9_990 {
                Status::Failed("x".repeat(1000))
            } else {
                Status::Done
            };
            let action = if number % 2 == 0 { "create" } else { "keep" };
            StepResult {
                expires_at: Some(Timestamp::from_second(1_800_000_000 + number).unwrap()),
                ..result(format!("mail/{number:05}"), action, status)
            }
        });
        report.add(TenantLine::default(), Vec::new(), &results.collect::<Vec<_>>());
        let many = &report.for_each[0];
        assert_eq!((many.tally.failed, report.tally.failed), (10, 10));
        assert_eq!(
            many.tally.counts,
            BTreeMap::from([("create", 4995), ("keep", 4995)])
        );
        assert_eq!((many.lines.len(), many.more), (20, 4985));
        assert!(many.lines[..10].iter().all(|line| line.error.is_some()));
        assert_eq!(many.lines[10].name, "mail/00000");
        assert_eq!(many.tally.next_expiry.unwrap().as_second(), 1_800_000_000);
        assert!(report.subscriptions.is_empty());
    }

    #[test]
    fn many_failing_entries_stay_within_lambdas_response_limit() {
        let mut report = Report::default();
        let results = (0..100_000).map(|number| {
            let name = format!("entry-{}/{number}", number % 400);
            result(name, "create", Status::Failed("e".repeat(1000)))
        });
        report.add(TenantLine::default(), Vec::new(), &results.collect::<Vec<_>>());
        let bytes = serde_json::to_string(&report).unwrap().len();
        assert!(bytes < 2_000_000, "{bytes}");
        assert_eq!(report.tally.failed, 100_000);
    }

    fn result(name: String, action: &'static str, status: Status) -> StepResult {
        let step = Step {
            name,
            action: Action::Keep(String::new()),
            reason: Reason::Missing,
            resource: None,
            change_type: None,
            expires_at: None,
            lifetime: None,
        };
        StepResult {
            otherwise: Some((action, "r".repeat(100))),
            ..StepResult::of(step, status)
        }
    }
}
