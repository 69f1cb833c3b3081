//! Rules that the template must meet.
//!
//! Most checks read it as text: each is a function from the template to its faults, and each is tried on a template that was
//! broken on purpose. The others read what AWS SAM and AWS CloudFormation make of it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

mod access_log;
mod alarms;
mod broken;
mod cases;
mod causes;
mod commands;
mod deployer;
mod evaluated;
mod event_bus;
mod expanded;
mod functions;
mod hardening;
mod lint;
mod memory;
mod metrics;
mod names;
mod parameters;
mod permissions;
mod queries;
mod queues;
mod recursion;
mod refused;
mod renewal;
mod resolved;
mod roots;
mod runbooks;
mod yaml;

use std::{collections::BTreeMap, fs};

use serde_json::Value;

#[test]
fn the_template_has_no_fault() {
    let faults = faults(&template());
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Returns everything that is wrong with a template.
fn faults(template: &Value) -> Vec<String> {
    let checks = [
        functions::faults,
        metrics::faults,
        names::faults,
        parameters::faults,
        permissions::faults,
        queues::faults,
        roots::faults,
    ];
    checks.iter().flat_map(|check| check(template)).collect()
}

/// Returns the template of the repository.
fn template() -> Value {
    yaml::parse(&file("template.yaml"))
}

/// Returns the text of a file of the repository.
fn file(name: &str) -> String {
    fs::read_to_string(tools::root().join(name)).unwrap()
}

/// Returns the resources of a type, by name.
fn resources<'a>(template: &'a Value, kind: &str) -> BTreeMap<&'a str, &'a Value> {
    let all = template["Resources"].as_object().unwrap();
    all.iter()
        .filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.as_str(), resource))
        .collect()
}

/// Returns the name of the resource that a value refers to, be it by `Ref` or by one of its attributes.
fn referred(value: &Value) -> Option<&str> {
    let attribute = &value["Fn::GetAtt"];
    let whole = || attribute.as_str()?.split_once('.').map(|(name, _)| name);
    value["Ref"]
        .as_str()
        .or_else(whole)
        .or_else(|| attribute[0].as_str())
}
