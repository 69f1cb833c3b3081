//! Every alarm over time: quiet in ordinary cases, and on in the case that its runbook describes.

use std::collections::BTreeMap;

use graph_core::notification::collection::MAX_ITEMS;
use serde_json::Value;

use super::{
    evaluated::{RULES, on, on_until},
    expanded::{hardened, plain_with_conditions},
    file, referred,
    resolved::resolve,
    resources, yaml,
};

#[test]
fn every_alarm_is_quiet_in_ordinary_cases_and_on_in_its_own() {
    for (name, alarm) in alarms() {
        let (_, quiet, loud) = CASES
            .iter()
            .find(|(known, ..)| *known == name)
            .unwrap_or_else(|| panic!("what is the case of {name}, and what is an ordinary one?"));
        for rules in RULES {
            let end = |values: &[(u64, i64)]| values.iter().map(|(minute, _)| *minute).max().unwrap();
            let of = |values| on_until(&alarm, values, end(values), rules);
            assert_eq!(of(quiet), [0; 0], "{name} in an ordinary case");
            assert!(!of(loud).is_empty(), "{name} in its own case");
        }
    }
}

/// CloudWatch notifies when the state changes, and a metric that is only written above 0 has no value that ends the alarm: the
/// first failure must not hold it on until the second.
#[test]
fn a_second_failure_notifies_again() {
    for (name, minutes) in [
        ("NewFailureAlarm", 10),
        ("UndeliveredAlarm", 10),
        ("FailedAlarm", 10),
        ("ReadForbiddenAlarm", 45),
    ] {
        let alarm = &alarms()[name];
        for rules in RULES {
            let first = on_until(alarm, &[(0, 1)], minutes - 1, rules);
            let both = on_until(alarm, &[(0, 1), (minutes, 1)], minutes, rules);
            let ended = *first.last().unwrap();
            assert!(ended < minutes, "{name} is on until {ended}");
            assert!(*both.last().unwrap() > minutes, "{name}: {both:?}");
        }
    }
}

/// The webhook is public: anybody can have each of these counted.
#[test]
fn one_forged_post_an_hour_wakes_nobody() {
    let items = i64::try_from(MAX_ITEMS).unwrap();
    let forged: Vec<(u64, i64)> = (0..24).map(|hour| (60 * hour, items)).collect();
    let mut seen = 0;
    for (name, alarm) in alarms() {
        let metric = alarm["Properties"]["MetricName"].as_str().unwrap_or_default();
        if metric.starts_with("Rejected") {
            assert_eq!(on(&alarm, &forged), [0; 0], "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 2);
}

/// Graph repeats it (Microsoft Graph, *receive change notifications through webhooks*).
#[test]
fn one_failed_post_at_night_wakes_nobody() {
    for name in ["WebhookErrorAlarm", "WebhookFunctionErrorAlarm"] {
        let alarm = &alarms()[name];
        assert_eq!(on(alarm, &[(0, 1), (180, 1)]), [0; 0], "{name}");
        // Graph's second try fails as well.
        assert!(!on(alarm, &[(0, 1), (45, 1)]).is_empty(), "{name}");
    }
}

/// The tool hides what it lists for half a minute, and a message that is hidden is still in the queue.
#[test]
fn an_operator_who_lists_a_queue_hears_of_nothing_new() {
    for (grown, held) in [
        ("UndeliveredAlarm", "UndeliveredQueueAlarm"),
        ("FailedAlarm", "FailedQueueAlarm"),
    ] {
        let (visible, hidden) = ([7, 7, 0, 7, 7, 7], [0, 0, 7, 0, 0, 0]);
        let alarms = alarms();
        assert_eq!(on(&alarms[grown], &grows(&visible, &hidden)), [0; 0], "{grown}");
        assert_eq!(
            on(&alarms[held], &minutes(&visible)),
            [1, 2, 3, 4, 5, 6],
            "{held}"
        );
        // One more arrives while the others are hidden.
        let (visible, hidden) = ([7, 7, 1, 8, 8, 8], [0, 0, 7, 0, 0, 0]);
        assert_eq!(on(&alarms[grown], &grows(&visible, &hidden)), [3], "{grown}");
    }
}

/// SQS leaves a message out of the age from its fourth receive on (Amazon SQS, *available CloudWatch metrics*).
#[test]
fn a_message_that_is_retried_is_no_backlog() {
    let template = resolve(plain_with_conditions(), &[]);
    let mut seen = 0;
    for (name, alarm) in alarms() {
        if alarm["Properties"]["MetricName"] != "ApproximateAgeOfOldestMessage" {
            continue;
        }
        let queue = referred(&alarm["Properties"]["Dimensions"][0]["Value"]).unwrap();
        let hidden = number(&template["Resources"][queue]["Properties"]["VisibilityTimeout"]);
        let retried = (0..=3 * hidden / 60).map(age).chain([(3 * hidden / 60 + 1, 0)]);
        assert_eq!(on(&alarm, &retried.collect::<Vec<_>>()), [0; 0], "{name}");
        let threshold = number(&alarm["Properties"]["Threshold"]);
        let waiting: Vec<_> = (0..=threshold / 60 + 20).map(age).collect();
        assert!(!on(&alarm, &waiting).is_empty(), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 4);
}

/// Returns the age of a message that arrived at minute 0.
fn age(minute: u64) -> (u64, i64) {
    (minute, i64::try_from(60 * minute).unwrap())
}

/// Returns by how much a queue grew in each minute, as `DIFF(visible + hidden)` has it.
fn grows(visible: &[i64], hidden: &[i64]) -> Vec<(u64, i64)> {
    let held: Vec<i64> = visible
        .iter()
        .zip(hidden)
        .map(|(one, other)| one + other)
        .collect();
    let grown = held.windows(2).map(|pair| pair[1] - pair[0]);
    (1..).zip(grown).collect()
}

fn minutes(values: &[i64]) -> Vec<(u64, i64)> {
    (0..).zip(values.iter().copied()).collect()
}

fn number(value: &Value) -> u64 {
    let text = || value.as_str()?.parse().ok();
    value.as_u64().or_else(text).unwrap()
}

/// Returns all alarms, that of the event bus included.
pub fn alarms() -> BTreeMap<String, Value> {
    let bus = yaml::parse(&file("functions/event-bus.yaml"));
    let both = [hardened(), &bus].map(|template| resources(template, "AWS::CloudWatch::Alarm"));
    let named = both.into_iter().flatten();
    named
        .map(|(name, alarm)| (name.to_owned(), alarm.clone()))
        .collect()
}

/// An alarm with the values of its metric by the minute in an ordinary case, and in the case of its runbook.
type Case = (&'static str, &'static [(u64, i64)], &'static [(u64, i64)]);

const CASES: [Case; 38] = [
    // One POST fails, and Graph repeats it. Or it fails again.
    ("WebhookErrorAlarm", &[(0, 1)], &[(0, 1), (45, 1)]),
    ("WebhookFunctionErrorAlarm", &[(0, 1)], &[(0, 1), (45, 1)]),
    // Nobody hears of it; a deployment has five minutes.
    ("DeploymentErrorAlarm", &[(0, 0)], &[(0, 1)]),
    // A cold start is the only POST of its five minutes. Or every tenth POST is slow for a quarter of an hour.
    (
        "WebhookLatencyAlarm",
        &[(0, 100), (60, 100)],
        &[(0, 10), (5, 10), (10, 10)],
    ),
    // A burst. Or a flood.
    ("ThrottledAlarm", &[(0, 500)], &[(0, 500), (5, 500)]),
    // Renewal creates 100,000 subscriptions within an hour. Or a flood of handshakes below every throttle.
    (
        "RequestsAlarm",
        &[(0, 9_000), (5, 9_000), (10, 9_000)],
        &[(0, 270_000), (5, 270_000)],
    ),
    // A burst that decryption works off. Or nobody receives.
    (
        "NotificationAgeAlarm",
        &[(0, 60), (1, 500), (2, 30)],
        &[(0, 601), (1, 661), (2, 721)],
    ),
    // One retry. Or a cause that lasts: a try every three minutes.
    ("RetriedAlarm", &[(0, 1)], &[(0, 1), (3, 1), (6, 1)]),
    ("DecryptionErrorAlarm", &[(0, 1)], &[(0, 1), (3, 1), (6, 1)]),
    // One start of an instance is too many. Or no concurrency is left: a receive every three minutes.
    ("DecryptionThrottledAlarm", &[(0, 1)], &[(0, 1), (3, 1), (6, 1)]),
    ("RenewalThrottledAlarm", &[(0, 1)], &[(0, 1), (15, 1)]),
    ("ReaderThrottledAlarm", &[(0, 1)], &[(0, 1), (30, 1)]),
    // One try fails. Or tries fail every quarter of an hour.
    (
        "LifecycleAgeAlarm",
        &[(0, 900), (1, 960)],
        &[(0, 3_001), (1, 3_061), (2, 3_121)],
    ),
    ("LifecycleRetriedAlarm", &[(0, 1)], &[(0, 1), (15, 1)]),
    (
        "ReadAgeAlarm",
        &[(0, 1_800), (5, 2_100)],
        &[(0, 6_001), (5, 6_301), (10, 6_601)],
    ),
    (
        "ReadRetriedAlarm",
        &[(0, 1), (30, 1)],
        &[(0, 1), (30, 1), (60, 1), (90, 1)],
    ),
    // A missing permission. Graph refuses at the first read, and nothing repeats it.
    ("ReadForbiddenAlarm", &[(0, 0)], &[(0, 1)]),
    ("ReaderErrorAlarm", &[(0, 1)], &[(0, 1), (30, 1)]),
    // The consumer restarts. Or it is down.
    (
        "DeliveryAgeAlarm",
        &[(0, 600), (1, 20)],
        &[(0, 3_601), (1, 3_661), (2, 3_721)],
    ),
    // Nothing arrives by itself in these queues.
    ("UndeliveredQueueAlarm", &[(0, 0)], &[(0, 1)]),
    ("FailedQueueAlarm", &[(0, 0)], &[(0, 1)]),
    // A person moves messages back. Or one more arrives.
    ("UndeliveredAlarm", &[(1, -5)], &[(1, 1)]),
    ("FailedAlarm", &[(1, -5)], &[(1, 1)]),
    // The pipe repeats one call. Or the bus does not exist.
    ("EventBusAlarm", &[(0, 1)], &[(0, 1), (3, 1), (6, 1)]),
    // One run does not finish. Or the next one does not either.
    ("RenewalErrorAlarm", &[(0, 1)], &[(0, 1), (10, 1)]),
    (
        "RenewalAbsentAlarm",
        &[(0, 1), (10, 0), (20, 1)],
        &[(0, 0), (10, 0), (20, 0)],
    ),
    // The next run cures it. Or it does not.
    ("RenewalFailureAlarm", &[(0, 1), (10, 0)], &[(0, 1), (10, 1)]),
    ("NewFailureAlarm", &[(0, 0)], &[(10, 1)]),
    ("DeletionsHeldAlarm", &[(0, 0)], &[(0, 6)]),
    ("LeftOverAlarm", &[(0, 0)], &[(0, 9)]),
    ("SubscriptionAlarm", &[(0, 0)], &[(0, 1)]),
    // A run creates it. Or none does for more than an hour.
    (
        "SubscriptionMissingAlarm",
        &[(0, 1), (10, 0), (60, 0)],
        &[(0, 1), (60, 1)],
    ),
    // A few go. Or a quarter.
    ("SubscriptionDropAlarm", &[(0, 5)], &[(0, 25)]),
    ("ExpiryAlarm", &[(0, 60)], &[(0, 13)]),
    // One POST with as many forged items as fit. Or a sender who goes on.
    ("RejectedAlarm", &[(0, 10_000)], &[(0, 10_000), (5, 10_000)]),
    ("RejectedPostsAlarm", &[(0, 10_000)], &[(0, 101), (5, 101)]),
    ("UnknownKeyAlarm", &[(0, 0)], &[(0, 1)]),
    // One change an hour, with `SilenceAlarmMinutes` 60.
    ("SilenceAlarm", &[(0, 1), (50, 1), (100, 1)], &[(0, 1), (70, 0)]),
];
