//! The alarms.

use serde_json::Value;

use super::super::{Finding, member};

/// Judges the alarms.
#[must_use]
pub fn alarms(alarms: &[Value]) -> Finding {
    let check = "alarms";
    let up = alarms
        .iter()
        .filter(|alarm| member(alarm, "/StateValue") == "ALARM");
    let up: Vec<String> = up
        .map(|alarm| {
            format!(
                "{}: {}",
                member(alarm, "/AlarmName"),
                member(alarm, "/AlarmDescription")
            )
        })
        .collect();
    if up.is_empty() {
        return Finding::ok(check, format!("{} alarms, all off", alarms.len()));
    }
    Finding::wrong(
        check,
        up.join("\n"),
        "docs/operations.md has each under \"Alarms\".",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::super::State, *};

    #[test]
    fn an_alarm_that_is_up_is_wrong() {
        let of = |state: &str| alarms(&[json!({"AlarmName": "a", "StateValue": state})]).state;
        assert_eq!([of("OK"), of("ALARM")], [State::Ok, State::Wrong]);
    }
}
