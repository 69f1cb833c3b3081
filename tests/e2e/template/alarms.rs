//! Every alarm, by the rules that AWS documents: can it go off in the case that its runbook describes?

use std::collections::BTreeMap;

use graph_edge::metrics::Metric;
use serde_json::Value;

use super::{
    expanded::{hardened, plain, without_reader},
    file, referred, resources, template,
};

#[test]
fn every_metric_that_counts_a_failure_has_an_alarm() {
    let alarms = resources(hardened(), "AWS::CloudWatch::Alarm");
    for metric in Metric::ALL {
        let (Watch::Alarm(alarm) | Watch::With(_, alarm)) = watch(*metric) else {
            continue;
        };
        let found = alarms
            .get(alarm)
            .unwrap_or_else(|| panic!("{alarm} is missing for {metric:?}"));
        let Watch::With(sum, _) = watch(*metric) else {
            assert_eq!(metric_of(found), Some(metric.name()), "{alarm}");
            continue;
        };
        assert_eq!(metric_of(found), Some(sum), "{alarm}");
    }
}

/// Who looks at a metric.
enum Watch {
    /// This alarm, at the metric itself.
    Alarm(&'static str),
    /// What is counted here is counted there as well, and that has this alarm.
    With(&'static str, &'static str),
    /// Nobody, for this reason.
    Nobody(#[expect(dead_code, reason = "is for readers")] &'static str),
}

/// Returns who looks at a metric. A new one has to choose.
fn watch(metric: Metric) -> Watch {
    match metric {
        Metric::AdmittedChanges => Watch::Alarm("SilenceAlarm"),
        Metric::Rejected => Watch::Alarm("RejectedAlarm"),
        Metric::RejectedUnknownKey => Watch::Alarm("UnknownKeyAlarm"),
        Metric::RejectedNoClientState | Metric::RejectedClientState | Metric::RejectedMalformed => {
            Watch::With("Rejected", "RejectedAlarm")
        }
        Metric::RejectedPosts => Watch::Alarm("RejectedPostsAlarm"),
        Metric::NotEnqueued | Metric::Undecided => Watch::With("5xx", "WebhookErrorAlarm"),
        Metric::Failed => Watch::Alarm("FailedAlarm"),
        Metric::FailedMalformed
        | Metric::FailedOtherTenant
        | Metric::FailedClientStateRejected
        | Metric::FailedReceiptRejected
        | Metric::FailedSealRejected
        | Metric::FailedTriesUsedUp
        | Metric::FailedTokenMissing
        | Metric::FailedTokenRejected
        | Metric::FailedContentRejected
        | Metric::FailedReaderDisabled
        | Metric::FailedNotConfigured
        | Metric::FailedNotRead
        | Metric::FailedPanicked => Watch::With("Failed", "FailedAlarm"),
        Metric::Retried => Watch::Alarm("RetriedAlarm"),
        Metric::RetriedNoDecryptionKeys
        | Metric::RetriedNoClientStateKeys
        | Metric::RetriedOutOfTime
        | Metric::RetriedUnknownTenant
        | Metric::RetriedUnknownCertificate
        | Metric::RetriedNoSigningKeys
        | Metric::RetriedNotStored => Watch::With("Retried", "RetriedAlarm"),
        Metric::LifecycleRetried => Watch::Alarm("LifecycleRetriedAlarm"),
        Metric::RunSucceeded => Watch::Alarm("RenewalAbsentAlarm"),
        Metric::RunFailures => Watch::Alarm("RenewalFailureAlarm"),
        Metric::TenantsFailed | Metric::EntriesFailed | Metric::DeletionsHeld => {
            Watch::With("RunFailures", "RenewalFailureAlarm")
        }
        Metric::ObjectsSkipped => Watch::Nobody("nobody here can change it"),
        Metric::RunUnfinished => {
            Watch::Nobody("the next run goes on; LeftOverTwice counts what it leaves as well")
        }
        Metric::LeftOverTwice => Watch::Alarm("LeftOverAlarm"),
        Metric::SubscriptionsDropPercent => Watch::Alarm("SubscriptionDropAlarm"),
        Metric::SubscriptionsLive => Watch::Nobody("SubscriptionsDropPercent is made of it"),
        Metric::SubscriptionsMissing => Watch::Alarm("SubscriptionMissingAlarm"),
        Metric::SubscriptionsInDanger => Watch::Alarm("SubscriptionAlarm"),
        Metric::DaysLeft => Watch::Alarm("ExpiryAlarm"),
        Metric::LeastLeftPercent | Metric::SoonestExpiryMinutes => {
            Watch::Nobody("SubscriptionsInDanger is made of them")
        }
        // An operator can do nothing about a list that does not show everything, and about a window that was given up FailedQueue
        // tells him.
        Metric::WindowsIncomplete => Watch::Nobody("CatchUpCompleted tells the consumer what is missing"),
        Metric::FetchRefused => Watch::Nobody("the item is delivered, without content"),
        Metric::ReadRetried => Watch::Alarm("ReadRetriedAlarm"),
        Metric::ReadForbidden => Watch::Alarm("ReadForbiddenAlarm"),
        Metric::CaughtUp | Metric::WindowsComplete | Metric::Fetched => {
            Watch::Nobody("counts what went well")
        }
        Metric::ThrottledCalls => Watch::Nobody("renewal waits and goes on"),
        Metric::Handshakes
        | Metric::Admitted
        | Metric::Enqueued
        | Metric::Delivered
        | Metric::Forwarded
        | Metric::DecryptTime
        | Metric::Age
        | Metric::Created
        | Metric::Renewed => Watch::Nobody("counts what went well"),
    }
}

#[test]
fn every_reason_for_a_retry_has_its_cure_in_the_documents() {
    let operations = file("docs/operations.md");
    let retried = Metric::ALL.iter().map(|metric| metric.name());
    for name in retried.filter(|name| name.starts_with("Retried") && *name != "Retried") {
        assert!(operations.contains(&format!("\n| `{name}` | ")), "{name}");
    }
}

#[test]
fn the_documents_price_as_many_alarms_as_there_are() {
    let [all, without_reader] =
        [plain(), without_reader()].map(|template| resources(template, "AWS::CloudWatch::Alarm").len());
    let priced = format!("{all} alarms (0.10 each; {without_reader} without the reader,");
    let operations = file("docs/operations.md").replace('\n', " ");
    assert!(operations.contains(&priced), "{priced}");
}

#[test]
fn errors_of_every_function_have_an_alarm() {
    let alarms = resources(hardened(), "AWS::CloudWatch::Alarm");
    for function in resources(&template(), "AWS::Serverless::Function").keys() {
        let watches = |alarm: &&Value| {
            let properties = &alarm["Properties"];
            properties["Namespace"] == "AWS/Lambda"
                && properties["MetricName"] == "Errors"
                && referred(&properties["Dimensions"][0]["Value"]) == Some(function)
        };
        assert!(
            alarms.values().copied().any(|alarm| watches(&alarm)),
            "{function}"
        );
    }
}

/// SQS leaves a message that was received three times out of the age of the oldest (Amazon SQS, *available CloudWatch
/// metrics*): an alarm on age tells of a backlog, and what is retried needs another.
#[test]
fn failed_receives_of_a_queue_have_an_alarm() {
    let alarms = resources(hardened(), "AWS::CloudWatch::Alarm");
    for queue in resources(hardened(), "AWS::SQS::Queue").keys() {
        let (_, alarm) = FAILED_RECEIVE_ALARMS
            .iter()
            .find(|(known, _)| known == queue)
            .unwrap_or_else(|| panic!("who learns of a message that {queue} hands over in vain?"));
        assert!(alarms.contains_key(alarm), "{alarm} is missing for {queue}");
    }
}

/// While the first two tries last, a message still counts. An alarm that waits for longer tells of what nobody receives.
#[test]
fn an_alarm_on_age_reports_messages_that_no_function_receives() {
    for (name, alarm) in on_age() {
        let description = alarm["Properties"]["AlarmDescription"].as_str().unwrap();
        assert!(description.contains("receives"), "{name} says: {description}");
    }
}

#[test]
fn an_alarm_looks_at_one_day_at_most() {
    let longest = |value: &Value| {
        let parameter = value
            .as_object()
            .map(|_| template()["Parameters"][referred(value).unwrap()].clone());
        parameter.map_or_else(
            || value.as_u64().unwrap(),
            |parameter| parameter["MaxValue"].as_u64().unwrap(),
        )
    };
    for (name, alarm) in resources(&template(), "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        let period = period_of(alarm);
        let seconds = period * longest(&properties["EvaluationPeriods"]);
        let most = if period < 3_600 { 86_400 } else { 604_800 };
        assert!(
            period.is_multiple_of(60) && seconds <= most,
            "{name} looks at {seconds} s"
        );
    }
}

/// In a quiet stack, the next datapoint may be hours away.
#[test]
fn an_alarm_on_lost_data_needs_one_datapoint() {
    for name in LOSS_ALARMS {
        let properties = &hardened()["Resources"][name]["Properties"];
        assert_eq!(properties["EvaluationPeriods"], 1, "{name}");
        assert_eq!(properties.get("DatapointsToAlarm"), None, "{name}");
    }
}

/// Graph sends again what was answered with 5xx, at longer and longer intervals, for four hours.
#[test]
fn two_failed_posts_in_an_hour_raise_the_alarm() {
    let alarm = &hardened()["Resources"]["WebhookErrorAlarm"];
    let properties = &alarm["Properties"];
    assert_eq!(properties["DatapointsToAlarm"], 2);
    let periods = properties["EvaluationPeriods"].as_u64().unwrap();
    assert!(periods * period_of(alarm) >= 3_600, "{properties}");
}

/// One failed try wakes nobody, as SQS hands the message over again. Two of them must fall into periods that count together.
#[test]
fn an_alarm_on_tries_sees_the_second_try_of_the_same_message() {
    for (name, queue) in TRIES {
        let alarm = &hardened()["Resources"][name];
        let properties = &alarm["Properties"];
        let needed = properties.get("DatapointsToAlarm");
        assert_eq!(needed.unwrap_or(&properties["EvaluationPeriods"]), 2, "{name}");
        let apart = &hardened()["Resources"][queue]["Properties"]["VisibilityTimeout"];
        assert!(apart.as_u64().unwrap() <= period_of(alarm), "{name}: {apart} s");
    }
}

#[test]
fn one_run_of_renewal_that_did_not_finish_wakes_nobody() {
    let alarm = &hardened()["Resources"]["RenewalErrorAlarm"];
    assert_eq!(alarm["Properties"]["Threshold"], 1);
    assert_eq!(period_of(alarm), 1_800);
}

/// `UndeliveredQueueAlarm` stays on for up to 14 days. SQS does not count what its redrive moves as sent (Amazon SQS,
/// *available CloudWatch metrics*), and what somebody looks at leaves the visible messages for a while.
#[test]
fn more_events_in_undelivered_queue_raise_the_alarm_while_others_wait() {
    let properties = &hardened()["Resources"]["UndeliveredAlarm"]["Properties"];
    let metrics = properties["Metrics"].as_array().unwrap();
    assert_eq!(metrics[0]["Expression"], "DIFF(visible + hidden)");
    let names = metrics[1..].iter().map(|metric| {
        let of = &metric["MetricStat"]["Metric"];
        assert_eq!(referred(&of["Dimensions"][0]["Value"]), Some("UndeliveredQueue"));
        assert_eq!(metric["ReturnData"], false);
        (metric["Id"].as_str().unwrap(), of["MetricName"].as_str().unwrap())
    });
    let expected = [
        ("visible", "ApproximateNumberOfMessagesVisible"),
        ("hidden", "ApproximateNumberOfMessagesNotVisible"),
    ];
    assert_eq!(names.collect::<Vec<_>>(), expected);
    assert_eq!(properties["Threshold"], 0);
    assert_eq!(plain()["Resources"].get("UndeliveredAlarm"), None);
}

/// A percentile of fewer than 10 / (1 - p) values never changes an alarm that ignores few samples (Amazon CloudWatch,
/// *percentile-based alarms and low data samples*): 1,000 POSTs in five minutes, at the 99th.
#[test]
fn no_alarm_is_deaf_to_few_samples() {
    for (name, alarm) in resources(hardened(), "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        assert_eq!(properties.get("EvaluateLowSampleCountPercentile"), None, "{name}");
        let statistic = properties["ExtendedStatistic"].as_str().unwrap_or_default();
        assert!(!statistic.starts_with('p'), "{name} watches {statistic}");
    }
}

/// A count is only written when there is something to count, and a state with every run.
#[test]
fn each_alarm_treats_missing_data_correctly() {
    for (name, alarm) in resources(hardened(), "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        let is_low = properties["ComparisonOperator"] == "LessThanThreshold";
        let is_state = STATES.contains(&metric_of(alarm).unwrap_or_default());
        let right = match (is_state, is_low) {
            // The last known state holds until another is known.
            (true, _) => "ignore",
            // Nothing is what the alarm is about.
            (false, true) => "breaching",
            (false, false) => "notBreaching",
        };

        assert_eq!(properties["TreatMissingData"], right, "{name}");
    }
}

/// Graph's rule is a share of slow answers (Microsoft Graph, *change notifications delivery*): over a tenth in 3 seconds.
#[test]
fn the_alarm_on_latency_goes_off_before_graph_holds_notifications_back() {
    let properties = &hardened()["Resources"]["WebhookLatencyAlarm"]["Properties"];
    assert_eq!(properties["ExtendedStatistic"], "PR(3000:)");
    assert!(properties["Threshold"].as_f64().unwrap() < 10.0);
}

/// AWS Lambda, *asynchronous invocation*: left alone, it starts a call up to six hours late and an erring one three times.
#[test]
fn a_scheduled_run_is_started_soon_or_left_to_the_next() {
    let configs = resources(plain(), "AWS::Lambda::EventInvokeConfig");
    let [config] = configs.values().collect::<Vec<_>>()[..] else {
        panic!("{configs:?}")
    };
    let properties = &config["Properties"];
    assert_eq!(referred(&properties["FunctionName"]), Some("RenewalFunction"));
    assert_eq!(properties["Qualifier"], "$LATEST");
    assert_eq!(properties["MaximumEventAgeInSeconds"], 300);
    assert_eq!(properties["MaximumRetryAttempts"], 0);
    let schedules = resources(plain(), "AWS::Scheduler::Schedule");
    let [schedule] = schedules.values().collect::<Vec<_>>()[..] else {
        panic!("{schedules:?}")
    };
    let target = &schedule["Properties"]["Target"];
    assert_eq!(referred(&target["Arn"]), Some("RenewalFunction"));
    assert_eq!(target["RetryPolicy"]["MaximumEventAgeInSeconds"], 300);
}

/// API Gateway counts 429 among `4xx`, with all that strangers get wrong, so the access log has to tell.
#[test]
fn requests_that_are_throttled_have_an_alarm_of_their_own() {
    let alarm = &plain()["Resources"]["ThrottledAlarm"]["Properties"];
    assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold");
    assert_eq!(alarm["Threshold"], 0);
    let filters = resources(plain(), "AWS::Logs::MetricFilter");
    let made_of: Vec<&Value> = filters
        .values()
        .map(|filter| &filter["Properties"])
        .filter(|filter| filter["MetricTransformations"][0]["MetricName"] == alarm["MetricName"])
        .map(|filter| &filter["FilterPattern"])
        .collect();
    assert_eq!(made_of, [r#"{ $.status = "429" }"#]);
}

#[test]
fn metric_filters_use_fields_of_the_access_log() {
    let log = &hardened()["Resources"]["HttpApiApiGatewayDefaultStage"]["Properties"]["AccessLogSettings"]["Format"];
    for (name, filter) in resources(hardened(), "AWS::Logs::MetricFilter") {
        let properties = &filter["Properties"];
        let selectors = format!(
            "{} {}",
            properties["FilterPattern"], properties["MetricTransformations"]
        );
        let fields: Vec<&str> = selectors
            .split("$.")
            .skip(1)
            .map(|rest| rest.split(|char: char| !char.is_alphanumeric()).next().unwrap())
            .collect();
        assert!(!fields.is_empty(), "{name}");
        for field in fields {
            assert!(
                log.to_string().contains(&format!("\\\"{field}\\\":")),
                "{name}: {field} is not in {log}"
            );
        }
    }
}

/// Returns the metric that an alarm watches.
fn metric_of(alarm: &Value) -> Option<&str> {
    alarm["Properties"]["MetricName"].as_str()
}

/// Returns the length of an alarm's periods in seconds.
fn period_of(alarm: &Value) -> u64 {
    let properties = &alarm["Properties"];
    let of_metric = &properties["Metrics"][1]["MetricStat"]["Period"];
    properties.get("Period").unwrap_or(of_metric).as_u64().unwrap()
}

fn on_age() -> BTreeMap<&'static str, &'static Value> {
    let mut alarms = resources(hardened(), "AWS::CloudWatch::Alarm");
    alarms.retain(|_, alarm| metric_of(alarm) == Some("ApproximateAgeOfOldestMessage"));
    alarms
}

/// What tells of messages that a reader receives again and again.
const FAILED_RECEIVE_ALARMS: [(&str, &str); 6] = [
    ("NotificationQueue", "RetriedAlarm"),
    ("LifecycleQueue", "LifecycleRetriedAlarm"),
    ("ReadQueue", "ReadRetriedAlarm"),
    ("DeliveryQueue", "UndeliveredQueueAlarm"),
    // Nobody reads these but a person, whom an alarm has called.
    ("UndeliveredQueue", "UndeliveredQueueAlarm"),
    ("FailedQueue", "FailedQueueAlarm"),
];

/// Alarms on what nobody sends again.
const LOSS_ALARMS: [&str; 5] = [
    "UnknownKeyAlarm",
    "FailedAlarm",
    "FailedQueueAlarm",
    "UndeliveredQueueAlarm",
    "UndeliveredAlarm",
];

/// Alarms on failed tries, with the queue that hands the message over again.
const TRIES: [(&str, &str); 5] = [
    ("RetriedAlarm", "NotificationQueue"),
    ("DecryptionErrorAlarm", "NotificationQueue"),
    ("LifecycleRetriedAlarm", "LifecycleQueue"),
    ("ReadRetriedAlarm", "ReadQueue"),
    ("ReaderErrorAlarm", "ReadQueue"),
];

/// Metrics that say how things are, and not how often something happened.
const STATES: [&str; 5] = [
    "RunFailures",
    "LeftOverTwice",
    "SubscriptionsInDanger",
    "SubscriptionsMissing",
    "DaysLeft",
];
