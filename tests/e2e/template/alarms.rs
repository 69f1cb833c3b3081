//! Every alarm, by the rules that AWS documents: can it go off in the case that its runbook describes?

use std::collections::BTreeMap;

use graph_edge::metrics::Metric;
use serde_json::Value;

use super::{
    expanded::{hardened, plain, plain_with_conditions, without_reader},
    file, referred,
    resolved::resolve,
    resources, template,
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
        Metric::SubscriptionsWithoutKey => Watch::Alarm("UnknownKeyAlarm"),
        Metric::RejectedUnknownKey
        | Metric::RejectedNoClientState
        | Metric::RejectedClientState
        | Metric::RejectedMalformed => Watch::With("Rejected", "RejectedAlarm"),
        Metric::RejectedPosts => Watch::Alarm("RejectedPostsAlarm"),
        Metric::NotEnqueued | Metric::Undecided => Watch::With("5xx", "WebhookErrorAlarm"),
        // SQS moves items there as well, which no function counts.
        Metric::Failed
        | Metric::FailedMalformed
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
        | Metric::FailedPanicked => Watch::With("ApproximateNumberOfMessagesVisible", "FailedQueueAlarm"),
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
        Metric::TenantsFailed | Metric::EntriesFailed => Watch::With("RunFailures", "RenewalFailureAlarm"),
        Metric::NewFailures => Watch::Alarm("NewFailureAlarm"),
        Metric::DeletionsHeld => Watch::Alarm("DeletionsHeldAlarm"),
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
        Metric::Handshakes => Watch::With("Count", "RequestsAlarm"),
        Metric::Admitted
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

/// Lambda cannot start a function without concurrency. A message returns to its queue with one receive more (AWS Lambda, *SQS
/// event source mapping*), so that it leaves the age of the oldest message after three of them.
#[test]
fn throttles_of_every_function_have_an_alarm() {
    let alarms = resources(hardened(), "AWS::CloudWatch::Alarm");
    for function in resources(&template(), "AWS::Serverless::Function").keys() {
        // API Gateway answers 503 where it cannot call the webhook.
        let namespace = if *function == "WebhookFunction" {
            "AWS/ApiGateway"
        } else {
            "AWS/Lambda"
        };
        let watches = |alarm: &Value| {
            let properties = &alarm["Properties"];
            let metric = (properties["Namespace"].as_str(), metric_of(alarm));
            match namespace {
                "AWS/Lambda" => {
                    metric == (Some(namespace), Some("Throttles"))
                        && referred(&properties["Dimensions"][0]["Value"]) == Some(function)
                }
                _ => metric == (Some(namespace), Some("5xx")),
            }
        };
        assert!(alarms.values().copied().any(watches), "{function}");
    }
}

/// API Gateway may write neither log lines nor metrics for an excess of 429 and for 413 (Amazon API Gateway, *monitor HTTP
/// APIs*). It counts what it accepts.
#[test]
fn a_flood_is_seen_by_what_the_http_api_accepts() {
    let template = plain();
    let alarm = &template["Resources"]["RequestsAlarm"]["Properties"];
    assert_eq!(
        (alarm["Namespace"].as_str(), alarm["MetricName"].as_str()),
        (Some("AWS/ApiGateway"), Some("Count"))
    );
    assert_eq!(alarm["Statistic"], "Sum");
    let accepted = number(&template["Parameters"]["ThrottlingRateLimit"]["Default"]);
    let threshold = number(&alarm["Threshold"]);
    assert!(300 * accepted > threshold, "{threshold} of {accepted} a second");
    // At the price of a POST that docs/operations.md has.
    let unseen = 1.7e-6 * f64::from(u32::try_from(threshold * 288).unwrap());
    assert!(unseen < 20.0, "{unseen} dollars a day wake nobody");
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

/// SQS leaves a message out once it was received more than three times. Until then a message that is retried looks like one that
/// nobody receives.
#[test]
fn an_alarm_on_age_is_silent_about_retried_messages() {
    let template = plain();
    for (name, alarm) in on_age() {
        let properties = &alarm["Properties"];
        let description = properties["AlarmDescription"].as_str().unwrap();
        assert!(description.contains("receive"), "{name} says: {description}");
        let queue = referred(&properties["Dimensions"][0]["Value"]).unwrap();
        let hidden = number(&template["Resources"][queue]["Properties"]["VisibilityTimeout"]);
        let threshold = number(&template["Resources"][name]["Properties"]["Threshold"]);
        assert!(
            threshold > 3 * hidden,
            "{name}: {threshold} s, three times {hidden} s"
        );
    }
}

/// Amazon CloudWatch, *`PutMetricAlarm`*; whatever parameters allow.
#[test]
fn an_alarm_looks_at_one_day_at_most() {
    for minutes in ["1", "10", "60"] {
        let longest = [("RenewalMinutes", minutes), ("SilenceAlarmMinutes", "1440")];
        for (name, alarm) in resources(
            &resolve(plain_with_conditions(), &longest),
            "AWS::CloudWatch::Alarm",
        ) {
            let period = period_of(alarm);
            let seconds = period * number(&alarm["Properties"]["EvaluationPeriods"]);
            let most = if period < 3_600 { 86_400 } else { 604_800 };
            assert!(
                period.is_multiple_of(60) && seconds <= most,
                "{name} looks at {seconds} s"
            );
        }
    }
}

/// Two runs of a schedule of an hour are an hour apart: an alarm on the last half hour would be on for half of the time.
#[test]
fn alarms_on_runs_fit_every_schedule() {
    let template = template();
    let schedules = template["Parameters"]["RenewalMinutes"]["AllowedValues"]
        .as_array()
        .unwrap();
    for minutes in schedules {
        let given = [("RenewalMinutes", &*minutes.to_string())];
        let resolved = resolve(plain_with_conditions(), &given);
        let of = |name: &str| resolved["Resources"][name].clone();
        let minutes = minutes.as_u64().unwrap();
        let absent = of("RenewalAbsentAlarm");
        let runs = period_of(&absent) * number(&absent["Properties"]["EvaluationPeriods"]) / (60 * minutes);
        assert!(runs >= 3, "{runs} runs of {minutes} minutes");
        let errors = of("RenewalErrorAlarm");
        // A run may take 15 minutes.
        assert!(3 * period_of(&errors) >= 1_800, "{minutes} minutes");
        assert!(period_of(&errors) >= 60 * minutes, "{minutes} minutes");
        let schedule = of("RenewalFunctionSchedule")["Properties"]["ScheduleExpression"].clone();
        let unit = if minutes == 1 { "minute" } else { "minutes" };
        assert_eq!(schedule, format!("rate({minutes} {unit})"));
    }
}

/// In a quiet stack, the next datapoint may be hours away.
#[test]
fn an_alarm_on_lost_data_needs_one_datapoint() {
    for name in LOSS_ALARMS {
        let properties = &hardened()["Resources"][name]["Properties"];
        let needed = properties.get("DatapointsToAlarm");
        assert_eq!(needed.unwrap_or(&properties["EvaluationPeriods"]), 1, "{name}");
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
    let properties = &hardened()["Resources"]["RenewalErrorAlarm"]["Properties"];
    assert_eq!(properties["Threshold"], 0);
    assert_eq!(properties["DatapointsToAlarm"], 2);
    assert_eq!(properties["EvaluationPeriods"], 3);
}

/// The alarm on what a queue holds stays on for up to 14 days. SQS does not count what its redrive moves as sent (Amazon SQS,
/// *available CloudWatch metrics*), and what somebody looks at leaves the visible messages for a while. SQS measures once a
/// minute: over more, a message that became hidden would count twice.
#[test]
fn more_messages_in_a_dead_letter_queue_raise_the_alarm_again() {
    for (name, queue) in [
        ("UndeliveredAlarm", "UndeliveredQueue"),
        ("FailedAlarm", "FailedQueue"),
    ] {
        let properties = &hardened()["Resources"][name]["Properties"];
        let metrics = properties["Metrics"].as_array().unwrap();
        assert_eq!(metrics[0]["Expression"], "DIFF(visible + hidden)");
        let names = metrics[1..].iter().map(|metric| {
            let of = &metric["MetricStat"]["Metric"];
            assert_eq!(referred(&of["Dimensions"][0]["Value"]), Some(queue));
            assert_eq!(metric["MetricStat"]["Period"], 60);
            assert_eq!(metric["ReturnData"], false);
            (metric["Id"].as_str().unwrap(), of["MetricName"].as_str().unwrap())
        });
        let expected = [
            ("visible", "ApproximateNumberOfMessagesVisible"),
            ("hidden", "ApproximateNumberOfMessagesNotVisible"),
        ];
        assert_eq!(names.collect::<Vec<_>>(), expected);
        assert_eq!(properties["Threshold"], 0);
        assert_eq!(plain()["Resources"].get(name), None);
    }
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
    number(properties.get("Period").unwrap_or(of_metric))
}

/// Returns a number, which is a text where it is a parameter's.
fn number(value: &Value) -> u64 {
    let text = || value.as_str()?.parse().ok();
    value.as_u64().or_else(text).unwrap()
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
const TRIES: [(&str, &str); 8] = [
    ("RetriedAlarm", "NotificationQueue"),
    ("DecryptionErrorAlarm", "NotificationQueue"),
    ("DecryptionThrottledAlarm", "NotificationQueue"),
    ("LifecycleRetriedAlarm", "LifecycleQueue"),
    ("RenewalThrottledAlarm", "LifecycleQueue"),
    ("ReadRetriedAlarm", "ReadQueue"),
    ("ReaderErrorAlarm", "ReadQueue"),
    ("ReaderThrottledAlarm", "ReadQueue"),
];

/// Metrics that say how things are, and not how often something happened.
const STATES: [&str; 7] = [
    "RunFailures",
    "DeletionsHeld",
    "LeftOverTwice",
    "SubscriptionsDropPercent",
    "SubscriptionsInDanger",
    "SubscriptionsMissing",
    "DaysLeft",
];
