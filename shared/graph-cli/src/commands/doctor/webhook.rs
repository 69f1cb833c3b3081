//! The webhook as Graph calls it.

use std::{error::Error, iter::successors, time::Instant};

use jiff::Timestamp;

use crate::{aws::Aws, commands::Context, doctor::judge::webhook::Handshake, failure::Failure};

/// Sends Graph's handshake to both routes. Also returns the Date header of the answers.
pub(super) async fn handshakes(
    context: &Context,
    webhook: Option<&str>,
) -> Result<(Vec<(String, Handshake)>, Option<Timestamp>), Failure> {
    let mut results = Vec::new();
    let mut time = None;
    for (output, route) in [("WebhookUrl", "/notifications"), ("LifecycleUrl", "/lifecycle")] {
        let url = match webhook {
            Some(base) => format!("{}{route}", base.trim_end_matches('/')),
            None => context.stack.output(output)?.to_owned(),
        };
        let (result, theirs) = handshake(&context.aws, &url).await;
        time = time.or(theirs);
        results.push((url, result));
    }
    Ok((results, time))
}

async fn handshake(aws: &Aws, url: &str) -> (Handshake, Option<Timestamp>) {
    const TOKEN: &str = "graph-notifications doctor";
    let begun = Instant::now();
    let request = aws
        .http
        .post(format!("{url}?validationToken=graph-notifications%20doctor"));
    let answer = match request.timeout(aws.timeout).send().await {
        Ok(answer) => answer,
        Err(error) => return (Handshake::Unanswered(innermost(&error)), None),
    };
    let date = answer.headers().get("date").and_then(|date| date.to_str().ok());
    let date = date
        .and_then(|date| jiff::fmt::rfc2822::parse(date).ok())
        .map(|date| date.timestamp());
    let status = answer.status().as_u16();
    let is_text = answer
        .headers()
        .get("content-type")
        .is_some_and(|of| of.as_bytes().starts_with(b"text/plain"));
    let is_echoed = answer.text().await.is_ok_and(|text| text == TOKEN) && is_text;
    let took = begun.elapsed();
    (
        Handshake::Answered {
            status,
            is_echoed,
            took,
        },
        date,
    )
}

/// Returns the last cause of a failure. The others only say that a request was sent.
fn innermost(error: &dyn Error) -> String {
    let causes = successors(Some(error), |cause: &&dyn Error| (*cause).source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}
