//! The functions, and what hands them their messages.

use serde_json::Value;

use super::super::{Finding, member};

/// Judges a function by its configuration at Lambda.
#[must_use]
pub fn function(name: &str, configuration: &Value) -> Option<Finding> {
    let (state, update) = (
        member(configuration, "/State"),
        member(configuration, "/LastUpdateStatus"),
    );
    let is_good = matches!(state, "Active" | "Inactive" | "") && matches!(update, "Successful" | "");
    let text = format!("{name} is {state}, its last update {update}");
    (!is_good).then(|| Finding::wrong("functions", text, "Deploy it again: sam deploy"))
}

/// Judges the mappings by which functions read from queues.
#[must_use]
pub fn mappings(answers: &[(String, Value)]) -> Finding {
    let check = "mappings";
    let mut off = Vec::new();
    for (function, answer) in answers {
        let mappings = answer.get("EventSourceMappings").and_then(Value::as_array);
        let mappings = mappings.into_iter().flatten();
        let states: Vec<&str> = mappings.map(|mapping| member(mapping, "/State")).collect();
        if states.is_empty() || states.iter().any(|state| state.starts_with("Disabl")) {
            off.push(function.clone());
        }
    }
    if off.is_empty() {
        return Finding::ok(check, "every function reads from its queue");
    }
    let text = format!(
        "{} does not read from its queue: its event source mapping is disabled",
        off.join(", ")
    );
    let advice = "aws lambda list-event-source-mappings --function-name NAME, then\naws lambda update-event-source-mapping --uuid UUID --enabled";
    Finding::wrong(check, text, advice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::super::State, *};

    #[test]
    fn a_disabled_mapping_is_wrong() {
        let of = |state: &str| {
            mappings(&[("f".to_owned(), json!({"EventSourceMappings": [{"State": state}]}))]).state
        };
        assert_eq!([of("Enabled"), of("Disabled")], [State::Ok, State::Wrong]);
    }
}
