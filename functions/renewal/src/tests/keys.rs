//! The documents that renewal writes.

use graph_core::{
    application::test_util::guid,
    notification::client_state::{ClientStateKeys, Refused},
    secrets::{ClientStateDocument, DecryptionDocument},
};

use super::*;

#[tokio::test]
async fn an_added_tenant_waits_until_every_webhook_knows_it() {
    let world = prepared(&[("chat", "a", true)]).await;
    let both = config(&["a", "b"], &[("chat", "a", true), ("users", "b", false)]);
    world.documents.set(Document::Config, &both.to_string());
    let begun = world.clock.now();
    let report = world.run().await;
    let log = world.log();
    assert_eq!(log[..2], ["write ClientState", "write Decryption"]);
    assert_eq!(world.clock.now().duration_since(begun).as_secs(), 45);
    assert_eq!(log.last().unwrap(), "create /users");
    assert_eq!(report["failed"], json!(0));
    assert_eq!(
        world.documents.json(Document::ClientState)["trusted"],
        json!([
            {"clientId": APP, "cloud": "global", "tenants": [TENANT_A]},
            {"clientId": APP, "cloud": "global", "from": "2026-11-22T10:00:45Z", "tenants": [TENANT_B]},
        ])
    );
    assert_eq!(
        world.documents.json(Document::ClientState)["keys"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        world.documents.json(Document::Decryption)["trusted"],
        json!([{"clientId": APP, "cloud": "global", "tenants": [TENANT_A, TENANT_B]}])
    );
}

#[tokio::test]
async fn a_creation_whose_key_is_not_usable_soon_waits_for_another_run() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.remove("id-1");
    let mut document = world.documents.json(Document::ClientState);
    document["keys"][0]["life"] = json!({"useFrom": "2026-11-22T10:01:01Z"});
    world.documents.set(Document::ClientState, &document.to_string());
    let report = world.run().await;
    assert_eq!(world.log(), ["list a", "get id-1"]);
    let error = "not every webhook knows its client-state key and its tenant yet; the next run creates it";
    assert_eq!(report["subscriptions"][0]["error"], json!(error));
}

#[tokio::test]
async fn a_removed_tenant_is_no_longer_admitted() {
    let world = prepared(&[("chat", "a", true)]).await;
    let client_state = world.graph.bodies()[0]["clientState"].clone();
    let verified = || {
        let document = serde_json::from_value(world.documents.json(Document::ClientState)).unwrap();
        let (keys, _) = ClientStateKeys::parse(&document);
        keys.verify(client_state.as_str())
    };
    assert!(verified().is_ok());
    world
        .documents
        .set(Document::Config, &config(&[], &[]).to_string());
    world.invoke(json!({"confirmDeletions": true})).await.unwrap();
    assert_eq!(verified(), Err(Refused::UnknownApplication));
    for document in [Document::ClientState, Document::Decryption] {
        assert_eq!(
            world.documents.json(document)["trusted"],
            json!([]),
            "{document:?}"
        );
        assert_eq!(
            world.documents.json(document)["keys"].as_array().unwrap().len(),
            1
        );
    }
}

#[tokio::test]
async fn a_tenant_that_cannot_be_read_keeps_its_trust() {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut broken = config(&["a"], &[("chat", "a", true)]);
    broken["tenants"]["a"]["clientId"] = json!("nonsense");
    world.documents.set(Document::Config, &broken.to_string());
    world.run().await;
    assert_eq!(
        world.documents.json(Document::Decryption)["trusted"],
        json!([{"clientId": APP, "cloud": "global", "tenants": [TENANT_A]}])
    );
}

#[tokio::test]
async fn of_two_runs_that_create_keys_the_slower_adopts_the_faster() {
    let faster = prepared(&[("chat", "a", true)]).await;
    let published = faster.documents.text(Document::ClientState).unwrap();
    let slower = world(&config(&["a"], &[("chat", "a", true)]));
    slower.documents.fake(Document::ClientState).overtake(&published);
    slower.run().await;
    assert_eq!(slower.documents.text(Document::ClientState).unwrap(), published);
    let document: ClientStateDocument = serde_json::from_str(&published).unwrap();
    let client_state = slower.graph.bodies()[0]["clientState"].clone();
    assert!(
        ClientStateKeys::parse(&document)
            .0
            .verify(client_state.as_str())
            .is_ok()
    );
}

#[tokio::test]
async fn a_foreign_document_is_not_overwritten_and_stops_no_renewal() {
    for document in [Document::ClientState, Document::Decryption] {
        let world = prepared(&[("chat", "a", true)]).await;
        world.documents.set(document, "{\"mine\":1}");
        let two = config(&["a"], &[("groups", "a", false)]);
        world.documents.set(Document::Config, &two.to_string());
        world.clock.advance(4000);
        let report = world.run().await;
        let message = report["problems"][0]["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("{document:?} secret is malformed")),
            "{message}"
        );
        assert_eq!(report["counts"], json!({"renew": 1}), "{report:#}");
        assert_eq!(world.documents.text(document).unwrap(), "{\"mine\":1}");
        assert_eq!(world.log(), ["list a", "update id-1"]);
    }
}

#[tokio::test]
async fn an_odd_key_stays_and_an_odd_application_is_written_again() {
    for document in [Document::ClientState, Document::Decryption] {
        let world = prepared(&[("chat", "a", true)]).await;
        let mut odd = world.documents.json(document);
        let key = json!({"id": "odd", "key": 5});
        odd["keys"].as_array_mut().unwrap().insert(0, key.clone());
        odd["trusted"] = json!([{"clientId": APP, "cloud": "mars", "tenants": [TENANT_A]}]);
        world.documents.set(document, &odd.to_string());
        let two = config(&["a"], &[("chat", "a", true), ("groups", "a", false)]);
        world.documents.set(Document::Config, &two.to_string());
        let report = world.run().await;
        let problem = report["problems"][0]["message"].as_str().unwrap();
        let expected = format!("keys[0] (odd) cannot be read in {document:?}Secret");
        assert!(problem.starts_with(&expected), "{problem}");
        assert_eq!(report["counts"]["create"], json!(1), "{report:#}");
        let mended = world.documents.json(document);
        assert_eq!(mended["keys"][0], key);
        assert_eq!(mended["keys"].as_array().unwrap().len(), 2);
        assert_eq!(mended["trusted"][0]["tenants"], json!([TENANT_A]));
    }
}

#[tokio::test]
async fn an_odd_application_stays_while_the_configuration_has_mistakes() {
    for document in [Document::ClientState, Document::Decryption] {
        let world = prepared(&[("chat", "a", true)]).await;
        let mut odd = world.documents.json(document);
        odd["trusted"] = json!([{"clientId": APP, "cloud": "mars", "tenants": [TENANT_A]}]);
        world.documents.set(document, &odd.to_string());
        let mut mistaken = config(&["a"], &[("chat", "a", true)]);
        mistaken["tenants"]["b"] = json!({"credential": {}});
        world.documents.set(Document::Config, &mistaken.to_string());
        let report = world.run().await;
        assert_eq!(world.documents.json(document), odd);
        let problems = report["problems"].to_string();
        assert!(
            problems.contains("has applications that cannot be read"),
            "{problems}"
        );
    }
}

/// Another key in its place would cost each subscription a gap, and a person can put the right one back.
#[tokio::test]
async fn no_client_state_key_is_made_while_the_only_one_is_odd() {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut odd = world.documents.json(Document::ClientState);
    odd["keys"] = json!([{"id": "odd"}]);
    world.documents.set(Document::ClientState, &odd.to_string());
    world.clock.advance(4000);
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"renew": 1}), "{report:#}");
    let problem = report["problems"][0]["message"].as_str().unwrap();
    assert!(problem.contains("ClientState secret is malformed"), "{problem}");
    assert_eq!(world.documents.json(Document::ClientState), odd);
}

#[tokio::test]
async fn subscriptions_of_an_odd_key_beside_a_readable_one_are_only_renewed() {
    let world = prepared(&[("users", "a", false)]).await;
    break_key(&world, true);
    world.clock.advance(4000);
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"renew": 1}), "{report:#}");
    assert_eq!(world.log(), ["list a", "update id-1"]);
    world.graph.hide("id-1");
    let world = world.restarted();
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"adopt": 1}), "{report:#}");
}

/// Whose key it is cannot be known.
#[tokio::test]
async fn an_odd_key_without_an_id_lets_the_run_only_renew() {
    let world = prepared(&[("users", "a", false)]).await;
    break_key(&world, false);
    let two = config(&["a"], &[("users", "a", false), ("groups", "a", false)]);
    world.documents.set(Document::Config, &two.to_string());
    world.clock.advance(4000);
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"renew": 1}), "{report:#}");
    assert_eq!(world.log(), ["list a", "update id-1"]);
    let problems = report["problems"].to_string();
    assert!(problems.contains("ClientState secret is malformed"), "{problems}");
}

/// Makes the only client-state key unreadable, and puts an older one before it.
fn break_key(world: &World, has_id: bool) {
    let mut document = world.documents.json(Document::ClientState);
    let broken = &mut document["keys"][0];
    let mut older = broken.clone();
    older["id"] = json!("older");
    broken["key"] = json!(5);
    if !has_id {
        broken.as_object_mut().unwrap().remove("id");
    }
    document["keys"].as_array_mut().unwrap().insert(0, older);
    world.documents.set(Document::ClientState, &document.to_string());
}

#[tokio::test]
async fn creations_use_the_published_keys() {
    let world = empty_world(&config(&["a"], &[("chat", "a", true)]));
    world.run().await;
    let client_state: ClientStateDocument =
        serde_json::from_value(world.documents.json(Document::ClientState)).unwrap();
    let decryption: DecryptionDocument =
        serde_json::from_value(world.documents.json(Document::Decryption)).unwrap();
    let body = &world.graph.bodies()[0];

    let (keys, unusable) = ClientStateKeys::parse(&client_state);
    assert!(unusable.is_empty());
    let proven = keys.verify(body["clientState"].as_str()).unwrap().proven;
    assert_eq!(
        (proven.subscription.as_str(), proven.application.client_id),
        ("chat", guid(APP))
    );

    let (key, certificate) = (&client_state.keys[0], &decryption.keys[0]);
    let url = body["notificationUrl"].as_str().unwrap();
    let (_, digest) = url.split_once("&d=").unwrap();
    let query = format!("i=stack&s=chat&k={}&c={}&d={digest}", key.id, certificate.id);
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
        (key.life.is_blank(), key.created_at),
        (true, fakes::NOW.parse().unwrap()),
        "no webhook has older keys in its cache"
    );
    for document in [Document::ClientState, Document::Decryption] {
        assert_eq!(
            world.documents.json(document)["trusted"],
            json!([{"clientId": APP, "cloud": "global", "tenants": [TENANT_A]}])
        );
    }
}
