//! Renewal's plan as text.

use std::{collections::BTreeMap, fmt::Write};

use jiff::Timestamp;
use serde_json::Value;

use super::columns::{shortened, wrapped};

/// Returns a line for each step in the report of a dry run, the sums with their reasons, and renewal's warnings.
pub(crate) fn text(report: &Value, now: Timestamp) -> String {
    let mut text = "Renewal's plan, from {\"dryRun\": true}:\n".to_owned();
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in list(report, "subscriptions") {
        let of = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
        let action = of("action");
        let _ = writeln!(
            text,
            "  {:3} {:14} {:27} {:23} {:>5}",
            sign(action),
            of("name"),
            shortened(of("resource"), 27),
            of("changeType"),
            lifetime(of("expiresAt"), now),
        );
        *reasons.entry((action, of("reason"))).or_default() += 1;
    }
    for ((action, reason), count) in reasons {
        let sum = format!("  {:3} {count} to {action}, because {reason}", sign(action));
        let _ = writeln!(text, "{}", wrapped(&sum, "      "));
    }
    for problem in list(report, "problems") {
        let of = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
        let warning = format!("  {}: {}: {}", of("severity"), of("path"), of("message"));
        let _ = writeln!(text, "{}", wrapped(&warning, "      "));
    }
    text
}

/// Returns the elements of a list in the report.
fn list<'a>(report: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let list = report.get(name).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// Returns the sign of an action.
fn sign(action: &str) -> &'static str {
    match action {
        "create" => "+",
        "renew" => "~",
        "replace" => "-/+",
        "delete" => "-",
        _ => "",
    }
}

/// Returns how long a subscription lives, in its largest unit.
fn lifetime(expires_at: &str, now: Timestamp) -> String {
    let Ok(end) = expires_at.parse::<Timestamp>() else {
        return String::new();
    };
    // The plan is some seconds old, so that a whole hour is slightly less by now.
    let minutes = end.duration_since(now).as_mins() + 1;
    match minutes {
        ..120 => format!("{minutes} min"),
        120..2880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / (24 * 60)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::columns::COLUMNS, *};

    #[test]
    fn each_step_has_its_sign_and_each_reason_its_sum() {
        let line = |name: &str, action: &str, reason: &str| {
            json!({
                "name": name, "action": action, "reason": reason, "resource": "/users", "changeType": "updated",
                "expiresAt": "2026-11-25T10:00:00Z",
            })
        };
        let text = shown(&json!({"subscriptions": [
            line("a", "create", "there is none"),
            line("b", "create", "there is none"),
            line("c", "delete", "no entry asks for it"),
            line("d", "replace", "Graph has removed it"),
        ]}));
        let lines: Vec<&str> = text.lines().collect();
        let columns: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(columns, ["+", "a", "/users", "updated", "3", "d"]);
        assert!(lines[3].starts_with("  -   c "), "{text}");
        assert!(lines[4].starts_with("  -/+ d "), "{text}");
        assert_eq!(lines[5], "  + 2 to create, because there is none");
        assert_eq!(lines.len(), 8);
    }

    #[test]
    fn warnings_of_renewal_are_shown() {
        let text = shown(&json!({"problems": [
            {"severity": "warning", "path": "subscriptions.alerts", "message": "this API is retired"},
        ]}));
        assert!(
            text.contains("  warning: subscriptions.alerts: this API is retired\n"),
            "{text}"
        );
    }

    #[test]
    fn the_plan_fits_into_80_columns() {
        let text = shown(&json!({
            "subscriptions": [{
                "name": "conversations1", "action": "replace", "reason": "word ".repeat(30), "resource": "/x".repeat(60),
                "changeType": "created,updated,deleted", "expiresAt": "2026-12-25T10:00:00Z",
            }],
            "problems": [{"severity": "warning", "path": "subscriptions.a", "message": "word ".repeat(30)}],
        }));
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS), "{text}");
    }

    #[test]
    fn a_lifetime_is_in_its_largest_unit() {
        let of = |end| lifetime(end, NOW.parse().unwrap());
        assert_eq!(of("2026-11-22T10:59:58Z"), "60 min");
        assert_eq!(of("2026-11-23T09:59:58Z"), "24 h");
        assert_eq!(of("2026-12-21T09:59:58Z"), "29 d");
        assert_eq!(of(""), "");
    }

    fn shown(report: &Value) -> String {
        text(report, NOW.parse().unwrap())
    }

    const NOW: &str = "2026-11-22T10:00:00Z";
}
