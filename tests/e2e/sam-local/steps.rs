//! The expected effect of each command of docs/local.md.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stack::Message;

use crate::world::{RESOURCE, World};

/// Runs a command and checks its effect.
pub type Step = fn(&mut World, &str);

/// The steps, each with a part of the command that it is for. In any order: that of the page counts.
pub const STEPS: [(&str, Step); 9] = [
    ("RenewalFunction -e tests/events/dry-run.json", plan),
    ("RenewalFunction -e tests/events/schedule.json", renew),
    (
        "RenewalFunction -e target/local/events/lifecycle-queue.json",
        recover,
    ),
    (
        "DecryptionFunction -e target/local/events/notification-queue.json",
        decrypt,
    ),
    ("WebhookFunction -e tests/events/handshake.json", shake_hands),
    ("WebhookFunction -e target/local/events/notification.json", take),
    ("start-api", World::serve),
    ("validationToken=hello%20world", shake_hands_over_http),
    ("notification-body.json http:", take_over_http),
];

/// A dry run plans the subscription and creates nothing.
fn plan(world: &mut World, command: &str) {
    let report = world.invoke(command);
    assert_eq!(report["dryRun"], true, "{report:#}");
    assert_eq!(report["counts"], json!({"create": 1}), "{report:#}");
    assert!(world.pair.simulator.subscriptions().is_empty());
}

/// A scheduled run creates it.
fn renew(world: &mut World, command: &str) {
    let report = world.invoke(command);
    assert_eq!(report["counts"], json!({"create": 1}), "{report:#}");
    let subscriptions = world.pair.simulator.subscriptions();
    let resources: Vec<_> = subscriptions.iter().map(|one| one.resource.as_str()).collect();
    assert_eq!(resources, [RESOURCE]);
    world.write_events();
}

/// A lifecycle notification becomes an event for consumers, and the reader of the stack reads what was missed.
fn recover(world: &mut World, command: &str) {
    assert_eq!(world.invoke(command), json!({"batchItemFailures": []}));
    let queue = world.pair.stack.output("DeliveryQueueUrl").unwrap();
    let types: BTreeSet<String> = world
        .messages::<2>(queue)
        .iter()
        .map(|message| event(message)["type"].as_str().unwrap().to_owned())
        .collect();
    let expected = ["CatchUpCompleted", "SubscriptionMissed"].map(|name| format!("Microsoft.Graph.{name}"));
    assert_eq!(types, BTreeSet::from(expected));
}

/// A message becomes an event with what Graph had encrypted, byte for byte.
fn decrypt(world: &mut World, command: &str) {
    assert_eq!(world.invoke(command), json!({"batchItemFailures": []}));
    let message = world.message(world.pair.stack.output("DeliveryQueueUrl").unwrap());
    let event: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!(event["type"], "Microsoft.Graph.ChatMessageCreated");
    let sent = world.read("target/local/events/notification-body.json")["value"][0].take();
    assert_eq!(event["data"]["resource"], sent["resource"]);
    let deliveries = world.pair.simulator.deliveries();
    let mut items = deliveries.iter().flat_map(|post| &post.items);
    let encrypted = items
        .find(|item| item.item == sent)
        .unwrap()
        .content
        .clone()
        .unwrap();
    assert!(
        message.body.contains(&format!(r#""content":{encrypted}"#)),
        "{event:#}"
    );
}

/// The webhook answers with the token.
fn shake_hands(world: &mut World, command: &str) {
    let asked = world.read("tests/events/handshake.json");
    let answer = world.invoke(command);
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(answer["body"], asked["queryStringParameters"]["validationToken"]);
}

/// The webhook queues the item.
fn take(world: &mut World, command: &str) {
    let answer = world.invoke(command);
    assert_eq!(answer["statusCode"], 202, "{answer:#}");
    assert_queued(world);
}

/// So it does over HTTP.
fn shake_hands_over_http(world: &mut World, command: &str) {
    assert_eq!(world.curl(command), ("200".to_owned(), "hello world".to_owned()));
}

/// So it does over HTTP.
fn take_over_http(world: &mut World, command: &str) {
    assert_eq!(world.curl(command), ("202".to_owned(), String::new()));
    assert_queued(world);
}

/// Checks that the queue holds the very message that the decryption function is invoked with, but for its time.
#[track_caller]
fn assert_queued(world: &World) {
    let message = world.message(world.pair.stack.output("NotificationQueueUrl").unwrap());
    let batch = world.read("target/local/events/notification-queue.json");
    let [queued, expected] = [&message.body, batch["Records"][0]["body"].as_str().unwrap()].map(|body| {
        let mut message: Value = serde_json::from_str(body).unwrap();
        for made_at_receipt in ["receivedAt", "seal"] {
            message[made_at_receipt].take();
        }
        message
    });
    assert_eq!(queued, expected);
}

fn event(message: &Message) -> Value {
    serde_json::from_str(&message.body).unwrap()
}
