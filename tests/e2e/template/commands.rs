//! The commands of the documents, each through the parser of its program.

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
