//! Every alarm, and every graph of the dashboard: on a metric that there is.

use std::collections::BTreeSet;

use graph_edge::metrics::{DIMENSION, Metric, NAMESPACE};
use serde_json::{Value, json};

use super::{file, resources};

/// Returns what is wrong with the alarms and the dashboard.
pub fn faults(template: &Value) -> Vec<String> {
    let (body, mut faults) = (dashboard(template), Vec::new());
    let (operations, shown) = (file("docs/operations.md"), sub(template).to_string());
    let written = |metric| is_known(metric) || is_filtered(template, metric);
    for (name, alarm) in resources(template, "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        for metric in watched(properties) {
            if !written(metric) {
                faults.push(format!("{name} watches {metric:?}, which nobody writes"));
            }
        }
        for told in ["AlarmActions", "OKActions"] {
            let action = &properties[told];
            let tells = action["Fn::If"][0] == json!("HasAlarmTopic")
                || alarm["Condition"] == json!("HasAlarmTopic") && action.is_array();
            if !tells && name != DEPLOYMENT_ALARM {
                faults.push(format!("{name} has no {told}"));
            }
        }
        if !operations.contains(&format!("### {name}\n")) {
            faults.push(format!("{name} is not explained in docs/operations.md"));
        }
        if !shown.contains(&format!("${{{name}.Arn}}")) {
            faults.push(format!("{name} is not on the dashboard"));
        }
    }
    let mut seen = BTreeSet::new();
    for widget in body["widgets"].as_array().unwrap() {
        for metric in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            if !written([&metric[0], &metric[1], &metric[2]]) {
                faults.push(format!("the dashboard shows {metric}, which nobody writes"));
            }
            seen.insert(metric[1].as_str().unwrap().to_owned());
        }
    }
    let unseen = Metric::ALL.iter().map(|metric| metric.name());
    for name in unseen.filter(|name| !seen.contains(*name) && !UNSEEN.contains(name)) {
        faults.push(format!("{name} is on no graph"));
    }
    faults
}

/// Returns the metrics that an alarm watches, each with its namespace and the name of its dimension.
fn watched(properties: &Value) -> Vec<[&Value; 3]> {
    let Some(metrics) = properties["Metrics"].as_array() else {
        return vec![named(properties)];
    };
    let stats = metrics.iter().filter_map(|metric| metric.get("MetricStat"));
    stats.map(|stat| named(&stat["Metric"])).collect()
}

fn named(metric: &Value) -> [&Value; 3] {
    [
        &metric["Namespace"],
        &metric["MetricName"],
        &metric["Dimensions"][0]["Name"],
    ]
}

/// Returns the body of the dashboard with the reader's widgets, and without alarms that are there under a condition only.
fn dashboard(template: &Value) -> Value {
    let [body, own] = [0, 1].map(|index| &sub(template)[index]);
    let of_reader = own["ReaderWidgets"]["Fn::If"][1]["Fn::Sub"].as_str().unwrap();
    let body = body.as_str().unwrap().replace("${OptionalAlarms}", "");
    let body = body.replace("${ReaderWidgets}", of_reader);
    serde_json::from_str(&body).unwrap()
}

/// Returns the body of the dashboard with what is put into it.
fn sub(template: &Value) -> &Value {
    &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
}

/// Returns whether a filter makes a metric of log lines.
fn is_filtered(template: &Value, metric: [&Value; 3]) -> bool {
    let filters = resources(template, "AWS::Logs::MetricFilter");
    filters.values().any(|filter| {
        let made = &filter["Properties"]["MetricTransformations"][0];
        metric
            == [
                &made["MetricNamespace"],
                &made["MetricName"],
                &made["Dimensions"][0]["Key"],
            ]
    })
}

/// Returns whether somebody writes a metric: the functions, or AWS.
fn is_known([namespace, name, dimension]: [&Value; 3]) -> bool {
    let [namespace, name, dimension] =
        [namespace, name, dimension].map(|text| text.as_str().unwrap_or_default());
    if namespace == NAMESPACE {
        return dimension == DIMENSION && Metric::ALL.iter().any(|metric| metric.name() == name);
    }
    let of_aws = AWS_METRICS
        .iter()
        .find(|(known, by, _)| (*known, *by) == (namespace, dimension));
    of_aws.is_some_and(|(_, _, names)| names.contains(&name))
}

/// The alarm that rolls a deployment back and tells nobody: outside of deployments it means nothing.
const DEPLOYMENT_ALARM: &str = "DeploymentErrorAlarm";

/// Metrics without a graph.
const UNSEEN: [&str; 3] = [
    Metric::Enqueued.name(),
    Metric::DecryptTime.name(),
    Metric::SoonestExpiryMinutes.name(),
];

/// The metrics of AWS that are used, as its guides name them.
const AWS_METRICS: [(&str, &str, &[&str]); 3] = [
    ("AWS/ApiGateway", "ApiId", &["4xx", "5xx", "Count", "Latency"]),
    ("AWS/Lambda", "FunctionName", &["Duration", "Errors", "Throttles"]),
    (
        "AWS/SQS",
        "QueueName",
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
        ],
    ),
];
