//! `failed` on a queue that holds more messages than SQS shows.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::{
    fake::{Fake, Reply, stack},
    tool::Tool,
};

#[test]
fn a_queue_that_shows_less_than_it_holds_needs_a_person() {
    let fake = Queue::default().start();
    let tool = Tool::at(&fake.url);
    let unseen = "About 3 messages of FailedQueue were not looked at";
    let listed = tool.run("failed list");
    assert!(listed.status == 1 && listed.err.contains(unseen), "{listed:?}");
    // Each empty answer takes a second.
    let receives = fake.count("AmazonSQS.ReceiveMessage");
    assert!((3..=12).contains(&receives), "{receives}");
    assert!(
        listed.out.contains("UnknownTenant") && !listed.out.contains(unseen),
        "{listed:?}"
    );
    let absent = tool.run("failed show 9");
    assert!(absent.status == 2 && absent.err.contains(unseen), "{absent:?}");
    for (line, done) in [
        ("drop --all --yes", "2 messages deleted\n"),
        (
            "retry --reason UnknownTenant --yes --wait 0",
            "2 messages moved: ",
        ),
        (
            "retry --reason Panicked --yes",
            "No such message is among 2 messages of FailedQueue.\n",
        ),
    ] {
        let ended = tool.run(&format!("failed {line}"));
        assert!(
            ended.status == 1 && ended.out.starts_with(done),
            "{line}: {ended:?}"
        );
        assert!(ended.out.contains(unseen), "{line}: {ended:?}");
    }
}

#[test]
fn items_that_every_function_would_reject_are_not_moved() {
    let old = Queue {
        received_at: "2026-01-01T00:00:00Z",
        held: 2,
    };
    let fake = old.start();
    let ended = Tool::at(&fake.url).run("failed retry --all --yes");
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(ended.out.contains("received over 19 days ago"), "{ended:?}");
    assert_eq!(fake.count("AmazonSQS.SendMessage"), 0);
}

/// A queue with two messages that are visible.
pub struct Queue {
    pub received_at: &'static str,
    pub held: usize,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            received_at: "2999-01-01T00:00:00Z",
            held: 5,
        }
    }
}

impl Queue {
    pub fn start(self) -> Fake {
        let outputs = [
            "FailedQueueUrl",
            "UndeliveredQueueUrl",
            "DeliveryQueueUrl",
            "NotificationQueueUrl",
        ];
        let outputs = outputs.map(|name| (name, "http://127.0.0.1/q"));
        let is_hidden = AtomicBool::new(false);
        Fake::start(move |request| {
            let answer = match action(request).unwrap_or_default() {
                "ReceiveMessage" if is_hidden.swap(true, Ordering::Relaxed) => json!({}),
                "ReceiveMessage" => json!({"Messages": [self.message("0a"), self.message("0b")]}),
                "GetQueueAttributes" => {
                    json!({"Attributes": {"ApproximateNumberOfMessages": self.held.to_string()}})
                }
                "ChangeMessageVisibilityBatch" | "DeleteMessage" => {
                    is_hidden.store(false, Ordering::Relaxed);
                    json!({})
                }
                "SendMessage" => json!({"MessageId": "1"}),
                _ => return Reply::Answer(200, stack("CREATE_COMPLETE", &outputs)),
            };
            Reply::Answer(200, answer.to_string())
        })
    }

    fn message(&self, id: &str) -> serde_json::Value {
        let body = json!({
            "subscription": "users", "tenantId": "t", "clientId": "c", "receivedAt": self.received_at, "item": {},
        });
        json!({
            "MessageId": id, "ReceiptHandle": id, "Body": body.to_string(),
            "MessageAttributes": {"Reason": {"DataType": "String", "StringValue": "UnknownTenant"}},
        })
    }
}

/// Returns the action of a request to SQS.
pub fn action(request: &str) -> Option<&str> {
    let (_, rest) = request.split_once("AmazonSQS.")?;
    rest.split(char::is_whitespace).next()
}
