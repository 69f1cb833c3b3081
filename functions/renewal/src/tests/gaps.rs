//! Events about lost notifications.

use super::*;
use crate::Memory;

/// A minute before the creation of the subscriptions at `fakes::NOW`: Graph may have created them before it answered.
const CREATED: &str = "2026-11-22T09:59:00Z";

#[tokio::test]
async fn a_subscription_missing_at_renewal_has_a_gap_since_its_last_renewal() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(4000);
    world.graph.vanish_at_next_write("id-1");
    let report = world.run().await;
    assert_eq!(world.delivery_queue.stored()[0].group(), Some(TENANT_A));
    let told = world.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["type"], json!("Microsoft.Graph.SubscriptionRecreated"));
    assert_eq!(told[0]["subscription"], json!("chat"));
    let data = &told[0]["data"];
    assert_eq!(
        (&data["subscriptionId"], &data["newSubscriptionId"]),
        (&json!("id-1"), &json!("id-3"))
    );
    assert_eq!(
        (&data["lostFrom"], &data["lostUntil"]),
        (&json!(CREATED), &json!("2026-11-25T04:40:00Z"))
    );
    assert_eq!(
        report["subscriptions"][0]["lost"],
        json!({"from": CREATED, "until": "2026-11-25T04:40:00Z"})
    );
}

#[tokio::test]
async fn first_creations_and_renewals_are_not_gaps() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(4000);
    world.run().await;
    assert_eq!(world.told(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_replacement_is_reported_unless_the_entry_was_changed() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.change("id-1", asked_otherwise);
    world.run().await;
    assert_eq!(world.told().len(), 1);
    world
        .graph
        .change("id-2", |one| one.resource = Some("/groups".to_owned()));
    world.run().await;
    assert_eq!(world.told().len(), 1);
}

#[tokio::test]
async fn the_gap_of_a_replacement_includes_deliveries_that_graph_was_retrying() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.change("id-1", asked_otherwise);
    world.clock.advance(300);
    world.run().await;
    let data = &world.told()[0]["data"];
    assert_eq!(
        (&data["lostFrom"], &data["lostUntil"]),
        (&json!("2026-11-22T11:00:00Z"), &json!("2026-11-22T15:00:00Z"))
    );
}

#[tokio::test]
async fn replacing_a_missing_subscription_reports_a_gap_since_its_last_renewal() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.change("id-1", asked_otherwise);
    world.graph.vanish_at_next_write("id-1");
    world.clock.advance(10);
    world.run().await;
    let told = world.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["data"]["lostFrom"], json!(CREATED));
}

#[tokio::test]
async fn a_gap_that_cannot_be_reported_fails_the_run() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.delivery_queue.refuse(Some(""));
    world.clock.advance(4000);
    world.graph.vanish_at_next_write("id-1");
    let report = world.run().await;
    assert_eq!(report["failed"], json!(1));
    let message = report["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("1 events about lost notifications"), "{message}");
}

#[tokio::test]
async fn a_silently_removed_subscription_has_a_gap_since_it_was_last_listed() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    world.clock.advance(10);
    world.run().await;
    world.graph.remove("id-1");
    world.clock.advance(10);
    let plan = world.invoke(json!({"dryRun": true})).await.unwrap();
    let reason = "it existed at 2026-11-22T10:10:00Z and no longer does; changes since then were missed";
    assert_eq!(plan["subscriptions"][0]["reason"], json!(reason));
    let report = world.run().await;
    let told = world.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["type"], json!("Microsoft.Graph.SubscriptionRecreated"));
    assert_eq!(
        told[0]["data"],
        json!({
            "subscriptionId": "id-1", "newSubscriptionId": "id-3", "tenantId": TENANT_A, "proof": "read",
            "resource": "/chats/getAllMessages", "lostFrom": CREATED,
            "lostUntil": "2026-11-22T10:20:00Z", "reason": reason,
        })
    );
    assert_eq!(report["subscriptions"][0]["lost"]["from"], json!(CREATED));
}

#[tokio::test]
async fn a_process_without_history_reports_a_possible_loss() {
    let mut world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    world.clock.advance(10);
    world.graph.remove("id-1");
    world.deps.memory = Memory::default();
    world.documents.forget_state();
    world.run().await;
    let told = world.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["subscription"], json!("chat"));
    assert_eq!(
        (
            told[0]["data"].get("subscriptionId"),
            told[0]["data"].get("lostFrom")
        ),
        (None, None)
    );
    assert_eq!(told[0]["data"]["newSubscriptionId"], json!("id-3"));
    world.clock.advance(10);
    world.run().await;
    assert_eq!(world.told().len(), 1, "it is told once");
}

/// The first subscriptions are created as soon as there is a key, and AWS Lambda may start another process at once.
#[tokio::test]
async fn a_new_process_right_after_the_first_run_reports_a_loss() {
    for hides_state in [false, true] {
        let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
        world.graph.remove("id-1");
        *world.documents.hides_state.lock().unwrap() = hides_state;
        let world = world.restarted();
        world.run().await;
        let told = world.told();
        assert_eq!(told.len(), 1, "{hides_state}");
        assert_eq!(told[0]["subscription"], json!("chat"));
    }
}

#[tokio::test]
async fn a_new_entry_without_a_recent_subscription_is_not_a_gap() {
    for (minutes, told) in [(30, 0), (31, 1)] {
        let world = prepared(&[("users", "a", false)]).await;
        let both = config(&["a"], &[("users", "a", false), ("chat", "a", true)]);
        world.documents.set(Document::Config, &both.to_string());
        world.clock.advance(minutes);
        world.documents.forget_state();
        world.invoke(json!({"dryRun": true})).await.unwrap();
        let report = world.run().await;
        assert_eq!(report["counts"], json!({"create": 1, "keep": 1}));
        assert_eq!(world.told().len(), told, "{minutes}");
    }
}

#[tokio::test]
async fn a_gap_is_reported_when_it_ends_even_after_several_runs() {
    // A new process does not know when the subscription was created: Graph retries for four hours.
    for (is_new_process, from) in [(false, CREATED), (true, "2026-11-22T06:00:00Z")] {
        let mut world = prepared(&[("chat", "a", true)]).await;
        world.graph.remove("id-1");
        if is_new_process {
            world.deps.memory = Memory::default();
        }
        world.graph.fail("create", unavailable());
        for _ in 0..3 {
            world.clock.advance(10);
            world.run().await;
        }
        assert_eq!(world.told(), Vec::<Value>::new());
        world.graph.heal();
        world.clock.advance(10);
        world.run().await;
        let told = world.told();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["data"]["lostFrom"], json!(from));
    }
}

#[tokio::test]
async fn a_replacement_that_failed_first_is_reported_by_a_later_run() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.change("id-1", asked_otherwise);
    world.graph.fail("create", unavailable());
    world.run().await;
    world.graph.heal();
    world.clock.advance(10);
    world.run().await;
    let told = world.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["data"]["lostFrom"], json!(CREATED));
}

#[tokio::test]
async fn a_past_outlives_a_list_of_objects_that_fails() {
    let mut many = config(&["a"], &[]);
    many["subscriptions"]["mail"] = json!({
        "resource": "/users/{id}/messages", "changeType": "created", "forEach": {"users": "all"},
    });
    let world = world(&many);
    world.graph.set_objects(&["u1", "u2"]);
    world.run().await;
    world.graph.remove("id-1");
    world.graph.fail("users", unavailable());
    world.clock.advance(10);
    world.run().await;
    world.graph.heal();
    world.clock.advance(10);
    world.run().await;
    let told = world.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["subscription"], json!("mail/u1"));
    assert_eq!(told[0]["data"]["lostFrom"], json!(CREATED));
}

#[tokio::test]
async fn a_subscription_that_graph_reports_as_removed_is_reported_once() {
    for is_new_process in [false, true] {
        let mut world = prepared(&[("chat", "a", true)]).await;
        world.graph.remove("id-1");
        if is_new_process {
            world.deps.memory = Memory::default();
        }
        let event = super::lifecycle::event("m1", "subscriptionRemoved", "chat", "id-1");
        world.invoke(json!({"Records": [event]})).await.unwrap();
        let types: Vec<Value> = world.told().iter().map(|event| event["type"].clone()).collect();
        assert_eq!(types, ["Microsoft.Graph.SubscriptionRemoved"]);
    }
}

#[tokio::test]
async fn only_the_run_that_recreates_a_subscription_reports_the_gap() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.hide("id-1");
    let world = world.restarted();
    world.clock.advance(10);
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"adopt": 1}));
    assert_eq!(world.told(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_dry_run_long_before_the_first_run_makes_no_gap() {
    let world = world(&config(&["a"], &[("chat", "a", true)]));
    world.invoke(json!({"dryRun": true})).await.unwrap();
    world.clock.advance(60);
    world.run().await;
    assert_eq!(world.told(), Vec::<Value>::new());
}
