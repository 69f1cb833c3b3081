//! Messages that LifecycleQueue hands over for the last time.

use super::{
    lifecycle::{batch, event},
    *,
};

#[tokio::test]
async fn what_is_unfinished_at_its_last_try_is_kept_with_its_reason() {
    for (kind, reason) in [
        ("reauthorizationRequired", "NotRenewed"),
        ("missed", "NotStored"),
        ("missed", "NoConfiguration"),
    ] {
        let world = prepared(&[("chat", "a", true)]).await;
        match reason {
            "NotRenewed" => world.graph.fail("get", unavailable()),
            "NotStored" => world.delivery_queue.refuse(Some("")),
            // No earlier version can be used either.
            _ => {
                world.documents.forget_state();
                for text in ["not a document", "nor is this"] {
                    world.documents.set(Document::Config, text);
                }
            }
        }
        let owner = [("Tenant", TENANT_A), ("Subscription", "chat")];
        assert_eq!(answer(&world, kind, 15).await, ["m1"], "{reason}");
        assert!(world.failed_queue.stored().is_empty(), "{reason}");
        assert_eq!(answer(&world, kind, 16).await, Vec::<String>::new(), "{reason}");
        let kept = world.failed_queue.take();
        let attributes: Vec<_> = kept[0].attributes().collect();
        assert_eq!(attributes, [&[("Reason", reason)][..], &owner].concat());
        assert!(kept[0].body.contains(kind), "it can be moved back");
        world.failed_queue.refuse(Some(""));
        assert_eq!(answer(&world, kind, 16).await, ["m1"], "{reason}");
    }
}

#[tokio::test]
async fn without_keys_a_message_at_its_last_try_is_kept() {
    let world = prepared(&[("chat", "a", true)]).await;
    let seen = proven(&world, event("m1", "missed", "chat", "id-1"));
    world.documents.set(Document::ClientState, "{}");
    for (received, ids) in [(15, vec!["m1"]), (16, vec![])] {
        assert_eq!(handed_over(&world, seen.clone(), received).await, ids);
    }
    let kept = world.failed_queue.take();
    let attributes: Vec<_> = kept[0].attributes().collect();
    assert_eq!(attributes, [("Reason", "NoClientStateKeys")], "nothing is proven");
}

async fn answer(world: &World, kind: &str, received: u32) -> Vec<String> {
    handed_over(world, event("m1", kind, "chat", "id-1"), received).await
}

/// Returns the ids of the messages to retry.
async fn handed_over(world: &World, mut record: Value, received: u32) -> Vec<String> {
    record["attributes"] = json!({"ApproximateReceiveCount": received.to_string()});
    let answer = world.invoke(batch(&[record])).await.unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap();
    let ids = failures.iter().map(|failure| &failure["itemIdentifier"]);
    ids.map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// Returns a record as the webhook has sealed it.
fn proven(world: &World, record: Value) -> Value {
    world.proven(batch(&[record]))["Records"][0].clone()
}
