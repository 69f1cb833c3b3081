//! What it costs to refuse forged items: CPU time for one POST and for each item in it.
//!
//! `cargo bench --package webhook --bench refusal`
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement that cannot be made has failed"
)]

use std::{fs, time::Duration};

use graph_core::{
    notification::client_state::test_util::{self, client_state},
    secrets::ClientStateKeyEntry,
};
use graph_edge::{
    deadline::Deadline,
    documents::CachedDocument,
    metrics::Metrics,
    testing::{FakeQueue, FakeSecret},
};
use jiff::Timestamp;
use lambda_http::{Body, Request, http};
use serde_json::{Value, json};
use webhook::{ANSWER_WITHIN, Deps, Queues, handle, parse_keys};

const ITEMS: u32 = 5_000;
const POSTS: u32 = 40;

fn main() {
    // `cargo test --all-targets` runs benches without this argument; there is nothing to check here.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let genuine = client_state(&key(), OURS, "team-messages", false).unwrap();
    let wrong_mac = genuine.replace("team-messages", "team-messagez");
    println!("CPU time of refusing {ITEMS} forged items in one POST, mean of {POSTS} POSTs");
    measure("wrong mac, basic item", item(&json!(wrong_mac)));
    measure("wrong mac, encrypted item", encrypted(item(&json!(wrong_mac))));
    measure("unknown key id", item(&json!(genuine.replace(".k1.", ".k9."))));
    let stranger = client_state(&key(), ("stranger", "app"), "team-messages", false).unwrap();
    measure("unknown application", item(&json!(stranger)));
    measure("no client state", item(&Value::Null));
    measure("not an object", json!(0));
}

fn measure(name: &str, item: Value) {
    let items = vec![item; usize::try_from(ITEMS).unwrap()];
    let body = json!({"value": items, "validationTokens": vec!["e30.e30.AAAA"; 10]}).to_string();
    let bytes = body.len();
    let document = test_util::document(vec![key()], &[OURS]);
    let source = FakeSecret::new(serde_json::to_string(&document).unwrap());
    let deps = Deps {
        keys: CachedDocument::new(&source, parse_keys),
        queues: Queues {
            read: None,
            notification: FakeQueue::default(),
            lifecycle: FakeQueue::default(),
            delivery: FakeQueue::default(),
        },
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let post = || {
        let response = runtime.block_on(handle(
            request(&body),
            &deps,
            now(),
            Deadline::after(ANSWER_WITHIN),
            &mut Metrics::default(),
        ));
        assert_eq!(response.status(), 202);
    };
    post();
    let before = cpu_time();
    for _ in 0..POSTS {
        post();
    }
    let time = cpu_time().saturating_sub(before) / POSTS;
    println!(
        "{name:>28}: {time:>8.1?} per POST of {bytes:>7} bytes, {:>7.2?} per item",
        time / ITEMS
    );
    assert!(deps.queues.notification.stored().is_empty());
}

/// Returns the CPU time that this thread, which does everything, has used.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux with scheduler statistics");
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

fn item(client_state: &Value) -> Value {
    json!({
        "subscriptionId": "76222963-cc7b-42d2-882d-8aaa69cb2ba3", "changeType": "created", "clientState": client_state,
        "subscriptionExpirationDateTime": "2026-11-22T11:00:00.0000000Z",
        "resource": "users/622eaaff-0683-4862-9de4-f2ec83c2bd98/messages/AAMkAGVmMDEzMTM4",
        "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": "AAMkAGVmMDEzMTM4"},
        "tenantId": "11111111-2222-3333-4444-555555555555"
    })
}

fn encrypted(mut item: Value) -> Value {
    item["encryptedContent"] =
        json!({"data": "A".repeat(400), "dataKey": "A".repeat(344), "dataSignature": "A"});
    item
}

fn request(body: &str) -> Request {
    let request = http::Request::builder()
        .method("POST")
        .uri("https://host/notifications");
    request.body(Body::Text(body.to_owned())).unwrap()
}

/// The tenant and the application that everything is for.
const OURS: (&str, &str) = (
    "11111111-2222-3333-4444-555555555555",
    "66666666-7777-8888-9999-000000000000",
);

fn key() -> ClientStateKeyEntry {
    test_util::key("k1", 7)
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}
