//! The state of an alarm over time, as Amazon CloudWatch evaluates it (Amazon CloudWatch, *using alarms*).

use serde_json::Value;

/// Returns after which minutes an alarm is on, if `values` has the values of its metric by the minute.
pub fn on(alarm: &Value, values: &[(u64, i64)]) -> Vec<u64> {
    let properties = &alarm["Properties"];
    let of_metric = &properties["Metrics"][1]["MetricStat"];
    let minutes = number(properties.get("Period").unwrap_or(&of_metric["Period"])) / 60;
    let evaluated = count(&properties["EvaluationPeriods"]);
    let needed = properties.get("DatapointsToAlarm").map_or(evaluated, count);
    let ignores = properties["TreatMissingData"] == "ignore";
    let last = values.iter().map(|(minute, _)| minute / minutes).max().unwrap();
    let (mut points, mut is_on, mut ends) = (Vec::new(), false, Vec::new());
    for period in 0..=last {
        let of_period = values.iter().filter(|(minute, _)| minute / minutes == period);
        let of_period: Vec<i64> = of_period.map(|(_, value)| *value).collect();
        let point = aggregated(&properties["Statistic"], of_period);
        if point.is_some() || !ignores {
            let missing = properties["TreatMissingData"] == "breaching";
            points.push(point.map_or(missing, |value| is_breaching(properties, value)));
            let recent = points.iter().rev().take(evaluated);
            is_on = recent.filter(|breaches| **breaches).count() >= needed;
        }
        if is_on {
            ends.push((period + 1) * minutes);
        }
    }
    ends
}

/// Returns the datapoint of a period. Without a plain statistic, each period has at most one value.
fn aggregated(statistic: &Value, values: Vec<i64>) -> Option<i64> {
    match statistic.as_str() {
        Some("Minimum") => values.into_iter().min(),
        Some("Maximum") | None => values.into_iter().max(),
        Some("Sum") => (!values.is_empty()).then(|| values.iter().sum()),
        Some(other) => panic!("{other}"),
    }
}

fn is_breaching(properties: &Value, value: i64) -> bool {
    let threshold = i64::try_from(number(&properties["Threshold"])).unwrap();
    match properties["ComparisonOperator"].as_str().unwrap() {
        "GreaterThanThreshold" => value > threshold,
        "LessThanThreshold" => value < threshold,
        other => panic!("{other}"),
    }
}

fn count(value: &Value) -> usize {
    usize::try_from(number(value)).unwrap()
}

fn number(value: &Value) -> u64 {
    let text = || value.as_str()?.parse().ok();
    value.as_u64().or_else(text).unwrap()
}
