//! Each check, tried on a template that was broken for it.

use serde_json::{Value, json};

use super::{faults, template};

#[test]
fn a_wildcard_is_seen_wherever_it_is() {
    let statements = "/Resources/WebhookFunctionRole/Properties/Policies/0/PolicyDocument/Statement/2";
    check(
        &format!("{statements}/Action"),
        json!("secretsmanager:*"),
        "secretsmanager:*",
    );
    check(&format!("{statements}/Action"), json!("*"), "allows [\"*\"]");
    check(&format!("{statements}/Resource"), json!("*"), "on [\"*\"]");
    let all = json!({"Fn::Sub": "arn:${AWS::Partition}:sqs:*:*:*"});
    check(&format!("{statements}/Resource"), all, "allows");
    let token = "/Resources/RenewalFunctionRole/Properties/Policies/0/PolicyDocument/Statement/4/Action";
    check(token, json!("sts:AssumeRole"), "sts:AssumeRole");
    let key = "/Resources/ReaderFunctionRole/Properties/Policies/0/PolicyDocument/Statement/1/Fn::If/1";
    check(
        &format!("{key}/Condition"),
        Value::Null,
        "without a service between",
    );
    let managed = "/Resources/RenewalFunctionRole/Properties/ManagedPolicyArns/0";
    check(
        managed,
        json!("arn:aws:iam::aws:policy/AmazonSQSFullAccess"),
        "somebody else's",
    );
}

#[test]
fn a_function_without_its_own_resources_is_a_fault() {
    let function = "/Resources/DecryptionFunction/Properties";
    check(
        &format!("{function}/Role"),
        json!("arn"),
        "a role that is not its own",
    );
    check(
        &format!("{function}/Policies"),
        json!(["AmazonSQSFullAccess"]),
        "policies beside its role",
    );
    let group = format!("{function}/LoggingConfig/LogGroup");
    check(
        &group,
        json!({"Ref": "WebhookLogGroup"}),
        "no log group of its own",
    );
    check(&group, Value::Null, "no log group of its own");
    let levels = "/Globals/Function/LoggingConfig";
    check(
        &format!("{levels}/ApplicationLogLevel"),
        json!({"Ref": "LogLevel"}),
        "leave out lines",
    );
    check(
        &format!("{levels}/SystemLogLevel"),
        Value::Null,
        "pays for three lines",
    );
    let events = json!({"Queue": {"Type": "SQS"}});
    check(&format!("{function}/Events"), events, "policy for all queues");
    let group = "/Resources/AccessLogGroup/Properties";
    check(group, json!({}), "AccessLogGroup keeps what it holds for ever");
}

#[test]
fn a_queue_without_encryption_redrive_or_time_is_seen() {
    let queue = "/Resources/NotificationQueue/Properties";
    check(
        &format!("{queue}/SqsManagedSseEnabled"),
        json!(false),
        "not encrypted",
    );
    check(&format!("{queue}/RedrivePolicy"), Value::Null, "no redrive");
    check(&format!("{queue}/VisibilityTimeout"), json!(179), "not 6 times");
    check(
        &format!("{queue}/RedrivePolicy/maxReceiveCount"),
        json!(9),
        "believes in",
    );
    let told = "/Resources/RenewalFunction/Properties/Environment/Variables/MAX_RECEIVES";
    check(told, Value::Null, "believes in");
    let timeout = "/Resources/RenewalFunction/Properties/Timeout";
    check(timeout, json!(901), "LifecycleMapping");
    let lifecycle = "/Resources/LifecycleMapping/Properties";
    let window = format!("{lifecycle}/MaximumBatchingWindowInSeconds");
    check(&window, json!(0), "LifecycleMapping has no window");
    check(
        &format!("{lifecycle}/BatchSize"),
        json!(10),
        "a run for each 10 challenges",
    );
    check(
        "/Parameters/DeliveryMaxReceives/MaxValue",
        json!(28),
        "deletes an event after 1209600 s",
    );
    let mapping = "/Resources/DecryptionMapping/Properties";
    check(
        &format!("{mapping}/FunctionResponseTypes"),
        json!([]),
        "message by message",
    );
    check(
        &format!("{mapping}/ScalingConfig"),
        Value::Null,
        "all concurrency",
    );
}

#[test]
fn an_undocumented_parameter_is_a_fault() {
    check(
        "/Parameters/LogLevel/Default",
        json!("WARN"),
        "LogLevel is WARN, and INFO",
    );
    check(
        "/Parameters/New",
        json!({"Default": 1}),
        "New is not in docs/configuration.md",
    );
    let groups = "/Metadata/AWS::CloudFormation::Interface/ParameterGroups/0/Parameters";
    check(groups, json!([]), "Architecture is not in exactly one group");
    let label = "/Metadata/AWS::CloudFormation::Interface/ParameterLabels/LogLevel";
    check(label, Value::Null, "LogLevel has no label");
}

#[test]
fn root_certificates_that_are_read_twice_or_not_at_all_are_seen() {
    let variables = "/Globals/Function/Environment/Variables";
    check(
        &format!("{variables}/SSL_CERT_FILE"),
        Value::Null,
        "SSL_CERT_FILE is not RootCertificates",
    );
    let default = "/Parameters/RootCertificates/Default";
    check(
        default,
        json!("/etc/ssl/certs/ca-certificates.crt"),
        "not the file of the runtime",
    );
    check(
        "/Globals/Function/Runtime",
        json!("provided.al2"),
        "not the file of the runtime",
    );
}

#[test]
fn an_alarm_on_an_unwritten_metric_is_a_fault() {
    let alarm = "/Resources/RejectedAlarm/Properties";
    check(
        &format!("{alarm}/MetricName"),
        json!("Refused"),
        "which nobody writes",
    );
    check(
        &format!("{alarm}/Namespace"),
        json!("Other"),
        "which nobody writes",
    );
    check(
        &format!("{alarm}/Dimensions/0/Name"),
        json!("Tenant"),
        "which nobody writes",
    );
    check(&format!("{alarm}/AlarmActions"), Value::Null, "no AlarmActions");
    let age = "/Resources/FailedQueueAlarm/Properties/MetricName";
    check(age, json!("NumberOfMessages"), "which nobody writes");
    let mut other = template();
    let alarm = other["Resources"]["RejectedAlarm"].clone();
    other["Resources"]["AnotherAlarm"] = alarm;
    let found = faults(&other).join("\n");
    assert!(
        found.contains("AnotherAlarm is not explained")
            && found.contains("AnotherAlarm is not on the dashboard")
    );
}

#[test]
fn a_graph_of_an_unwritten_metric_is_a_fault() {
    let mut template = template();
    let body = &mut template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"][0];
    *body = json!(body.as_str().unwrap().replace("\"Delivered\"", "\"Deliveries\""));
    let found = faults(&template).join("\n");
    assert!(
        found.contains("Deliveries") && found.contains("Delivered is on no graph"),
        "{found}"
    );
}

#[test]
fn a_missing_public_name_is_a_fault() {
    for name in ["WebhookUrl", "FailedQueueUrl", "ConfigSecretArn"] {
        check(
            &format!("/Outputs/{name}"),
            Value::Null,
            &format!("{name} is missing"),
        );
    }
    let path = "/Resources/WebhookFunction/Properties/Events/Lifecycle/Properties/Path";
    check(path, json!("/other"), "POST /lifecycle is not a route");
}

/// Puts `value` at a place of the template, nothing for null, and checks that this is seen.
#[track_caller]
fn check(place: &str, value: Value, expected: &str) {
    let mut template = template();
    let (parent, member) = place.rsplit_once('/').unwrap();
    let parent = template.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(members), Value::Null) => drop(members.remove(member).unwrap()),
        (Value::Object(members), value) => drop(members.insert(member.to_owned(), value)),
        (Value::Array(items), value) => items[member.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("{other} has no members"),
    }
    let faults = faults(&template);
    assert!(
        faults.iter().any(|fault| fault.contains(expected)),
        "{expected} is not in {faults:#?}"
    );
}
