//! What the functions write about themselves.
//!
//! Levels below `INFO` are for our own crates. The Lambda runtime writes every event as a whole at `TRACE`, client
//! states and tokens with it, and HTTP libraries write what they send; whatever level is asked for, they do not.

use std::{env, error::Error, panic};

use lambda_runtime::tracing::subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::{Layer, SubscriberExt},
    registry,
    util::SubscriberInitExt,
};
use tracing::error;

/// Sends log lines to standard output in the format and from the level that Lambda's logging controls ask for, panics
/// among them.
pub fn init() {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL")
        .or_else(|_| env::var("RUST_LOG"))
        .unwrap_or_default();
    let is_json = env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json"));
    let lines = fmt::layer().with_target(false).without_time();
    let lines: Box<dyn Layer<_> + Send + Sync> = if is_json {
        Box::new(lines.json())
    } else {
        Box::new(lines)
    };
    registry().with(lines).with(filter(&level)).init();
    panic::set_hook(Box::new(|panic| report_panic(panic.location())));
}

/// Returns an error's text followed by those of its causes.
///
/// The texts only: the debug form of an AWS error holds the raw response.
pub fn causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Returns a key's id for a log line, unless it does not look like one: in a document with its members mixed up it could
/// be the key.
pub fn printable_id(id: &str) -> &str {
    let is_id = id.len() <= 32
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_id { id } else { "(no id)" }
}

/// Reports where a panic is from. Its message may quote what it was about, so it stays unsaid.
fn report_panic(location: Option<&panic::Location<'_>>) {
    let location = location.map(ToString::to_string).unwrap_or_default();
    error!(location, "Panicked at {location}; this is a defect");
}

/// Returns which lines are written when those from `level` on are asked for.
fn filter(level: &str) -> Targets {
    // An empty text would parse as a level, too.
    let level = if level.is_empty() { "INFO" } else { level };
    let level: LevelFilter = level.parse().unwrap_or(LevelFilter::INFO);
    OUR_CRATES.iter().fold(
        Targets::new().with_default(level.min(LevelFilter::INFO)),
        |targets, name| targets.with_target(*name, level),
    )
}

/// Our crates by the names that their log lines carry.
const OUR_CRATES: [&str; 5] = ["decryption", "graph_core", "graph_edge", "renewal", "webhook"];

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::fmt::Error);

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
