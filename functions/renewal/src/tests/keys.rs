//! The documents that renewal writes.

use graph_core::{
    notification::client_state::ClientStateKeys,
    secrets::{ClientStateDocument, DecryptionDocument},
};

use super::*;

#[tokio::test]
async fn a_tenant_that_comes_later_waits_until_every_webhook_knows_its_key() {
    let world = prepared(&[("chat", "a", true)]).await;
    let both = config(&["a", "b"], &[("chat", "a", true), ("users", "b", false)]);
    world.documents.set(Document::Config, &both.to_string());
    let begun = world.clock.now();
    let report = world.run().await;
    let log = world.log();
    assert_eq!(log[..2], ["write ClientState", "write Decryption"]);
    assert_eq!(world.clock.now().duration_since(begun).as_secs(), 30);
    assert_eq!(log.last().unwrap(), "create /users");
    assert_eq!(report["failed"], json!(0));
    assert_eq!(
        world.documents.json(Document::Decryption)["tenants"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_key_that_is_long_to_wait_for_is_left_to_a_later_run() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.remove("id-1");
    let mut document = world.documents.json(Document::ClientState);
    document["keys"][0]["mintFrom"] = json!("2026-11-22T10:01:01Z");
    world.documents.set(Document::ClientState, &document.to_string());
    let report = world.run().await;
    assert_eq!(world.log(), ["list a"]);
    let error = "the new client-state key may not be used yet; the next run does";
    assert_eq!(report["subscriptions"][0]["error"], json!(error));
}

#[tokio::test]
async fn a_tenant_that_is_gone_keeps_its_key_and_loses_its_trust() {
    let world = prepared(&[("chat", "a", true)]).await;
    let before = world.documents.text(Document::ClientState);
    world
        .documents
        .set(Document::Config, &config(&[], &[]).to_string());
    world.run().await;
    assert_eq!(world.documents.text(Document::ClientState), before);
    assert_eq!(world.documents.json(Document::Decryption)["tenants"], json!([]));
}

#[tokio::test]
async fn a_tenant_that_cannot_be_read_keeps_its_trust() {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut broken = config(&["a"], &[("chat", "a", true)]);
    broken["tenants"]["a"]["clientId"] = json!("nonsense");
    world.documents.set(Document::Config, &broken.to_string());
    world.run().await;
    assert_eq!(
        world.documents.json(Document::Decryption)["tenants"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn of_two_runs_that_make_keys_the_slower_one_uses_those_of_the_faster() {
    let faster = prepared(&[("chat", "a", true)]).await;
    let published = faster.documents.text(Document::ClientState).unwrap();
    let slower = world(&config(&["a"], &[("chat", "a", true)]));
    *slower.documents.rival.lock().unwrap() = Some((Document::ClientState, published.clone()));
    slower.run().await;
    assert_eq!(slower.documents.text(Document::ClientState).unwrap(), published);
    let document: ClientStateDocument = serde_json::from_str(&published).unwrap();
    let client_state = slower.graph.bodies()[0]["clientState"].clone();
    assert!(
        ClientStateKeys::parse(&document)
            .0
            .verify(client_state.as_str(), None)
            .is_ok()
    );
}

#[tokio::test]
async fn a_document_that_is_not_ours_is_never_written_over() {
    for document in [Document::ClientState, Document::Decryption] {
        let world = prepared(&[("chat", "a", true)]).await;
        world.documents.set(document, "{\"mine\":1}");
        let error = world.invoke(json!({})).await.unwrap_err();
        assert!(
            matches!(error, Error::Malformed(malformed) if malformed == document),
            "{error}"
        );
        assert_eq!(world.documents.text(document).unwrap(), "{\"mine\":1}");
        assert_eq!(world.log(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_is_created_fits_what_was_published() {
    let world = world(&config(&["a"], &[("chat", "a", true)]));
    world.run().await;
    let client_state: ClientStateDocument =
        serde_json::from_value(world.documents.json(Document::ClientState)).unwrap();
    let decryption: DecryptionDocument =
        serde_json::from_value(world.documents.json(Document::Decryption)).unwrap();
    let body = &world.graph.bodies()[0];

    let (keys, unusable) = ClientStateKeys::parse(&client_state);
    assert!(unusable.is_empty());
    let proven = keys.verify(body["clientState"].as_str(), Some(TENANT_A)).unwrap();
    assert_eq!(
        (proven.subscription.as_str(), proven.client_id.as_str()),
        ("chat", APP)
    );

    let (key, certificate) = (&client_state.keys[0], &decryption.keys[0]);
    let query = format!("s=chat&k={}&c={}", key.id, certificate.id);
    assert_eq!(
        body["notificationUrl"],
        json!(format!("https://our.example/notifications?{query}"))
    );
    assert_eq!(
        body["lifecycleNotificationUrl"],
        json!(format!("https://our.example/lifecycle?{query}"))
    );
    assert_eq!(body["encryptionCertificate"], json!(certificate.certificate));
    assert_eq!(body["encryptionCertificateId"], json!(certificate.id));
    assert_eq!(body["includeResourceData"], json!(true));
    assert_eq!(body["latestSupportedTlsVersion"], json!("v1_2"));

    assert!(
        key.id.len() == 8
            && key
                .id
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    );
    assert!(
        certificate.id.starts_with("c-20261122-") && certificate.id.len() == 19,
        "{}",
        certificate.id
    );
    assert_eq!(
        key.mint_from, key.created_at,
        "no webhook has older keys in its cache"
    );
    assert_eq!(
        world.documents.json(Document::Decryption)["tenants"],
        json!([{"tenantId": TENANT_A, "clientId": APP, "cloud": "global"}])
    );
}
