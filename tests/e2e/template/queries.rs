//! The queries of docs/operations.md for CloudWatch Logs Insights, on lines as the functions, AWS Lambda and API Gateway write
//! them.

use serde_json::{Value, json};

use super::{file, template};

#[test]
fn the_query_shows_what_failed_and_nothing_else() {
    let query = query("fields ");
    let (_, filter) = query.split_once("| filter ").unwrap();
    let filter = filter.lines().next().unwrap();
    for (line, is_shown) in [
        (
            json!({"level": "WARN", "fields": {"message": "Subscription mail lapsed"}}),
            true,
        ),
        (json!({"level": "ERROR", "fields": {"message": "no key"}}), true),
        (json!({"level": "INFO", "fields": {"message": "done"}}), false),
        // A line of metrics.
        (json!({"_aws": {}, "Admitted": 1}), false),
        (report("timeout"), true),
        // Out of memory, or a crash.
        (report("error"), true),
        (report("failure"), true),
        (report("success"), false),
    ] {
        assert_eq!(holds(filter, &line), is_shown, "{line}");
    }
}

/// What a query sorts or counts by has to be a field of its lines.
#[test]
fn the_query_of_senders_uses_fields_of_the_access_log() {
    let query = query("stats ");
    let (_, by) = query.lines().next().unwrap().split_once(" by ").unwrap();
    let log = template()["Resources"]["HttpApi"]["Properties"]["AccessLogSettings"]["Format"].to_string();
    let names: Vec<&str> = by.split(", ").map(str::trim).collect();
    assert!(names.contains(&"ip") && names.contains(&"status"), "{names:?}");
    for name in names {
        assert!(
            log.contains(&format!("\\\"{name}\\\":")),
            "{name} is not in {log}"
        );
    }
}

/// Returns the query that begins with these words, without its indentation.
fn query(start: &str) -> String {
    let text = file("docs/operations.md");
    let (_, rest) = text.split_once(&format!("```\n  {start}")).unwrap();
    let query = rest.split("```").next().unwrap().replace("\n  ", "\n");
    query.trim_end().to_owned()
}

/// Returns Lambda's own line after an invocation (AWS Lambda, *telemetry API*), which has no level.
fn report(status: &str) -> Value {
    json!({"time": "2026-11-28T10:00:00Z", "type": "platform.report",
        "record": {"requestId": "r-1", "status": status, "metrics": {"durationMs": 30_000.0}}})
}

/// Returns whether a filter holds for a line: of alternatives, each of conditions that all have to hold.
fn holds(filter: &str, line: &Value) -> bool {
    filter.split(" or ").any(|part| {
        let part = part.trim_start_matches('(').strip_suffix(')').unwrap_or(part);
        part.split(" and ").all(|condition| is_true(condition, line))
    })
}

fn is_true(condition: &str, line: &Value) -> bool {
    let value = |name: &str| line.pointer(&format!("/{}", name.replace('.', "/")));
    if let Some(name) = condition.strip_prefix("ispresent(") {
        return value(name.trim_end_matches(')')).is_some();
    }
    if let Some((name, expected)) = condition.split_once(" != ") {
        let expected: Value = serde_json::from_str(expected).unwrap();
        return value(name) != Some(&expected);
    }
    let (name, list) = condition.split_once(" in ").unwrap();
    let list: Vec<Value> = serde_json::from_str(list).unwrap();
    value(name).is_some_and(|value| list.contains(value))
}
