//! The line of a report about a `forEach` entry.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Line;

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
    /// How many subscriptions each action was applied to, without failures.
    pub counts: BTreeMap<&'static str, usize>,
    /// How many subscriptions failed.
    pub failed: usize,
    /// How many objects have no subscription for a reason that nobody here can change.
    pub skipped: usize,
    /// How many subscriptions are left for the next run.
    pub unfinished: usize,
    /// When the first of its subscriptions expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_expiry: Option<Timestamp>,
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

    /// Adds what happened to one of the subscriptions.
    pub(super) fn add(&mut self, line: Line) {
        match (&line.error, line.unfinished) {
            _ if line.skipped.is_some() => self.skipped += 1,
            (Some(_), _) => self.failed += 1,
            (None, true) => self.unfinished += 1,
            (None, false) => *self.counts.entry(line.action).or_default() += 1,
        }
        if line.action != "delete" {
            let expiries = self.next_expiry.into_iter().chain(line.next_end());
            self.next_expiry = expiries.min();
        }
        let is_of_note = line.error.is_some() || !matches!(line.action, "keep");
        if is_of_note {
            self.lines.push(line);
        }
    }

    /// Sorts the lines, failures first, and keeps at most `room` of them.
    pub(super) fn close(&mut self, room: usize) {
        self.lines
            .sort_by_key(|line| (line.error.is_none(), line.skipped.is_none(), line.unfinished));
        self.more = self.lines.len();
        self.lines.truncate(LINES.min(room));
        self.more -= self.lines.len();
    }
}

/// How many lines one entry shows.
const LINES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Report, TenantLine};

    #[test]
    fn ten_thousand_subscriptions_are_a_few_lines_with_the_failures_first() {
        let mut report = Report::default();
        let lines = (0..10_000).map(|number| Line {
            name: format!("mail/{number:05}"),
            action: if number % 2 == 0 { "create" } else { "keep" },
            error: (number >= 9_990).then(|| "x".repeat(1000)),
            expires_at: Some(Timestamp::from_second(1_800_000_000 + number).unwrap()),
            ..Line::default()
        });
        report.add(TenantLine::default(), Vec::new(), lines.collect());
        let many = &report.for_each[0];
        assert_eq!((many.failed, report.failed), (10, 10));
        assert_eq!(many.counts, BTreeMap::from([("create", 4995), ("keep", 4995)]));
        assert_eq!((many.lines.len(), many.more), (20, 4985));
        assert!(many.lines[..10].iter().all(|line| line.error.is_some()));
        assert_eq!(many.lines[10].name, "mail/00000");
        assert_eq!(many.next_expiry.unwrap().as_second(), 1_800_000_000);
        assert!(report.subscriptions.is_empty());
    }

    #[test]
    fn many_failing_entries_stay_within_lambdas_response_limit() {
        let mut report = Report::default();
        let lines = (0..100_000).map(|number| Line {
            name: format!("entry-{}/{number}", number % 400),
            action: "create",
            reason: "r".repeat(100),
            error: Some("e".repeat(1000)),
            ..Line::default()
        });
        report.add(TenantLine::default(), Vec::new(), lines.collect());
        let bytes = serde_json::to_string(&report).unwrap().len();
        assert!(bytes < 2_000_000, "{bytes}");
        assert_eq!(report.failed, 100_000);
    }
}
