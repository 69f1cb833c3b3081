//! The event bus: what the pipe makes of an event, by the rules that AWS documents, and what it may do.

use serde_json::{Value, json};

use super::{expanded::python, file, permissions, yaml};

/// Amazon EventBridge, *Pipes input transformation*: a template that is one path in angle brackets becomes what stands there,
/// and a path into the body of an SQS message reads the body as JSON.
#[test]
fn the_detail_is_the_whole_event() {
    for event in events() {
        let put = put(&event);
        assert_eq!(put["Detail"], event);
        assert_eq!(put["DetailType"], event["type"]);
        assert_eq!(put["Time"], event["time"]);
        assert_eq!(put["Source"], "microsoft.graph");
    }
}

/// A rule that AWS documents for its own sources.
#[test]
fn the_source_is_not_one_of_aws() {
    assert!(!put(&events()[0])["Source"].as_str().unwrap().starts_with("aws."));
}

/// What one event needs can be all that one call takes, and a batch is one call.
#[test]
fn the_largest_event_fits_into_a_call_by_itself() {
    let sqs = &pipe()["SourceParameters"]["SqsQueueParameters"];
    assert_eq!(sqs["BatchSize"], 1);
}

/// EventBridge stops a pipe whose target answers almost only 4xx; the next change of the pipe starts it again.
#[test]
fn the_pipe_is_to_run() {
    assert_eq!(pipe()["DesiredState"], "RUNNING");
}

#[test]
fn the_pipe_may_only_read_the_queue_and_write_to_the_bus() {
    let template = template();
    assert_eq!(permissions::faults(&template), Vec::<String>::new());
    let policy = &template["Resources"]["PipeRole"]["Properties"]["Policies"][0]["PolicyDocument"];
    let statements = policy["Statement"].as_array().unwrap();
    let allowed: Vec<_> = statements
        .iter()
        .filter(|statement| statement.get("Fn::If").is_none())
        .map(|statement| (&statement["Action"], &statement["Resource"]))
        .collect();
    let read = json!([
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes"
    ]);
    assert_eq!(
        allowed,
        [
            (&read, &json!({"Ref": "QueueArn"})),
            (&json!("events:PutEvents"), &json!({"Ref": "EventBusArn"}))
        ]
    );
}

/// The SQS queue's own redrive takes what the bus does not: a pipe has none for a queue.
#[test]
fn events_that_the_bus_rejects_end_in_undelivered_queue() {
    let queues = &super::template()["Resources"];
    let redrive = &queues["DeliveryQueue"]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"];
    assert_eq!(super::referred(redrive), Some("UndeliveredQueue"));
    let stack = &queues["EventBus"]["Properties"]["Parameters"];
    assert_eq!(super::referred(&stack["QueueArn"]), Some("DeliveryQueue"));
}

/// The properties of the resource are the members of `CreatePipe`, whose model botocore has.
#[test]
fn the_pipe_follows_the_services_schema() {
    let mut request = given(&pipe());
    request["Name"] = json!("pipe");
    assert_eq!(python(MODEL, &request), "");
    request["SourceParameters"]["SqsQueueParameters"]["BatchSize"] = json!("one");
    request["TargetParameters"]["Detail"] = json!("x");
    let faults = python(MODEL, &request);
    assert!(
        faults.contains("BatchSize") && faults.contains("Detail"),
        "{faults}"
    );
}

/// Returns a value with an ARN in place of what only CloudFormation knows.
fn given(value: &Value) -> Value {
    match value {
        Value::Object(members) if members.contains_key("Ref") || members.contains_key("Fn::GetAtt") => {
            json!("arn:aws:sqs:us-east-1:111111111111:queue")
        }
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), given(value)))
            .collect(),
        other => other.clone(),
    }
}

const MODEL: &str = "
import json, sys
import botocore.session
from botocore.validate import ParamValidator
model = botocore.session.get_session().get_service_model('pipes').operation_model('CreatePipe')
print(ParamValidator().validate(json.load(sys.stdin), model.input_shape).generate_report(), end='')";

/// Returns what the pipe puts on the bus for an event.
fn put(event: &Value) -> Value {
    let target = &pipe()["TargetParameters"];
    let bus = &target["EventBridgeEventBusParameters"];
    let message = json!({"messageId": "m", "body": event.to_string()});
    let value = |pattern: &Value| {
        let pattern = pattern.as_str().unwrap();
        if pattern.starts_with("$.") {
            at(&message, pattern)
        } else {
            json!(pattern)
        }
    };
    let template = target["InputTemplate"].as_str().unwrap();
    let path = template
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap();
    json!({
        "Detail": at(&message, path),
        "DetailType": value(&bus["DetailType"]),
        "Time": value(&bus["Time"]),
        "Source": value(&bus["Source"]),
    })
}

/// Returns what stands at a path in dot notation; the body of a message is read as JSON.
fn at(message: &Value, path: &str) -> Value {
    let mut found = message.clone();
    for (depth, key) in path.strip_prefix("$.").unwrap().split('.').enumerate() {
        found = found[key].take();
        if (depth, key) == (0, "body") {
            found = serde_json::from_str(found.as_str().unwrap()).unwrap();
        }
    }
    found
}

/// Returns events that are hard to copy: quotes, text that is not ASCII, a large one, whole numbers of 64 bits.
fn events() -> Vec<Value> {
    let event = |content: Value| {
        json!({
            "specversion": "1.0", "id": "i", "source": "/tenants/t/applications/a",
            "type": "Microsoft.Graph.ChatMessageCreated", "time": "2026-11-22T10:00:00Z",
            "subscription": "team-messages", "data": {"changeType": "created", "content": content},
        })
    };
    let text = "\"<$.body.type>\" \\ \u{1f600} \u{fc} <p>&amp;</p> ${AWS::StackName}";
    vec![
        event(json!({"body": text})),
        event(json!({"body": "x".repeat(1_000_000)})),
        event(json!({"least": i64::MIN, "most": i64::MAX})),
    ]
}

fn pipe() -> Value {
    template()["Resources"]["Pipe"]["Properties"].clone()
}

fn template() -> Value {
    yaml::parse(&file("functions/event-bus.yaml"))
}
