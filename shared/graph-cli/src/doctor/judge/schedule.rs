//! The runs of renewal.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::{Finding, member};
use crate::timespan::age;

/// Judges the schedule.
#[must_use]
pub fn schedule(answer: &Value) -> Finding {
    let check = "schedule";
    let expression = member(answer, "/ScheduleExpression");
    if member(answer, "/State") == "ENABLED" {
        return Finding::ok(check, format!("enabled: {expression}"));
    }
    Finding::wrong(
        check,
        "the schedule of renewal is disabled",
        "Enable it in EventBridge Scheduler, or deploy again:\nsam deploy",
    )
}

/// Judges the end of the last run of renewal.
#[must_use]
pub fn last_run(ended: Option<Timestamp>, level: &str, longest: SignedDuration, now: Timestamp) -> Finding {
    let check = "last run";
    let advice = "The function's log says why. To run renewal now:\ngraph-notifications apply";
    // Renewal logs the end of a run as information.
    if ended.is_none() && matches!(level.to_ascii_uppercase().as_str(), "WARN" | "ERROR" | "FATAL") {
        let text = format!(
            "at LogLevel {level} the log does not show the ends of runs; RenewalAbsentAlarm counts runs"
        );
        return Finding::unknown(check, text);
    }
    match ended {
        None => Finding::wrong(
            check,
            format!(
                "no run of renewal finished in the last {} h",
                MAX_LOOKBACK.as_hours()
            ),
            advice,
        ),
        Some(ended) if now.duration_since(ended) > longest => Finding::wrong(
            check,
            format!("the last run of renewal ended {} ago", age(ended, now)),
            advice,
        ),
        Some(ended) => Finding::ok(check, format!("ended {} ago", age(ended, now))),
    }
}

/// How far back the log is searched for a run of renewal.
pub const MAX_LOOKBACK: SignedDuration = SignedDuration::from_hours(24);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::super::State, *};

    #[test]
    fn a_missing_or_old_run_is_wrong() {
        let now = Timestamp::UNIX_EPOCH;
        let longest = SignedDuration::from_mins(30);
        for (minutes, state) in [
            (None, State::Wrong),
            (Some(29), State::Ok),
            (Some(31), State::Wrong),
        ] {
            let ended = minutes.map(|minutes| now - SignedDuration::from_mins(minutes));
            assert_eq!(last_run(ended, "INFO", longest, now).state, state);
        }
    }

    #[test]
    fn a_run_that_is_not_logged_is_not_reported_as_missing() {
        let longest = SignedDuration::from_mins(30);
        let found = last_run(None, "WARN", longest, Timestamp::UNIX_EPOCH);
        assert_eq!(found.state, State::Unknown);
    }

    #[test]
    fn a_disabled_schedule_is_wrong() {
        assert_eq!(schedule(&json!({"State": "DISABLED"})).state, State::Wrong);
        assert_eq!(
            schedule(&json!({"State": "ENABLED", "ScheduleExpression": "rate(10 minutes)"})).state,
            State::Ok
        );
    }
}
