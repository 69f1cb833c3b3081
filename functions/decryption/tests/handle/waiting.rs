//! What cannot be decided or stored yet waits, and nothing else waits for it.

use super::*;

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
    let mut body = rich(Some(&good_token()));
    body["tenantId"] = json!(OTHER_TENANT);
    body["item"]["tenantId"] = json!(OTHER_TENANT);
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
async fn what_an_operator_knows_of_a_national_cloud_decides_there() {
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
        world
            .source
            .set(document(vec![key().clone()], vec![china.clone()]));
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

#[tokio::test]
async fn a_time_of_receipt_in_the_future_does_not_count() {
    let world = World::new();
    let mut early = rich(Some(
        &SIGNER.token(&claims_v2(&tenant(), now() + SignedDuration::from_hours(2))),
    ));
    early["receivedAt"] = json!((now() + SignedDuration::from_hours(2)).to_string());
    assert_eq!(world.process(&[&early]).await, NOTHING);
    assert_eq!(world.failed()[0].0, "TokenRejected");
}

#[tokio::test]
async fn forged_key_ids_do_not_turn_into_a_request_each() {
    let world = World::new();
    let forged = rich(Some(&OTHER_SIGNER.token(&claims_v2(&tenant(), now()))));
    world.process(&vec![&forged; 50]).await;
    assert!(world.login.fetches() <= 2, "{}", world.login.fetches());
}
