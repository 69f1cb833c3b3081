//! What the reader allocates for the largest answers, counted by the allocator. The only test in this program: others would
//! be counted along with it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

use std::{marker::PhantomData, time::Duration};

use aws_lambda_events::sqs::SqsEvent;
use graph_core::{
    application::test_util::application,
    notification::client_state::{Proven, test_util},
    read::{Request, Window},
    secrets::ClientStateKeyEntry,
    subscription::config::{Config, Tenant},
};
use graph_edge::{
    clock::SystemClock,
    deadline::Deadline,
    documents::{CachedDocument, client_state_keys},
    graph::ReadAnswer,
    metrics::Metrics,
    sqs::{Message, Queue, Sent},
    testing::FakeSecret,
};
use jiff::{SignedDuration, Timestamp};
use peak_alloc::PeakAlloc;
use reader::{
    Deps, Memory, handle,
    ports::{GraphReader, Ports},
};
use serde_json::{Value, json};

/// The most that is allocated at a time. The function has 256 MiB, of which its program and its connections need some.
const LIMIT: usize = 128 * MEBIBYTE;

#[test]
fn the_largest_answers_take_a_bounded_amount_of_memory() {
    let long = json!({"body": {"content": "x".repeat(160_000)}});
    let mention = json!({"id": 1, "mentioned": {"user": {"id": "4f3c6a1e", "displayName": "A"}}});
    let many = json!({"mentions": vec![mention; 2_000]});
    let (mail, chats) = ("/users/{id}/messages", "/chats/{id}/messages");
    for (case, resource, content, members, windows, items) in [
        ("pages of many small members", mail, true, &many, 2, 0),
        ("pages of long members", mail, true, &long, 3, 0),
        ("pages of which no content is wanted", chats, false, &long, 3, 0),
        ("items of one mail", mail, true, &long, 0, 10),
        ("pages and items", mail, true, &long, 2, 5),
    ] {
        check(case, measured(resource, content, members, windows, items));
    }
}

#[track_caller]
fn check(case: &str, bytes: usize) {
    println!("{case}: {} MiB", bytes / MEBIBYTE);
    assert!(bytes <= LIMIT, "{case}: {bytes} bytes");
}

/// Returns how many bytes are allocated at a time for a batch of windows of different objects and items of one.
fn measured(resource: &str, content: bool, members: &Value, windows: usize, items: usize) -> usize {
    let ids: Vec<String> = (0..10).map(|number| format!("user-{number}")).collect();
    let config = json!({
        "tenants": {"contoso": {"tenantId": TENANT, "clientId": CLIENT, "credential": {"clientSecret": "s"}}},
        "subscriptions": {"one": {"resource": resource, "changeType": "created", "fetchContent": content, "forEach": ids}},
    });
    let keys = serde_json::to_string(&test_util::document(vec![key()], &[(TENANT, CLIENT)])).unwrap();
    let (config, keys) = (FakeSecret::new(config.to_string()), FakeSecret::new(keys));
    let bodies = ids.iter().take(windows).map(|id| window(resource, id));
    let bodies = bodies.chain((0..items).map(|number| item(number, &ids)));
    let records = bodies
        .enumerate()
        .map(|(number, body)| json!({"messageId": number.to_string(), "body": body, "attributes": {}}));
    let event = json!({"Records": records.collect::<Vec<_>>()}).to_string();
    let deps: Deps<Doubles<'_>> = Deps {
        config: CachedDocument::new(&config, |text| {
            Ok(Config::parse(text).map_err(|problem| problem.to_string())?.0)
        }),
        client_states: CachedDocument::new(&keys, client_state_keys),
        graph: LargeGraph {
            page: page(members),
            item: json!([vec![members; 1_000_000 / members.to_string().len()]]).to_string(),
        },
        clock: SystemClock,
        delivery_queue: Nowhere,
        failed_queue: Nowhere,
        read_queue: Nowhere,
        memory: Memory::default(),
        tries: 10,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let event: SqsEvent = serde_json::from_str(&event).unwrap();
    let deadline = Deadline::after(Duration::from_mins(4));
    let response = runtime.block_on(handle(event, &deps, deadline, &mut Metrics::default()));
    assert!(response.batch_item_failures.is_empty());
    ALLOCATOR.peak_usage().saturating_sub(before)
}

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Microsoft Graph, whose pages are as large as the reader reads them.
struct LargeGraph {
    page: String,
    item: String,
}

impl GraphReader for LargeGraph {
    async fn read(&self, _: &Tenant, request: &Request, _: bool, max_bytes: usize) -> ReadAnswer {
        // All that want to read do, before the first answer is there.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let is_page = request.path.ends_with("/messages");
        let answer = if is_page { &self.page } else { &self.item };
        if answer.len() > max_bytes {
            return ReadAnswer::TooLarge;
        }
        ReadAnswer::Body(answer.clone().into_bytes())
    }
}

struct Doubles<'a>(PhantomData<&'a ()>);

impl<'a> Ports for Doubles<'a> {
    type Secret = &'a FakeSecret;
    type Graph = LargeGraph;
    type Clock = SystemClock;
    type Queue = Nowhere;
}

/// A queue that keeps nothing, and needs the time and the memory of its requests: each body once more, as JSON text.
struct Nowhere;

impl Queue for Nowhere {
    async fn send<T: Send>(&self, messages: Vec<(T, Message)>, _: Deadline) -> Sent<T> {
        let request = |(_, message): &(T, Message)| serde_json::to_string(&message.body).unwrap();
        let requests: Vec<String> = messages.iter().map(request).collect();
        tokio::time::sleep(Duration::from_millis(10)).await;
        drop(requests);
        Sent {
            stored: messages.into_iter().map(|(note, _)| note).collect(),
            lost: Vec::new(),
        }
    }
}

/// Returns a page of just under 8 MiB with items of these members.
fn page(members: &Value) -> String {
    let mut items = Vec::new();
    let count = (8 * MEBIBYTE - 1_000) / (members.to_string().len() + 200);
    for number in 0..count {
        let mut item = members.clone();
        item["id"] = json!(number.to_string());
        item["createdDateTime"] = json!(now());
        item["lastModifiedDateTime"] = json!(now());
        items.push(item);
    }
    json!({"value": items}).to_string()
}

fn window(resource: &str, id: &str) -> String {
    let owner = Proven {
        application: application((TENANT, CLIENT)),
        subscription: format!("one/{id}"),
    };
    let from = now() - SignedDuration::from_hours(1);
    let until = now() + SignedDuration::from_hours(1);
    let window = Window {
        gap: Some("gap".to_owned()),
        ..Window::without_gap(&owner, resource.replace("{id}", id), from, until)
    };
    test_util::sealed(&key(), &serde_json::to_string(&window).unwrap())
}

fn item(number: usize, ids: &[String]) -> String {
    let subscription = format!("one/{}", ids.last().unwrap());
    let client_state = test_util::client_state(&key(), (TENANT, CLIENT), &subscription, false).unwrap();
    let body = json!({
        "subscription": subscription, "tenantId": TENANT, "clientId": CLIENT, "id": format!("{number:043}"),
        "partitionKey": "p".repeat(22), "receivedAt": now(), "fetchesContent": true,
        "item": {
            "changeType": "created", "resource": format!("Users/{}/Messages/AAMk1=", ids.last().unwrap()),
            "clientState": client_state, "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": "AAMk1="},
        },
    });
    test_util::sealed(&key(), &body.to_string())
}

fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() - 60).unwrap()
}

fn key() -> ClientStateKeyEntry {
    test_util::key("k1", 7)
}

const MEBIBYTE: usize = 1_048_576;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";

const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
