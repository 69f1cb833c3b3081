//! Every permission is as narrow as possible.

use serde_json::Value;

/// Returns the statements that allow more than they name.
pub fn faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check_statements(template, "template", &mut faults);
    faults
}

/// Looks at every statement, wherever it stands.
fn check_statements(value: &Value, path: &str, faults: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if members.get("Effect").is_some_and(|effect| effect == "Allow") {
                check_statement(value, path, faults);
            }
            for (name, member) in members {
                if name == "ManagedPolicyArns" && !texts(member).iter().all(|text| is_allowed_policy(text)) {
                    faults.push(format!("{path} takes a policy of somebody else's"));
                }
                check_statements(member, &format!("{path}.{name}"), faults);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| check_statements(item, path, faults)),
        _ => {}
    }
}

fn check_statement(statement: &Value, path: &str, faults: &mut Vec<String>) {
    let actions = texts(&statement["Action"]);
    if actions.is_empty() || actions.iter().any(|action| action.contains('*')) {
        faults.push(format!("{path} allows {actions:?}"));
    }
    // A key is for what a service encrypts with it, and not for a ciphertext that somebody hands over.
    let is_of_key = actions.iter().any(|action| action.starts_with("kms:"));
    if is_of_key && !statement["Condition"].to_string().contains("\"kms:ViaService\"") {
        faults.push(format!("{path} allows {actions:?} without a service between"));
    }
    let resources = texts(&statement["Resource"]);
    let is_wide = |resource: &&str| resource.contains('*') && !resource.ends_with("Function.Arn}:*");
    let is_without = |action: &&str| WITHOUT_RESOURCE.contains(action);
    if resources.iter().any(is_wide) && !actions.iter().all(is_without) {
        faults.push(format!("{path} allows {actions:?} on {resources:?}"));
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

/// Tells whether a text in a list of managed policies is of one that AWS wants just so, or none at all.
fn is_allowed_policy(text: &str) -> bool {
    let is_condition = ["IsInVpc", "IsTraced", "AWS::NoValue"].contains(&text);
    is_condition || MANAGED.iter().any(|name| text.ends_with(&format!("/{name}")))
}

/// Permissions without a resource. A token is for nobody's resource, and conditions say for whom it may be; alarms can be
/// read all or none.
const WITHOUT_RESOURCE: [&str; 2] = ["sts:GetWebIdentityToken", "cloudwatch:DescribeAlarms"];

/// What a function in a VPC, and a traced one, may do; both without a resource.
const MANAGED: [&str; 2] = ["AWSLambdaENIManagementAccess", "AWSXRayDaemonWriteAccess"];
