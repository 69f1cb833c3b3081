//! The commands of the documents, each through the parser of its program.

use std::collections::BTreeSet;

use serde_json::json;

use super::{expanded::python, file, template};

#[test]
fn every_command_of_the_documents_is_understood() {
    let commands: Vec<String> = DOCUMENTS.iter().flat_map(|name| commands(&file(name))).collect();
    assert!(commands.len() > 20, "{commands:#?}");
    let faults: Vec<Vec<String>> =
        serde_json::from_str(&python(include_str!("commands.py"), &json!(commands))).unwrap();
    let bad: Vec<_> = commands
        .iter()
        .zip(faults)
        .filter(|(_, faults)| !faults.is_empty())
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn a_command_that_is_not_understood_is_seen() {
    let wrong = [
        "aws sqs receive --queue-url URL",
        "aws sqs receive-message --queue-url URL --max-messages 10",
        "aws sqs start-message-move-task --destination-arn ARN",
        "aws lambda invoke --function-name NAME",
        "sam build --parameters A=b",
        "sam undeploy",
    ];
    let faults: Vec<Vec<String>> =
        serde_json::from_str(&python(include_str!("commands.py"), &json!(wrong))).unwrap();
    for (command, faults) in wrong.iter().zip(faults) {
        assert!(!faults.is_empty(), "{command}");
    }
}

/// Each on what AWS answers: messages with and without attributes, and nothing. A message without a reason has used up its tries: it
/// must not be hidden.
#[test]
fn every_query_shows_what_its_command_is_for() {
    let commands: BTreeSet<String> = DOCUMENTS.iter().flat_map(|name| commands(&file(name))).collect();
    let queries = commands
        .iter()
        .filter_map(|command| Some((command, query(command)?)));
    let mut seen = 0;
    for (command, query) in queries {
        let (_, answer, shown, of_nothing) = answers()
            .into_iter()
            .find(|(part, ..)| command.contains(part))
            .unwrap_or_else(|| panic!("what does AWS answer to {command}?"));
        let found = python(SEARCH, &json!([query, answer]));
        for text in shown {
            assert!(found.contains(text), "{command} hides {text}: {found}");
        }
        assert_eq!(
            python(SEARCH, &json!([query, {}])).trim(),
            of_nothing,
            "{command}"
        );
        seen += 1;
    }
    assert!(seen >= 7, "{seen}");
}

/// Returns what stands behind `--query`.
fn query(command: &str) -> Option<&str> {
    let (_, rest) = command.split_once("--query ")?;
    let quoted = rest.strip_prefix('\'').and_then(|rest| rest.split('\'').next());
    quoted.or_else(|| rest.split(' ').next())
}

/// A part of a command, what AWS answers to it, what a person has to see of that, and what is shown of an empty answer.
type Answered = (
    &'static str,
    serde_json::Value,
    &'static [&'static str],
    &'static str,
);

fn answers() -> [Answered; 7] {
    let failed = json!({"Messages": [
        {"MessageId": "m-1", "Body": "{}", "MessageAttributes": {"Reason": {"StringValue": "Malformed"}}},
        {"MessageId": "m-2", "Body": "{}"},
    ]});
    let undelivered = json!({"Messages": [
        {"MessageId": "m-1", "Body": "event-1", "Attributes": {"ApproximateReceiveCount": "10"}},
        {"MessageId": "m-2", "Body": "event-2"},
    ]});
    let pipe =
        json!({"Name": "p", "DesiredState": "RUNNING", "CurrentState": "STOPPED", "StateReason": "no bus"});
    [
        (" FAILED_QUEUE_URL", failed, &["m-1", "m-2", "Malformed"], "null"),
        (
            " UNDELIVERED_QUEUE_URL",
            undelivered.clone(),
            &["m-1", "m-2", "event-1", "event-2", "10"],
            "null",
        ),
        (
            " DELIVERY_QUEUE_URL",
            undelivered,
            &["event-1", "event-2"],
            "null",
        ),
        (
            "aws pipes list-pipes",
            json!({"Pipes": [pipe]}),
            &["p", "RUNNING", "STOPPED"],
            "null",
        ),
        (
            "aws pipes describe-pipe",
            pipe,
            &["RUNNING", "STOPPED", "no bus"],
            "[null, null, null]",
        ),
        (
            "aws lambda get-account-settings",
            json!({"AccountLimit": {"ConcurrentExecutions": 10}}),
            &["10"],
            "null",
        ),
        (
            "aws secretsmanager describe-secret",
            json!({"KmsKeyId": "alias/own"}),
            &["alias/own"],
            "null",
        ),
    ]
}

/// A task of SQS keeps `Reason`, which would be that of an earlier failure at the next one.
#[test]
fn failed_queue_is_moved_back_by_the_tool_alone() {
    let commands = DOCUMENTS.iter().flat_map(|name| commands(&file(name)));
    let tasks: Vec<String> = commands
        .filter(|command| command.starts_with("aws sqs start-message-move-task"))
        .collect();
    assert!(!tasks.is_empty());
    for task in tasks {
        assert!(!task.contains("FAILED_QUEUE_ARN"), "{task}");
    }
}

/// Otherwise it hides the events from the consumer for `DeliveryVisibilitySeconds`.
#[test]
fn a_look_at_delivery_queue_hides_events_for_a_moment() {
    let commands: Vec<String> = DOCUMENTS.iter().flat_map(|name| commands(&file(name))).collect();
    let is_look = |command: &&String| {
        command.starts_with("aws sqs receive-message") && command.contains(" DELIVERY_QUEUE_URL")
    };
    let looks: Vec<&String> = commands.iter().filter(is_look).collect();
    assert!(looks.len() >= 2, "{looks:?}");
    for look in looks {
        assert!(look.contains(" --visibility-timeout "), "{look}");
    }
}

/// CloudFormation takes 51,200 bytes in a call (*quotas*), and the template is larger.
#[test]
fn commands_name_a_large_template_by_its_url() {
    assert!(file("template.yaml").len() > 51_200);
    for name in DOCUMENTS {
        let text = file(name);
        for body in ["template_body", "--template-body"] {
            assert!(!text.contains(body), "{name}: {body}");
        }
    }
}

/// `sam remote invoke` gives up after a minute and invokes again; a run takes up to fifteen.
#[test]
fn renewal_is_invoked_with_time_to_answer() {
    for name in DOCUMENTS {
        let text = file(name);
        assert!(!text.contains("sam remote invoke"), "{name}");
        for command in commands(&text)
            .iter()
            .filter(|command| command.starts_with("aws lambda invoke"))
        {
            assert!(command.contains("--cli-read-timeout 0"), "{name}: {command}");
        }
    }
}

/// What one command is told, all are: a build for another processor than the stack's, or the deletion of another stack, is
/// what comes of answers that only `sam deploy` reads.
#[test]
fn all_sam_commands_share_the_stacks_name_and_parameters() {
    let settings = python(SETTINGS, &json!(tools::root()));
    let settings: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&settings).unwrap();
    for (command, settings) in settings {
        assert_eq!(settings["stack_name"], "graph-notifications", "{command}");
        let is_local = command.starts_with("local");
        assert_eq!(settings["template_file"].is_string(), is_local, "{command}");
        assert!(settings["parameter_overrides"].is_array(), "{command}");
    }
    let text = file("samconfig.toml");
    let global = text
        .split("\n[")
        .find(|section| section.starts_with("default.global.parameters]"))
        .unwrap();
    assert!(global.contains("stack_name") && global.contains("parameter_overrides"));
}

/// SAM cuts a value at its first space unless quotes of its own hold it together.
#[test]
fn the_parameters_of_samconfig_and_the_documents_reach_the_template_whole() {
    let quoted = |line: &str| {
        let line = line.trim().trim_start_matches("# ");
        (line.starts_with('"') && line.ends_with("\",") && line.contains('=')).then(|| line.to_owned())
    };
    let texts = ["samconfig.toml", "docs/configuration.md"].map(file);
    let lines: Vec<String> = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(quoted)
        .collect();
    let [written, understood]: [serde_json::Map<String, serde_json::Value>; 2] =
        serde_json::from_str(&python(OVERRIDES, &json!(lines))).unwrap();
    assert_eq!(written, understood);
    for needed in ["RenewalMinutes", "ValidationAuthorities", "AlarmTopicArn"] {
        assert!(understood.contains_key(needed), "{needed}");
    }
    let parameters = &template()["Parameters"];
    let unknown: Vec<_> = understood
        .keys()
        .filter(|name| parameters.get(name).is_none())
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    serde_json::from_str::<serde_json::Value>(understood["ValidationAuthorities"].as_str().unwrap()).unwrap();
}

/// Returns the commands of `aws` and `sam` in a document: those behind a prompt, with the lines that go on, and those in the
/// running text.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ").replace("|\n", "| ");
    let (mut found, mut is_code) = (Vec::new(), false);
    let mut running = String::new();
    for line in joined.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            let typed = line.trim_start().strip_prefix("$ ");
            found.extend(
                typed
                    .iter()
                    .flat_map(|line| line.split(" | "))
                    .map(|part| part.trim().to_owned()),
            );
        } else {
            running.extend([line, " "]);
        }
    }
    // A span with a space is a command and not just its name.
    found.extend(running.split('`').skip(1).step_by(2).map(str::to_owned));
    found.retain(|command| {
        ["aws ", "sam "]
            .iter()
            .any(|program| command.starts_with(program))
    });
    found
        .into_iter()
        .map(|command| command.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

const SEARCH: &str = "import jmespath, json, sys; query, value = json.load(sys.stdin); \\
                      print(json.dumps(jmespath.search(query, value)))";

/// Prints the parameters as they are written, without quotes of their own, and as SAM understands them.
const OVERRIDES: &str = "
import json, sys, tomlkit
from samcli.cli.types import CfnParameterOverridesType
lines = tomlkit.parse('lines = [' + ''.join(json.load(sys.stdin)) + ']').unwrap()['lines']
written = dict(line.split('=', 1) for line in lines)
written = {name: value.strip(chr(39)) for name, value in written.items()}
print(json.dumps([written, CfnParameterOverridesType().convert(lines, None, None)]))";

const SETTINGS: &str = "
import json, sys
from samcli.lib.config.samconfig import SamConfig
config = SamConfig(json.load(sys.stdin))
commands = [['build'], ['deploy'], ['delete'], ['list', 'stack-outputs'], ['local', 'invoke'], ['local', 'start-api']]
print(json.dumps({' '.join(one): {'template_file': None} | dict(config.get_all(one, 'parameters')) for one in commands}))";

const DOCUMENTS: [&str; 9] = [
    "README.md",
    "docs/architecture.md",
    "docs/configuration.md",
    "docs/consuming.md",
    "docs/decrypting.md",
    "docs/local.md",
    "docs/operations.md",
    "docs/performance.md",
    "docs/security.md",
];
