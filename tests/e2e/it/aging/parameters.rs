//! Every parameter of the template, changed on a deployed stack: what it is about changes, and changes back.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stack::Options;

use super::World;

/// Deploys with every parameter changed, and then as before, but for the level of the logs: that changes nothing else.
pub async fn each_changes_what_it_is_about(world: &mut World) {
    let template = world.stack().folder().join("build/template.yaml");
    let template = std::fs::read_to_string(template).unwrap();
    assert_eq!(
        declared(&template),
        tested_parameters(),
        "a parameter of the template that nothing is said about"
    );

    let (mut before, kept_before) = (shown(world), kept(world).await);
    let mut options = Options {
        renewal_minutes: "30".to_owned(),
        ..Options::default()
    };
    let changes = CHANGES
        .iter()
        .map(|(name, value, ..)| (*name, (*value).to_owned()));
    options.parameters = changes.filter(|(name, _)| *name != "RenewalMinutes").collect();
    // It would come before WebhookDomain.
    let none = String::new();
    options.parameters.insert("NotificationUrlOverride", none);
    world.pair.stack.change(&options).await.unwrap();
    let after = shown(world);
    let mut faults = Vec::new();
    for ((name, _, place, expected), (before, after)) in CHANGES.iter().zip(before.iter().zip(&after)) {
        let text = after.as_str().map_or_else(|| after.to_string(), str::to_owned);
        if before == after || !text.contains(expected) {
            faults.push(format!("{name}: {place} was {before}, and is {after}"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");

    let mut options = Options {
        log_level: "WARN".to_owned(),
        ..world.options()
    };
    // Without a value `sam deploy` keeps the one that was deployed before.
    let names = CHANGES.iter().map(|(name, ..)| *name);
    for name in names.filter(|name| !SET_BY_OPTIONS.contains(name)) {
        let value = || default_of(&template, name).to_owned();
        options.parameters.entry(name).or_insert_with(value);
    }
    world.pair.stack.change(&options).await.unwrap();
    let level = CHANGES.iter().position(|(name, ..)| *name == "LogLevel");
    before[level.unwrap()] = json!("WARN");
    assert_eq!(shown(world), before);
    assert_eq!(kept(world).await, kept_before);
    world.works().await;
}

/// Returns what no deployment replaces.
async fn kept(world: &World) -> [Value; 3] {
    let stack = world.stack();
    [
        stack.read_secret("ClientStateSecret").await.unwrap(),
        stack.read_secret("ConfigSecret").await.unwrap(),
        json!(stack.output("NotificationQueueUrl").unwrap()),
    ]
}

/// Returns the default of a parameter.
fn default_of<'a>(template: &'a str, name: &str) -> &'a str {
    let (_, section) = template.split_once(&format!("\n  {name}:\n")).unwrap();
    let mut lines = section.lines().take_while(|line| line.starts_with("    "));
    let default = lines.find_map(|line| line.strip_prefix("    Default: "));
    default.unwrap().trim_matches('\'')
}

/// Returns what the deployed stack shows of each change.
fn shown(world: &World) -> Vec<Value> {
    let described = json!(world.stack().described().unwrap());
    let at = |place: &str| described.pointer(place).cloned().unwrap_or_default();
    CHANGES.iter().map(|(_, _, place, _)| at(place)).collect()
}

/// Returns the names of a template's parameters.
fn declared(template: &str) -> BTreeSet<&str> {
    let section = template.split("\nParameters:\n").nth(1).unwrap();
    let lines = section.lines().take_while(|line| line.starts_with(' '));
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.trim().strip_suffix(':')).collect()
}

fn tested_parameters() -> BTreeSet<&'static str> {
    let changed = CHANGES.iter().map(|(name, ..)| *name);
    changed.chain(NOT_SHOWN.map(|(name, _)| name)).collect()
}

/// Each parameter with another value, where the deployed stack shows it, and what is in there then.
const CHANGES: &[(&str, &str, &str, &str)] = &[
    (
        "Architecture",
        OTHER_ARCHITECTURE,
        "/WebhookFunction/Architectures/0",
        OTHER_ARCHITECTURE,
    ),
    (
        "RenewalMinutes",
        "",
        "/RenewalFunctionSchedule/ScheduleExpression",
        "rate(30 minutes)",
    ),
    (
        "KeyRotationDays",
        "90",
        "/RenewalFunction/Environment/Variables/KEY_ROTATION_DAYS",
        "90",
    ),
    (
        "CertificateRotationDays",
        "91",
        "/RenewalFunction/Environment/Variables/CERTIFICATE_ROTATION_DAYS",
        "91",
    ),
    ("Reader", "disabled", "/ReaderFunction/Runtime", "null"),
    (
        "CatchUpHours",
        "92",
        "/RenewalFunction/Environment/Variables/CATCH_UP_HOURS",
        "92",
    ),
    (
        "CatchUpDelaySeconds",
        "93",
        "/RenewalFunction/Environment/Variables/CATCH_UP_DELAY_SECONDS",
        "93",
    ),
    (
        "LogLevel",
        "ERROR",
        "/DecryptionFunction/Environment/Variables/LOG_LEVEL",
        "ERROR",
    ),
    ("LogRetentionDays", "7", "/WebhookLogGroup/retentionInDays", "7"),
    ("RequestsAlarmPosts", "76", "/RequestsAlarm/Threshold", "76"),
    ("RejectedAlarmItems", "77", "/RejectedAlarm/Threshold", "77"),
    ("DeliveryAlarmSeconds", "79", "/DeliveryAgeAlarm/Threshold", "79"),
    (
        "SilenceAlarmMinutes",
        "80",
        "/SilenceAlarm/EvaluationPeriods",
        "80",
    ),
    (
        "DecryptionMaximumConcurrency",
        "84",
        "/DecryptionMapping/ScalingConfig/MaximumConcurrency",
        "84",
    ),
    (
        "DeliveryVisibilitySeconds",
        "86",
        "/DeliveryQueue/VisibilityTimeout",
        "86",
    ),
    ("DeliveryMaxReceives", "25", "/DeliveryQueue/RedrivePolicy", "25"),
    (
        "ConsumerAccountId",
        "888888888888",
        "/DeliveryQueue/Policy",
        "888888888888",
    ),
    (
        "WebhookDomain",
        "graph.example.com",
        "/RenewalFunction/Environment/Variables/LIFECYCLE_URL",
        "https://graph.example.com/lifecycle",
    ),
    (
        "Tracing",
        "Active",
        "/WebhookFunction/TracingConfig/Mode",
        "Active",
    ),
    ("KmsKeyArn", KEY, "/FailedQueue/KmsMasterKeyId", KEY),
    (
        "ValidationAuthorities",
        AUTHORITIES,
        "/DecryptionFunction/Environment/Variables/VALIDATION_AUTHORITIES",
        AUTHORITIES,
    ),
    (
        "RootCertificates",
        "/etc/other.crt",
        "/WebhookFunction/Environment/Variables/SSL_CERT_FILE",
        "/etc/other.crt",
    ),
    (
        "GraphEndpoint",
        "http://127.0.0.1:1",
        "/RenewalFunction/Environment/Variables/GRAPH_ENDPOINT",
        "http://127.0.0.1:1",
    ),
    (
        "LoginEndpoint",
        "http://127.0.0.1:2",
        "/DecryptionFunction/Environment/Variables/LOGIN_ENDPOINT",
        "http://127.0.0.1:2",
    ),
];

/// The parameters that [`Options`] or the stack itself sets with every deployment.
const SET_BY_OPTIONS: [&str; 7] = [
    "Architecture",
    "RenewalMinutes",
    "CatchUpDelaySeconds",
    "LogLevel",
    "RootCertificates",
    "GraphEndpoint",
    "LoginEndpoint",
];

/// What the local AWS does not show; the tests of the expanded template look at it instead.
const NOT_SHOWN: [(&str, &str); 13] = [
    (
        "NotificationUrlOverride",
        "takes the place of WebhookDomain; every other test has it",
    ),
    (
        "DecryptionReservedConcurrency",
        "takes the place of DecryptionMaximumConcurrency",
    ),
    ("WebhookReservedConcurrency", "no concurrency is reserved"),
    ("RenewalReservedConcurrency", "no concurrency is reserved"),
    ("ThrottlingRateLimit", "nothing is throttled"),
    ("ThrottlingBurstLimit", "nothing is throttled"),
    ("PermissionsBoundaryArn", "roles have no boundary"),
    ("SubnetIds", "functions are in no VPC"),
    ("SecurityGroupIds", "functions are in no VPC"),
    (
        "DisableExecuteApiEndpoint",
        "is in the OpenAPI document of the API, which is not read",
    ),
    ("WebhookDeployment", "needs CodeDeploy, which is not there"),
    (
        "AlarmTopicArn",
        "brings an alarm on an expression of metrics, which is not there",
    ),
    ("EventBusArn", "a pipe from a queue to a bus is not there"),
];

const KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555";
const AUTHORITIES: &str = r#"{"usgov": {"publisher": "11111111-2222-3333-4444-555555555555"}}"#;

const OTHER_ARCHITECTURE: &str = if cfg!(target_arch = "x86_64") {
    "arm64"
} else {
    "x86_64"
};
