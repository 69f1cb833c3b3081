//! Changes of the configuration.

use super::*;

#[tokio::test]
async fn the_next_renewal_replaces_an_outdated_certificate() {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut document = world.documents.json(Document::Decryption);
    let mut newer = document["keys"][0].clone();
    newer["id"] = json!("c-new");
    newer["certificate"] = json!("MIInew");
    document["keys"].as_array_mut().unwrap().push(newer);
    world.documents.set(Document::Decryption, &document.to_string());
    world.clock.advance(4000);
    world.run().await;
    assert_eq!(world.log(), ["list a", "update id-1"]);
    let body = world.graph.bodies().pop().unwrap();
    assert_eq!(
        (&body["encryptionCertificate"], &body["encryptionCertificateId"]),
        (&json!("MIInew"), &json!("c-new"))
    );
    assert!(body["notificationUrl"].as_str().unwrap().contains("&c=c-new&d="));
    world.run().await;
    assert_eq!(
        world.log(),
        ["list a", "write Decryption"],
        "it is noted that nothing names the older one"
    );
    world.run().await;
    assert_eq!(world.log(), ["list a"]);
}

#[tokio::test]
async fn query_options_are_sent_and_a_change_of_them_replaces() {
    let with_options = |options: &str| {
        let mut config = config(&["a"], &[("jobs", "a", false)]);
        config["subscriptions"]["jobs"]["resource"] = json!("/print/printers/1/jobs");
        config["subscriptions"]["jobs"]["notificationQueryOptions"] = json!(options);
        config
    };
    let world = world(&with_options("$filter=isFetchable eq true"));
    world.run().await;
    assert_eq!(
        world.graph.bodies()[0]["notificationQueryOptions"],
        json!("$filter=isFetchable eq true")
    );
    assert_eq!(world.run().await["counts"], json!({"keep": 1}));
    let changed = with_options("$filter=isFetchable eq false");
    world.documents.set(Document::Config, &changed.to_string());
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"replace": 1}));
    assert_eq!(
        report["subscriptions"][0]["reason"],
        json!("the entry's notificationQueryOptions have changed")
    );
}

#[tokio::test]
async fn a_changed_entry_is_detected_by_its_digest_alone() {
    let world = prepared(&[("users", "a", false)]).await;
    world.graph.change("id-1", |one| {
        one.resource = Some("an odd spelling".to_owned());
        one.change_type = None;
        one.include_resource_data = Some(true);
    });
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"keep": 1}), "{report}");

    world.graph.change("id-1", |one| one.resource = None);
    let mut config = config(&["a"], &[("users", "a", false)]);
    config["subscriptions"]["users"]["resource"] = json!("/groups");
    world.documents.set(Document::Config, &config.to_string());
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"replace": 1}), "{report}");
}

#[tokio::test]
async fn fetch_content_and_immutable_ids_change_the_notification_url() {
    let mut config = config(&["a"], &[("users", "a", false)]);
    config["subscriptions"]["users"]["resource"] = json!("/users/1/messages");
    let world = world(&config);
    world.run().await;
    config["subscriptions"]["users"]["fetchContent"] = json!(true);
    world.documents.set(Document::Config, &config.to_string());
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"renew": 1}), "{report}");
    let url = || world.graph.all()[0].notification_url.clone().unwrap();
    assert!(url().ends_with("&f=1"), "{}", url());

    config["subscriptions"]["users"]["immutableIds"] = json!(true);
    world.documents.set(Document::Config, &config.to_string());
    let report = world.run().await;
    assert_eq!(report["counts"], json!({"replace": 1}), "{report}");
    assert!(url().ends_with("&f=1&p=i"), "{}", url());
}

#[tokio::test]
async fn the_subscription_of_a_removed_entry_is_deleted() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    world.documents.set(
        Document::Config,
        &config(&["a"], &[("users", "a", false)]).to_string(),
    );
    let report = world.run().await;
    assert_eq!(world.log(), ["list a", "delete id-1"]);
    assert_eq!(report["counts"], json!({"delete": 1, "keep": 1}));
}

#[tokio::test]
async fn an_entry_with_an_error_is_reported_and_its_subscription_left() {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut broken = config(&["a"], &[("chat", "a", true)]);
    broken["subscriptions"]["chat"]["changeType"] = json!("exploded");
    world.documents.set(Document::Config, &broken.to_string());
    let report = world.run().await;
    assert_eq!(world.log(), ["list a"]);
    assert_eq!(
        report["subscriptions"][0]["reason"],
        json!("left unchanged: its entry has a mistake")
    );
    assert_eq!(
        report["problems"][0]["path"],
        json!("subscriptions.chat.changeType")
    );
}

#[tokio::test]
async fn nothing_is_deleted_while_entries_cannot_be_read() {
    let world = prepared(&[("chat", "a", true)]).await;
    let mut broken = config(&["a"], &[]);
    broken["subscriptions"] = json!(5);
    world.documents.set(Document::Config, &broken.to_string());
    let report = world.run().await;
    assert_eq!(world.log(), ["list a"]);
    assert_eq!(report["counts"], json!({"keep": 1}));
}

#[tokio::test]
async fn a_lifetime_too_short_for_the_schedule_is_warned_of() {
    let mut world = world(&config(&["a"], &[("presence", "a", true)]));
    world.deps.policy.period = jiff::SignedDuration::from_hours(1);
    let report = world.run().await;
    let paths: Vec<_> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| &problem["path"])
        .collect();
    assert!(paths.contains(&&json!("subscriptions.presence")), "{report}");
}

#[tokio::test]
async fn an_unreadable_configuration_is_reported_and_changes_nothing() {
    for text in ["", "[]", "{"] {
        let world = prepared(&[("chat", "a", true)]).await;
        // The previous version has a mistake as well, and no other version is known.
        world.documents.set(Document::Config, text);
        world.documents.set(Document::Config, text);
        world.documents.forget_state();
        let report = world.run().await;
        assert_eq!(world.log(), Vec::<String>::new());
        assert_eq!(report["failed"], json!(1));
        assert_eq!(report["problems"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_replacement_that_cannot_succeed_deletes_nothing() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.change("id-1", asked_otherwise);
    let mut document = world.documents.json(Document::ClientState);
    document["keys"][0]["key"] = json!("c2hvcnQ=");
    world.documents.set(Document::ClientState, &document.to_string());
    let report = world.run().await;
    assert_eq!(world.log(), ["list a"]);
    assert_eq!(report["failed"], json!(1));
}
