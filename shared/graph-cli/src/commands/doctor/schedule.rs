//! The runs of renewal.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::call::{get, post};
use crate::{
    commands::Context,
    doctor::{Finding, judge::schedule as judge},
    signed::{LOGS, SCHEDULER},
};

pub(super) async fn schedule(context: &Context) -> Finding {
    let schedules = context
        .stack
        .resources(&context.aws, "AWS::Scheduler::Schedule")
        .await;
    let schedules = match schedules {
        Ok(schedules) => schedules,
        Err(failure) => return Finding::unknown("schedule", failure.text),
    };
    let Some(name) = schedules.first() else {
        return Finding::wrong(
            "schedule",
            "the stack has no schedule",
            "Deploy it again:\nsam deploy",
        );
    };
    // The physical id is the name, or the group and the name.
    let name = name.rsplit(['/', '|']).next().unwrap_or_default();
    match get(&context.aws, SCHEDULER, format!("/schedules/{name}")).await {
        Ok(answer) => judge::schedule(&answer),
        Err(failure) => Finding::unknown("schedule", failure.text),
    }
}

/// Searches the log for the end of the last run, dry runs excluded.
pub(super) async fn last_run(context: &Context, configuration: &Value) -> Finding {
    let now = Timestamp::now();
    let variable = |pointer: &str| configuration.pointer(pointer).and_then(Value::as_str);
    let Some(group) = variable("/LoggingConfig/LogGroup") else {
        return Finding::unknown("last run", "the log group of RenewalFunction is unknown");
    };
    let since = now - judge::MAX_LOOKBACK;
    let mut event = json!({
        "logGroupName": group, "startTime": since.as_millisecond(), "filterPattern": "\"Run finished\"",
    });
    let mut last = None;
    // Pages may be empty and still not be the last.
    for _ in 0..MAX_PAGES {
        match post(&context.aws, LOGS, "Logs_20140328.FilterLogEvents", &event).await {
            Ok(mut answer) => {
                last = last.max(ended(&answer));
                let Some(next) = answer
                    .get_mut("nextToken")
                    .map(Value::take)
                    .filter(Value::is_string)
                else {
                    break;
                };
                if let Some(members) = event.as_object_mut() {
                    members.insert("nextToken".to_owned(), next);
                }
            }
            Err(failure) => return Finding::unknown("last run", failure.text),
        }
    }
    // After as long without a run, RenewalAbsentAlarm goes off.
    let minutes = context.stack.parameter("RenewalMinutes");
    let minutes: i64 = minutes.and_then(|minutes| minutes.parse().ok()).unwrap_or(10);
    let longest = minutes.max(10).saturating_mul(3);
    let level = context.stack.parameter("LogLevel").unwrap_or_default();
    judge::last_run(last, level, SignedDuration::from_mins(longest), now)
}

/// Returns the end of the last run in a page of log events.
fn ended(answer: &Value) -> Option<Timestamp> {
    let events = answer
        .get("events")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let ended = events.filter(|event| is_end_of_run(event.get("message").and_then(Value::as_str)));
    let at = |event: &Value| Timestamp::from_millisecond(event.get("timestamp")?.as_i64()?).ok();
    ended.filter_map(at).max()
}

/// Returns whether a log line, as JSON or text, reports a run that was not a dry run.
fn is_end_of_run(line: Option<&str>) -> bool {
    let line = line.unwrap_or_default();
    let is_dry = ["\"dry_run\":true", "dry_run=true"]
        .iter()
        .any(|mark| line.contains(mark));
    line.contains("Run finished") && !is_dry
}

/// Maximum number of log pages.
const MAX_PAGES: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_real_run_is_found_in_both_log_formats() {
        let line = |timestamp: i64, message: &str| json!({"timestamp": timestamp, "message": message});
        let answer = json!({"events": [
            line(1000, r#"{"fields":{"message":"Run finished: {}, 0 failed","dry_run":false}}"#),
            line(2000, "INFO Run finished: {}, 0 failed failed=0 dry_run=false"),
            line(3000, r#"{"fields":{"message":"Run finished: {}, 0 failed","dry_run":true}}"#),
            line(4000, "INFO Run finished: {}, 0 failed failed=0 dry_run=true"),
            line(5000, "INFO Something else"),
        ]});
        assert_eq!(ended(&answer), Timestamp::from_second(2).ok());
    }
}
