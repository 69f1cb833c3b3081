//! Batches of LifecycleQueue.

use super::*;

#[tokio::test]
async fn a_reauthorization_renews_and_the_batch_has_no_report() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(60);
    let answer = world
        .invoke(batch(&[event("m1", "reauthorizationRequired", "chat", "id-1")]))
        .await
        .unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(world.log(), ["get id-1", "update id-1"]);
}

#[tokio::test]
async fn challenges_of_one_subscription_are_one_renewal() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(60);
    let one = |id| event(id, "reauthorizationRequired", "chat", "id-1");
    world.invoke(batch(&[one("m1"), one("m2")])).await.unwrap();
    assert_eq!(world.log(), ["get id-1", "update id-1"]);
    world.invoke(batch(&[one("m3")])).await.unwrap();
    assert_eq!(
        world.log(),
        ["get id-1"],
        "it was renewed within the last ten minutes"
    );
}

#[tokio::test]
async fn a_new_challenge_beside_an_old_one_is_answered() {
    for latest in [0, 1] {
        let world = prepared(&[("presence", "a", true)]).await;
        world.clock.advance(40);
        world.scheduled();
        world.clock.advance(20);
        world.log();
        let mut challenges =
            ["m1", "m2"].map(|message| event(message, "reauthorizationRequired", "presence", "id-1"));
        challenges[latest] = windows::received(challenges[latest].clone(), world.clock.now());
        world.invoke(batch(&challenges)).await.unwrap();
        assert_eq!(world.log(), ["get id-1", "update id-1"], "{latest}");
    }
}

#[tokio::test]
async fn a_challenge_after_a_renewal_of_eleven_minutes_ago_is_answered() {
    let world = prepared(&[("presence", "a", true)]).await;
    for (minutes, expected) in [(9, vec!["get id-1"]), (2, vec!["get id-1", "update id-1"])] {
        world.clock.advance(minutes);
        let challenge = event("m1", "reauthorizationRequired", "presence", "id-1");
        let challenge = windows::received(challenge, world.clock.now());
        world.invoke(batch(&[challenge])).await.unwrap();
        assert_eq!(world.log(), expected, "{minutes}");
    }
}

#[tokio::test]
async fn a_removed_subscription_is_created_again() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.remove("id-1");
    world
        .invoke(batch(&[event("m1", "subscriptionRemoved", "chat", "id-1")]))
        .await
        .unwrap();
    assert_eq!(world.log(), ["list a", "create /chats/getAllMessages"]);
    world
        .invoke(batch(&[event("m1", "subscriptionRemoved", "chat", "id-1")]))
        .await
        .unwrap();
    assert_eq!(
        world.log(),
        ["list a"],
        "the event comes late, for one that is long replaced"
    );
}

#[tokio::test]
async fn a_removed_subscription_that_is_still_listed_is_replaced() {
    let world = prepared(&[("chat", "a", true)]).await;
    let removed = event("m1", "subscriptionRemoved", "chat", "id-1");
    world.invoke(batch(&[removed])).await.unwrap();
    assert_eq!(
        world.log(),
        [
            "list a",
            "create /chats/getAllMessages",
            "delete id-1",
            "create /chats/getAllMessages"
        ]
    );
}

#[tokio::test]
async fn missed_notifications_need_no_call() {
    let world = prepared(&[("chat", "a", true)]).await;
    let answer = world
        .invoke(batch(&[event("m1", "missed", "chat", "id-1")]))
        .await
        .unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(world.log(), Vec::<String>::new());
}

#[tokio::test]
async fn consumers_get_an_event_about_missed_notifications() {
    let world = prepared(&[("chat", "a", true)]).await;
    world
        .invoke(batch(&[event("m1", "missed", "chat", "id-1")]))
        .await
        .unwrap();
    let told = world.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["type"], json!("Microsoft.Graph.SubscriptionMissed"));
    assert_eq!(told[0]["data"]["lostUntil"], json!(fakes::NOW));
    assert_eq!(told[0]["data"].get("lostFrom"), None, "nobody knows since when");
}

#[tokio::test]
async fn consumers_get_one_event_about_a_subscription_that_graph_removed() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(60);
    let mut removed = event("m1", "subscriptionRemoved", "chat", "id-1");
    let expires_at = world.graph.all()[0].expiration_date_time.unwrap();
    let body = removed["body"].as_str().unwrap().replace(
        "\"lifecycleEvent\"",
        &format!("\"subscriptionExpirationDateTime\":\"{expires_at}\",\"lifecycleEvent\""),
    );
    removed["body"] = json!(body);
    world.invoke(batch(&[removed])).await.unwrap();
    let told = world.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["type"], json!("Microsoft.Graph.SubscriptionRemoved"));
    let data = &told[0]["data"];
    assert_eq!(data["newSubscriptionId"], json!("id-3"));
    assert_eq!(
        (&data["lostFrom"], &data["lostUntil"]),
        (&json!("2026-11-22T09:59:00Z"), &json!("2026-11-22T11:00:00Z")),
        "nothing from before its creation"
    );
}

#[tokio::test]
async fn the_gap_of_a_removed_subscription_lasts_until_its_successor_exists() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.remove("id-1");
    world.graph.delay("create", 5);
    let removed = event("m1", "subscriptionRemoved", "chat", "id-1");
    world.invoke(batch(&[removed])).await.unwrap();
    assert_eq!(
        world.told()[0]["data"]["lostUntil"],
        json!("2026-11-22T10:00:05Z")
    );
}

#[tokio::test]
async fn a_notification_is_retried_if_its_event_was_not_stored() {
    for kind in ["missed", "subscriptionRemoved"] {
        let world = prepared(&[("chat", "a", true)]).await;
        world.delivery_queue.refuse(Some(""));
        let records = [event("m1", kind, "chat", "id-1")];
        let answer = world.invoke(batch(&records)).await.unwrap();
        assert_eq!(
            answer,
            json!({"batchItemFailures": [{"itemIdentifier": "m1"}]}),
            "{kind}"
        );
        world.delivery_queue.refuse(None);
        let answer = world.invoke(batch(&records)).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}), "{kind}");
        assert_eq!(world.told().len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn only_the_named_applications_subscriptions_are_handled() {
    let both = config(&["a", "b"], &[("chat", "a", true), ("users", "b", false)]);
    let world = world(&both);
    world.run().await;
    world.log();
    world
        .invoke(batch(&[event(
            "m1",
            "reauthorizationRequired",
            "chat",
            "unknown",
        )]))
        .await
        .unwrap();
    assert_eq!(world.log(), ["get unknown", "list a"]);
    let mut elsewhere = event("m1", "reauthorizationRequired", "chat", "id-1");
    elsewhere["body"] = json!(
        elsewhere["body"]
            .as_str()
            .unwrap()
            .replace("aaaaaaaa", "eeeeeeee")
    );
    let answer = world.invoke(batch(&[elsewhere])).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(world.log(), Vec::<String>::new());
}

#[tokio::test]
async fn a_bad_record_goes_to_failed_queue_and_the_others_are_processed() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(60);
    let mut change = event("m3", "x", "chat", "id-1");
    change["body"] = json!(
        change["body"]
            .as_str()
            .unwrap()
            .replace("lifecycleEvent", "changeType")
    );
    let records = [
        record("m1", "not json"),
        event("m2", "reauthorizationRequired", "chat", "id-1"),
        change,
        json!({"messageId": "m4", "eventSource": "aws:sqs"}),
    ];
    let answer = world.invoke(batch(&records)).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(world.log(), ["get id-1", "update id-1"]);
    let stored = world.failed_queue.stored();
    assert_eq!(stored.len(), 3);
    assert_eq!(
        (stored[0].body.as_str(), stored[0].reason),
        ("not json", Some("SealRejected"))
    );
    assert_eq!(stored[1].reason, Some("Malformed"));
}

#[tokio::test]
async fn a_bad_record_that_failed_queue_does_not_store_is_retried() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.failed_queue.refuse(Some("not json"));
    let answer = world
        .invoke(batch(&[record("m1", "not json"), record("m2", "nor this")]))
        .await
        .unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m1"}]}));
}

#[tokio::test]
async fn only_failed_notifications_are_retried() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    world.clock.advance(60);
    world.graph.fail("update id-1", unavailable());
    let records = [
        event("m1", "reauthorizationRequired", "chat", "id-1"),
        event("m2", "reauthorizationRequired", "users", "id-2"),
    ];
    let answer = world.invoke(batch(&records)).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m1"}]}));
    world.graph.heal();
    world.graph.fail("update", unavailable());
    world.clock.advance(60);
    let records = records.map(|record| windows::received(record, world.clock.now()));
    let answer = world.invoke(batch(&records)).await.unwrap();
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn without_documents_or_configuration_notifications_are_retried() {
    let records = [
        event("m1", "reauthorizationRequired", "chat", "id-1"),
        event("m2", "missed", "chat", "id-1"),
        record("m3", "not json"),
    ];
    let world = prepared(&[("chat", "a", true)]).await;
    // The previous version has a mistake as well, and no other version is known.
    world.documents.set(Document::Config, "{");
    world.documents.set(Document::Config, "{");
    world.documents.forget_state();
    let expected = json!({"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]});
    assert_eq!(world.invoke(batch(&records)).await.unwrap(), expected);
    *world.documents.is_down.lock().unwrap() = true;
    // Without a key nobody can tell who wrote them.
    let answer = world.invoke(batch(&records)).await.unwrap();
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 3);
}

/// Whoever may write into the queue may have seen a genuine item.
#[tokio::test]
async fn a_genuine_item_in_a_message_of_somebody_else_changes_nothing() {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut forged = event("m1", "missed", "chat", "id-1");
    let mut body: Value = serde_json::from_str(forged["body"].as_str().unwrap()).unwrap();
    body["seal"] = json!("k1.AAAA");
    forged["body"] = json!(body.to_string());
    world.invoke(batch(&[forged])).await.unwrap();
    assert_eq!(world.log(), Vec::<String>::new());
    assert_eq!((world.told().len(), world.windows().len()), (0, 0));
    assert_eq!(world.failed_queue.stored()[0].reason, Some("SealRejected"));
}

#[tokio::test]
async fn a_message_in_the_queue_without_a_valid_seal_changes_nothing() {
    let both = config(&["a", "b"], &[("chat", "a", true), ("users", "b", false)]);
    let world = world(&both);
    world.run().await;
    world.log();
    let mut forged = event("m1", "subscriptionRemoved", "chat", "id-1");
    let body = |record: &Value| serde_json::from_str::<Value>(record["body"].as_str().unwrap()).unwrap();
    for client_state in [json!("forged"), json!("users.aaaaa.k1.AAAA"), Value::Null] {
        let mut item = body(&forged);
        item["item"]["clientState"] = client_state;
        forged["body"] = item.to_string().into();
        world.invoke(batch(&[forged.clone()])).await.unwrap();
    }
    let mut late = event("m2", "subscriptionRemoved", "chat", "id-1");
    let mut item = body(&late);
    item["receivedAt"] = "2026-10-22T10:00:00Z".into();
    late["body"] = item.to_string().into();
    world.invoke(batch(&[late])).await.unwrap();
    assert_eq!(world.log(), Vec::<String>::new());
    let stored = world.failed_queue.stored();
    let reasons: Vec<_> = stored.iter().map(|message| message.reason.unwrap()).collect();
    let rejected = "ClientStateRejected";
    assert_eq!(reasons, [rejected, rejected, rejected, "ReceiptRejected"]);
    let attributes = |number: usize| stored[number].attributes().collect::<Vec<_>>();
    for (number, reason) in [(0, rejected), (3, "ReceiptRejected")] {
        let proven = [("Reason", reason), ("Tenant", TENANT_A), ("Subscription", "chat")];
        assert_eq!(attributes(number), proven, "the seal proves the owner");
    }
}

pub(super) fn batch(records: &[Value]) -> Value {
    json!({"Records": records})
}

fn record(message_id: &str, body: &str) -> Value {
    json!({"messageId": message_id, "eventSource": "aws:sqs", "body": body})
}

pub(super) fn event(message_id: &str, event: &str, name: &str, subscription_id: &str) -> Value {
    let body = json!({
        "subscription": name, "tenantId": TENANT_A, "clientId": APP, "receivedAt": fakes::NOW,
        "item": {"lifecycleEvent": event, "subscriptionId": subscription_id, "tenantId": TENANT_A},
    });
    record(message_id, &body.to_string())
}

#[tokio::test]
async fn one_tenant_cannot_have_the_subscription_of_another_removed() {
    let both = config(&["a", "b"], &[("chat", "a", true), ("users", "b", false)]);
    let world = world(&both);
    world.run().await;
    world.log();
    // Tenant a proves its own name, but names a subscription of b. Tenant b has an event of its own in the batch.
    let mut genuine = event("m2", "reauthorizationRequired", "users", "id-2");
    let body = genuine["body"].as_str().unwrap().replace(TENANT_A, TENANT_B);
    genuine["body"] = json!(body);
    let records = [event("m1", "subscriptionRemoved", "chat", "id-2"), genuine];
    world.invoke(batch(&records)).await.unwrap();
    assert_eq!(world.log(), ["get id-2", "list a"]);
    assert_eq!(world.told(), Vec::<Value>::new());
}

#[tokio::test]
async fn an_id_under_another_name_than_its_own_is_ignored() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    world.clock.advance(60);
    for (kind, id, calls) in [
        ("subscriptionRemoved", "id-2", &[][..]),
        ("missed", "id-2", &[]),
        ("reauthorizationRequired", "id-2", &["get id-2"]),
        ("subscriptionRemoved", "invented", &["list a"]),
    ] {
        let answer = world.invoke(batch(&[event("m1", kind, "chat", id)])).await;
        assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
        assert_eq!(world.log(), calls, "{kind} of {id}");
    }
    assert_eq!(world.told(), Vec::<Value>::new());
}

#[tokio::test]
async fn an_event_of_one_tenant_touches_no_subscription_of_another() {
    // Each tenant can prove the name, because the entry stands for both.
    let mut both = config(&["a", "b"], &[("chat", "a", true)]);
    both["subscriptions"]["chat"]["tenant"] = json!("*");
    for (kind, calls) in [
        ("reauthorizationRequired", &["get id-2", "list a"][..]),
        ("missed", &["get id-2"]),
        ("subscriptionRemoved", &["list a"]),
    ] {
        let world = world(&both);
        world.run().await;
        world.clock.advance(60);
        world.log();
        let answer = world.invoke(batch(&[event("m1", kind, "chat", "id-2")])).await;
        assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
        assert_eq!(world.log(), calls, "{kind}");
        assert_eq!(world.told(), Vec::<Value>::new());
    }
}

#[tokio::test]
async fn an_old_removal_of_an_invented_id_costs_no_call() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(60);
    world.run().await;
    world.log();
    let removed = event("m1", "subscriptionRemoved", "chat", "invented");
    let answer = world.invoke(batch(&[removed])).await;
    assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
    assert_eq!((world.log(), world.told()), (Vec::new(), Vec::new()));
}
