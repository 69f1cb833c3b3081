//! What the webhook allocates for the worst that fits into an event, counted by the allocator. The only test in this
//! program: others would be counted along with it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use graph_core::{
    notification::client_state::test_util::{self, client_state},
    secrets::ClientStateKeyEntry,
};
use graph_edge::{
    deadline::Deadline,
    documents::CachedDocument,
    metrics::Metrics,
    sqs::{Message, Queue, Sent},
    testing::FakeSecret,
};
use jiff::Timestamp;
use peak_alloc::PeakAlloc;
use serde_json::{Value, json, value::RawValue};
use webhook::{Deps, Queues, gateway, handle, parse_keys};

/// The most that is allocated for one event, beside the event itself; docs/security.md names it.
const LIMIT: usize = 64 * 1_048_576;

/// The same for an event in which nothing is admitted.
const LIMIT_FOR_ANYBODY: usize = 13 * 1_048_576;

/// The largest event (AWS Lambda, *quotas*).
const EVENT_BYTES: usize = 6 * 1_048_576;

#[test]
fn the_worst_event_takes_a_bounded_amount_of_memory() {
    let full = EVENT_BYTES - 1_000;
    let tokens: Vec<String> = (0..2).map(|n| token(1_700 + n)).collect();

    let zeros = |members: &str| format!("{{{members}[{}0]}}", "0,".repeat(full / 2 - 30));
    let forged = json!({"clientState": "\u{1}.k1.AAAA", "resource": "r".repeat(350)});
    check("brackets", 400, LIMIT_FOR_ANYBODY, &"[".repeat(full));
    check("tiny items", 413, LIMIT_FOR_ANYBODY, &zeros(r#""value":"#));
    let body = zeros(r#""value":[0],"validationTokens":"#);
    check("tokens", 202, LIMIT_FOR_ANYBODY, &body);
    let body = collection(&vec![forged; 10_000], &tokens);
    check("forged items", 202, LIMIT_FOR_ANYBODY, &body);

    let large = |text: &str| json!({"resourceData": text.repeat((full - 500) / text.len())});
    let members: Value = (0..200)
        .map(|n| (n.to_string(), json!("\u{1}".repeat(3_000))))
        .collect();
    check(
        "a large item",
        202,
        LIMIT,
        &collection(&[genuine(&large("a"))], &[]),
    );
    check(
        "escapes",
        202,
        LIMIT,
        &collection(&[genuine(&large("\u{FFFE}"))], &[]),
    );
    check("many members", 202, LIMIT, &collection(&[genuine(&members)], &[]));
    let content =
        json!({"data": "A".repeat(1_200), "dataKey": "A".repeat(344), "dataSignature": "A".repeat(44)});
    let rich = json!({"encryptedContent": content});
    let body = collection(&vec![genuine(&rich); 3_000], &tokens);
    check("items that grow by their tokens", 202, LIMIT, &body);
}

#[track_caller]
fn check(case: &str, status: u16, limit: usize, body: &str) {
    let event = event(body);
    let size = event.get().len();
    assert!(
        (EVENT_BYTES / 2..=EVENT_BYTES).contains(&size),
        "{case}: an event of {size} bytes"
    );
    let (answered, bytes) = measured(&event);
    assert_eq!(answered, status, "{case}");
    assert!(bytes <= limit, "{case}: {bytes} bytes");
}

/// Returns the status of the answer to an event, and how many bytes were allocated at a time.
fn measured(event: &RawValue) -> (u16, usize) {
    let document = test_util::document(vec![key()], &[OURS]);
    let source = FakeSecret::new(serde_json::to_string(&document).unwrap());
    let deps = Deps {
        keys: CachedDocument::new(&source, parse_keys),
        queues: Queues {
            read: None,
            notification: Nowhere,
            lifecycle: Nowhere,
            delivery: Nowhere,
        },
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let request = gateway::request(event).unwrap();
    let response = runtime.block_on(handle(
        request,
        &deps,
        now(),
        Deadline::after(Duration::from_mins(1)),
        &mut Metrics::default(),
    ));
    (response.status().as_u16(), ALLOCATOR.peak_usage() - before)
}

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// A queue that keeps nothing.
struct Nowhere;

impl Queue for Nowhere {
    async fn send<T: Send>(&self, messages: Vec<(T, Message)>, _: Deadline) -> Sent<T> {
        Sent {
            stored: messages.into_iter().map(|(note, _)| note).collect(),
            lost: Vec::new(),
        }
    }
}

fn collection(items: &[Value], tokens: &[String]) -> String {
    json!({"value": items, "validationTokens": tokens}).to_string()
}

fn genuine(members: &Value) -> Value {
    let mut item = members.clone();
    item["clientState"] = json!(client_state(&key(), OURS, "mail", true).unwrap());
    item
}

/// Returns a token that travels with its items.
fn token(signature_bytes: usize) -> String {
    let [header, claims] = [json!({"alg": "RS256"}), json!({"tid": TENANT, "aud": CLIENT})]
        .map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}.{}", "A".repeat(signature_bytes))
}

fn event(body: &str) -> Box<RawValue> {
    let event = json!({
        "version": "2.0", "routeKey": "POST /notifications", "rawPath": "/notifications", "headers": {},
        "requestContext": {"http": {"method": "POST", "path": "/notifications"}, "stage": "$default"},
        "body": body, "isBase64Encoded": false
    });
    RawValue::from_string(event.to_string()).unwrap()
}

/// The tenant and the application that everything is for.
const OURS: (&str, &str) = (TENANT, CLIENT);

fn key() -> ClientStateKeyEntry {
    test_util::key("k1", 7)
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

const TENANT: &str = "11111111-2222-3333-4444-555555555555";

const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
