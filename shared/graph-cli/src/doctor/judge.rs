//! From what AWS and the webhook said to findings.

use std::time::Duration;

use graph_core::secrets::{ClientStateDocument, DecryptionDocument};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Finding, member};
use crate::{
    config::check::Checked,
    report::{Margin, Report, status},
    terminal::Style,
    timespan::{age, largest},
};

/// Judges the configuration.
#[must_use]
pub fn configuration(text: Option<&str>) -> Finding {
    let check = "configuration";
    let Some(text) = text else {
        let advice = "Write config.json as docs/configuration.md describes: graph-notifications config put config.json";
        return Finding::wrong(check, "ConfigSecret has no content yet", advice);
    };
    let checked = Checked::of(text);
    let lines = checked.text("ConfigSecret", Style::PLAIN);
    let lines = lines.trim_end();
    let advice =
        "graph-notifications config show > config.json, mend it, graph-notifications config put config.json";
    match (checked.errors(), checked.found.len()) {
        (0, 0) => Finding::ok(check, lines),
        (0, _) => Finding::warning(check, lines, ""),
        _ => Finding::wrong(check, lines, advice),
    }
}

/// Judges the two secrets that renewal writes.
#[must_use]
pub fn keys(client_state: Option<&str>, decryption: Option<&str>) -> Finding {
    let check = "keys";
    let (Some(client_state), Some(decryption)) = (client_state, decryption) else {
        return Finding::warning(
            check,
            "no key was made yet",
            "The first run of renewal makes them: graph-notifications apply",
        );
    };
    let states =
        serde_json::from_str::<ClientStateDocument>(client_state).map(|document| document.keys.len());
    let certificates =
        serde_json::from_str::<DecryptionDocument>(decryption).map(|document| document.keys.len());
    let advice =
        "Put its older version back: docs/operations.md, \"Putting an older version of a secret back\".";
    match (states, certificates) {
        (Err(_), _) => Finding::wrong(
            check,
            "ClientStateSecret does not hold what renewal writes",
            advice,
        ),
        (_, Err(_)) => Finding::wrong(
            check,
            "DecryptionSecret does not hold what renewal writes",
            advice,
        ),
        (Ok(0), _) => Finding::wrong(
            check,
            "ClientStateSecret holds no key",
            "graph-notifications apply",
        ),
        (Ok(states), Ok(certificates)) => Finding::ok(
            check,
            format!("{states} client-state keys, {certificates} encryption certificates"),
        ),
    }
}

/// Judges a function by its configuration at Lambda.
#[must_use]
pub fn function(name: &str, configuration: &Value) -> Option<Finding> {
    let (state, update) = (
        member(configuration, "/State"),
        member(configuration, "/LastUpdateStatus"),
    );
    let is_good = matches!(state, "Active" | "Inactive" | "") && matches!(update, "Successful" | "");
    let text = format!("{name} is {state}, its last update {update}");
    (!is_good).then(|| Finding::wrong("functions", text, "Deploy it again: sam deploy"))
}

/// Judges the mappings by which functions read from queues.
#[must_use]
pub fn mappings(answers: &[(String, Value)]) -> Finding {
    let check = "mappings";
    let mut off = Vec::new();
    for (function, answer) in answers {
        let mappings = answer.get("EventSourceMappings").and_then(Value::as_array);
        let mappings = mappings.into_iter().flatten();
        let states: Vec<&str> = mappings.map(|mapping| member(mapping, "/State")).collect();
        if states.is_empty() || states.iter().any(|state| state.starts_with("Disabl")) {
            off.push(function.clone());
        }
    }
    if off.is_empty() {
        return Finding::ok(check, "every function reads from its queue");
    }
    let text = format!(
        "{} does not read from its queue: its event source mapping is disabled",
        off.join(", ")
    );
    let advice = "aws lambda list-event-source-mappings --function-name NAME, then\naws lambda update-event-source-mapping --uuid UUID --enabled";
    Finding::wrong(check, text, advice)
}

/// Judges what a dry run of renewal says of the tenants: logins, permissions, mistakes that only Microsoft can see.
#[must_use]
pub fn tenants(report: &Report) -> Finding {
    let check = "tenants";
    let failed = report
        .tenants
        .iter()
        .filter_map(|tenant| Some((tenant, tenant.error.as_ref()?)));
    let lines: Vec<String> = failed
        .map(|(tenant, error)| format!("{}: {error}", tenant.tenant))
        .collect();
    let (others, all): (usize, usize) = (
        report.tenants.iter().map(|tenant| tenant.others).sum(),
        report.tenants.iter().map(|tenant| tenant.listed).sum(),
    );
    if lines.is_empty() {
        let text = format!(
            "{} can log in; Graph lists {all} subscriptions, {others} of them others'",
            report.tenants.len()
        );
        return Finding::ok(check, text);
    }
    let advice = "Each line says what to do. A new credential: graph-notifications config put config.json";
    Finding::wrong(check, lines.join("\n"), advice)
}

/// Judges what else a dry run of renewal reports, such as permissions that are missing and credentials that end soon.
#[must_use]
pub fn problems(report: &Report) -> Finding {
    let check = "preflight";
    let lines: Vec<String> = report
        .problems
        .iter()
        .map(|problem| format!("{}: {} {}", problem.severity, problem.path, problem.message))
        .collect();
    let is_wrong = report.problems.iter().any(|problem| problem.severity == "error");
    match (lines.is_empty(), is_wrong) {
        (true, _) => Finding::ok(
            check,
            "no permission is missing, as far as tokens say, and nothing ends soon",
        ),
        (_, false) => Finding::warning(check, lines.join("\n"), ""),
        _ => Finding::wrong(check, lines.join("\n"), "graph-notifications plan"),
    }
}

/// Judges credentials by when they end.
#[must_use]
pub fn expiries(report: &Report) -> Finding {
    let check = "credentials";
    let ends = report
        .expiries
        .iter()
        .filter_map(|expiry| Some((expiry.days_left?, expiry)));
    let line = |(days, expiry): &(i64, &crate::report::Expiry)| {
        let whose = expiry
            .tenant
            .clone()
            .or_else(|| expiry.id.clone())
            .unwrap_or_default();
        format!("{} of {whose} ends in {days} days", expiry.what)
    };
    let mut ends: Vec<_> = ends.collect();
    ends.sort_by_key(|(days, _)| *days);
    let soon: Vec<_> = ends
        .iter()
        .filter(|(days, _)| *days < SOON_DAYS)
        .map(line)
        .collect();
    if !soon.is_empty() {
        return Finding::warning(
            check,
            soon.join("\n"),
            "Replace it: docs/operations.md, \"Changing things\".",
        );
    }
    match ends.first() {
        Some(first) => Finding::ok(check, format!("the first to end: {}", line(first))),
        None => Finding::ok(check, "nothing that is known to end"),
    }
}

/// Judges what lives against what is wanted, and how much time is left.
#[must_use]
pub fn subscriptions(report: &Report, now: Timestamp) -> Finding {
    let check = "subscriptions";
    let rows = status::rows(report, None);
    let missing = rows.iter().filter(|row| !row.is_complete()).count();
    let first = rows.iter().filter_map(status::Row::ends_at).min();
    let first = first
        .map(|end| format!("; the first ends in {}", crate::timespan::left(end, now)))
        .unwrap_or_default();
    let text = format!(
        "{} of {} entries are complete{first}",
        rows.len() - missing,
        rows.len()
    );
    let failed: usize = report
        .subscriptions
        .iter()
        .filter(|line| line.error.is_some())
        .count()
        + report.for_each.iter().map(|many| many.failed).sum::<usize>();
    match (rows.len(), missing, failed) {
        (0, ..) => Finding::warning(
            check,
            "the configuration asks for none",
            "graph-notifications config put config.json",
        ),
        (_, 0, 0) => Finding::ok(check, text),
        (_, _, 0) => Finding::wrong(check, text, "graph-notifications apply"),
        _ => Finding::wrong(
            check,
            format!("{text}; {failed} failed"),
            "graph-notifications plan",
        ),
    }
}

/// Judges for how long every renewal may fail.
#[must_use]
pub fn margins(report: &Report) -> Option<Finding> {
    let check = "margins";
    let line = |margin: &Margin| {
        let lifetime = largest(SignedDuration::from_mins(margin.lifetime_minutes));
        let (tenant, count, summary) = (&margin.tenant, margin.subscriptions, &margin.summary);
        format!("{tenant}, {count} that live for {lifetime}: {summary}")
    };
    let lines: Vec<String> = report.margins.iter().map(line).collect();
    let is_short = report
        .margins
        .iter()
        .any(|margin| margin.unlimited_minutes.is_some());
    if lines.is_empty() {
        return None;
    }
    let advice = "So many subscriptions share Graph's limits. Spread them over several applications.";
    Some(if is_short {
        Finding::warning(check, lines.join("\n"), advice)
    } else {
        Finding::ok(check, lines.join("\n"))
    })
}

/// What a handshake came to.
#[derive(Clone, Debug)]
pub enum Handshake {
    /// It was answered: the status, whether the token came back, and how long it took.
    Answered {
        /// The HTTP status.
        status: u16,
        /// Whether the token came back as plain text.
        is_echoed: bool,
        /// How long it took.
        took: Duration,
    },
    /// No answer came.
    Unanswered(String),
}

/// Judges the handshakes of both routes.
#[must_use]
pub fn handshakes(results: &[(String, Handshake)]) -> Finding {
    let check = "handshake";
    let mut lines = Vec::new();
    let (mut is_wrong, mut is_slow) = (false, false);
    for (url, result) in results {
        lines.push(match result {
            Handshake::Answered {
                status: 200,
                is_echoed: true,
                took,
            } => {
                is_slow |= *took > GRAPH_WAITS;
                format!("{url} in {} ms", took.as_millis())
            }
            Handshake::Answered { status, .. } => {
                is_wrong = true;
                format!("{url} answered {status}, not the token")
            }
            Handshake::Unanswered(why) => {
                is_wrong = true;
                format!("{url} did not answer: {why}")
            }
        });
    }
    let lines = lines.join("\n");
    let advice =
        "Graph cannot make subscriptions. Does the name lead to the HTTP API? What does its access log say?";
    match (is_wrong, is_slow) {
        (true, _) => Finding::wrong(check, lines, advice),
        (_, true) => Finding::warning(
            check,
            lines,
            "Graph waits for 3 seconds. Try again: the first call starts an instance.",
        ),
        _ => Finding::ok(check, lines),
    }
}

/// Judges the clock of this machine by the time that AWS says.
#[must_use]
pub fn clock(theirs: Option<Timestamp>, ours: Timestamp) -> Finding {
    let check = "clock";
    let Some(theirs) = theirs else {
        return Finding::unknown(check, "no answer had the time");
    };
    let difference = ours.duration_since(theirs).abs();
    let text = format!("{} s apart from that of AWS", difference.as_secs());
    if difference < CLOCK_TOLERANCE {
        return Finding::ok(check, text);
    }
    Finding::warning(
        check,
        text,
        "Set the clock of this machine: AWS refuses signatures that are five minutes off.",
    )
}

/// Judges the schedule.
#[must_use]
pub fn schedule(answer: &Value) -> Finding {
    let check = "schedule";
    let expression = member(answer, "/ScheduleExpression");
    if member(answer, "/State") == "ENABLED" {
        return Finding::ok(check, expression);
    }
    Finding::wrong(
        check,
        "the schedule of renewal is disabled",
        "Enable it in EventBridge Scheduler, or deploy again: sam deploy",
    )
}

/// Judges when renewal last came to an end.
#[must_use]
pub fn last_run(ended: Option<Timestamp>, longest: SignedDuration, now: Timestamp) -> Finding {
    let check = "last run";
    let advice = "The function's log says why. At once: graph-notifications apply";
    match ended {
        None => Finding::wrong(
            check,
            format!(
                "no run of renewal came to its end in {} h",
                LOOKED_BACK.as_hours()
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

/// Judges the alarms.
#[must_use]
pub fn alarms(answer: &Value) -> Finding {
    let check = "alarms";
    let alarms = answer.get("MetricAlarms").and_then(Value::as_array);
    let alarms: Vec<&Value> = alarms.into_iter().flatten().collect();
    let up = alarms
        .iter()
        .filter(|alarm| member(alarm, "/StateValue") == "ALARM");
    let up: Vec<String> = up
        .map(|alarm| {
            format!(
                "{}: {}",
                member(alarm, "/AlarmName"),
                member(alarm, "/AlarmDescription")
            )
        })
        .collect();
    if up.is_empty() {
        return Finding::ok(check, format!("{} alarms, all off", alarms.len()));
    }
    Finding::wrong(
        check,
        up.join("\n"),
        "docs/operations.md has each under \"Alarms\".",
    )
}

/// Judges how many messages each queue holds: those that wait, and those that are being processed.
#[must_use]
pub fn queues(counts: &[(&'static str, (usize, usize))]) -> Vec<Finding> {
    let count = |name: &str| {
        counts
            .iter()
            .find(|(queue, _)| *queue == name)
            .map_or(0, |(_, (waiting, busy))| waiting + busy)
    };
    let lines: Vec<String> = counts
        .iter()
        .map(|(name, (waiting, busy))| format!("{name} {}", waiting + busy))
        .collect();
    let mut findings = vec![Finding::ok("queues", lines.join(", "))];
    if count("FailedQueue") > 0 {
        let text = format!("FailedQueue holds {}", crate::held::plural(count("FailedQueue")));
        findings.push(Finding::wrong("failed", text, "graph-notifications failed list"));
    }
    if count("UndeliveredQueue") > 0 {
        let text = format!(
            "UndeliveredQueue holds {}",
            crate::held::plural(count("UndeliveredQueue"))
        );
        findings.push(Finding::wrong(
            "undelivered",
            text,
            "graph-notifications undelivered list",
        ));
    }
    findings
}

/// How long back a run of renewal is looked for.
pub const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(24);

/// Graph gives the first try three seconds.
const GRAPH_WAITS: Duration = Duration::from_secs(3);

const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

const SOON_DAYS: i64 = 30;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::State, *};

    #[test]
    fn a_handshake_has_to_echo_the_token_in_time() {
        let answered = |status, is_echoed, seconds| Handshake::Answered {
            status,
            is_echoed,
            took: Duration::from_secs(seconds),
        };
        for (result, state) in [
            (answered(200, true, 1), State::Ok),
            (answered(200, true, 4), State::Warning),
            (answered(200, false, 1), State::Wrong),
            (answered(404, true, 1), State::Wrong),
            (Handshake::Unanswered("no route".to_owned()), State::Wrong),
        ] {
            assert_eq!(handshakes(&[("u".to_owned(), result)]).state, state);
        }
    }

    #[test]
    fn margins_that_graphs_limits_shorten_are_worth_a_look() {
        use serde::Deserialize;
        let of = |margin: Value| {
            let report = Report::deserialize(json!({"margins": [margin]})).unwrap();
            margins(&report).map(|finding| (finding.state, finding.text))
        };
        let found = of(json!({"tenant": "a", "subscriptions": 3, "lifetimeMinutes": 4310, "summary": "s"}));
        assert_eq!(found, Some((State::Ok, "a, 3 that live for 2 d: s".to_owned())));
        let found = of(json!({"summary": "s", "unlimitedMinutes": 20}));
        assert_eq!(found.map(|(state, _)| state), Some(State::Warning));
        assert_eq!(margins(&Report::default()), None);
    }

    #[test]
    fn a_run_that_is_too_long_ago_or_none_is_wrong() {
        let now = Timestamp::UNIX_EPOCH;
        let longest = SignedDuration::from_mins(30);
        for (minutes, state) in [
            (None, State::Wrong),
            (Some(29), State::Ok),
            (Some(31), State::Wrong),
        ] {
            let ended = minutes.map(|minutes| now - SignedDuration::from_mins(minutes));
            assert_eq!(last_run(ended, longest, now).state, state);
        }
    }

    #[test]
    fn a_disabled_schedule_or_mapping_and_an_alarm_that_is_up_are_wrong() {
        assert_eq!(schedule(&json!({"State": "DISABLED"})).state, State::Wrong);
        assert_eq!(
            schedule(&json!({"State": "ENABLED", "ScheduleExpression": "rate(10 minutes)"})).state,
            State::Ok
        );
        let of = |state: &str| {
            mappings(&[("f".to_owned(), json!({"EventSourceMappings": [{"State": state}]}))]).state
        };
        assert_eq!([of("Enabled"), of("Disabled")], [State::Ok, State::Wrong]);
        let of =
            |state: &str| alarms(&json!({"MetricAlarms": [{"AlarmName": "a", "StateValue": state}]})).state;
        assert_eq!([of("OK"), of("ALARM")], [State::Ok, State::Wrong]);
    }

    #[test]
    fn secrets_that_hold_something_else_are_wrong_and_empty_ones_not_yet_made() {
        assert_eq!(keys(None, None).state, State::Warning);
        assert_eq!(
            keys(Some("{}"), Some("{}")).text,
            "ClientStateSecret holds no key"
        );
        assert_eq!(keys(Some("[]]"), Some("{}")).state, State::Wrong);
    }

    #[test]
    fn a_clock_that_is_a_minute_off_is_worth_a_look() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(
            clock(Some(now - SignedDuration::from_secs(59)), now).state,
            State::Ok
        );
        assert_eq!(
            clock(Some(now + SignedDuration::from_secs(61)), now).state,
            State::Warning
        );
    }

    #[test]
    fn queues_that_hold_failures_say_which_command_shows_them() {
        let findings = queues(&[("FailedQueue", (2, 1)), ("DeliveryQueue", (4, 0))]);
        assert_eq!(findings[0].text, "FailedQueue 3, DeliveryQueue 4");
        assert_eq!(findings[1].advice, "graph-notifications failed list");
        assert_eq!(findings.len(), 2);
    }
}
