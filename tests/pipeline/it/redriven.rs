//! What is moved back from FailedQueue becomes the event that it would have been.

use graph_core::notification::tokens::testing::SIGNER;
use pipeline::{Stack, USER, event};
use serde_json::{Value, json};

#[test]
fn a_redriven_message_becomes_the_same_event() {
    let cases = [
        case("chat", "", rich, without_signing_keys),
        case("chat", "", rich, without_delivery),
        case("fetched", "?f=1", message, without_delivery),
        // Nothing tells its changes apart, so the id is made of the receipt.
        case("drive", "?f=1", drive, without_delivery),
        case("mail", "", missed, without_config),
    ];
    for (number, case) in cases.iter().enumerate() {
        // Encrypted once: each encryption has a signature of its own, which is the version.
        let item = (case.item)(&Stack::new(1));
        let expected = case.ids(item.clone(), false);
        assert!(!expected.is_empty(), "{number}");
        assert_eq!(case.ids(item, true), expected, "{number}");
    }
}

/// An item, and what fails until FailedQueue has it.
struct Case {
    entry: &'static str,
    query: &'static str,
    item: fn(&Stack) -> Value,
    fail: fn(&Stack, bool),
}

fn case(entry: &'static str, query: &'static str, item: fn(&Stack) -> Value, fail: fn(&Stack, bool)) -> Case {
    Case {
        entry,
        query,
        item,
        fail,
    }
}

impl Case {
    /// Returns the ids of the events for the item, which goes through FailedQueue or not.
    fn ids(&self, mut item: Value, is_redriven: bool) -> Vec<Value> {
        let mut stack = Stack::new(1);
        item["clientState"] = json!(stack.client_state(self.entry));
        let body = json!({"value": [item], "validationTokens": [stack.token(0)]}).to_string();
        assert_eq!(stack.post(&format!("/notifications{}", self.query), body), 202);
        if is_redriven {
            self.set_failing(&mut stack, true);
            stack.run_to_the_end(30);
            assert_eq!(
                (stack.failed.len(), stack.delivered.len()),
                (1, 0),
                "{}",
                self.entry
            );
            self.set_failing(&mut stack, false);
            stack.move_back();
        }
        stack.run_to_the_end(30);
        assert!(stack.failed.is_empty() && stack.is_quiet(), "{:?}", stack.failed);
        let events = stack.delivered.iter().map(event);
        // A window is read when there is time for it, and its report says when that was.
        let events = events.filter(|event| event["type"] != "Microsoft.Graph.CatchUpCompleted");
        events.map(|event| event["id"].clone()).collect()
    }

    fn set_failing(&self, stack: &mut Stack, is_failing: bool) {
        (self.fail)(stack, is_failing);
        // What a function has read before would hide that it cannot be read.
        stack.restart();
    }
}

fn rich(stack: &Stack) -> Value {
    json!({"resource": "chats('1')/messages('1')", "encryptedContent": stack.encrypted("{}")})
}

fn message(_: &Stack) -> Value {
    json!({"resource": format!("users/{USER}/messages/1")})
}

fn drive(_: &Stack) -> Value {
    json!({"resource": "drives/1/root"})
}

fn missed(stack: &Stack) -> Value {
    json!({"lifecycleEvent": "missed", "subscriptionId": stack.id("mail")})
}

fn without_signing_keys(stack: &Stack, is_down: bool) {
    stack.login.set((!is_down).then(|| SIGNER.jwks()));
}

fn without_delivery(stack: &Stack, is_down: bool) {
    stack.queues.delivery.refuse(is_down.then_some(""));
}

fn without_config(stack: &Stack, is_down: bool) {
    stack.documents.config.set_down(is_down);
}
