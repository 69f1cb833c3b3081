//! Every alarm on a metric of the functions looks at one that they have written, under that name and for that stack.

use std::{collections::BTreeSet, time::Instant};

use graph_simulator::{Fault, LifecycleEvent, Post, Wrong};
use serde_json::{Value, json};
use stack::{Function, Stack};

use super::{DEADLINE, GAP, World, event_type};

/// Provokes what has not happened in this world yet, and looks for the metric of each alarm in the functions' lines.
pub async fn each_has_its_metric(world: &World) {
    items_are_rejected(world).await;
    a_lifecycle_notification_is_tried_again(world).await;
    // A drop can be told from the second run of a process on.
    world.renew(json!({})).await;
    world.renew(json!({})).await;
    let watched = watched(world.stack());
    assert!(watched.len() > 10, "{watched:?}");
    let began = Instant::now();
    loop {
        let written = written(world.stack()).await;
        let absent: Vec<_> = watched.difference(&written).collect();
        if absent.is_empty() {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "nobody has written {absent:#?}");
        tokio::time::sleep(super::POLL_INTERVAL).await;
    }
}

/// One item with a forged client state, one whose client state names another key, and one POST that is no collection.
async fn items_are_rejected(world: &World) {
    let subscription = world.subscription();
    let client_state = subscription.client_state.clone().unwrap();
    let mut parts: Vec<&str> = client_state.rsplitn(3, '.').collect();
    parts[1] = "unknown";
    parts.reverse();
    let of_another_key = json!(parts.join("."));
    let post = Post::new()
        .basic(&subscription, "created")
        .wrong(0, Wrong::WrongClientState)
        .basic(&subscription, "created")
        .edit(1, move |item| item["clientState"] = of_another_key.clone());
    world.send(post).await;
    let torn = Post::new()
        .basic(&subscription, "created")
        .wrong(0, Wrong::NotJson);
    let report = world.pair.simulator.send(torn).await.unwrap();
    assert!(!report.delivered(), "{report:?}");
}

/// While ClientStateSecret has no key, nothing can prove a lifecycle notification. Once it has, the next try succeeds, and Graph
/// forbids the reader to list the teams.
async fn a_lifecycle_notification_is_tried_again(world: &World) {
    let stack = world.stack();
    // On AWS the next try is a quarter of an hour later.
    let queue = stack.resource("LifecycleQueue").unwrap();
    stack.set_visibility(queue, 10).await.unwrap();
    stack.enable_mapping("LifecycleMapping", false).await.unwrap();
    world.pair.simulator.fail(Fault::new("GET", "/v1.0/teams", 403));
    let missed = Post::new().lifecycle(world.subscription(), LifecycleEvent::Missed);
    world.send(missed).await;
    let genuine = stack.read_secret("ClientStateSecret").await.unwrap();
    let mut without = genuine.clone();
    without["keys"] = json!([]);
    world.write("ClientStateSecret", &without).await;
    stack.enable_mapping("LifecycleMapping", true).await.unwrap();
    let began = Instant::now();
    while !stack
        .logs(Function::Renewal)
        .await
        .unwrap()
        .contains("\"LifecycleRetried\":")
    {
        assert!(began.elapsed() < DEADLINE, "the notification was not tried");
        tokio::time::sleep(super::POLL_INTERVAL).await;
    }
    world.write("ClientStateSecret", &genuine).await;
    let events = world.receive("DeliveryQueue", 2).await;
    let mut types: Vec<_> = events.iter().map(|event| event_type(&event.body)).collect();
    types.sort();
    assert_eq!(types, GAP);
}

/// Returns what alarms look at: metric and dimensions.
fn watched(stack: &Stack) -> BTreeSet<(String, String)> {
    let described = stack.described().unwrap();
    let alarms = described.values().filter(|one| one["Namespace"] == NAMESPACE);
    alarms
        .filter(|alarm| {
            NOT_WRITTEN
                .iter()
                .all(|(metric, _)| alarm["MetricName"] != *metric)
        })
        .map(|alarm| {
            let dimensions = alarm["Dimensions"].as_array().unwrap().iter();
            let dimensions: Vec<String> = dimensions
                .map(|one| format!("{}={}", text(&one["Name"]), text(&one["Value"])))
                .collect();
            (text(&alarm["MetricName"]), dimensions.join(","))
        })
        .collect()
}

/// Returns what CloudWatch makes of the functions' lines (*embedded metric format*): metric and dimensions.
async fn written(stack: &Stack) -> BTreeSet<(String, String)> {
    let mut written = BTreeSet::new();
    for function in Function::ALL {
        let log = stack.logs(function).await.unwrap();
        let lines = log.lines().filter(|line| line.contains("\"_aws\""));
        for line in lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            written.extend(
                line["_aws"]["CloudWatchMetrics"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|directive| {
                        assert_eq!(directive["Namespace"], NAMESPACE);
                        metrics(&line, directive)
                    }),
            );
        }
    }
    written
}

/// Returns the metrics of a directive that the line has values of, each with each set of dimensions.
fn metrics(line: &Value, directive: &Value) -> Vec<(String, String)> {
    let counted = directive["Metrics"].as_array().unwrap().iter();
    let counted: Vec<String> = counted
        .map(|metric| text(&metric["Name"]))
        .filter(|name| !line[name].is_null())
        .collect();
    let sets = directive["Dimensions"].as_array().unwrap().iter();
    sets.flat_map(|set| {
        let names = set.as_array().unwrap().iter().map(text);
        let dimensions: Vec<String> = names
            .map(|name| format!("{name}={}", text(&line[&name])))
            .collect();
        let dimensions = dimensions.join(",");
        counted
            .iter()
            .map(move |name| (name.clone(), dimensions.clone()))
            .collect::<Vec<_>>()
    })
    .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

const NAMESPACE: &str = "GraphNotifications";

/// What nothing here writes, and why.
const NOT_WRITTEN: [(&str, &str); 4] = [
    (
        "NewFailures",
        "a failure is new if two runs in a row have it, and no run here has one",
    ),
    (
        "SubscriptionsWithoutKey",
        "a lost key would have renewal replace the subscription that the rest of the test uses",
    ),
    (
        "Throttled",
        "a filter makes it of lines that API Gateway writes, which the local AWS does not",
    ),
    (
        "ReadRetried",
        "Graph would have to fail for as long as the reader waits within an invocation",
    ),
];
