//! Whoever can write into the queue gets nothing out of it without a client state of this stack.

use super::*;
use crate::world::client_state_document;

#[tokio::test]
async fn an_item_without_this_stacks_client_state_is_rejected() {
    let mut evil = basic();
    evil["tenantId"] = json!("x/../../evil");
    evil["item"]["tenantId"] = json!("x/../../evil");
    evil["item"]["clientState"] = Value::Null;
    let mut lifecycle = basic();
    lifecycle["item"]["lifecycleEvent"] = json!("subscriptionRemoved");
    lifecycle["item"]["clientState"] = json!("mail.1166.AAAA");
    let mut renamed = rich(Some(&good_token()));
    let genuine = client_state(&tenant(), "team-messages");
    renamed["item"]["clientState"] = json!(genuine.replace("team-messages", "mail"));
    let tenant = tenant_id(&tenant());
    for (body, owner) in [
        (evil, None),
        (lifecycle, Some("mail")),
        (renamed, Some("team-messages")),
    ] {
        let world = World::new();
        assert_eq!(world.process(&[&body]).await, NOTHING);
        assert_eq!(
            world.failed(),
            [("ClientStateRejected".to_owned(), body.to_string())]
        );
        assert!(world.delivered().is_empty() && world.deps.lifecycle_queue.stored().is_empty());
        let kept = &world.deps.failed_queue.stored()[0];
        let mut expected = vec![("Reason", "ClientStateRejected")];
        // As the webhook wrote the message, it has known its owner.
        expected.extend(
            owner
                .iter()
                .flat_map(|name| [("Tenant", &*tenant), ("Subscription", name)]),
        );
        assert_eq!(kept.attributes().collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn an_item_of_a_removed_tenant_waits_and_keeps_its_owner() {
    for body in [basic(), rich(Some(&good_token()))] {
        let world = World::new();
        world.client_states.set(of_others());
        let name = body["subscription"].as_str().unwrap();
        assert_eq!(world.process(&[&body]).await, ["m0"], "{name}");
        let body = body.to_string();
        assert_eq!(world.run_at_try(&[&body], 60, TRIES).await, NOTHING, "{name}");
        let kept = &world.deps.failed_queue.stored()[0];
        let expected = [
            ("Reason", "UnknownTenant"),
            ("Tenant", &*tenant_id(&tenant())),
            ("Subscription", name),
        ];
        assert_eq!(kept.attributes().collect::<Vec<_>>(), expected);
        world.client_states.set(client_state_document("k1"));
        assert_eq!(world.run_at_try(&[&body], 600, 1).await, NOTHING);
        assert_eq!(world.delivered().len(), 1, "{name}");
    }
}

/// Returns the content of ClientStateSecret without the tenant.
fn of_others() -> String {
    let mut document: Value = serde_json::from_str(&client_state_document("k1")).unwrap();
    let ours = tenant_id(&tenant());
    for trusted in document["trusted"].as_array_mut().unwrap() {
        trusted["tenants"]
            .as_array_mut()
            .unwrap()
            .retain(|tenant| *tenant != *ours);
    }
    document.to_string()
}

/// What a message says of its subscription, tenant and application is what anybody may have written.
#[tokio::test]
async fn an_event_names_the_owner_that_the_client_state_proves() {
    let world = World::new();
    let mut body = basic();
    for name in ["subscription", "tenantId", "clientId"] {
        body[name] = json!("forged");
    }
    assert_eq!(world.process(&[&body]).await, NOTHING);
    let event = world.delivered().remove(0);
    assert!(!event.contains("forged"), "{event}");
    let event: Value = serde_json::from_str(&event).unwrap();
    assert_eq!(
        (&event["subscription"], &event["data"]["proof"]),
        (&json!("mail"), &json!("clientState"))
    );
}

#[tokio::test]
async fn an_opened_item_is_proven_by_its_token() {
    let world = World::new();
    world.process(&[&rich(Some(&good_token()))]).await;
    let event: Value = serde_json::from_str(&world.delivered()[0]).unwrap();
    assert_eq!(event["data"]["proof"], "token");
}

/// A token of long ago is right for an item that says it came long ago.
#[tokio::test]
async fn a_time_of_receipt_that_cannot_be_true_is_refused() {
    for days in [-399, 1] {
        let world = World::new();
        let received_at = now() + SignedDuration::from_hours(days * 24);
        let mut body = rich(Some(&SIGNER.token(&claims_v2(&tenant(), received_at))));
        body["receivedAt"] = json!(received_at.to_string());
        assert_eq!(world.process(&[&body]).await, NOTHING);
        assert_eq!(world.failed()[0].0, "ReceiptRejected", "{days}");
    }
}

/// What is kept can be sorted by tenant and subscription without opening it.
#[tokio::test]
async fn messages_in_failed_queue_name_their_proven_tenant_and_subscription() {
    let world = World::new();
    let mut tampered = rich(Some(&good_token()));
    flip(&mut tampered, "data");
    let mut malformed = basic();
    malformed["item"]["resource"] = json!(5);
    world.process(&[&tampered, &malformed, &rich(None)]).await;
    let kept = world.deps.failed_queue.stored();
    let attributes: Vec<Vec<_>> = kept
        .iter()
        .map(|message| message.attributes().collect())
        .collect();
    let tenant = tenant_id(&tenant());
    for (attributes, reason, name) in [
        (&attributes[0], "ContentRejected", "team-messages"),
        (&attributes[1], "Malformed", "mail"),
        (&attributes[2], "TokenMissing", "team-messages"),
    ] {
        assert_eq!(
            *attributes,
            [("Reason", reason), ("Tenant", &*tenant), ("Subscription", name)]
        );
    }
}

/// Whoever may write into the queue has seen a genuine item, and gives it the id of another event.
#[tokio::test]
async fn a_message_that_no_function_wrote_is_rejected() {
    let genuine = sealed(&rich(Some(&good_token())).to_string());
    for forged in [
        genuine.replace("id-of-the-event", "id-of-another"),
        genuine.replace(r#""partitionKey":"key""#, r#""partitionKey":"other""#),
        genuine.replace(r#""receivedAt""#, r#""version":"2","receivedAt""#),
        rich(Some(&good_token())).to_string(),
        sealed(&window().to_string()).replace("id-of-the-gap", "id-of-another"),
        window().to_string(),
    ] {
        let world = World::new();
        assert_ne!(forged, genuine);
        assert_eq!(world.process_unsealed(&[&forged]).await, NOTHING);
        let kept = world.deps.failed_queue.stored();
        assert_eq!(kept[0].body, forged);
        assert_eq!(
            kept[0].attributes().collect::<Vec<_>>(),
            [("Reason", "SealRejected")]
        );
        assert!(world.delivered().is_empty());
        assert!(world.deps.read_queue.as_ref().unwrap().stored().is_empty());
    }
}
