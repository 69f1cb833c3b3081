//! Every parameter: in docs/configuration.md with its default, and in the console with a group and a label.

use std::collections::BTreeMap;

use serde_json::Value;

use super::file;

/// Returns the parameters that users are not told of as they are.
pub fn faults(template: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let listed = listed(&file("docs/configuration.md"));
    let interface = &template["Metadata"]["AWS::CloudFormation::Interface"];
    let groups = interface["ParameterGroups"].as_array().unwrap();
    let grouped: Vec<&str> = groups
        .iter()
        .flat_map(|group| group["Parameters"].as_array().unwrap())
        .filter_map(Value::as_str)
        .collect();
    let parameters = template["Parameters"].as_object().unwrap();
    for (name, parameter) in parameters {
        let default = match &parameter["Default"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match listed.get(name) {
            None => faults.push(format!("{name} is not in docs/configuration.md")),
            // What an empty value means is told in words.
            Some(_) if default.is_empty() => {}
            Some(told) if *told == default => {}
            Some(told) => faults.push(format!(
                "{name} is {default}, and {told} in docs/configuration.md"
            )),
        }
        if grouped.iter().filter(|grouped| **grouped == name).count() != 1 {
            faults.push(format!("{name} is not in exactly one group"));
        }
        if interface["ParameterLabels"][name]["default"].as_str().is_none() {
            faults.push(format!("{name} has no label"));
        }
        if parameter["Description"].as_str().is_none_or(str::is_empty) {
            faults.push(format!("{name} has no description"));
        }
    }
    for name in listed.keys().filter(|name| !parameters.contains_key(*name)) {
        faults.push(format!("{name} is in docs/configuration.md alone"));
    }
    faults
}

/// Returns the parameters of the table with their defaults.
fn listed(page: &str) -> BTreeMap<String, String> {
    let lines = page
        .lines()
        .skip_while(|line| !line.starts_with("| Parameter "))
        .skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [names, .., defaults] = cells[..] else {
            panic!("{row}")
        };
        let names: Vec<&str> = names.split(',').map(bare).collect();
        let defaults: Vec<&str> = defaults.split(',').map(bare).collect();
        // One default may stand for all.
        let default = move |index: usize| defaults[index.min(defaults.len() - 1)].to_owned();
        let pairs = names.into_iter().enumerate();
        pairs
            .map(|(index, name)| (name.to_owned(), default(index)))
            .collect::<Vec<_>>()
    })
    .collect()
}

fn bare(text: &str) -> &str {
    text.trim().trim_matches('`')
}
