//! What cannot be decided or stored yet waits, and nothing else waits for it.

use graph_core::notification::client_state::test_util;

use super::{world::client_state_document, *};

#[tokio::test]
async fn an_unknown_certificate_is_tried_again_until_the_key_is_there() {
    let world = World::new();
    let mut body = rich(Some(&good_token()));
    body["item"]["encryptedContent"]["encryptionCertificateId"] = json!("later");
    body["item"]["encryptedContent"]["encryptionCertificateThumbprint"] = json!("00");
    assert_eq!(world.process(&[&body]).await, ["m0"]);
    let mut later = key().clone();
    later.id = "later".to_owned();
    world
        .source
        .set(document(vec![key().clone(), later], vec![tenant()]));
    assert_eq!(world.process_at(&[&body], 29).await, ["m0"]);
    assert_eq!(world.process_at(&[&body], 30).await, NOTHING);
    assert_eq!(world.delivered().len(), 1);
    assert!(world.failed().is_empty());
}

#[tokio::test]
async fn without_decryption_keys_an_encrypted_item_waits_for_them() {
    for text in ["", "{}", "not JSON"] {
        let world = World::new();
        world.source.set(text);
        assert_eq!(
            world.process(&[&rich(Some(&good_token())), &basic()]).await,
            ["m0"],
            "{text}"
        );
        world.source.set(document(vec![key().clone()], vec![tenant()]));
        assert_eq!(
            world.process_at(&[&rich(Some(&good_token()))], 1).await,
            NOTHING,
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_tenant_that_is_not_listed_waits_and_its_neighbours_do_not() {
    let world = World::new();
    let other = in_other_tenant();
    let body = of(&other, rich(Some(&good_token())));
    assert_eq!(world.process(&[&body, &rich(Some(&good_token()))]).await, ["m0"]);
    assert_eq!(world.delivered().len(), 1);
}

#[tokio::test]
async fn signing_keys_that_cannot_be_fetched_delay_and_lose_nothing() {
    let world = World::new();
    world.login.set(None);
    assert_eq!(
        world.process(&[&rich(Some(&good_token())), &basic()]).await,
        ["m0"]
    );
    world.login.set(Some(SIGNER.jwks()));
    assert_eq!(
        world.process_at(&[&rich(Some(&good_token()))], 600).await,
        NOTHING
    );
    assert_eq!(world.delivered().len(), 2);
}

#[tokio::test]
async fn a_rolled_signing_key_is_fetched_and_a_forged_one_is_final() {
    let world = World::new();
    let rolled = OTHER_SIGNER.token(&claims_v2(&tenant(), now()));
    assert_eq!(world.process(&[&rich(Some(&good_token()))]).await, NOTHING);
    assert_eq!(world.process_at(&[&rich(Some(&rolled))], 600).await, NOTHING);
    assert_eq!(world.failed()[0].0, "TokenRejected", "no key of that id exists");
    world.login.set(Some(OTHER_SIGNER.jwks()));
    assert_eq!(world.process_at(&[&rich(Some(&rolled))], 1200).await, NOTHING);
    assert_eq!(world.delivered().len(), 2);
}

#[tokio::test]
async fn an_operators_settings_decide_for_a_national_cloud() {
    let publisher = "00000000-1111-2222-3333-444444444444";
    let china = TrustedTenant {
        cloud: Cloud::China,
        ..tenant()
    };
    let mut claims = claims_v2(&china, now());
    claims["azp"] = json!(publisher);
    let body = rich(Some(&SIGNER.token(&claims)));
    let json = format!(r#"{{"china": {{"publisher": "{publisher}"}}}}"#);
    for (authorities, delivered) in [
        (Authorities::default(), 0),
        (Authorities::parse(&json).unwrap(), 1),
    ] {
        let mut world = World::new();
        world.source.set(document(vec![key().clone()], vec![china]));
        world.deps.signing_keys = SigningKeysByCloud::new(&world.login, &authorities, None);
        assert_eq!(world.process(&[&body]).await, NOTHING);
        assert_eq!(
            (world.delivered().len(), world.failed().len()),
            (delivered, 1 - delivered)
        );
    }
}

#[tokio::test]
async fn an_item_that_waited_for_longer_than_its_token_lives_is_delivered() {
    let (world, days) = (World::new(), 3 * 86_400);
    assert_eq!(
        world.process_at(&[&rich(Some(&good_token()))], days).await,
        NOTHING
    );
    assert_eq!(world.delivered().len(), 1);
    let mut late = rich(Some(&good_token()));
    late["receivedAt"] = json!((now() + SignedDuration::from_secs(days)).to_string());
    assert_eq!(world.process_at(&[&late], days).await, NOTHING);
    assert_eq!(
        world.failed()[0].0,
        "TokenRejected",
        "the token was no longer valid when the item came"
    );
}

/// What SQS would move by itself keeps the reason for which it was last in FailedQueue.
#[tokio::test]
async fn the_obstacle_of_the_last_try_is_the_reason_in_failed_queue() {
    let world = World::new();
    let mut body = rich(Some(&good_token()));
    body["item"]["encryptedContent"]["encryptionCertificateId"] = json!("unknown");
    body["item"]["encryptedContent"]["encryptionCertificateThumbprint"] = json!("00");
    let body = body.to_string();
    assert_eq!(world.run_at_try(&[&body], 0, TRIES - 1).await, ["m0"]);
    assert!(world.failed().is_empty());
    assert_eq!(world.run_at_try(&[&body], 0, TRIES).await, NOTHING);
    let kept = &world.deps.failed_queue.stored()[0];
    let attributes: Vec<_> = kept.attributes().collect();
    assert_eq!(
        attributes,
        [
            ("Reason", "UnknownCertificate"),
            ("Tenant", &*tenant_id(&tenant())),
            ("Subscription", "team-messages")
        ]
    );
    assert_eq!(unsealed(&kept.body), body);
}

#[tokio::test]
async fn a_message_that_no_queue_stores_is_kept_with_its_reason() {
    let mut lifecycle = basic();
    lifecycle["item"]["lifecycleEvent"] = json!("missed");
    for body in [basic(), lifecycle, to_fetch(), window()] {
        let world = World::new();
        world.deps.delivery_queue.refuse(Some(""));
        world.deps.lifecycle_queue.refuse(Some(""));
        world.deps.read_queue.as_ref().unwrap().refuse(Some(""));
        let body = body.to_string();
        assert_eq!(world.run_at_try(&[&body], 0, TRIES - 1).await, ["m0"]);
        assert!(world.failed().is_empty());
        assert_eq!(world.run_at_try(&[&body], 0, TRIES).await, NOTHING);
        let kept = &world.deps.failed_queue.take()[0];
        let attributes: Vec<_> = kept.attributes().collect();
        assert_eq!(
            attributes,
            [
                ("Reason", "NotStored"),
                ("Tenant", &*tenant_id(&tenant())),
                ("Subscription", "mail")
            ]
        );
        assert_eq!(unsealed(&kept.body), body);
        world.deps.failed_queue.refuse(Some(""));
        assert_eq!(world.run_at_try(&[&body], 0, TRIES).await, ["m0"]);
    }
}

#[tokio::test]
async fn an_event_keeps_its_id_through_tries_failed_queue_and_redrive() {
    for content in [
        CONTENT.as_bytes(),
        // About as large as a message allows, once it is encrypted and in base64.
        &[b"{\"a\":\"", &*vec![b'a'; 700_000], b"\"}"].concat(),
    ] {
        let world = World::new();
        world.source.set(document(Vec::new(), vec![tenant()]));
        let mut body = rich(Some(&good_token()));
        body["item"]["encryptedContent"] = seal(content, key(), &mut SystemRng);
        let body = body.to_string();
        for tried in 1..TRIES {
            assert_eq!(world.run_at_try(&[&body], i64::from(tried), tried).await, ["m0"]);
        }
        assert_eq!(world.run_at_try(&[&body], 100, TRIES).await, NOTHING);
        let kept = world.deps.failed_queue.take().remove(0);
        world.source.set(document(vec![key().clone()], vec![tenant()]));
        // SQS can hand over a moved message twice, as it can any other.
        for repeat in 0..2 {
            assert_eq!(world.hand_over(&[&kept.body], 200 + repeat, 1).await, NOTHING);
        }
        for event in world.delivered() {
            let event: Value = serde_json::from_str(&event).unwrap();
            assert_eq!(event["id"], "id-of-the-event");
        }
        assert_eq!(world.delivered().len(), 2);
    }
}

/// Thousands of items may wait for the same thing, each of them ten times.
#[tokio::test]
async fn a_waiting_item_is_logged_only_at_its_first_receipt() {
    let world = World::new();
    let mut body = rich(Some(&good_token()));
    body["item"]["encryptedContent"]["encryptionCertificateId"] = json!("unknown");
    body["item"]["encryptedContent"]["encryptionCertificateThumbprint"] = json!("00");
    let body = body.to_string();
    for (tried, lines) in [(1, 1), (2, 0), (TRIES - 1, 0), (TRIES, 1)] {
        let written = Written::start();
        world.run_at_try(&[&body], 0, tried).await;
        assert_eq!(written.text().matches("Message m0").count(), lines, "{tried}");
    }
}

#[tokio::test]
async fn an_item_without_a_token_is_one_line_with_the_advice() {
    let written = Written::start();
    World::new().process(&[&rich(None)]).await;
    let written = written.text();
    assert_eq!(written.matches("ERROR").count(), 1, "{written}");
    assert!(written.contains("appRoleAssignmentRequired"), "{written}");
}

#[tokio::test]
async fn an_unknown_client_state_key_waits_while_the_secret_cannot_be_read() {
    let world = World::new();
    world.client_states.set("not a document");
    assert_eq!(world.process(&[&basic()]).await, ["m0"]);
    world.client_states.set(client_state_document("k2"));
    assert_eq!(
        world.process_at(&[&basic()], 2).await,
        NOTHING,
        "just read, and it is not there"
    );
    assert_eq!(world.failed()[0].0, "SealRejected");
    world.client_states.set("not a document");
    assert_eq!(
        world.process_at(&[&basic()], 60).await,
        ["m0"],
        "it may be there by now"
    );
    world.client_states.set(client_state_document("k1"));
    assert_eq!(world.process_at(&[&basic()], 120).await, NOTHING);
    assert_eq!(world.delivered().len(), 1);
}

/// A secret that hangs takes the time of its items and of those behind them, and no more.
#[tokio::test]
async fn a_hanging_item_ends_at_the_deadline_and_finished_ones_are_stored() {
    let deps = World::new().with_trust(Secretive::Hangs);
    let bodies = [basic(), rich(Some(&good_token())), basic()];
    let record = |(index, body): (usize, &Value)| json!({"messageId": format!("m{index}"), "body": sealed(&body.to_string())});
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    let event = serde_json::from_value(json!({"Records": records})).unwrap();
    // Five seconds of it are kept for storing.
    let deadline = Deadline::after(std::time::Duration::from_millis(5_100));
    let (written, mut metrics) = (Written::start(), Metrics::default());
    let response = handle(event, &deps, now(), deadline, &mut metrics).await;
    let again: Vec<_> = response
        .batch_item_failures
        .iter()
        .map(|failure| &*failure.item_identifier)
        .collect();
    assert_eq!(again, ["m1", "m2"]);
    assert!(!deadline.left().is_zero());
    assert_eq!(deps.delivery_queue.stored().len(), 1);
    assert_eq!(metrics.values(graph_edge::metrics::Metric::Retried), [2]);
    assert!(written.text().contains("OutOfTime"), "{}", written.text());
}

/// Without its owner an operator who moves a tenant's messages back would leave it behind.
#[tokio::test]
async fn a_message_out_of_time_at_its_last_try_names_its_owner() {
    let deps = World::new().with_trust(Secretive::Hangs);
    let bodies = [rich(Some(&good_token())), basic()];
    let attributes = json!({"ApproximateReceiveCount": TRIES.to_string()});
    let record = |(index, body): (usize, &Value)| json!({"messageId": format!("m{index}"), "body": sealed(&body.to_string()), "attributes": attributes});
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    let event = serde_json::from_value(json!({"Records": records})).unwrap();
    let deadline = Deadline::after(std::time::Duration::from_millis(5_100));
    let response = handle(event, &deps, now(), deadline, &mut Metrics::default()).await;
    assert!(response.batch_item_failures.is_empty());
    let kept = deps.failed_queue.stored();
    let kept: Vec<Vec<(&str, &str)>> = kept
        .iter()
        .map(|message| message.attributes().collect())
        .collect();
    let tenant = tenant_id(&tenant());
    let attributes = |reason, subscription| {
        vec![
            (REASON, reason),
            ("Tenant", tenant.as_str()),
            ("Subscription", subscription),
        ]
    };
    let expected = [
        attributes("NoDecryptionKeys", "team-messages"),
        attributes("OutOfTime", "mail"),
    ];
    assert_eq!(kept, expected);
}

/// The item may be of the entry that a person has to correct.
#[tokio::test]
async fn items_of_odd_entries_wait_and_others_are_delivered() {
    let world = World::new();
    let mut client_states: Value = serde_json::from_str(&client_state_document("k1")).unwrap();
    client_states["keys"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": "k2", "key": 5}));
    world.client_states.set(client_states.to_string());
    let mut trust: Value = serde_json::from_str(&document(vec![key().clone()], vec![tenant()])).unwrap();
    trust["keys"].as_array_mut().unwrap().insert(0, json!("odd"));
    trust["trusted"]
        .as_array_mut()
        .unwrap()
        .insert(0, json!({"clientId": "odd"}));
    world.source.set(trust.to_string());
    let of_k2 = test_util::sealed(&test_util::key("k2", 7), &basic().to_string());
    let bodies = [
        of_k2,
        sealed(&basic().to_string()),
        sealed(&rich(Some(&good_token())).to_string()),
    ];
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let written = Written::start();
    assert_eq!(world.hand_over(&bodies, 0, 1).await, ["m0"]);
    assert_eq!(world.delivered().len(), 2);
    let line = "2 entries of DecryptionSecret cannot be used: keys[0], trusted[0];";
    assert_eq!(written.text().matches(line).count(), 1, "{}", written.text());
    assert_eq!(world.hand_over(&bodies[..1], 31, TRIES).await, NOTHING);
    assert_eq!(world.failed()[0].0, "NoClientStateKeys");
}

#[tokio::test]
async fn forged_key_ids_do_not_turn_into_a_request_each() {
    let world = World::new();
    let forged = rich(Some(&OTHER_SIGNER.token(&claims_v2(&tenant(), now()))));
    world.process(&vec![&forged; 50]).await;
    assert!(world.login.fetches() <= 2, "{}", world.login.fetches());
}
