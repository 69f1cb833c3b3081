//! Invocations of renewal. Each starts exactly one run, however long that takes.

use std::time::{Duration, Instant};

use graph_edge::telemetry::causes;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    aws::Aws,
    failure::{Failure, Kind},
    progress::Progress,
    report::Report,
    signed::{Call, CallError, LAMBDA},
};

/// Invokes renewal once, waits for the run, and returns its report as JSON and parsed.
///
/// # Errors
///
/// Returns a failure when Lambda refuses, the run did not finish, or the connection broke before the report came.
pub async fn renewal(
    aws: &Aws,
    function: &str,
    event: &Value,
    what: &str,
) -> Result<(Value, Report), Failure> {
    let call = Call {
        service: LAMBDA,
        method: Method::POST,
        path: format!("/2015-03-31/functions/{function}/invocations"),
        headers: Vec::new(),
        body: event.to_string(),
    };
    let begun = Instant::now();
    // Once: a second invocation would be a second run.
    let time_limit = time_limit(event, aws.plan_timeout);
    let reply = Progress::start(what)
        .during(&String::new, aws.call(&call, time_limit))
        .await;
    let reply = reply.map_err(|error| match error {
        CallError::Broken(_) if is_plan(event) && begun.elapsed() >= time_limit => slow(time_limit),
        CallError::Broken(causes) => broken(&causes),
        other => aws.call_failure(LAMBDA, other),
    })?;
    if reply.headers.contains_key("x-amz-function-error") {
        return Err(failed(function, &reply.body));
    }
    let malformed = |error: serde_json::Error| {
        let text = format!("the answer of {function} is not a report: {}", causes(&error));
        Failure::new(
            Kind::Stack,
            text,
            "Do the function and this program have the same version? Deploy again: sam build && sam deploy",
        )
    };
    let json: Value = serde_json::from_str(&reply.body).map_err(malformed)?;
    let report = Report::deserialize(&json).map_err(malformed)?;
    Ok((json, report))
}

/// Returns whether a run is a dry run.
fn is_plan(event: &Value) -> bool {
    event.get("dryRun").is_some_and(|dry| dry == true)
}

/// Returns how long to wait for a run.
fn time_limit(event: &Value, plan_time_limit: Duration) -> Duration {
    if is_plan(event) {
        plan_time_limit.min(MAX_RUN_TIME)
    } else {
        MAX_RUN_TIME
    }
}

/// The plan took longer than the time limit.
fn slow(time_limit: Duration) -> Failure {
    Failure::new(
        Kind::Aws,
        format!(
            "renewal did not finish its plan within {} s",
            time_limit.as_secs()
        ),
        "Wait longer with --timeout, for example --timeout 900. Nothing was changed.",
    )
}

/// The connection broke, and the state of the run is unknown.
fn broken(causes: &str) -> Failure {
    Failure::new(
        Kind::Aws,
        format!("the connection to AWS Lambda broke: {causes}"),
        "If renewal was invoked, its run continues for at most 15 minutes; it was not invoked a second time.\n\
         To see what is left to do: graph-notifications plan",
    )
}

/// The function ended with an error; Lambda's answer says which.
fn failed(function: &str, body: &str) -> Failure {
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |name| json.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, message) = (text("errorType"), text("errorMessage"));
    let advice = match kind {
        "DocumentsUnavailable" => {
            "A secret cannot be read or written: look at the function's role and at Secrets Manager."
        }
        "DocumentMalformed" => {
            "Put an older version of that secret back: docs/operations.md, \"Putting an older version of a secret back\"."
        }
        "RequestMalformed" => {
            "The function and this program have different versions. Deploy again: sam build && sam deploy"
        }
        _ => "See the log of the function.",
    };
    Failure::new(
        Kind::Run,
        format!("the run of {function} did not finish: {kind}: {message}"),
        advice,
    )
}

/// The timeout of the function, and a minute for its start.
const MAX_RUN_TIME: Duration = Duration::from_mins(16);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_has_the_given_time_limit_and_a_run_its_maximum() {
        let said = Duration::from_secs(5);
        assert_eq!(time_limit(&json!({"dryRun": true}), said), said);
        assert_eq!(time_limit(&json!({}), said), MAX_RUN_TIME);
        assert_eq!(time_limit(&json!({"deleteAll": true}), said), MAX_RUN_TIME);
    }

    #[test]
    fn an_unfinished_run_has_a_reason_and_advice() {
        let body = r#"{"errorType":"DocumentsUnavailable","errorMessage":"documents cannot be read"}"#;
        let failure = failed("renewal", body);
        assert_eq!(
            failure.text,
            "the run of renewal did not finish: DocumentsUnavailable: documents cannot be read"
        );
        assert!(failure.advice.contains("role"), "{failure}");
        assert_eq!(failure.kind.status(), 1);
    }
}
