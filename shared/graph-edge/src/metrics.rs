//! The metrics of the functions, for Amazon CloudWatch (CloudWatch, *embedded metric format specification*).
//!
//! A metric is a log line that CloudWatch parses, without a call, a permission or a delay. Each invocation writes at
//! most one line. Its only dimension is the stack, so there are as many metrics as names in [`Metric`]: nothing from
//! outside, such as a tenant, is part of a metric.
//!
//! The line is written to standard output directly, because `tracing` would wrap it into a line of its own. It has no
//! level, and AWS Lambda takes lines without a level for `INFO` (AWS Lambda, *log-level filtering*). So the template
//! makes Lambda pass every line, and [`crate::telemetry`] alone filters log lines.

use std::{
    borrow::Cow,
    env,
    io::{self, Write},
};

use jiff::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeMap};

pub use self::names::{Metric, Unit};

mod names;

/// The metrics of one invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics(Vec<(Metric, Value)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    One(i64),
    Many(Vec<i64>),
}

impl Metrics {
    /// Adds to a count. Adding zero does nothing, because a metric that is not written costs nothing.
    pub fn count(&mut self, metric: Metric, more: usize) {
        let more = i64::try_from(more).unwrap_or(i64::MAX);
        if more == 0 {
            return;
        }
        match self.value(metric) {
            Some(Value::One(count)) => *count = count.saturating_add(more),
            Some(Value::Many(values)) => values.push(more),
            None => self.0.push((metric, Value::One(more))),
        }
    }

    /// Sets a metric that describes a state; zero is written as well.
    pub fn set(&mut self, metric: Metric, state: i64) {
        match self.value(metric) {
            Some(value) => *value = Value::One(state),
            None => self.0.push((metric, Value::One(state))),
        }
    }

    /// Adds a measurement. Only the first hundred of an invocation count, because CloudWatch accepts no more in a line.
    pub fn measure(&mut self, metric: Metric, measured: i64) {
        match self.value(metric) {
            Some(Value::Many(values)) if values.len() >= MAX_VALUES => {}
            Some(Value::Many(values)) => values.push(measured),
            Some(value) => *value = Value::One(measured),
            None => self.0.push((metric, Value::Many(vec![measured]))),
        }
    }

    /// Returns the current values of a metric.
    pub fn values(&self, metric: Metric) -> &[i64] {
        let found = self.0.iter().find(|(known, _)| *known == metric);
        match found.map(|(_, value)| value) {
            None => &[],
            Some(Value::One(value)) => std::slice::from_ref(value),
            Some(Value::Many(values)) => values,
        }
    }

    fn value(&mut self, metric: Metric) -> Option<&mut Value> {
        let found = self.0.iter_mut().find(|(known, _)| *known == metric);
        found.map(|(_, value)| value)
    }
}

/// Writes the metrics of a function.
#[derive(Clone, Debug)]
pub struct MetricsWriter {
    stack: Cow<'static, str>,
}

impl MetricsWriter {
    /// Returns the writer for the stack in `STACK_NAME`.
    pub fn from_env() -> Self {
        Self {
            stack: env::var("STACK_NAME").map_or(Cow::Borrowed("local"), Cow::Owned),
        }
    }

    /// Writes the line of one invocation, if there are metrics.
    ///
    /// A failed write is ignored: no function depends on its metrics.
    pub fn write(&self, metrics: &Metrics, request_id: &str, now: Timestamp) {
        if let Some(line) = self.line(metrics, request_id, now) {
            let _ = io::stdout().lock().write_all(line.as_bytes());
        }
    }

    /// Returns the line of one invocation, including its line end; nothing if there are no metrics.
    pub fn line(&self, metrics: &Metrics, request_id: &str, now: Timestamp) -> Option<String> {
        if metrics.0.is_empty() {
            return None;
        }
        let document = Document {
            aws: Aws {
                timestamp: now.as_millisecond(),
                directives: [Directive {
                    namespace: NAMESPACE,
                    dimensions: [[DIMENSION]],
                    metrics: metrics
                        .0
                        .iter()
                        .map(|(metric, _)| Definition::of(*metric))
                        .collect(),
                }],
            },
            stack: &self.stack,
            request_id,
            values: Values(&metrics.0),
        };
        let mut line = serde_json::to_string(&document).ok()?;
        line.push('\n');
        Some(line)
    }
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "_aws")]
    aws: Aws,
    #[serde(rename = "Stack")]
    stack: &'a str,
    /// Not a dimension: it leads from a point in a graph to the log lines of the invocation.
    #[serde(rename = "requestId")]
    request_id: &'a str,
    #[serde(flatten)]
    values: Values<'a>,
}

#[derive(Serialize)]
struct Aws {
    #[serde(rename = "Timestamp")]
    timestamp: i64,
    #[serde(rename = "CloudWatchMetrics")]
    directives: [Directive; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [[&'static str; 1]; 1],
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: Unit,
}

impl Definition {
    fn of(metric: Metric) -> Self {
        Self {
            name: metric.name(),
            unit: metric.unit(),
        }
    }
}

struct Values<'a>(&'a [(Metric, Value)]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (metric, value) in self.0 {
            match value {
                Value::One(value) => map.serialize_entry(metric.name(), value)?,
                Value::Many(values) => map.serialize_entry(metric.name(), values)?,
            }
        }
        map.end()
    }
}

/// The namespace of all metrics. The template's alarms and dashboard use the same name.
pub const NAMESPACE: &str = "GraphNotifications";

/// The dimension of all metrics. Its value is the stack's name.
pub const DIMENSION: &str = "Stack";

/// How many values of a metric CloudWatch accepts in one line.
const MAX_VALUES: usize = 100;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_documents() {
        let mut metrics = Metrics::default();
        metrics.count(Metric::Delivered, 2);
        metrics.count(Metric::Delivered, 1);
        metrics.count(Metric::Failed, 0);
        metrics.set(Metric::RunFailures, 0);
        metrics.measure(Metric::Age, 250);
        metrics.measure(Metric::Age, 1_000);
        let line = line(&metrics).unwrap();
        assert_eq!(line.matches('\n').count(), 1, "one event of the log");
        let document: serde_json::Value = serde_json::from_str(line.trim_end()).unwrap();
        let expected = json!({
            "_aws": {
                "Timestamp": 1_763_805_600_123_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "GraphNotifications",
                    "Dimensions": [["Stack"]],
                    "Metrics": [
                        {"Name": "Delivered", "Unit": "Count"},
                        {"Name": "RunFailures", "Unit": "Count"},
                        {"Name": "Age", "Unit": "Milliseconds"}
                    ]
                }]
            },
            "Stack": "stack",
            "requestId": "r-1",
            "Delivered": 3,
            "RunFailures": 0,
            "Age": [250, 1_000]
        });
        assert_eq!(document, expected);
    }

    #[test]
    fn an_invocation_without_metrics_writes_nothing() {
        assert_eq!(line(&Metrics::default()), None);
    }

    #[test]
    fn no_metric_has_more_values_than_cloudwatch_takes() {
        let mut metrics = Metrics::default();
        for age in 0..1_000 {
            metrics.measure(Metric::Age, age);
        }
        assert_eq!(metrics.values(Metric::Age).len(), 100);
    }

    /// No part of a line can come from outside, because no metric has a text.
    #[test]
    fn a_line_holds_names_and_numbers_and_nothing_else() {
        let mut metrics = Metrics::default();
        for (index, metric) in Metric::ALL.iter().enumerate() {
            match index % 3 {
                0 => metrics.count(*metric, index + 1),
                1 => metrics.set(*metric, -1),
                _ => metrics.measure(*metric, i64::MAX),
            }
        }
        let document: serde_json::Map<_, _> = serde_json::from_str(&line(&metrics).unwrap()).unwrap();
        assert_eq!(document.len(), Metric::ALL.len() + 3);
        for (name, value) in document {
            let is_number = value.is_i64()
                || value
                    .as_array()
                    .is_some_and(|values| values.iter().all(serde_json::Value::is_i64));
            assert!(
                is_number || ["_aws", DIMENSION, "requestId"].contains(&name.as_str()),
                "{name}"
            );
        }
    }

    /// CloudWatch accepts up to a hundred metrics in a line.
    #[test]
    fn names_are_unique_and_few() {
        let names: BTreeSet<_> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), Metric::ALL.len());
        assert!(names.len() <= 100, "{}", names.len());
        assert!(!names.contains(DIMENSION));
    }

    fn line(metrics: &Metrics) -> Option<String> {
        let metrics_writer = MetricsWriter {
            stack: "stack".into(),
        };
        metrics_writer.line(metrics, "r-1", "2025-11-22T10:00:00.123Z".parse().unwrap())
    }
}
