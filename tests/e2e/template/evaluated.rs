//! The state of an alarm over time, as Amazon CloudWatch evaluates it (Amazon CloudWatch, *using alarms*).

use serde_json::Value;

/// Returns after which minutes an alarm is on, if `values` has the values of its metric by the minute.
pub fn on(alarm: &Value, values: &[(u64, i64)]) -> Vec<u64> {
    let properties = &alarm["Properties"];
    let minutes = number(&properties["Period"]) / 60;
    let needed = usize::try_from(number(&properties["EvaluationPeriods"])).unwrap();
    let ignores = properties["TreatMissingData"] == "ignore";
    let last = values.iter().map(|(minute, _)| minute / minutes).max().unwrap();
    let (mut points, mut is_on, mut ends) = (Vec::new(), false, Vec::new());
    for period in 0..=last {
        let of_period = values.iter().filter(|(minute, _)| minute / minutes == period);
        let point = aggregated(properties, of_period.map(|(_, value)| *value).collect());
        if point.is_some() || !ignores {
            let missing = properties["TreatMissingData"] == "breaching";
            points.push(point.map_or(missing, |value| is_breaching(properties, value)));
            let recent = points.iter().rev().take(needed);
            is_on = points.len() >= needed && recent.into_iter().all(|breaches| *breaches);
        }
        if is_on {
            ends.push((period + 1) * minutes);
        }
    }
    ends
}

fn aggregated(properties: &Value, values: Vec<i64>) -> Option<i64> {
    match properties["Statistic"].as_str()? {
        "Minimum" => values.into_iter().min(),
        "Maximum" => values.into_iter().max(),
        "Sum" => (!values.is_empty()).then(|| values.iter().sum()),
        other => panic!("{other}"),
    }
}

fn is_breaching(properties: &Value, value: i64) -> bool {
    let threshold = properties["Threshold"].as_i64().unwrap();
    match properties["ComparisonOperator"].as_str().unwrap() {
        "GreaterThanThreshold" => value > threshold,
        "LessThanThreshold" => value < threshold,
        other => panic!("{other}"),
    }
}

fn number(value: &Value) -> u64 {
    let text = || value.as_str()?.parse().ok();
    value.as_u64().or_else(text).unwrap()
}
