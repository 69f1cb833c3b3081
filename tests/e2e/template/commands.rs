//! The commands of the documents, each through the parser of its program.

use serde_json::json;

use super::{expanded::python, file};

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

/// A message without a reason has used up its tries: it must not be hidden just before the advice to purge.
#[test]
fn a_query_shows_messages_with_and_without_a_reason() {
    let failed = json!({"Messages": [
        {"MessageId": "m-1", "Body": "{}", "MessageAttributes": {"Reason": {"StringValue": "Malformed"}}},
        {"MessageId": "m-2", "Body": "{}"},
    ]});
    let commands: Vec<String> = DOCUMENTS.iter().flat_map(|name| commands(&file(name))).collect();
    let queries: Vec<&str> = commands
        .iter()
        .filter(|command| command.contains("FAILED_QUEUE_URL"))
        .filter_map(|command| {
            command
                .split_once("--query '")?
                .1
                .split_once('\'')
                .map(|(query, _)| query)
        })
        .collect();
    assert!(!queries.is_empty());
    for query in queries {
        let shown = python(SEARCH, &json!([query, failed]));
        assert!(
            shown.contains("m-1") && shown.contains("m-2") && shown.contains("Malformed"),
            "{query}: {shown}"
        );
        assert_eq!(
            python(SEARCH, &json!([query, {}])).trim(),
            "null",
            "an empty queue has no messages"
        );
    }
}

/// CloudFormation takes 51,200 bytes in a call (*quotas*), and the template is larger.
#[test]
fn a_template_that_is_too_large_for_a_call_is_named_by_its_url() {
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
fn every_command_of_sam_reads_the_stacks_name_and_parameters_from_one_place() {
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
