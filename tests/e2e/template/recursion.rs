//! Functions that call themselves by a queue. Lambda stops such a chain after about 16 calls and drops the message, unless the
//! function is allowed to go on (AWS Lambda, *recursive loop detection*).

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    expanded::{hardened, plain},
    referred, resources,
};

#[test]
fn only_a_function_that_feeds_its_own_queue_may_loop() {
    for template in [plain(), hardened()] {
        for (name, function) in resources(template, "AWS::Lambda::Function") {
            let wanted = called_by(template, name).contains(name).then_some("Allow");
            assert_eq!(function["Properties"]["RecursiveLoop"].as_str(), wanted, "{name}");
        }
        assert!(called_by(template, "ReaderFunction").contains("ReaderFunction"));
        assert!(called_by(template, "WebhookFunction").contains("RenewalFunction"));
    }
}

/// Returns every function that messages of one may invoke, by way of others too.
fn called_by<'a>(template: &'a Value, function: &str) -> BTreeSet<&'a str> {
    let mut called = BTreeSet::new();
    let mut left = invoked(template, function);
    while let Some(next) = left.pop() {
        if called.insert(next) {
            left.extend(invoked(template, next));
        }
    }
    called
}

/// Returns the functions that read the queues to which a function may send.
fn invoked<'a>(template: &'a Value, function: &str) -> Vec<&'a str> {
    let queues = fed(template, function);
    let mappings = resources(template, "AWS::Lambda::EventSourceMapping");
    let of = |mapping: &'a Value, property: &str| referred(&mapping["Properties"][property]);
    let readers = mappings
        .into_values()
        .filter(|mapping| of(mapping, "EventSourceArn").is_some_and(|queue| queues.contains(queue)));
    readers
        .filter_map(|mapping| of(mapping, "FunctionName"))
        .collect()
}

/// Returns the queues to which the role of a function may send.
fn fed<'a>(template: &'a Value, function: &str) -> BTreeSet<&'a str> {
    let policies = &template["Resources"][format!("{function}Role")]["Properties"]["Policies"];
    let policies = policies.as_array().into_iter().flatten();
    policies
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap())
        .filter(|statement| statement["Action"].to_string().contains("sqs:SendMessage"))
        .flat_map(|statement| statement["Resource"].as_array().unwrap())
        .filter_map(referred)
        .collect()
}
