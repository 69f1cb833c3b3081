//! Every function: its role, its logs, and how queues call it.

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
        // What SAM makes may write to all logs of the account.
        check(
            referred(&properties["Role"]) == Some(&format!("{name}Role")),
            "has a role that is not its own",
        );
        check(
            properties.get("Policies").is_none(),
            "has policies beside its role",
        );
        let globals = &template["Globals"]["Function"]["LoggingConfig"];
        let logging = &properties["LoggingConfig"];
        let setting = |key: &str| logging.get(key).unwrap_or(&globals[key]);
        check(setting("LogFormat") == "JSON", "does not log JSON");
        check(
            setting("ApplicationLogLevel") == "TRACE",
            "has Lambda leave out lines, those of its metrics among them",
        );
        check(
            setting("SystemLogLevel") == "WARN",
            "pays for three lines of Lambda's own for each call",
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
