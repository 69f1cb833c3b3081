//! Missed notifications of subscriptions that were replaced since.

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};

use super::{
    lifecycle::{batch, event},
    windows::received,
    *,
};

const MISSED: &str = "Microsoft.Graph.SubscriptionMissed";

#[tokio::test]
async fn a_loss_of_a_replaced_subscription_is_reported_and_read_once() {
    for is_new_process in [false, true] {
        let mut world = replaced().await;
        let replaced_at = world.clock.now();
        world.clock.advance(1);
        if is_new_process {
            world = world.restarted();
        }
        for number in ["m1", "m2"] {
            let answer = invoke(&world, &[number]).await;
            assert_eq!(answer, json!({"batchItemFailures": []}));
        }
        let (told, mut windows) = (missed(&world), world.windows());
        assert_eq!(told.len(), 1, "{is_new_process}");
        // The replacement has a window of its own.
        windows.retain(|window| window["gap"] == told[0]["id"]);
        assert_eq!(windows.len(), 1, "{is_new_process}");
        let data = &told[0]["data"];
        assert_eq!(
            (&told[0]["subscription"], &data["newSubscriptionId"]),
            (&json!("chat"), &json!("id-2"))
        );
        assert_eq!(data["resource"], json!("/chats/getAllMessages"));
        assert_eq!((data.get("lostFrom"), data.get("subscriptionId")), (None, None));
        let (from, until) = if is_new_process {
            (
                world.clock.now() - SignedDuration::from_hours(9),
                world.clock.now(),
            )
        } else {
            (fakes::NOW.parse().unwrap(), replaced_at)
        };
        assert_eq!(
            (&windows[0]["from"], &windows[0]["until"]),
            (&json!(from), &json!(until)),
            "not from before the first of its name, nor until after the last was made"
        );
    }
}

#[tokio::test]
async fn a_replacement_that_another_process_has_made_is_found_by_its_name() {
    let world = prepared(&[("chat", "a", true)]).await;
    let other = world.another_process();
    replace(&other).await;
    world.clock.advance(1);
    world.log();
    // This process still remembers the subscription that is gone.
    invoke(&world, &["m1"]).await;
    world.run().await;
    invoke(&world, &["m2"]).await;
    assert_eq!(
        missed(&world).len(),
        2,
        "the one that was known, and those before the next"
    );
}

// Without a tokio runtime: its locks yield to other tasks there, which virtual time would take for waiting.
#[test]
fn invented_ids_make_one_gap_for_each_subscription_in_all_processes() {
    let mut world = replaced().now_or_never().unwrap().restarted();
    let mut ids = Vec::new();
    for process in 0..3 {
        for round in 0..3 {
            let events: Vec<Value> = (0..100)
                .map(|number| {
                    event(
                        "m",
                        "missed",
                        "chat",
                        &format!("invented-{process}-{round}-{number}"),
                    )
                })
                .map(|event| received(event, world.clock.now()))
                .collect();
            let answer = world.invoke(batch(&events)).into_inner().unwrap();
            let failures = answer["batchItemFailures"].as_array().unwrap();
            assert_eq!(failures.len(), 0, "{process} {round} {:?}", world.log().last());
            world.clock.advance(60);
        }
        assert_eq!(world.windows().len(), 1);
        ids.extend(missed(&world).iter().map(|event| event["id"].clone()));
        world = world.restarted();
    }
    assert_eq!(ids.len(), 3, "one for each process");
    ids.dedup();
    assert_eq!(ids.len(), 1, "the same event for consumers");
}

#[tokio::test]
async fn each_replacement_is_reported() {
    let world = replaced().await.restarted();
    invoke(&world, &["m1"]).await;
    replace(&world).await;
    world.clock.advance(1);
    invoke(&world, &["m2"]).await;
    let told = missed(&world);
    let new: Vec<_> = told
        .iter()
        .map(|event| &event["data"]["newSubscriptionId"])
        .collect();
    assert_eq!(new, ["id-2", "id-3"]);
}

#[tokio::test]
async fn a_loss_of_a_replaced_subscription_is_retried_until_it_is_reported() {
    let world = replaced().await.restarted();
    world.delivery_queue.refuse(Some(""));
    let answer = invoke(&world, &["m1", "m2"]).await;
    let failures = answer["batchItemFailures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "one that comes again is enough");
    world.delivery_queue.refuse(None);
    let answer = invoke(&world, &["m1"]).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!((missed(&world).len(), world.windows().len()), (1, 1));
}

#[tokio::test]
async fn an_event_older_than_queue_retention_reads_nothing() {
    let world = replaced().await.restarted();
    let old = world.clock.now() - SignedDuration::from_hours(5 * 24);
    let event = received(event("m1", "missed", "chat", "id-1"), old);
    world.invoke(batch(&[event])).await.unwrap();
    assert_eq!(world.windows(), Vec::<Value>::new());
    invoke(&world, &["m2"]).await;
    assert_eq!(world.windows().len(), 1, "it takes no reading from a later one");
}

#[tokio::test]
async fn a_renewal_is_not_the_beginning_of_a_subscription() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(4_000);
    world.run().await;
    assert_eq!(world.log(), ["list a", "update id-1"]);
    world.clock.advance(60);
    invoke(&world, &["m1"]).await;
    let nine_hours_back: Timestamp = world.clock.now() - SignedDuration::from_hours(9);
    assert_eq!(world.windows()[0]["from"], json!(nine_hours_back));
}

/// Returns a world in which the entry got another change type an hour after the first creation, so that `id-2` replaced
/// `id-1`.
async fn replaced() -> World {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(60);
    replace(&world).await;
    world
}

/// Replaces the subscription, as a change of its entry does.
async fn replace(world: &World) {
    let mut config = world.documents.json(Document::Config);
    let change_type = &mut config["subscriptions"]["chat"]["changeType"];
    *change_type = match change_type.as_str() {
        Some("created") => json!("created,updated"),
        _ => json!("created"),
    };
    world.documents.set(Document::Config, &config.to_string());
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"replace": 1}), "{report}");
}

/// Sends events that notifications of `id-1` were missed.
async fn invoke(world: &World, messages: &[&str]) -> Value {
    let events: Vec<Value> = messages
        .iter()
        .map(|message| received(event(message, "missed", "chat", "id-1"), world.clock.now()))
        .collect();
    world.invoke(batch(&events)).await.unwrap()
}

fn missed(world: &World) -> Vec<Value> {
    let mut told = world.told();
    told.retain(|event| event["type"] == json!(MISSED));
    told
}
