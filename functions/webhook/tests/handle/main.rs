//! The webhook through its public `handle`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod counts;
mod deadline;
mod envelope;
mod fetching;
mod hostile;
mod isolation;
mod lifecycle;
mod odd_entries;
mod onward;
mod silence;

use std::time::Duration;

use base64::Engine;
use graph_core::{
    notification::{
        client_state::{
            ClientStateKeys,
            test_util::{self, client_state},
        },
        collection::MAX_ITEMS,
        queued::QueuedItem,
    },
    secrets::ClientStateKeyEntry,
};
use graph_edge::{
    deadline::Deadline,
    documents::CachedDocument,
    metrics::{Metric, Metrics},
    sqs::Message,
    testing::{FakeQueue, FakeSecret, Written},
};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request, Response};
use proptest::prelude::*;
use serde_json::{Value, json};
use webhook::{Deps, Queues, handle, parse_keys};

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
const OURS: (&str, &str) = (TENANT, CLIENT);

#[tokio::test]
async fn a_handshake_is_echoed_before_any_secret_exists() {
    let source = FakeSecret::default();
    let deps = deps(&source);
    for route in ["/notifications", "/lifecycle"] {
        let response = post(
            &deps,
            &format!("{route}?s=mail&validationToken=Validation%3A+a%2Bb"),
            "",
        )
        .await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.body(), &Body::Text("Validation: a+b".to_owned()));
    }
    assert_eq!(source.reads(), 0);
}

#[tokio::test]
async fn a_handshake_that_graph_never_sends_is_refused_without_an_echo() {
    let source = FakeSecret::default();
    let response = post(&deps(&source), "/notifications?validationToken=%3Cscript%3E", "").await;
    assert_eq!((response.status().as_u16(), response.body()), (400, &Body::Empty));
}

#[tokio::test]
async fn each_admitted_item_is_one_message_and_the_rest_is_dropped() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let body = json!({"value": [
        change("mail"),
        {"changeType": "created", "clientState": "forged.k1.AAAA", "resource": "x"},
        "not an object",
        lifecycle("mail"),
        change("team-messages"),
        {"changeType": "created", "resource": "no client state"},
    ]});
    let response = post(&deps, "/notifications", &body.to_string()).await;
    assert_eq!((response.status().as_u16(), response.body()), (202, &Body::Empty));
    assert_eq!(delivered(&deps), ["mail", "team-messages"]);
    assert_eq!(names(&deps.queues.lifecycle), ["mail"]);
    assert!(deps.queues.notification.stored().is_empty());
}

#[tokio::test]
async fn only_an_item_without_content_is_delivered_at_once() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let body = json!({"value": [change("mail"), rich("team-messages")]});
    post(&deps, "/notifications", &body.to_string()).await;
    assert_eq!(names(&deps.queues.notification), ["team-messages"]);
    let stored = deps.queues.delivery.stored();
    assert_eq!(stored.len(), 1);
    let event: Value = serde_json::from_str(&stored[0].body).unwrap();
    assert_eq!(
        event,
        json!({
            "specversion": "1.0", "id": event["id"], "source": format!("/tenants/{TENANT}/applications/{CLIENT}"),
            "type": "Microsoft.Graph.EntityCreated", "subject": "mail/1", "time": "2026-11-22T10:00:00Z",
            "datacontenttype": "application/json", "subscription": "mail", "partitionkey": event["partitionkey"],
            "data": {
                "subscriptionId": "s", "changeType": "created", "tenantId": TENANT, "proof": "clientState",
                "resource": "mail/1"
            }
        })
    );
    assert_eq!(stored[0].attributes().count(), 0);
}

/// What is odd about an item decryption finds out, which keeps it with the reason.
#[tokio::test]
async fn an_item_that_cannot_be_delivered_goes_to_decryption() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let with = |name: &str, value: Value| {
        let mut item = change("mail");
        item[name] = value;
        item
    };
    let members: serde_json::Map<_, _> = (0..300).map(|n| (n.to_string(), json!(n))).collect();
    let mut many = change("mail");
    many.as_object_mut().unwrap().extend(members);
    let odd = [
        with("tenantId", json!("99999999-0000-0000-0000-000000000000")),
        with("resource", json!(5)),
        with("resourceData", json!("text")),
        with("tenantId", json!({})),
        with("encryptedContent", json!([])),
        many,
    ];
    let body = json!({"value": odd}).to_string();
    assert_eq!(post(&deps, "/notifications", &body).await.status(), 202);
    let stored = deps.queues.notification.stored();
    assert_eq!(stored.len(), odd.len());
    for message in stored {
        let attributes: Vec<_> = message.attributes().collect();
        assert_eq!(attributes, [("Tenant", TENANT), ("Subscription", "mail")]);
    }
    assert!(deps.queues.delivery.stored().is_empty());
}

/// As captured from a personal account, and as other senders leave things out.
#[tokio::test]
async fn an_empty_text_in_an_item_counts_as_missing() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let mut item = change("mail");
    item["tenantId"] = json!("");
    item["organizationId"] = json!("");
    item["lifecycleEvent"] = json!("");
    item["resourceData"] = json!({"@odata.etag": "", "@odata.type": ""});
    let mut lifecycle = lifecycle("mail");
    lifecycle["tenantId"] = json!("");
    let body = json!({"value": [item, lifecycle]}).to_string();
    assert_eq!(post(&deps, "/notifications", &body).await.status(), 202);
    assert_eq!(delivered(&deps), ["mail"]);
    assert_eq!(names(&deps.queues.lifecycle), ["mail"]);
}

#[tokio::test]
async fn every_message_is_in_the_group_of_its_tenant() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let body = json!({"value": [change("mail"), rich("mail"), lifecycle("mail")]});
    post(&deps, "/notifications", &body.to_string()).await;
    let queues = &deps.queues;
    for queue in [&queues.notification, &queues.lifecycle, &queues.delivery] {
        assert_eq!(queue.stored()[0].group(), Some(TENANT));
    }
}

#[tokio::test]
async fn the_route_does_not_decide_the_kind() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let body = json!({"value": [change("mail"), lifecycle("mail")]}).to_string();
    post(&deps, "/lifecycle", &body).await;
    post(&deps, "/notifications", &body).await;
    assert_eq!(deps.queues.delivery.stored().len(), 2);
    assert_eq!(deps.queues.lifecycle.stored().len(), 2);
}

#[tokio::test]
async fn tokens_travel_only_with_the_encrypted_items_that_they_can_vouch_for() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let [ours, others] = [TENANT, "99999999-0000-0000-0000-000000000000"].map(unsigned_token);
    let mut small = rich("team-messages");
    small["encryptedContent"] = json!({});
    let items = [rich("team-messages"), small, change("mail")];
    let body = json!({"value": items, "validationTokens": [others, ours, "garbage", null]});
    post(&deps, "/notifications", &body.to_string()).await;
    let stored = deps.queues.notification.stored();
    let tokens = |message: &Message| QueuedItem::parse(&message.body).unwrap().validation_tokens.len();
    assert_eq!(stored.iter().map(tokens).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(
        QueuedItem::parse(&stored[0].body).unwrap().validation_tokens,
        [ours]
    );
}

#[tokio::test]
async fn an_item_that_is_not_stored_makes_graph_send_again() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let body = json!({"value": [change("mail"), change("contacts")]}).to_string();
    deps.queues.delivery.refuse(Some("contacts"));
    assert_eq!(post(&deps, "/notifications", &body).await.status(), 503);
    deps.queues.delivery.refuse(None);
    assert_eq!(post(&deps, "/notifications", &body).await.status(), 202);
    assert_eq!(delivered(&deps), ["mail", "mail", "contacts"]);
    let body = json!({"value": [rich("mail")]}).to_string();
    deps.queues.notification.refuse(Some(""));
    assert_eq!(post(&deps, "/notifications", &body).await.status(), 503);
}

#[tokio::test]
async fn a_lifecycle_item_that_is_not_stored_makes_graph_send_again() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    deps.queues.lifecycle.refuse(Some(""));
    let body = json!({"value": [lifecycle("mail")]}).to_string();
    assert_eq!(post(&deps, "/notifications", &body).await.status(), 503);
}

#[tokio::test]
async fn without_a_key_no_item_is_acknowledged() {
    for text in [
        None,
        Some("{}"),
        Some("not JSON"),
        Some(r#"{"keys":[{"id":"k1"}]}"#),
    ] {
        let source = text.map_or_else(FakeSecret::default, FakeSecret::new);
        let deps = deps(&source);
        let body = json!({"value": [change("mail")]}).to_string();
        assert_eq!(
            post(&deps, "/notifications", &body).await.status(),
            503,
            "{text:?}"
        );
        source.set(document(&["k1"]));
        let response = handle(
            request("/notifications", &body),
            &deps,
            now() + SignedDuration::from_secs(1),
            soon(),
            &mut Metrics::default(),
        )
        .await;
        assert_eq!(response.status(), 202, "{text:?}");
    }
}

#[tokio::test]
async fn an_unknown_key_reads_the_secret_again_at_most_every_30_seconds() {
    let source = FakeSecret::new(document(&["k0"]));
    let deps = deps(&source);
    let body = json!({"value": [change("mail")]}).to_string();
    let send = async |seconds| {
        let now = now() + SignedDuration::from_secs(seconds);
        assert_eq!(
            handle(
                request("/notifications", &body),
                &deps,
                now,
                soon(),
                &mut Metrics::default()
            )
            .await
            .status(),
            202
        );
        (source.reads(), deps.queues.delivery.stored().len())
    };
    assert_eq!(send(0).await, (1, 0));
    source.set(document(&["k0", "k1"]));
    assert_eq!(send(29).await, (1, 0));
    assert_eq!(send(30).await, (2, 1));
    assert_eq!(send(61).await, (2, 2));
}

/// A key that was made since the secret was last read must not cost the items under it.
#[tokio::test]
async fn an_unknown_key_is_not_final_while_the_secret_cannot_be_read() {
    let written = Written::start();
    let source = FakeSecret::new(document(&["k0"]));
    let deps = deps(&source);
    let body = json!({"value": [change("mail")]}).to_string();
    let send = async |seconds| {
        let (now, mut metrics) = (now() + SignedDuration::from_secs(seconds), Metrics::default());
        let response = handle(request("/notifications", &body), &deps, now, soon(), &mut metrics).await;
        let undecided = metrics.values(Metric::Undecided).first().copied();
        let rejected = metrics.values(Metric::Rejected).first().copied();
        (response.status().as_u16(), undecided, rejected)
    };
    assert_eq!(
        send(0).await,
        (202, None, Some(1)),
        "the document was read just now"
    );
    source.set("not a document");
    assert_eq!(send(40).await, (503, Some(1), None), "the read has failed");
    assert_eq!(send(60).await, (503, Some(1), None), "a read has just failed");
    assert!(written.text().contains(
        "1 items name a client-state key or a tenant that is not known, and ClientStateSecret cannot be read"
    ));
    source.set(document(&["k0", "k1"]));
    assert_eq!(send(71).await, (202, None, None));
    assert_eq!(delivered(&deps), ["mail"]);
}

#[tokio::test]
async fn a_malformed_collection_gets_a_4xx_and_an_empty_one_a_202() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let many = format!(r#"{{"value":[{}0]}}"#, "0,".repeat(MAX_ITEMS));
    for (body, expected) in [
        ("", 400),
        ("hello", 400),
        ("{}", 400),
        (r#"{"value":5}"#, 400),
        (&many, 413),
        (r#"{"value":[]}"#, 202),
        (r#"{"value":[{}]}"#, 202),
        ("\u{FEFF}{\"value\":[]}", 202),
    ] {
        let response = post(&deps, "/notifications", body).await;
        assert_eq!(
            (response.status().as_u16(), response.body()),
            (expected, &Body::Empty)
        );
    }
}

#[tokio::test]
async fn other_methods_are_not_answered() {
    let source = FakeSecret::default();
    let mut get = request("/notifications?validationToken=abc", "");
    *get.method_mut() = lambda_http::http::Method::GET;
    assert_eq!(
        handle(get, &deps(&source), now(), soon(), &mut Metrics::default())
            .await
            .status(),
        405
    );
}

#[tokio::test]
async fn an_item_larger_than_a_message_is_stored_without_its_content() {
    let source = FakeSecret::new(document(&["k1"]));
    let deps = deps(&source);
    let mut item = rich("team-messages");
    item["encryptedContent"]["data"] = json!("A".repeat(graph_core::notification::message::MAX_BYTES));
    post(&deps, "/notifications", &json!({"value": [item]}).to_string()).await;
    let stored = deps.queues.notification.stored();
    let queued = QueuedItem::parse(&stored[0].body).unwrap();
    assert!(queued.content_omitted && !queued.item.get().contains("encryptedContent"));
}

async fn post(deps: &Deps<&FakeSecret, FakeQueue>, uri: &str, body: &str) -> Response<Body> {
    handle(request(uri, body), deps, now(), soon(), &mut Metrics::default()).await
}

fn request(uri: &str, body: &str) -> Request {
    let request = lambda_http::http::Request::builder()
        .method("POST")
        .uri(format!("https://host{uri}"));
    request.body(Body::Text(body.to_owned())).unwrap()
}

fn deps(source: &FakeSecret) -> Deps<&FakeSecret, FakeQueue> {
    Deps {
        keys: CachedDocument::<_, ClientStateKeys>::new(source, parse_keys),
        queues: Queues {
            read: None,
            notification: FakeQueue::default(),
            lifecycle: FakeQueue::default(),
            delivery: FakeQueue::default(),
        },
    }
}

/// Returns the names of the subscriptions whose events are delivered.
fn delivered(deps: &Deps<&FakeSecret, FakeQueue>) -> Vec<String> {
    let name = |message: &Message| {
        let event: Value = serde_json::from_str(&message.body).unwrap();
        event["subscription"].as_str().unwrap().to_owned()
    };
    deps.queues.delivery.stored().iter().map(name).collect()
}

fn names(queue: &FakeQueue) -> Vec<String> {
    let name = |message: &Message| {
        QueuedItem::parse(&message.body)
            .unwrap()
            .subscription
            .into_owned()
    };
    queue.stored().iter().map(name).collect()
}

fn change(name: &str) -> Value {
    json!({
        "subscriptionId": "s", "tenantId": TENANT, "changeType": "created", "resource": format!("{name}/1"),
        "clientState": minted(name)
    })
}

/// Returns an item with content as large as Graph's smallest.
fn rich(name: &str) -> Value {
    let mut item = change(name);
    item["encryptedContent"] = json!({
        "data": "A".repeat(24), "dataKey": "A".repeat(344), "dataSignature": "A".repeat(44)
    });
    item
}

fn lifecycle(name: &str) -> Value {
    json!({
        "subscriptionId": "s", "tenantId": TENANT, "lifecycleEvent": "missed",
        "clientState": minted(name)
    })
}

fn unsigned_token(tenant_id: &str) -> String {
    let encode = |json: Value| base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    format!(
        "{}.{}.sig",
        encode(json!({"alg": "RS256"})),
        encode(json!({"tid": tenant_id, "aud": CLIENT}))
    )
}

fn document(keys: &[&str]) -> String {
    let keys = keys.iter().map(|id| key(id)).collect();
    serde_json::to_string(&test_util::document(keys, &[OURS])).unwrap()
}

fn minted(name: &str) -> String {
    client_state(&key("k1"), OURS, name, false).unwrap()
}

fn key(id: &str) -> ClientStateKeyEntry {
    test_util::key(id, id.as_bytes()[1])
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_mins(1))
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}
