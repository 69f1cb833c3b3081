use graph_core::{
    notification::client_state::test_util::{self, client_state},
    secrets::ClientStateKeyEntry,
};
use graph_edge::{documents::client_state_keys, testing::FakeQueue};
use serde_json::{Value, json};

use super::*;

/// No timer goes off while items are verified.
#[test]
fn items_are_not_verified_after_the_deadline() {
    let body = post(&[item(), item(), item()]);
    let collection = Collection::parse(&body).unwrap();
    for (time, admitted) in [(Duration::ZERO, 0), (SOON, 3)] {
        let intake = Intake::sort(&collection, &keys(), at(0), Deadline::after(time));
        assert_eq!((intake.items.len(), intake.unsorted), (admitted, 3 - admitted));
    }
}

/// No timer goes off while messages are made.
#[tokio::test]
async fn messages_are_not_made_after_the_deadline() {
    let lifecycle = |event: &str| {
        let mut item = item();
        item["lifecycleEvent"] = json!(event);
        item["subscriptionId"] = json!("s");
        item
    };
    let body = post(&[item(), lifecycle("missed"), lifecycle("missed")]);
    let (collection, keys) = (Collection::parse(&body).unwrap(), keys());
    let intake = Intake::sort(&collection, &keys, at(0), Deadline::after(SOON));
    let sender = Sender::new(&collection, &intake, &keys, at(0), false);
    for (time, stored) in [(Duration::ZERO, 0), (SOON, 3)] {
        let queues = queues();
        let receipts = sender.send(&intake.items, &queues, Deadline::after(time)).await;
        assert_eq!((receipts.stored, receipts.lost), (stored, 3 - stored));
        assert_eq!(queues.delivery.stored().is_empty(), stored == 0);
        let losers: Vec<_> = receipts.losers.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(losers, ["mail"].get(usize::from(stored > 0)..).unwrap());
    }
}

/// What is too large for one try is reached by another one.
#[test]
fn a_large_post_begins_elsewhere_at_each_try() {
    let few: Vec<Value> = (0..MAX_UNSENT_MESSAGES).map(|_| item()).collect();
    let many: Vec<Value> = (0..=MAX_UNSENT_MESSAGES).map(|_| item()).collect();
    for (items, moves) in [(few, false), (many, true)] {
        let body = post(&items);
        let collection = Collection::parse(&body).unwrap();
        let order = |milliseconds| -> Vec<usize> {
            let intake = Intake::sort(&collection, &keys(), at(milliseconds), Deadline::after(SOON));
            intake.items.iter().map(|(index, _)| *index).collect()
        };
        let (first, later) = (order(0), order(7));
        assert_eq!(first != later, moves);
        for mut order in [first, later] {
            order.sort_unstable();
            assert_eq!(order, (0..items.len()).collect::<Vec<_>>());
        }
    }
}

fn post(items: &[Value]) -> String {
    json!({"value": items}).to_string()
}

fn item() -> Value {
    let client_state = client_state(&key(), OURS, "mail", false).unwrap();
    json!({"changeType": "created", "resource": "users/1", "clientState": client_state})
}

fn keys() -> ClientStateKeys {
    let document = test_util::document(vec![key()], &[OURS]);
    client_state_keys(&serde_json::to_string(&document).unwrap()).unwrap()
}

fn key() -> ClientStateKeyEntry {
    test_util::key("k1", 7)
}

fn queues() -> Queues<FakeQueue> {
    Queues {
        read: None,
        notification: FakeQueue::default(),
        lifecycle: FakeQueue::default(),
        delivery: FakeQueue::default(),
    }
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

const OURS: (&str, &str) = (
    "11111111-2222-3333-4444-555555555555",
    "66666666-7777-8888-9999-000000000000",
);

const SOON: Duration = Duration::from_mins(1);
