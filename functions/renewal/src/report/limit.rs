//! The size of a report: AWS Lambda refuses a response that is too large, and the run would count as failed.

use serde_json::{Value, json};

use super::Report;

impl Report {
    /// Returns the report as JSON. If it is too large, each list is shortened until it fits; what needs a person stays.
    pub(crate) fn into_json(self) -> Result<Value, serde_json::Error> {
        let mut report = serde_json::to_value(self)?;
        let mut most = MOST_LINES;
        while most > 0 && report.to_string().len() > MAX_BYTES {
            most /= 2;
            shorten(&mut report, most);
        }
        Ok(report)
    }
}

/// Shortens each list to `most` lines, in their present order. The member `more` says how many lines of each are left out.
fn shorten(report: &mut Value, most: usize) {
    let Some(members) = report.as_object_mut() else {
        return;
    };
    let Value::Object(mut more) = members.remove("more").unwrap_or_else(|| json!({})) else {
        return;
    };
    for (name, list) in members.iter_mut() {
        let Value::Array(lines) = list else { continue };
        let left_out = u64::try_from(lines.len().saturating_sub(most)).unwrap_or_default();
        if left_out == 0 {
            continue;
        }
        let mut kept: Vec<(usize, Value)> = std::mem::take(lines).into_iter().enumerate().collect();
        kept.sort_by_key(|(_, line)| rank(line));
        kept.truncate(most);
        kept.sort_by_key(|(position, _)| *position);
        lines.extend(kept.into_iter().map(|(_, line)| line));
        let before = more.get(name).and_then(Value::as_u64).unwrap_or_default();
        more.insert(name.clone(), json!(before + left_out));
    }
    members.insert("more".to_owned(), Value::Object(more));
}

/// Returns the rank of a line: what needs a person comes first, and what says that nothing has changed comes last.
fn rank(line: &Value) -> (bool, bool, bool, i64) {
    let text = |name: &str| line.get(name).and_then(Value::as_str);
    let number = |name: &str| line.get(name).and_then(Value::as_i64);
    let is_for_person = text("error").is_some()
        || text("severity") == Some("error")
        || number("failed").is_some_and(|failed| failed > 0);
    let is_unchanged = text("action") == Some("keep") || text("effect") == Some("unchanged");
    // The expiries and margins that end first.
    let left = number("daysLeft").or_else(|| number("survivesMinutes"));
    (
        !is_for_person,
        text("skipped").is_none(),
        is_unchanged,
        left.unwrap_or(i64::MAX),
    )
}

/// Of how many lines a list keeps half at first where the report is too large.
const MOST_LINES: usize = 1 << 14;

/// AWS Lambda accepts responses of 6 MB (AWS Lambda, *quotas*).
const MAX_BYTES: usize = 5_000_000;

#[cfg(test)]
mod tests {
    use graph_core::subscription::config::{Problem, Severity};

    use super::*;
    use crate::report::{Effect, EntryLine, Line, Margin, TenantLine};

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
