//! The claims of the runbooks: each alarm, metric, graph, field and name that a runbook sends a person to is there.

use std::collections::BTreeSet;

use graph_edge::metrics::Metric;

use super::{
    expanded::{hardened, plain_with_conditions},
    file, resources, template, yaml,
};

#[test]
fn each_alarm_has_one_runbook_and_each_runbook_an_alarm() {
    let text = file("docs/operations.md");
    let alarms = between(&text, "\n## Alarms\n", "\n## ");
    let explained: Vec<&str> = alarms
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    let bus = yaml::parse(&file("functions/event-bus.yaml"));
    let mut known: BTreeSet<&str> = resources(hardened(), "AWS::CloudWatch::Alarm")
        .into_keys()
        .collect();
    known.extend(resources(&bus, "AWS::CloudWatch::Alarm").into_keys());
    assert_eq!(explained.len(), known.len());
    assert_eq!(explained.into_iter().collect::<BTreeSet<_>>(), known);
}

#[test]
fn every_graph_that_the_documents_name_is_on_the_dashboard() {
    let text = file("docs/operations.md").replace('\n', " ");
    let named: Vec<&str> = text
        .split("graph \"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    let descriptions = template()["Resources"].to_string();
    assert!(named.len() >= 4, "{named:?}");
    for title in named {
        let shown = format!("\\\"title\\\": \\\"{title}\\\"");
        assert!(descriptions.contains(&shown), "{shown}");
    }
}

#[test]
fn every_metric_that_a_runbook_names_is_on_a_graph() {
    let dashboard = template()["Resources"]["Dashboard"].to_string();
    let metrics: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    let text = file("docs/operations.md");
    let spans = spans(between(&text, "\n## Alarms\n", "\n## "));
    let named: Vec<&&str> = spans.iter().filter(|span| metrics.contains(**span)).collect();
    assert!(named.len() > 10, "{named:?}");
    for name in named {
        assert!(
            dashboard.contains(&format!("\\\"{name}\\\"")),
            "{name} is on no graph"
        );
    }
}

/// Names in capitals, such as `RenewalMinutes`, of parameters, outputs, resources, metrics, reasons and events.
#[test]
fn every_name_in_a_runbook_exists() {
    let template = plain_with_conditions();
    let mut known: BTreeSet<String> = ["Parameters", "Outputs", "Resources"]
        .iter()
        .flat_map(|section| template[*section].as_object().unwrap().keys().cloned())
        .collect();
    known.extend(Metric::ALL.iter().map(|metric| metric.name().to_owned()));
    let others = file("docs/consuming.md");
    let text = file("docs/operations.md");
    for span in spans(between(&text, "\n## Alarms\n", "\n## ")) {
        let is_name = span.starts_with(char::is_uppercase)
            && span.chars().any(char::is_lowercase)
            && span.chars().all(char::is_alphanumeric);
        if is_name && !known.contains(span) && !OF_AWS.contains(&span) {
            // The reasons of FailedQueue, and the types of events about gaps.
            assert!(others.contains(span), "{span} is nowhere");
        }
    }
}

#[test]
fn fields_of_the_access_log_and_of_the_report_exist() {
    let text = file("docs/operations.md");
    let log = template()["Resources"]["HttpApi"]["Properties"]["AccessLogSettings"]["Format"].to_string();
    for field in ["ip", "lambdaStatus", "functionStatus", "functionRequestId"] {
        assert!(text.contains(&format!("`{field}`")), "{field}");
        assert!(
            log.contains(&format!("\\\"{field}\\\":")),
            "{field} is not in {log}"
        );
    }
    let sources = sources();
    for field in ["unfinished", "skipped", "expiries", "more"] {
        assert!(text.contains(&format!("`{field}`")), "{field}");
        let member = format!("pub {field}: ");
        assert!(
            sources.iter().any(|text| text.contains(&member)),
            "the report has no {field}"
        );
    }
}

/// What the query for CloudWatch Logs Insights and the table below it ask for. `telemetry` tests the form of a line.
#[test]
fn functions_write_the_fields_that_a_query_asks_for() {
    let text = file("docs/operations.md");
    let look = between(&text, "\n## How to look\n", "\n## ");
    let query = between(look, "```\n  fields ", "```");
    let named: Vec<String> = query
        .lines()
        .next()
        .unwrap()
        .split(", ")
        .map(|name| name.replace('`', "").trim().to_owned())
        .collect();
    let sources = sources();
    for name in named {
        let is_written = match name.as_str() {
            // CloudWatch writes the first, our functions write the next three, and Lambda writes the others.
            "@timestamp" | "level" | "fields.message" | "span.requestId" | "type" | "record.status"
            | "record.requestId" => true,
            other => {
                let field = other.strip_prefix("fields.").unwrap();
                sources.iter().any(|text| text.contains(&format!("{field} = ")))
            }
        };
        assert!(is_written, "nobody writes {name}");
    }
}

/// Returns the runbook of an alarm.
pub fn runbook<'a>(operations: &'a str, alarm: &str) -> &'a str {
    between(operations, &format!("\n### {alarm}\n"), "\n### ")
}

/// Returns the code of the functions.
fn sources() -> Vec<String> {
    let root = tools::root();
    let mut folders: Vec<_> = ["functions", "shared/graph-edge/src"]
        .map(|name| root.join(name))
        .into();
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                texts.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    texts
}

/// Returns the text behind `start`, up to `end`.
#[track_caller]
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).map_or(rest, |(part, _)| part)
}

/// Returns what stands in single backticks.
fn spans(text: &str) -> Vec<&str> {
    let outside = text.split("```").step_by(2);
    outside
        .flat_map(|part| part.split('`').skip(1).step_by(2))
        .collect()
}

/// Names of AWS.
const OF_AWS: [&str; 2] = ["RecursiveInvocationsDropped", "StateReason"];
