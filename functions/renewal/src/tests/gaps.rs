//! What consumers are told of lost notifications.

use super::*;

#[tokio::test]
async fn a_subscription_that_was_gone_at_its_renewal_is_told_of_since_its_last_renewal() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(4000);
    world.graph.vanish_on_update("id-1");
    let report = world.run().await;
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
        (&json!(fakes::NOW), &json!("2026-11-25T04:40:00Z"))
    );
    assert_eq!(
        report["subscriptions"][0]["lost"],
        json!({"from": fakes::NOW, "until": "2026-11-25T04:40:00Z"})
    );
}

#[tokio::test]
async fn what_is_created_for_the_first_time_is_no_gap_and_neither_is_a_renewal() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(4000);
    world.run().await;
    assert_eq!(world.told(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_replacement_is_told_of_unless_the_entry_asks_for_something_else() {
    let world = prepared(&[("chat", "a", true)]).await;
    world
        .graph
        .change("id-1", |one| one.change_type = Some("deleted".to_owned()));
    world.run().await;
    assert_eq!(world.told().len(), 1);
    world
        .graph
        .change("id-2", |one| one.resource = Some("/groups".to_owned()));
    world.run().await;
    assert_eq!(world.told().len(), 1);
}

#[tokio::test]
async fn a_gap_that_cannot_be_told_is_a_failure_of_the_run() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.delivery_queue.refuse(Some(""));
    world.clock.advance(4000);
    world.graph.vanish_on_update("id-1");
    let report = world.run().await;
    assert_eq!(report["failed"], json!(1));
    let message = report["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("1 events about lost notifications"), "{message}");
}
