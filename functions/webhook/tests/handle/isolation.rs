//! What a caller learns, which is nothing, and what one tenant can do to another, which is nothing either.

use super::*;

const OTHER: &str = "99999999-0000-0000-0000-000000000000";

#[tokio::test]
async fn a_caller_learns_nothing_from_how_an_item_is_wrong() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let genuine = change("mail")["clientState"].as_str().unwrap().to_owned();
    let with = |name: &str, value: Value| {
        let mut item = change("mail");
        item[name] = value;
        item
    };
    for item in [
        json!({}),
        json!("not an object"),
        with("clientState", Value::Null),
        with("clientState", json!(5)),
        with("clientState", json!("wrong")),
        with("clientState", json!("a".repeat(1_000))),
        with("clientState", json!(genuine.replace(".k1.", ".k9."))),
        with("clientState", json!(genuine.replace("mail.", "post."))),
        with("tenantId", json!(OTHER)),
    ] {
        assert!(is_silent(&deps, &json!({"value": [item]})).await, "{item}");
    }
    assert!(deps.queues.delivery.stored().is_empty());
    // The last is ours, by its client state: decryption keeps it with the reason.
    assert_eq!(deps.queues.notification.stored().len(), 1);
}

/// Tokens and content are judged behind the queue, so the answer cannot depend on them.
#[tokio::test]
async fn a_caller_learns_nothing_from_tokens_and_content() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    for tokens in [
        json!(null),
        json!([]),
        json!(["garbage"]),
        json!([unsigned_token(TENANT)]),
    ] {
        for content in [json!({}), json!({"data": "AAAA", "dataSignature": "AAAA"})] {
            let mut item = change("team-messages");
            item["encryptedContent"] = content;
            let body = json!({"value": [item, change("mail")], "validationTokens": tokens});
            assert!(is_silent(&deps, &body).await, "{body}");
        }
    }
    assert_eq!(deps.queues.notification.stored().len(), 8);
    assert_eq!(deps.queues.delivery.stored().len(), 8);
}

#[tokio::test]
async fn the_client_state_of_one_tenant_admits_nothing_of_another() {
    let theirs = (OTHER, CLIENT);
    let document = test_util::document(vec![key("k1"), key("k2")], &[OURS, theirs]);
    let source = FakeSecret::new(serde_json::to_string(&document).unwrap());
    let deps = deps(&source);
    let ours = change("mail");
    let our_state = ours["clientState"].as_str().unwrap();
    let theirs = client_state(&key("k1"), theirs, "mail", false).unwrap();
    let with = |name: &str, value: &str| {
        let mut item = ours.clone();
        item[name] = json!(value);
        item
    };
    let mut organization = with("organizationId", OTHER);
    organization.as_object_mut().unwrap().remove("tenantId");
    let mut lifecycle = lifecycle("mail");
    lifecycle["tenantId"] = json!(OTHER);
    for (item, proven) in [
        (with("tenantId", OTHER), Some(TENANT)),
        (with("tenantId", &OTHER.to_uppercase()), Some(TENANT)),
        (with("clientState", &theirs), Some(OTHER)),
        (with("clientState", &our_state.replace(".k1.", ".k2.")), None),
        (organization, Some(TENANT)),
        (lifecycle, Some(TENANT)),
    ] {
        assert!(is_silent(&deps, &json!({"value": [item]})).await);
        assert!(deps.queues.delivery.stored().is_empty(), "{item}");
        let mut kept = deps.queues.notification.take();
        kept.extend(deps.queues.lifecycle.take());
        let tenants: Vec<_> = kept.iter().map(Message::group).collect();
        assert_eq!(
            tenants,
            proven.map(Some).into_iter().collect::<Vec<_>>(),
            "{item}"
        );
    }
    // Each with its own client state, beside each other.
    let mut other = with("tenantId", OTHER);
    other["clientState"] = json!(theirs);
    assert!(is_silent(&deps, &json!({"value": [ours, other]})).await);
    let stored = deps.queues.delivery.stored();
    let tenants: Vec<_> = stored.iter().map(Message::group).collect();
    assert_eq!(tenants, [Some(TENANT), Some(OTHER)]);
}

/// An item that says nothing of its tenant belongs to the one that its client state proves, whatever else it says.
#[tokio::test]
async fn the_tenant_of_a_message_is_the_proven_one() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let mut item = change("mail");
    item["tenantId"] = Value::Null;
    item["subscription"] = json!("other");
    item["clientId"] = json!("other");
    item["resourceData"] = json!({"tenantId": OTHER});
    assert!(is_silent(&deps, &json!({"value": [item]})).await);
    let stored = deps.queues.delivery.stored();
    let event: Value = serde_json::from_str(&stored[0].body).unwrap();
    assert_eq!(
        (
            &event["subscription"],
            &event["data"]["tenantId"],
            &event["source"]
        ),
        (
            &json!("mail"),
            &json!(TENANT),
            &json!(format!("/tenants/{TENANT}/applications/{CLIENT}"))
        )
    );
}

/// Returns whether the answer is the one that every collection gets.
async fn is_silent(deps: &Deps<&FakeSecret, FakeQueue>, body: &Value) -> bool {
    let response = post(deps, "/notifications", &body.to_string()).await;
    (
        response.status().as_u16(),
        response.body(),
        response.headers().len(),
    ) == (202, &Body::Empty, 0)
}
