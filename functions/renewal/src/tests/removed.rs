//! Removals that Graph reports to a process that does not know the ids.

use super::{
    lifecycle::{batch, event},
    windows, *,
};

const REMOVED: &str = "Microsoft.Graph.SubscriptionRemoved";

#[tokio::test]
async fn invented_ids_make_one_event_for_each_subscription_in_all_processes() {
    let mut world = prepared(&[("chat", "a", true)]).await.restarted();
    let (mut ids, mut lists) = (Vec::new(), Vec::new());
    for process in 0..3 {
        for round in 0..3 {
            world.clock.advance(1);
            let records: Vec<Value> = (0..100)
                .map(|number| removed(&format!("invented-{process}-{round}-{number}")))
                .collect();
            let answer = world.invoke(batch(&records)).await.unwrap();
            assert_eq!(answer, json!({"batchItemFailures": []}));
            lists.push(world.log().len());
        }
        assert_eq!(world.windows(), Vec::<Value>::new(), "it is there");
        ids.extend(told(&world).iter().map(|event| event["id"].clone()));
        world = world.restarted();
    }
    assert_eq!(ids.len(), 3, "one for each process");
    assert_eq!(lists, [1, 0, 0, 1, 0, 0, 1, 0, 0]);
    ids.dedup();
    assert_eq!(ids.len(), 1, "the same event for consumers");
}

#[tokio::test]
async fn invented_ids_make_no_event_about_a_successor_whose_gap_is_told() {
    let world = prepared(&[("chat", "a", true)]).await.restarted();
    world.invoke(batch(&[removed("invented-1")])).await.unwrap();
    world.clock.advance(10);
    world.graph.remove("id-1");
    world.run().await;
    assert_eq!((world.told().len(), told(&world).len()), (2, 1));
    world.clock.advance(10);
    for invented in ["invented-2", "invented-3"] {
        let invented = windows::received(removed(invented), world.clock.now());
        world.invoke(batch(&[invented])).await.unwrap();
    }
    assert_eq!(world.told().len(), 2);
}

#[tokio::test]
async fn a_removal_after_an_invented_one_is_reported() {
    let world = prepared(&[("chat", "a", true)]).await.restarted();
    for (id, of) in [("invented", None), ("id-1", Some(json!("id-1")))] {
        world.clock.advance(10);
        world.graph.remove(id);
        let removal = windows::received(removed(id), world.clock.now());
        world.invoke(batch(&[removal])).await.unwrap();
        let told = told(&world);
        assert_eq!(told.last().unwrap()["data"].get("subscriptionId").cloned(), of);
    }
    assert_eq!(told(&world).len(), 2);
}

#[tokio::test]
async fn an_untold_removal_is_reported_by_a_process_that_has_listed_before() {
    for is_last_run_stored in [false, true] {
        let mut world = prepared(&[("chat", "a", true)]).await;
        world.graph.remove("id-1");
        world.delivery_queue.refuse(Some(""));
        let answer = world.invoke(batch(&[removed("id-1")])).await.unwrap();
        assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 1);
        world.clock.advance(10);
        if is_last_run_stored {
            world.scheduled();
        }
        world = world.restarted();
        world.scheduled();
        world.log();
        for calls in [&["list a"][..], &[]] {
            world.invoke(batch(&[removed("id-1")])).await.unwrap();
            assert_eq!(world.log(), calls);
        }
        assert_eq!(told(&world).len(), 1);
    }
}

#[tokio::test]
async fn a_removal_among_invented_ones_is_reported_and_read_once() {
    for is_new_process in [false, true] {
        let mut world = prepared(&[("chat", "a", true)]).await;
        world.graph.remove("id-1");
        if is_new_process {
            world = world.restarted();
        }
        let mut records: Vec<Value> = (0..20)
            .map(|number| removed(&format!("invented-{number}")))
            .collect();
        records.push(removed("id-1"));
        let answer = world.invoke(batch(&records)).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}));
        let told = told(&world);
        assert_eq!((told.len(), world.windows().len()), (1, 1), "{is_new_process}");
        let data = &told[0]["data"];
        assert_eq!(data["newSubscriptionId"], json!("id-2"));
        let id = (!is_new_process).then(|| json!("id-1"));
        assert_eq!(data.get("subscriptionId").cloned(), id, "as far as it is proven");
    }
}

#[tokio::test]
async fn an_untold_removal_is_reported_by_another_process() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.remove("id-1");
    world.delivery_queue.refuse(Some(""));
    world.invoke(batch(&[removed("id-1")])).await.unwrap();
    world.delivery_queue.refuse(None);
    let world = world.restarted();
    for _ in 0..2 {
        let answer = world.invoke(batch(&[removed("id-1")])).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}));
    }
    assert_eq!(told(&world).len(), 1);
}

#[tokio::test]
async fn an_unstored_event_about_an_unknown_id_is_tried_again() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.remove("id-1");
    let world = world.restarted();
    world.delivery_queue.refuse(Some(""));
    let answer = world.invoke(batch(&[removed("id-1")])).await.unwrap();
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 1);
    world.delivery_queue.refuse(None);
    world.invoke(batch(&[removed("id-1")])).await.unwrap();
    assert_eq!(told(&world).len(), 1);
}

/// Returns the report that Graph removed a subscription of the entry `chat`.
fn removed(id: &str) -> Value {
    event("m1", "subscriptionRemoved", "chat", id)
}

fn told(world: &World) -> Vec<Value> {
    let mut told = world.told();
    told.retain(|event| event["type"] == json!(REMOVED));
    told
}
