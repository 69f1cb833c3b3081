//! Decryption through its public `handle`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod counts;
mod hostile;
mod isolation;
mod silence;

use aws_lambda_events::sqs::SqsEvent;
use decryption::{Deps, SigningKeysByCloud, Trust, handle};
use graph_core::{
    config::Cloud,
    envelope::test_util::{SystemRng, key, seal},
    secret::Secret,
    secrets::{DecryptionDocument, DecryptionKeyEntry, TrustedTenant},
    tokens::{
        Authorities,
        testing::{OTHER_SIGNER, SIGNER, claims_v1, claims_v2},
    },
};
use graph_edge::{
    documents::{CachedDocument, Source},
    metrics::Sheet,
    secrets::SecretError,
    sqs::REASON,
    testing::{FakeLogin, FakeQueue, FakeSource, Written},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

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
async fn what_can_never_succeed_is_kept_at_once_with_its_reason_and_the_original_message() {
    let token = good_token();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = rich(Some(&token));
        change(&mut body);
        body.to_string()
    };
    let wrong_tenant = TrustedTenant {
        tenant_id: OTHER_TENANT.to_owned(),
        ..tenant()
    };
    let cases: &[(&str, String, &str)] = &[
        ("not JSON", "hello".to_owned(), "Malformed"),
        ("not ours", "{}".to_owned(), "Malformed"),
        (
            "item is no object",
            with(&|body| body["item"] = json!([])),
            "Malformed",
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
    struct Broken;

    impl Source for Broken {
        async fn read(&self) -> Result<Option<Secret<String>>, SecretError> {
            panic!("a defect")
        }
    }

    let World { deps, login, .. } = World::new();
    let deps = Deps {
        trust: CachedDocument::new(Broken, Trust::parse),
        signing_keys: SigningKeysByCloud::new(&login, &Authorities::default(), None),
        delivery_queue: deps.delivery_queue,
        failed_queue: deps.failed_queue,
        lifecycle_queue: deps.lifecycle_queue,
    };
    let bodies =
        [rich(Some(&good_token())), basic()].map(|body| json!({"messageId": "m", "body": body.to_string()}));
    let event = serde_json::from_value(json!({"Records": bodies})).unwrap();
    assert!(
        handle(event, &deps, now(), &mut Sheet::default())
            .await
            .batch_item_failures
            .is_empty()
    );
    assert_eq!(deps.failed_queue.stored()[0].reason, Some("Panicked"));
    assert_eq!(deps.delivery_queue.stored().len(), 1);
}

/// FailedQueue's messages are all moved back to one queue.
#[tokio::test]
async fn a_lifecycle_item_goes_on_to_its_own_queue_and_comes_again_when_it_is_not_stored() {
    let world = World::new();
    let mut body = basic();
    body["item"]["lifecycleEvent"] = json!("missed");
    world.deps.lifecycle_queue.refuse(Some(""));
    assert_eq!(world.process(&[&body, &basic()]).await, ["m0"]);
    world.deps.lifecycle_queue.refuse(None);
    assert_eq!(world.process(&[&body]).await, NOTHING);
    let stored = world.deps.lifecycle_queue.stored();
    assert_eq!(stored.len(), 1);
    assert_eq!((&stored[0].body, stored[0].reason), (&body.to_string(), None));
    assert!(world.failed().is_empty());
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

/// Decryption and everything around it, in memory.
struct World {
    source: &'static FakeSource,
    login: FakeLogin,
    deps: Deps<&'static FakeSource, FakeLogin, FakeQueue>,
}

impl World {
    fn new() -> Self {
        let source = Box::leak(Box::new(FakeSource::new(document(
            vec![key().clone()],
            vec![tenant()],
        ))));
        let login = FakeLogin::new(SIGNER.jwks());
        let deps = Deps {
            trust: CachedDocument::new(&*source, Trust::parse),
            signing_keys: SigningKeysByCloud::new(&login, &Authorities::default(), None),
            delivery_queue: FakeQueue::default(),
            failed_queue: FakeQueue::default(),
            lifecycle_queue: FakeQueue::default(),
        };
        Self { source, login, deps }
    }

    async fn process(&self, bodies: &[&Value]) -> Vec<String> {
        self.process_at(bodies, 0).await
    }

    async fn process_at(&self, bodies: &[&Value], seconds: i64) -> Vec<String> {
        let bodies: Vec<String> = bodies.iter().map(ToString::to_string).collect();
        self.run(&bodies.iter().map(String::as_str).collect::<Vec<_>>(), seconds)
            .await
    }

    async fn process_text(&self, bodies: &[&str]) -> Vec<String> {
        self.run(bodies, 0).await
    }

    /// Returns the ids of the messages to try again; the first has the id `m0`.
    async fn run(&self, bodies: &[&str], seconds: i64) -> Vec<String> {
        let record = |(index, body): (usize, &&str)| json!({"messageId": format!("m{index}"), "body": body});
        let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
        let event: SqsEvent = serde_json::from_value(json!({"Records": records})).unwrap();
        let response = handle(
            event,
            &self.deps,
            now() + SignedDuration::from_secs(seconds),
            &mut Sheet::default(),
        )
        .await;
        response
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect()
    }

    fn delivered(&self) -> Vec<String> {
        self.deps
            .delivery_queue
            .stored()
            .into_iter()
            .map(|message| message.body)
            .collect()
    }

    fn failed(&self) -> Vec<(String, String)> {
        let stored = self.deps.failed_queue.stored();
        stored
            .into_iter()
            .map(|message| (message.reason.unwrap_or(REASON).to_owned(), message.body))
            .collect()
    }
}

fn rich(token: Option<&str>) -> Value {
    let mut body = basic();
    body["subscription"] = json!("team-messages");
    body["item"]["resource"] = json!("teams('a')/channels('b')/messages('1')");
    body["item"]["resourceData"] = json!({"id": "1", "@odata.type": "#Microsoft.Graph.chatMessage"});
    body["item"]["encryptedContent"] = seal(CONTENT.as_bytes(), key(), &mut SystemRng);
    if let Some(token) = token {
        body["validationTokens"] = json!([token]);
    }
    body
}

fn basic() -> Value {
    json!({
        "subscription": "mail", "tenantId": tenant().tenant_id, "clientId": tenant().client_id,
        "receivedAt": now().to_string(),
        "item": {
            "subscriptionId": "s", "tenantId": tenant().tenant_id, "changeType": "created",
            "resource": "Users/1/Messages/2", "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": "2"}
        }
    })
}

/// Returns an object that nests so many levels.
fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |value, _| json!({"a": value}))
}

/// Flips one bit of a member of the encrypted content.
fn flip(body: &mut Value, member: &str) {
    let value = &mut body["item"]["encryptedContent"][member];
    let text = value.as_str().unwrap();
    let flipped = if text.starts_with('A') { "B" } else { "A" };
    *value = json!(format!("{flipped}{}", &text[1..]));
}

fn good_token() -> String {
    SIGNER.token(&claims_v2(&tenant(), now()))
}

fn document(keys: Vec<DecryptionKeyEntry>, tenants: Vec<TrustedTenant>) -> String {
    serde_json::to_string(&DecryptionDocument { keys, tenants }).unwrap()
}

fn tenant() -> TrustedTenant {
    TrustedTenant {
        tenant_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
        cloud: Cloud::Global,
    }
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}
