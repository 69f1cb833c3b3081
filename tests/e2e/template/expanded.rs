//! The template as AWS SAM expands it and AWS CloudFormation fills it in.

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::{Value, json};
use tools::{Progress, Tools};

use super::resolved::resolve;

/// Returns the template with every optional parameter left alone.
pub fn plain() -> &'static Value {
    &expansions().plain
}

/// Returns the template with every optional parameter set: see [`HARDENED`].
pub fn hardened() -> &'static Value {
    &expansions().hardened
}

/// Returns the template before CloudFormation looks at conditions.
pub fn plain_with_conditions() -> &'static Value {
    &expansions().plain_with_conditions
}

/// Returns the template with every optional parameter set, before CloudFormation looks at conditions.
pub fn hardened_with_conditions() -> &'static Value {
    &expansions().hardened_with_conditions
}

/// Returns the template with `Reader` disabled and every other parameter left alone.
pub fn without_reader() -> &'static Value {
    &expansions().without_reader
}

struct Expansions {
    plain_with_conditions: Value,
    plain: Value,
    without_reader: Value,
    hardened_with_conditions: Value,
    hardened: Value,
}

fn expansions() -> &'static Expansions {
    static EXPANSIONS: OnceLock<Expansions> = OnceLock::new();
    EXPANSIONS.get_or_init(|| {
        let template = tools::root().join("template.yaml");
        let request = json!([[template, {}], [template, Value::from_iter(HARDENED)]]);
        let [plain, hardened]: [Value; 2] =
            serde_json::from_str(&python(include_str!("expand.py"), &request)).unwrap();
        Expansions {
            plain: resolve(&plain, &[]),
            without_reader: resolve(&plain, &[("Reader", "disabled")]),
            hardened: resolve(&hardened, &HARDENED),
            plain_with_conditions: plain,
            hardened_with_conditions: hardened,
        }
    })
}

/// Runs a script with the SAM CLI's Python, which has the SAM translator, cfn-lint and botocore, and returns its output.
pub fn python(script: &str, input: &Value) -> String {
    let tools = Tools::set_up(&tools::target(), Progress::start()).unwrap();
    let mut child = Command::new(tools.sam_folder().join("python"))
        .args(["-c", script])
        .env("PATH", tools::command::path_with(tools.sam_folder()))
        .current_dir(tools::root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script}");
    String::from_utf8(output.stdout).unwrap()
}

pub const KEY: &str = "arn:aws:kms:us-east-1:111111111111:key/own";
pub const BOUNDARY: &str = "arn:aws:iam::111111111111:policy/boundary";

/// Every parameter that is for a stack of its own kind, set.
pub const HARDENED: [(&str, &str); 13] = [
    ("KmsKeyArn", KEY),
    ("PermissionsBoundaryArn", BOUNDARY),
    ("SubnetIds", "subnet-1,subnet-2"),
    ("SecurityGroupIds", "sg-1"),
    ("WebhookDomain", "graph.example.com"),
    ("DisableExecuteApiEndpoint", "true"),
    ("ConsumerAccountId", "222222222222"),
    ("WebhookDeployment", "Canary10Percent5Minutes"),
    ("Tracing", "Active"),
    (
        "EventBusArn",
        "arn:aws:events:us-east-1:111111111111:event-bus/own",
    ),
    ("AlarmTopicArn", "arn:aws:sns:us-east-1:111111111111:alarms"),
    ("SilenceAlarmMinutes", "60"),
    ("DecryptionReservedConcurrency", "20"),
];
