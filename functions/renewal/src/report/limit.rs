//! The size of a report: AWS Lambda refuses a response that is too large, and the run would count as failed.

use graph_core::subscription::config::Severity;
use serde_json::Value;

use super::{Effect, Report};

impl Report {
    /// Returns the report as JSON. If it is too large, each list is shortened until it fits; what needs a person stays.
    pub(crate) fn into_json(mut self) -> Result<Value, serde_json::Error> {
        let mut most = self.longest_list();
        loop {
            let report = serde_json::to_value(&self)?;
            if most == 0 || report.to_string().len() <= MAX_BYTES {
                return Ok(report);
            }
            most /= 2;
            self.shorten_to(most);
        }
    }

    fn longest_list(&self) -> usize {
        let lengths = [
            self.expiries.len(),
            self.problems.len(),
            self.keys.len(),
            self.tenants.len(),
            self.subscriptions.len(),
            self.for_each.len(),
            self.margins.len(),
            self.entries.len(),
        ];
        lengths.into_iter().max().unwrap_or_default()
    }

    /// Shortens each list to `most` lines, and counts what is left out.
    fn shorten_to(&mut self, most: usize) {
        let left_out = [
            (
                "expiries",
                shorten(&mut self.expiries, most, |expiry| {
                    expiry.days_left.unwrap_or(i64::MAX)
                }),
            ),
            (
                "problems",
                shorten(&mut self.problems, most, |problem| {
                    problem.severity != Severity::Error
                }),
            ),
            ("keys", shorten(&mut self.keys, most, |_| ())),
            (
                "tenants",
                shorten(&mut self.tenants, most, |line| line.error.is_none()),
            ),
            (
                "subscriptions",
                shorten(&mut self.subscriptions, most, |line| {
                    (
                        line.error.is_none(),
                        line.skipped.is_none(),
                        line.action == "keep",
                    )
                }),
            ),
            (
                "forEach",
                shorten(&mut self.for_each, most, |line| {
                    line.error.is_none() && line.tally.failed == 0
                }),
            ),
            (
                "margins",
                shorten(&mut self.margins, most, |margin| margin.survives_minutes),
            ),
            (
                "entries",
                shorten(&mut self.entries, most, |line| line.effect == Effect::Unchanged),
            ),
        ];
        for (list, count) in left_out.into_iter().filter(|(_, count)| *count > 0) {
            *self.more.entry(list).or_default() += count;
        }
    }
}

/// Shortens a list to the first lines by their rank, in their present order, and returns how many it leaves out.
fn shorten<T, K: Ord>(list: &mut Vec<T>, most: usize, rank: impl Fn(&T) -> K) -> usize {
    let left_out = list.len().saturating_sub(most);
    let mut lines: Vec<(usize, T)> = std::mem::take(list).into_iter().enumerate().collect();
    lines.sort_by_key(|(_, line)| rank(line));
    lines.truncate(most);
    lines.sort_by_key(|(position, _)| *position);
    list.extend(lines.into_iter().map(|(_, line)| line));
    left_out
}

/// AWS Lambda accepts responses of 6 MB (AWS Lambda, *quotas*).
const MAX_BYTES: usize = 5_000_000;

#[cfg(test)]
mod tests {
    use graph_core::subscription::config::Problem;

    use super::*;
    use crate::report::{EntryLine, Line, Margin, TenantLine};

    #[test]
    fn thousands_of_failing_tenants_stay_within_lambdas_response_limit() {
        let report = large(700, 10);
        let bytes = serde_json::to_string(&report).unwrap().len();
        assert!(bytes > 9_000_000, "{bytes}");
        let json = report.into_json().unwrap();
        assert!(json.to_string().len() <= MAX_BYTES);
        assert_eq!(json["tenants"].as_array().unwrap().len(), 700, "{}", json["more"]);
        let shown = json["subscriptions"].as_array().unwrap();
        assert_eq!(
            shown.len() + usize::try_from(json["more"]["subscriptions"].as_u64().unwrap()).unwrap(),
            7_000
        );
        // Each tenth has failed, and all of these fit.
        let failed: Vec<&str> = shown
            .iter()
            .filter(|line| line.get("error").is_some())
            .map(|line| line["name"].as_str().unwrap())
            .collect();
        assert_eq!(failed.len(), 700);
        assert!(failed.is_sorted(), "in the order of the run");
    }

    #[test]
    fn a_report_that_fits_is_whole() {
        let report = large(10, 10);
        let whole = serde_json::to_value(&report).unwrap();
        assert_eq!(report.into_json().unwrap(), whole);
        assert_eq!(whole.get("more"), None);
    }

    #[test]
    fn texts_without_an_end_do_not_pass_the_limit() {
        let mut report = large(1, 1);
        let problem = |_| Problem {
            path: "p".repeat(1_000_000),
            message: "m".repeat(1_000_000),
            severity: Severity::Error,
        };
        report.note((0..10).map(problem));
        assert!(report.into_json().unwrap().to_string().len() <= MAX_BYTES);
    }

    /// Returns the report of a dry run over `tenants`, each with `entries`, of which the first fails.
    fn large(tenants: usize, entries: usize) -> Report {
        let mut report = Report::default();
        for tenant in (0..tenants).map(|number| format!("tenant-{number:05}")) {
            report.tenants.push(TenantLine {
                tenant: tenant.clone(),
                error: Some("t".repeat(900)),
                ..TenantLine::default()
            });
            for number in 0..entries {
                report.subscriptions.push(Line {
                    name: format!("{tenant}-{number}"),
                    tenant: tenant.clone(),
                    action: "keep",
                    reason: "r".repeat(600),
                    error: (number == 0).then(|| "e".repeat(900)),
                    ..Line::default()
                });
                report.entries.push(EntryLine {
                    name: number.to_string(),
                    tenant: tenant.clone(),
                    effect: Effect::Changed,
                    counts: [("create", 1)].into(),
                    permissions: Vec::new(),
                });
                report.margins.push(Margin {
                    tenant: tenant.clone(),
                    lifetime_minutes: 50,
                    subscriptions: 1,
                    survives_minutes: 25,
                    unlimited_minutes: None,
                    summary: "s".repeat(300),
                });
            }
        }
        report
    }
}
