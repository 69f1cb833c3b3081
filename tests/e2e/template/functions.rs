//! Every function: its role, its logs, its traces, and how queues call it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{referred, resources};

/// Returns what is wrong with the functions and their log groups.
pub fn faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut groups = BTreeSet::new();
    for (name, function) in resources(template, "AWS::Serverless::Function") {
        let properties = &function["Properties"];
        let mut check = |holds: bool, what: &str| {
            if !holds {
                faults.push(format!("{name} {what}"));
            }
        };
        // SAM makes a role for each function that names none.
        check(properties.get("Role").is_none(), "has a role that is not its own");
        check(properties["Policies"].is_array(), "has no policy of its own");
        let tracing = properties
            .get("Tracing")
            .unwrap_or(&template["Globals"]["Function"]["Tracing"]);
        check(tracing == "Active", "is not traced");
        let logging = &properties["LoggingConfig"];
        check(logging["LogFormat"] == "JSON", "does not log JSON");
        check(
            logging["ApplicationLogLevel"] == "TRACE",
            "has Lambda leave out lines, those of its metrics among them",
        );
        let group = referred(&logging["LogGroup"]);
        check(
            group.is_some_and(|group| groups.insert(group)),
            "has no log group of its own",
        );
        // SAM would give the role every queue of the account.
        let events = properties["Events"].as_object();
        let mut events = events.into_iter().flatten();
        check(
            events.all(|(_, event)| event["Type"] != "SQS"),
            "has an event of a queue, with a policy for all queues",
        );
    }
    for (name, group) in resources(template, "AWS::Logs::LogGroup") {
        if group["Properties"].get("RetentionInDays").is_none() {
            faults.push(format!("{name} keeps what it holds for ever"));
        }
    }
    for (name, secret) in resources(template, "AWS::SecretsManager::Secret") {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            if secret.get(policy).is_none() {
                faults.push(format!("{name} leaves its {policy} open"));
            }
        }
    }
    faults
}
