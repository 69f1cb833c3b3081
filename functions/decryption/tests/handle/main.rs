//! Decryption through its public `handle`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod counts;
mod deadline;
mod forged;
mod hostile;
mod isolation;
mod silence;
mod waiting;
mod world;

use aws_lambda_events::sqs::SqsEvent;
use decryption::{Deps, Ports, SigningKeysByCloud, Trust, handle};
use graph_core::{
    application::test_util::application,
    cloud::Cloud,
    notification::{
        envelope::test_util::{SystemRng, key, seal},
        tokens::{
            Authorities,
            testing::{OTHER_SIGNER, SIGNER, claims_v1, claims_v2},
        },
    },
    secrets::{DecryptionDocument, DecryptionKeyEntry, TrustedTenant, TrustedTenants},
};
use graph_edge::{
    deadline::Deadline,
    documents::CachedDocument,
    metrics::Metrics,
    secrets::{SecretError, Source, Versioned},
    sqs::REASON,
    testing::{FakeLogin, FakeQueue, FakeSecret, Written},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::world::{
    Secretive, TRIES, World, basic, client_state, document, flip, good_token, in_other_tenant, nested, now,
    of, rich, sealed, soon, tenant, tenant_id, to_fetch, unsealed, window,
};

const CONTENT: &str = r#"{"id":"1", "n":1.10,"big":12345678901234567890123}"#;

#[tokio::test]
async fn an_encrypted_item_is_delivered_with_its_content_byte_for_byte() {
    let world = World::new();
    for claims in [claims_v1(&tenant(), now()), claims_v2(&tenant(), now())] {
        assert_eq!(
            world.process(&[&rich(Some(&SIGNER.token(&claims)))]).await,
            NOTHING
        );
    }
    let delivered = world.delivered();
    assert_eq!(delivered.len(), 2);
    assert!(
        delivered[0].contains(&format!(r#""content":{CONTENT}"#)),
        "{}",
        delivered[0]
    );
    assert!(world.failed().is_empty());
}

#[tokio::test]
async fn a_basic_item_is_delivered_without_content_and_needs_no_key() {
    let world = World::new();
    world.source.set("");
    world.login.set(None);
    assert_eq!(world.process(&[&basic()]).await, NOTHING);
    let event: Value = serde_json::from_str(&world.delivered()[0]).unwrap();
    assert_eq!(event["type"], "Microsoft.Graph.MessageCreated");
    assert!(event["data"].get("content").is_none());
    assert_eq!((world.source.reads(), world.login.fetches()), (0, 0));
}

#[tokio::test]
async fn one_bad_item_never_hurts_its_neighbours() {
    let world = World::new();
    let mut tampered = rich(Some(&good_token()));
    flip(&mut tampered, "data");
    let bodies = [rich(Some(&good_token())), tampered, basic()];
    assert_eq!(world.process(&bodies.each_ref()).await, NOTHING);
    assert_eq!(world.delivered().len(), 2);
    assert_eq!(
        world.failed(),
        [("ContentRejected".to_owned(), bodies[1].to_string())]
    );
}

#[tokio::test]
async fn a_hopeless_message_goes_to_failed_queue_unchanged_with_its_reason() {
    let token = good_token();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = rich(Some(&token));
        change(&mut body);
        body.to_string()
    };
    let wrong_tenant = in_other_tenant();
    let cases: &[(&str, String, &str)] = &[
        ("not JSON", "hello".to_owned(), "Malformed"),
        ("not ours", "{}".to_owned(), "Malformed"),
        (
            "item is no object",
            with(&|body| body["item"] = json!([])),
            "ClientStateRejected",
        ),
        (
            "resource is a number",
            with(&|body| body["item"]["resource"] = json!(5)),
            "Malformed",
        ),
        (
            "content without data",
            with(&|body| body["item"]["encryptedContent"] = json!({})),
            "Malformed",
        ),
        (
            "nested too deep",
            with(&|body| body["item"]["resourceData"] = nested(70)),
            "Malformed",
        ),
        (
            "item of another tenant",
            with(&|body| body["item"]["tenantId"] = json!(OTHER_TENANT)),
            "OtherTenant",
        ),
        (
            "item of another organization",
            with(&|body| {
                body["item"]["tenantId"] = Value::Null;
                body["item"]["organizationId"] = json!(OTHER_TENANT);
            }),
            "OtherTenant",
        ),
        ("no token", rich(None).to_string(), "TokenMissing"),
        (
            "a token that was too long",
            with(&|body| {
                body["validationTokens"] = json!([]);
                body["tokenLeftOut"] = json!(true);
            }),
            "TokenLeftOut",
        ),
        (
            "garbage as token",
            rich(Some("garbage")).to_string(),
            "TokenRejected",
        ),
        (
            "token of another tenant",
            rich(Some(&SIGNER.token(&claims_v2(&wrong_tenant, now())))).to_string(),
            "TokenRejected",
        ),
        (
            "flipped signature",
            with(&|body| flip(body, "dataSignature")),
            "ContentRejected",
        ),
        (
            "flipped key",
            with(&|body| flip(body, "dataKey")),
            "ContentRejected",
        ),
        (
            "no signature",
            with(&|body| body["item"]["encryptedContent"]["dataSignature"] = Value::Null),
            "ContentRejected",
        ),
    ];
    for (case, body, reason) in cases {
        let world = World::new();
        assert_eq!(world.process_text(&[body]).await, NOTHING, "{case}");
        assert_eq!(world.failed(), [((*reason).to_owned(), body.clone())], "{case}");
        assert!(world.delivered().is_empty(), "{case}");
    }
}

#[tokio::test]
async fn a_message_is_done_only_when_it_is_stored() {
    let world = World::new();
    let mut tampered = rich(Some(&good_token()));
    flip(&mut tampered, "data");
    let mut other = basic();
    other["item"]["resource"] = json!("refused");
    world.deps.delivery_queue.refuse(Some("refused"));
    world.deps.failed_queue.refuse(Some(""));
    assert_eq!(world.process(&[&basic(), &other, &tampered]).await, ["m1", "m2"]);
    assert_eq!(world.delivered().len(), 1);
    world.deps.delivery_queue.refuse(None);
    world.deps.failed_queue.refuse(None);
    assert_eq!(world.process(&[&other, &tampered]).await, NOTHING);
}

#[tokio::test]
async fn a_panic_fails_its_item_alone() {
    let deps = World::new().with_trust(Secretive::Panics("a defect".to_owned()));
    let bodies = [rich(Some(&good_token())), basic()]
        .map(|body| json!({"messageId": "m", "body": sealed(&body.to_string())}));
    let event = serde_json::from_value(json!({"Records": bodies})).unwrap();
    assert!(
        handle(event, &deps, now(), soon(), &mut Metrics::default())
            .await
            .batch_item_failures
            .is_empty()
    );
    assert_eq!(deps.failed_queue.stored()[0].reason, Some("Panicked"));
    assert_eq!(deps.delivery_queue.stored().len(), 1);
}

/// FailedQueue's messages are all moved back to one queue.
#[tokio::test]
async fn a_lifecycle_item_is_forwarded_and_retried_if_not_stored() {
    let world = World::new();
    let mut body = basic();
    body["item"]["lifecycleEvent"] = json!("missed");
    world.deps.lifecycle_queue.refuse(Some(""));
    assert_eq!(world.process(&[&body, &basic()]).await, ["m0"]);
    world.deps.lifecycle_queue.refuse(None);
    assert_eq!(world.process(&[&body]).await, NOTHING);
    let stored = world.deps.lifecycle_queue.stored();
    assert_eq!(stored.len(), 1);
    assert_eq!(
        (unsealed(&stored[0].body), stored[0].reason),
        (body.to_string(), None)
    );
    assert!(world.failed().is_empty());
}

#[tokio::test]
async fn redriven_messages_of_the_reader_are_forwarded_to_it_unchanged() {
    let world = World::new();
    let (window, item) = (window().to_string(), to_fetch().to_string());
    let read_queue = world.deps.read_queue.as_ref().unwrap();
    read_queue.refuse(Some(""));
    assert_eq!(world.process_text(&[&window, &item]).await, ["m0", "m1"]);
    read_queue.refuse(None);
    assert_eq!(world.process_text(&[&window, &item]).await, NOTHING);
    let stored = read_queue.stored();
    assert_eq!(stored.len(), 2);
    for (message, body) in stored.iter().zip([&window, &item]) {
        assert_eq!((&unsealed(&message.body), message.reason), (body, None));
        let owner = [("Tenant", &*tenant_id(&tenant())), ("Subscription", "mail")];
        assert_eq!(message.attributes().collect::<Vec<_>>(), owner);
    }
    assert!(world.failed().is_empty() && world.delivered().is_empty());
}

#[tokio::test]
async fn without_a_reader_a_window_is_kept_and_an_item_is_delivered() {
    let mut world = World::new();
    world.deps.read_queue = None;
    assert_eq!(world.process(&[&window(), &to_fetch()]).await, NOTHING);
    assert_eq!(
        world.failed(),
        [("ReaderDisabled".to_owned(), window().to_string())]
    );
    assert_eq!(world.delivered().len(), 1);
}

#[tokio::test]
async fn an_item_to_fetch_with_a_false_client_state_never_reaches_reader() {
    let world = World::new();
    let mut forged = to_fetch();
    forged["item"]["clientState"] = basic()["item"]["clientState"]
        .as_str()
        .unwrap()
        .replace("mail", "mails")
        .into();
    assert_eq!(world.process(&[&forged]).await, NOTHING);
    assert_eq!(world.failed()[0].0, "ClientStateRejected");
    assert!(world.deps.read_queue.as_ref().unwrap().stored().is_empty());
}

/// One tenant with a backlog must not delay the others, on whichever queue it is.
#[tokio::test]
async fn every_message_goes_on_in_the_group_of_its_tenant() {
    let world = World::new();
    let (mut lifecycle, mut malformed) = (basic(), basic());
    lifecycle["item"]["lifecycleEvent"] = json!("missed");
    malformed["item"]["tenantId"] = json!(OTHER_TENANT);
    world
        .process(&[&basic(), &rich(Some(&good_token())), &lifecycle, &malformed])
        .await;
    let deps = &world.deps;
    let queues = [&deps.delivery_queue, &deps.lifecycle_queue, &deps.failed_queue];
    let messages: Vec<_> = queues.iter().flat_map(|queue| queue.stored()).collect();
    assert_eq!(messages.len(), 4);
    for message in messages {
        assert_eq!(message.group(), Some(&*tenant_id(&tenant())), "{message:?}");
    }
}

#[tokio::test]
async fn a_message_of_no_tenant_is_kept_without_a_group() {
    let world = World::new();
    world.process_text(&["not JSON"]).await;
    assert_eq!(world.deps.failed_queue.stored()[0].group(), None);
}

#[tokio::test]
async fn an_item_without_its_content_is_delivered_and_marked() {
    let world = World::new();
    let mut body = basic();
    body["contentOmitted"] = json!(true);
    world.process(&[&body]).await;
    let event: Value = serde_json::from_str(&world.delivered()[0]).unwrap();
    assert_eq!(event["data"]["contentOmitted"], true);
}

const NOTHING: [&str; 0] = [];

const OTHER_TENANT: &str = "22222222-0000-0000-0000-000000000000";

const OTHER_CLIENT: &str = "33333333-0000-0000-0000-000000000000";
