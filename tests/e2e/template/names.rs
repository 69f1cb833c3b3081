//! The names that users, their scripts and the documents rely on.

use serde_json::Value;

/// Returns the names that are gone.
pub fn faults(template: &Value) -> Vec<String> {
    let sections = [
        ("Resources", &RESOURCES[..]),
        ("Outputs", &OUTPUTS[..]),
        ("Parameters", &PARAMETERS[..]),
    ];
    let names = sections
        .iter()
        .flat_map(|(section, names)| names.iter().map(move |name| (*section, *name)));
    let mut faults: Vec<String> = names
        .filter(|(section, name)| template[*section].get(name).is_none())
        .map(|(section, name)| format!("{name} is missing in {section}"))
        .collect();
    for path in ["/notifications", "/lifecycle"] {
        let events = &template["Resources"]["WebhookFunction"]["Properties"]["Events"];
        let is_route =
            |event: &Value| event["Properties"]["Path"] == path && event["Properties"]["Method"] == "POST";
        if !events
            .as_object()
            .is_some_and(|events| events.values().any(is_route))
        {
            faults.push(format!("POST {path} is not a route"));
        }
    }
    faults
}

const RESOURCES: [&str; 16] = [
    "WebhookFunction",
    "DecryptionFunction",
    "RenewalFunction",
    "ReaderFunction",
    "NotificationQueue",
    "LifecycleQueue",
    "ReadQueue",
    "DeliveryQueue",
    "UndeliveredQueue",
    "FailedQueue",
    "ConfigSecret",
    "ClientStateSecret",
    "DecryptionSecret",
    "RefreshTokenSecret",
    "StateParameter",
    "HttpApi",
];

const OUTPUTS: [&str; 25] = [
    "WebhookUrl",
    "LifecycleUrl",
    "ConfigSecretArn",
    "ClientStateSecretArn",
    "DecryptionSecretArn",
    "RefreshTokenSecretArn",
    "DeliveryQueueUrl",
    "FailedQueueUrl",
    "NotificationQueueUrl",
    "UndeliveredQueueUrl",
    "NotificationQueueArn",
    "LifecycleQueueArn",
    "DeliveryQueueArn",
    "UndeliveredQueueArn",
    "FailedQueueArn",
    "ReadQueueUrl",
    "ReadQueueArn",
    "HttpApiId",
    "DashboardName",
    "WebhookFunctionName",
    "DecryptionFunctionName",
    "RenewalFunctionName",
    "ReaderFunctionName",
    "RenewalRoleArn",
    "ReaderRoleArn",
];

const PARAMETERS: [&str; 21] = [
    "RenewalMinutes",
    "Reader",
    "CatchUpHours",
    "CatchUpDelaySeconds",
    "LogLevel",
    "Tracing",
    "EventBusArn",
    "WebhookDomain",
    "DisableExecuteApiEndpoint",
    "KmsKeyArn",
    "PermissionsBoundaryArn",
    "SubnetIds",
    "SecurityGroupIds",
    "ConsumerAccountId",
    "DeliveryVisibilitySeconds",
    "DeliveryMaxReceives",
    "DecryptionMaximumConcurrency",
    "WebhookDeployment",
    "GraphEndpoint",
    "LoginEndpoint",
    "NotificationUrlOverride",
];
