//! The logs of the functions.
//!
//! Levels below `INFO` apply to the crates of this workspace only. At `TRACE`, the Lambda runtime writes whole events,
//! which contain client states and tokens, and HTTP libraries write requests. No setting turns those lines on.

use std::{env, error::Error, io, panic};

use tracing::{Subscriber, error};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::{self, MakeWriter},
    layer::{Layer, SubscriberExt},
    registry,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// Writes log lines and panics to standard output, from the level in `LOG_LEVEL` on, in the format of Lambda's logging
/// controls.
///
/// The level is applied here and not by AWS Lambda, whose filter would drop the lines of [`crate::metrics`] as well.
/// Each JSON line has a time, because Lambda takes a line without one for `INFO` (AWS Lambda, *log-level filtering*).
pub fn init() {
    let level = env::var("LOG_LEVEL").unwrap_or_default();
    let is_json = env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json"));
    let lines: Box<dyn Layer<_> + Send + Sync> = if is_json {
        Box::new(json_lines(io::stdout))
    } else {
        Box::new(fmt::layer().with_target(false).without_time())
    };
    registry().with(lines).with(filter(&level)).init();
    // The default hook prints the message of a panic, which may quote a secret.
    panic::set_hook(Box::new(|panic| report_panic(panic.location())));
}

/// Returns an error's text followed by those of its causes.
///
/// Only the texts, because the debug form of an AWS error contains the raw response.
pub fn causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Returns a key's id for a log line, unless it does not look like an id: in a malformed document it may be the key
/// itself.
pub fn printable_id(id: &str) -> &str {
    let is_id = id.len() <= 32
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_id { id } else { "(no id)" }
}

/// Logs the place of a panic. Its message is left out, because it may quote secret data.
fn report_panic(location: Option<&panic::Location<'_>>) {
    let location = location.map(ToString::to_string).unwrap_or_default();
    error!(location, "Panicked at {location}; this is a defect");
}

/// Returns the layer that writes a JSON object per line: time, level, fields, and the request id from the runtime's
/// span.
fn json_lines<S, W>(writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    fmt::layer()
        .with_target(false)
        .json()
        .with_span_list(false)
        .with_writer(writer)
}

/// Returns the filter for lines from `level` on.
fn filter(level: &str) -> Targets {
    // An empty text would parse as a level.
    let level = if level.is_empty() { "INFO" } else { level };
    let level: LevelFilter = level.parse().unwrap_or(LevelFilter::INFO);
    let targets = Targets::new()
        // The runtime's span has to be enabled for its request id to appear in the lines.
        .with_default(level.min(LevelFilter::INFO))
        .with_target(REQUEST_SPAN, LevelFilter::INFO);
    OUR_CRATES
        .iter()
        .fold(targets, |targets, name| targets.with_target(*name, level))
}

/// The target of the runtime's span with the request id. The runtime writes no lines to this target.
const REQUEST_SPAN: &str = "lambda_runtime::layers::trace";

/// The crates of this workspace, by the target of their log lines, whose lines below `INFO` can be turned on.
const OUR_CRATES: [&str; 6] = [
    "decryption",
    "graph_core",
    "graph_edge",
    "reader",
    "renewal",
    "webhook",
];

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use jiff::Timestamp;
    use serde_json::Value;
    use tracing::Level;

    use super::*;

    /// The written lines.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::fmt::Error);

    #[test]
    fn the_level_of_every_function_can_be_set() {
        for folder in std::fs::read_dir("../../functions").unwrap() {
            let folder = folder.unwrap();
            let name = folder.file_name().into_string().unwrap();
            let is_package = folder.path().join("Cargo.toml").exists();
            assert!(!is_package || OUR_CRATES.contains(&name.as_str()), "{name}");
        }
    }

    #[test]
    fn every_cause_is_named() {
        assert!(causes(&Outer(std::fmt::Error)).starts_with("outer: "));
    }

    #[test]
    fn the_events_that_the_runtime_writes_at_trace_level_are_never_written() {
        for level in ["TRACE", "trace", "DEBUG"] {
            let filter = filter(level);
            for library in [
                "lambda_runtime::layers::api_response",
                "hyper_util",
                "aws_smithy_runtime",
            ] {
                assert!(
                    !filter.would_enable(library, &Level::TRACE),
                    "{library} at {level}"
                );
                assert!(
                    !filter.would_enable(library, &Level::DEBUG),
                    "{library} at {level}"
                );
                assert!(filter.would_enable(library, &Level::INFO), "{library} at {level}");
            }
            assert!(filter.would_enable("webhook::intake", &Level::DEBUG), "{level}");
        }
    }

    #[test]
    fn the_level_that_is_asked_for_counts() {
        for (level, info, warn) in [
            ("", true, true),
            ("nonsense", true, true),
            ("INFO", true, true),
            ("WARN", false, true),
            ("ERROR", false, false),
        ] {
            for target in ["webhook", "lambda_runtime"] {
                let filter = filter(level);
                assert_eq!(
                    filter.would_enable(target, &Level::INFO),
                    info,
                    "{target} at {level}"
                );
                assert_eq!(
                    filter.would_enable(target, &Level::WARN),
                    warn,
                    "{target} at {level}"
                );
            }
        }
    }

    #[test]
    fn a_json_line_has_its_time_and_request_id_at_every_level() {
        for level in ["INFO", "WARN", "ERROR"] {
            let lines = Lines::default();
            let sink = lines.clone();
            let subscriber = registry().with(json_lines(move || sink.clone()));
            tracing::subscriber::with_default(subscriber.with(filter(level)), || {
                let mut context = lambda_runtime::Context::default();
                context.request_id = "r-1".to_owned();
                let span = lambda_runtime::layers::trace::request_span(&context);
                span.in_scope(|| error!(target: "webhook", part = 1, "A line"));
            });
            let line: Value = serde_json::from_slice(&lines.0.lock().unwrap()).unwrap();
            assert!(
                line["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok(),
                "{line}"
            );
            assert_eq!(line["level"], "ERROR");
            assert_eq!(
                line["fields"],
                serde_json::json!({"message": "A line", "part": 1})
            );
            assert_eq!(line["span"]["requestId"], "r-1", "{level}");
        }
    }

    #[test]
    fn a_key_in_the_place_of_an_id_is_not_printed() {
        for id in ["k3f9a2bc", "c-20261122-k3f9a2bc"] {
            assert_eq!(printable_id(id), id);
        }
        for key in [
            "bWFyay1vZi1hLXNlY3JldC1rZXktMzItYnl0ZXMtISE=",
            "-----BEGIN PRIVATE KEY-----",
            "an id\nwith a line",
        ] {
            assert_eq!(printable_id(key), "(no id)");
        }
    }
}
