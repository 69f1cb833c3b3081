//! The functions and their event source mappings.

use std::collections::BTreeSet;

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
    (!is_good).then(|| Finding::wrong("functions", text, "Deploy it again:\nsam deploy"))
}

/// Judges the event source mappings.
#[must_use]
pub fn mappings(answers: &[(String, Value)]) -> Finding {
    let check = "mappings";
    let (mut texts, mut cures) = (Vec::new(), BTreeSet::new());
    for (function, answer) in answers {
        let mappings = answer.get("EventSourceMappings").and_then(Value::as_array);
        let mappings: Vec<&Value> = mappings.into_iter().flatten().collect();
        if mappings.is_empty() {
            texts.push(format!(
                "{function} has no event source mapping: it reads from no queue"
            ));
            cures.insert("sam deploy".to_owned());
        }
        for mapping in mappings {
            if member(mapping, "/State").starts_with("Disabl") {
                let queue = member(mapping, "/EventSourceArn")
                    .rsplit(':')
                    .next()
                    .unwrap_or_default();
                texts.push(format!(
                    "{function} does not read from {queue}: this event source mapping is disabled"
                ));
                cures.insert(format!(
                    "aws lambda update-event-source-mapping --enabled --uuid {}",
                    member(mapping, "/UUID")
                ));
            }
        }
    }
    if texts.is_empty() {
        return Finding::ok(check, "every function reads from its queue");
    }
    let cures: Vec<String> = cures.into_iter().collect();
    Finding::wrong(check, texts.join("\n"), cures.join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::super::State, *};

    #[test]
    fn a_mapping_that_is_off_or_gone_is_wrong() {
        let of = |found: Value| mappings(&[("f".to_owned(), json!({"EventSourceMappings": found}))]);
        assert_eq!(of(json!([{"State": "Enabled"}])).state, State::Ok);
        let off = of(json!([
            {"State": "Enabled", "EventSourceArn": "arn:aws:sqs:r:1:Read"},
            {"State": "Disabled", "UUID": "u", "EventSourceArn": "arn:aws:sqs:r:1:Notification"},
        ]));
        assert_eq!(off.state, State::Wrong);
        assert_eq!(
            off.text,
            "f does not read from Notification: this event source mapping is disabled"
        );
        assert_eq!(
            off.advice,
            "aws lambda update-event-source-mapping --enabled --uuid u"
        );
        let none = of(json!([]));
        assert_eq!((none.state, none.advice.as_str()), (State::Wrong, "sam deploy"));
    }
}
