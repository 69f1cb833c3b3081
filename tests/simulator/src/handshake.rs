//! The handshake: the validation request that a notification URL has to answer before a subscription exists.
//!
//! Microsoft Graph, *Receive change notifications through webhooks*, "notificationUrl validation".

use axum::http::StatusCode;
use reqwest::Url;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::http::{GraphError, media_type_of, status_name};
use super::random;
use super::state::Shared;

/// Sends a random text to a URL, and requires exactly the documented answer.
///
/// # Errors
///
/// Graph's answer to the create or update request.
pub(crate) async fn validate(shared: &Shared, public_url: &str) -> Result<(), GraphError> {
    let token = format!(
        "Validation: Testing client application reachability for subscription Request-Id: {}",
        random::guid()
    );
    let (url, timeout) = {
        let state = shared.state();
        (
            reached_at(&state.options.resolve, public_url),
            state.options.handshake_timeout,
        )
    };
    let mut url = url.ok_or_else(|| GraphError::invalid("notificationUrl is not a URL."))?;
    // Form encoding, as by Graph: a space becomes `+`. The existing query of the URL stays unchanged.
    url.query_pairs_mut().append_pair("validationToken", &token);
    let exchange = exchange(shared, url.clone());
    let answer = tokio::time::timeout(timeout, exchange).await;
    answer
        .map_err(|_| failed("Subscription validation request timed out.", "no answer in time"))
        .and_then(|answer| judge(answer, &token))
        .map_err(|error| {
            let reason = error.hint.clone().unwrap_or_default();
            error.hint(format!("validation request to {}: {reason}", url.as_str()))
        })
}

/// Returns where a public URL is really reached, with the same path and query.
pub(crate) fn reached_at(
    resolve: &std::collections::BTreeMap<String, String>,
    public_url: &str,
) -> Option<Url> {
    let public = Url::parse(public_url).ok()?;
    let origin = public.origin();
    let base = resolve
        .iter()
        .find(|(from, _)| Url::parse(from).is_ok_and(|from| from.origin() == origin));
    let Some((_, base)) = base else {
        return Some(public);
    };
    let query = public
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    Url::parse(&format!("{}{}{query}", base.trim_end_matches('/'), public.path())).ok()
}

/// The answer to the validation request.
struct Answer {
    status: StatusCode,
    content_type: String,
    body: Vec<u8>,
}

/// Sends the validation request.
async fn exchange(shared: &Shared, url: Url) -> Result<Answer, String> {
    let request = shared
        .client
        .post(url)
        .header(CONTENT_TYPE, "text/plain; charset=utf-8");
    let response = request
        .header(CONTENT_LENGTH, 0)
        .send()
        .await
        .map_err(|error| why(&error))?;
    let status = response.status();
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let body = response.bytes().await.map_err(|error| why(&error))?.to_vec();
    Ok(Answer {
        status,
        content_type,
        body,
    })
}

/// Returns the innermost cause of a failed request.
pub(crate) fn why(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Checks the answer to the validation request.
fn judge(answer: Result<Answer, String>, token: &str) -> Result<(), GraphError> {
    let answer = answer.map_err(|reason| failed(MUST_BE_OK, &reason))?;
    let status = answer.status;
    if status.is_success() && status != StatusCode::OK {
        return Err(failed(MUST_BE_OK, &format!("the status was {status}, not 200")));
    }
    if status != StatusCode::OK {
        let message = format!(
            "Subscription validation request failed. HTTP status code is '{}'.",
            status_name(status)
        );
        return Err(failed(&message, &format!("the status was {status}, not 200")));
    }
    if !media_type_of(&answer.content_type).eq_ignore_ascii_case("text/plain") {
        let hint = format!("the content type was '{}', not text/plain", answer.content_type);
        return Err(failed(MUST_MATCH, &hint));
    }
    if answer.body != token.as_bytes() {
        let given = String::from_utf8_lossy(&answer.body);
        let given: String = given.chars().take(200).collect();
        return Err(failed(
            MUST_MATCH,
            &format!("the body was {given:?}, not {token:?}"),
        ));
    }
    Ok(())
}

/// Returns the error for a failed handshake.
fn failed(message: &str, hint: &str) -> GraphError {
    GraphError::new(StatusCode::BAD_REQUEST, "ValidationError", message).hint(hint)
}

const MUST_BE_OK: &str = "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request.";
const MUST_MATCH: &str =
    "Subscription validation request failed. Response must exactly match validationToken query parameter.";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn resolving_keeps_path_and_query() {
        check(
            "https://public.test/a/b?x=1%2B2&y",
            "http://127.0.0.1:1/_api/$default/a/b?x=1%2B2&y",
        );
    }

    #[test]
    fn the_default_port_is_part_of_no_name() {
        check("https://public.test:443/a", "http://127.0.0.1:1/_api/$default/a");
    }

    #[test]
    fn other_origins_are_reached_at_themselves() {
        check("https://public.test:444/a", "https://public.test:444/a");
        check("https://other.test/a", "https://other.test/a");
    }

    #[track_caller]
    fn check(public: &str, expected: &str) {
        let resolve = BTreeMap::from([(
            "https://public.test".to_owned(),
            "http://127.0.0.1:1/_api/$default/".to_owned(),
        )]);
        assert_eq!(reached_at(&resolve, public).unwrap().as_str(), expected);
    }
}
