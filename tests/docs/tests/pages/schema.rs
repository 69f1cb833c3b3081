//! The JSON Schema of events: delivered events follow it, and events that break a promise do not.

use std::fs;

use graph_core::{
    application::{Application, Guid},
    read::{Completed, Counts, Window},
    subscription::plan::gap::{Gap, GapKind},
};
use serde_json::{Value, json};
use tools::{EventSchema, Progress, Tools};

use crate::page::Page;

#[test]
fn every_example_of_an_event_follows_the_schema() {
    let mut schema = schema();
    let examples = ["README.md", "docs/consuming.md"].map(|path| Page::read(path).blocks("json"));
    let mut events: Vec<_> = examples.concat();
    events.retain(|block| block.contains("\"specversion\""));
    events.push(fs::read_to_string(tools::root().join(EXAMPLE)).unwrap());
    assert!(events.len() >= 3, "{events:?}");
    for event in events {
        assert_eq!(schema.fault(&event).unwrap(), None, "{event}");
    }
}

#[test]
fn every_event_about_a_gap_follows_the_schema() {
    let mut schema = schema();
    for kind in [GapKind::Missed, GapKind::Removed, GapKind::Recreated] {
        for mut event in [gap(kind, true), gap(kind, false)] {
            assert_eq!(schema.fault(&event.to_string()).unwrap(), None, "{event}");
            event["data"]["reason"].take();
            assert!(schema.fault(&event.to_string()).unwrap().is_some(), "{event}");
        }
    }
}

#[test]
fn every_catch_up_event_follows_the_schema() {
    let mut schema = schema();
    for unseen in [vec![], vec!["deleted"]] {
        for mut event in completed(unseen) {
            assert_eq!(schema.fault(&event.to_string()).unwrap(), None, "{event}");
            event["data"]["complete"] = json!(false);
            event["data"]["unseen"] = json!([]);
            let without_a_cause = event.to_string();
            assert!(schema.fault(&without_a_cause).unwrap().is_some(), "{event}");
            event["data"]["reason"] = json!("Graph refused");
            assert_eq!(schema.fault(&event.to_string()).unwrap(), None, "{event}");
            event["data"]["complete"].take();
            assert!(schema.fault(&event.to_string()).unwrap().is_some(), "{event}");
        }
    }
}

#[test]
fn an_event_that_breaks_a_promise_does_not_follow_the_schema() {
    let (mut schema, example) = (schema(), example());
    for (pointer, name, value) in [
        ("", "id", json!("short")),
        ("", "source", json!("/tenants/t")),
        ("", "type", json!("Microsoft.Graph.Chat message")),
        ("", "type", json!("Microsoft.Graph.SubscriptionMissed")),
        ("", "type", json!("Microsoft.Graph.CatchUpCompleted")),
        ("", "time", json!("2026-11-22T10:00:00+01:00")),
        ("", "time", json!("2026-13-22T10:00:00Z")),
        ("", "time", json!("2026-11-32T10:00:00Z")),
        ("", "time", json!("2026-11-22T24:00:00Z")),
        ("", "subscription", json!("")),
        ("", "partitionkey", Value::Null),
        ("/data", "proof", json!("trust me")),
        ("/data", "tenantId", Value::Null),
        ("/data", "resourceData", json!(5)),
        ("/data", "content", json!("text")),
        ("/data", "contentAbsent", json!(true)),
        ("/data", "contentOmitted", json!(true)),
        ("/data", "contentMissing", json!(true)),
        ("/data", "clientState", json!("secret")),
        ("/data", "encryptedContent", json!({})),
    ] {
        let mut event = example.clone();
        event.pointer_mut(pointer).unwrap()[name] = value;
        let fault = schema.fault(&event.to_string()).unwrap();
        assert!(fault.is_some(), "{pointer}/{name}: {event}");
    }
    assert!(schema.fault("{").unwrap().is_some());
}

/// The validator gets content with all of its line breaks, and the events after it.
#[test]
fn an_event_of_many_lines_is_one_event() {
    let mut schema = schema();
    let lines = serde_json::to_string_pretty(&example()).unwrap();
    assert_eq!(schema.fault(&lines).unwrap(), None);
    assert!(schema.fault("\n{}\n").unwrap().is_some());
    assert_eq!(schema.fault(&lines).unwrap(), None);
}

fn gap(kind: GapKind, is_known: bool) -> Value {
    let gap = Gap {
        kind,
        name: "mail/4f".to_owned(),
        application: application(),
        subscription_id: is_known.then(|| "old".to_owned()),
        new_subscription_id: is_known.then(|| "new".to_owned()),
        resource: is_known.then(|| "/users/4f/messages".to_owned()),
        from: is_known.then(|| "2026-11-22T09:00:00Z".parse().unwrap()),
        until: "2026-11-22T10:00:00.123Z".parse().unwrap(),
        reason: "it was gone".to_owned(),
    };
    gap.document()
}

fn application() -> Application {
    Application {
        tenant_id: Guid::random([1; 16]),
        client_id: Guid::random([2; 16]),
    }
}

fn completed(unseen: Vec<&'static str>) -> Vec<Value> {
    let window = json!({
        "read": "window", "tenantId": application().tenant_id, "clientId": application().client_id, "subscription": "mail/4f", "resource": "/users/4f/messages",
        "from": "2026-11-22T09:00:00Z", "until": "2026-11-22T10:00:00Z", "gap": "g"
    });
    let window: Window = serde_json::from_value(window).unwrap();
    let completed = Completed {
        window,
        counts: Counts::default(),
        unseen,
        shortfall: None,
        why: None,
        permission: None,
    };
    let events = completed.documents("2026-11-22T10:05:00Z".parse().unwrap());
    assert!(!events.is_empty());
    events
}

fn example() -> Value {
    let example = fs::read_to_string(tools::root().join(EXAMPLE)).unwrap();
    serde_json::from_str(&example).unwrap()
}

fn schema() -> EventSchema {
    let tools = Tools::set_up(&tools::target(), Progress::start()).unwrap();
    EventSchema::start(&tools).unwrap()
}

const EXAMPLE: &str = "shared/graph-events/examples/event.json";
