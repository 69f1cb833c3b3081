//! Renewal's plan in words.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

/// Returns a line for each thing that renewal is going to do by the report of a dry run, and the sums with the reasons.
pub(crate) fn text(report: &Value) -> String {
    let mut text = "Renewal's plan, from {\"dryRun\": true}:\n".to_owned();
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in report
        .get("subscriptions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let of = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
        let action = of("action");
        let sign = match action {
            "create" => "+",
            "renew" => "~",
            "replace" => "-/+",
            "delete" => "-",
            _ => " ",
        };
        let _ = writeln!(
            text,
            "  {sign:3} {action:7} {:14} {:48} {:23} until {}",
            of("name"),
            shortened(of("resource")),
            of("changeType"),
            of("expiresAt"),
        );
        *reasons.entry((action, of("reason"))).or_default() += 1;
    }
    for ((action, reason), count) in reasons {
        let _ = writeln!(text, "  {count} to {action}, because {reason}");
    }
    text
}

/// Returns the beginning of a resource.
fn shortened(resource: &str) -> String {
    if resource.chars().count() <= RESOURCE {
        return resource.to_owned();
    }
    resource.chars().take(RESOURCE - 1).chain(['…']).collect()
}

/// How much of a resource is shown.
const RESOURCE: usize = 48;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_step_has_its_sign_and_each_reason_its_sum() {
        let line = |name: &str, action: &str, reason: &str| {
            json!({
                "name": name, "action": action, "reason": reason, "resource": "/users", "changeType": "updated",
                "expiresAt": "2026-11-25T10:00:00Z",
            })
        };
        let text = text(&json!({"subscriptions": [
            line("a", "create", "there is none"),
            line("b", "create", "there is none"),
            line("c", "delete", "no entry asks for it"),
            line("d", "replace", "Graph has removed it"),
        ]}));
        let lines: Vec<&str> = text.lines().collect();
        let columns: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(
            columns,
            [
                "+",
                "create",
                "a",
                "/users",
                "updated",
                "until",
                "2026-11-25T10:00:00Z"
            ]
        );
        assert!(lines[3].starts_with("  -   delete  c "), "{text}");
        assert!(lines[4].starts_with("  -/+ replace d "), "{text}");
        assert_eq!(lines[5], "  2 to create, because there is none");
        assert_eq!(lines.len(), 8);
    }

    #[test]
    fn a_long_resource_is_shown_by_its_beginning() {
        assert_eq!(shortened("/users"), "/users");
        let short = shortened(&"x".repeat(100));
        assert_eq!((short.chars().count(), short.ends_with('…')), (48, true));
    }
}
