//! The state of an alarm over time, as Amazon CloudWatch evaluates it (Amazon CloudWatch, *configuring how alarms treat missing
//! data*).

use serde_json::Value;

/// What AWS leaves open.
#[derive(Clone, Copy)]
pub struct Rules {
    /// How many periods CloudWatch looks at beside `EvaluationPeriods`, in case some have no value. AWS's example has two.
    further: usize,
    /// Whether breaching values that are old enough raise an alarm that ignores missing ones: AWS's text and its tables differ.
    is_premature: bool,
}

/// What CloudWatch may do: an alarm has to be right in each of these cases.
pub const RULES: [Rules; 4] = [
    Rules {
        further: 0,
        is_premature: false,
    },
    Rules {
        further: 2,
        is_premature: false,
    },
    Rules {
        further: 2,
        is_premature: true,
    },
    Rules {
        further: 5,
        is_premature: true,
    },
];

/// Returns after which minutes an alarm is on, if `values` has the values of its metric by the minute. Ends with the last value.
pub fn on(alarm: &Value, values: &[(u64, i64)]) -> Vec<u64> {
    let last = values.iter().map(|(minute, _)| *minute).max().unwrap();
    on_until(alarm, values, last, RULES[1])
}

/// Returns after which minutes an alarm is on, up to a minute.
pub fn on_until(alarm: &Value, values: &[(u64, i64)], until: u64, rules: Rules) -> Vec<u64> {
    let properties = &alarm["Properties"];
    let of_metric = &properties["Metrics"][1]["MetricStat"];
    let minutes = number(properties.get("Period").unwrap_or(&of_metric["Period"])) / 60;
    let (mut points, mut is_on, mut ends) = (Vec::new(), false, Vec::new());
    for period in 0..=until / minutes {
        let of_period = values.iter().filter(|(minute, _)| minute / minutes == period);
        let of_period: Vec<i64> = of_period.map(|(_, value)| *value).collect();
        let point = aggregated(&properties["Statistic"], of_period);
        points.push(point.map(|value| is_breaching(properties, value)));
        is_on = state(properties, &points, is_on, rules);
        if is_on {
            ends.push((period + 1) * minutes);
        }
    }
    ends
}

/// Returns whether an alarm is on after these points, the newest last. A missing one is nothing, a breaching one true.
fn state(properties: &Value, points: &[Option<bool>], was_on: bool, rules: Rules) -> bool {
    let evaluated = count(&properties["EvaluationPeriods"]);
    let needed = properties.get("DatapointsToAlarm").map_or(evaluated, count);
    let range = || points.iter().rev().take(evaluated + rules.further);
    // The newest real points, from farther back where some are missing.
    let real: Vec<bool> = range().copied().flatten().take(evaluated).collect();
    let breaching = real.iter().filter(|breaches| **breaches).count();
    let missing = evaluated - real.len();
    if breaching >= needed {
        return true;
    }
    match properties["TreatMissingData"].as_str().unwrap() {
        "breaching" => breaching + missing >= needed,
        "notBreaching" => false,
        "ignore" => {
            let is_old = range().skip(needed - 1).any(|point| *point == Some(true));
            let is_kept = missing > 0 && breaching == real.len();
            is_kept && (was_on || (rules.is_premature && is_old))
        }
        other => panic!("{other}"),
    }
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

mod tests {
    use serde_json::json;

    use super::{RULES, state};

    /// The tables of the guide: three periods of which three or two have to breach, in a range of five. The last three columns are
    /// for missing data that is ignored, breaching, and not breaching; nothing is a state that stays.
    #[test]
    fn missing_values_count_as_in_the_tables_of_cloudwatch() {
        for (points, needed, expected) in TABLES {
            let points: Vec<Option<bool>> = points
                .split(' ')
                .map(|point| (point != "-").then_some(point == "X"))
                .collect();
            for (treatment, expected) in ["ignore", "breaching", "notBreaching"].iter().zip(expected) {
                let properties = json!({
                    "EvaluationPeriods": 3, "DatapointsToAlarm": needed, "TreatMissingData": treatment
                });
                for was_on in [false, true] {
                    let is_on = state(&properties, &points, was_on, RULES[1]);
                    assert_eq!(
                        is_on,
                        expected.unwrap_or(was_on),
                        "{points:?} {needed} {treatment}"
                    );
                }
            }
        }
    }

    type Row = (&'static str, u64, [Option<bool>; 3]);

    const ON: Option<bool> = Some(true);
    const OFF: Option<bool> = Some(false);

    const TABLES: [Row; 10] = [
        ("0 - X - X", 3, [OFF, OFF, OFF]),
        ("0 - - - -", 3, [OFF, OFF, OFF]),
        ("- - - - -", 3, [None, ON, OFF]),
        ("0 X X - X", 3, [ON, ON, ON]),
        ("- - X - -", 3, [None, ON, OFF]),
        ("0 - X - X", 2, [ON, ON, ON]),
        ("0 0 X 0 X", 2, [ON, ON, ON]),
        ("0 - X - -", 2, [OFF, ON, OFF]),
        ("- - - - 0", 2, [OFF, ON, OFF]),
        ("- - - X -", 2, [None, ON, OFF]),
    ];
}
