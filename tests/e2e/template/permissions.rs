//! Every permission: exactly what is needed.

use serde_json::Value;

/// Returns the statements that allow more than they name.
pub fn faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    look(template, "template", &mut faults);
    faults
}

/// Looks at every statement, wherever it stands.
fn look(value: &Value, place: &str, faults: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if members.get("Effect").is_some_and(|effect| effect == "Allow") {
                judge(value, place, faults);
            }
            for (name, member) in members {
                if name == "ManagedPolicyArns" {
                    faults.push(format!("{place} takes a policy of somebody else's"));
                }
                look(member, &format!("{place}.{name}"), faults);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| look(item, place, faults)),
        _ => {}
    }
}

fn judge(statement: &Value, place: &str, faults: &mut Vec<String>) {
    let actions = texts(&statement["Action"]);
    if actions.is_empty() || actions.iter().any(|action| action.contains('*')) {
        faults.push(format!("{place} allows {actions:?}"));
    }
    let resources = texts(&statement["Resource"]);
    if resources.iter().any(|resource| resource.contains('*')) && actions != ANY_RESOURCE {
        faults.push(format!("{place} allows {actions:?} on {resources:?}"));
    }
}

/// Returns all texts in a value, whichever functions of CloudFormation they stand in.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// A token is for nobody's resource; conditions say for whom it may be.
const ANY_RESOURCE: [&str; 1] = ["sts:GetWebIdentityToken"];
