//! The webhook: answers Microsoft Graph, and stores what it sends before it says so.
//!
//! Nothing here is slow: Graph waits 3 seconds for the first answer, cold start included. What a caller gets tells
//! nothing about which check an item did not pass.

pub mod gateway;
mod handshake;
mod intake;
mod report;

use std::sync::Arc;

use graph_core::{
    notification::{
        client_state::ClientStateKeys,
        collection::{Collection, NotACollection},
    },
    secrets::ClientStateDocument,
};
use graph_edge::{
    BoxError,
    documents::{CachedDocument, NoDocument, Source},
    metrics::{Metric, Metrics},
    sqs::Queue,
    telemetry::printable_id,
};
use jiff::Timestamp;
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, Method, StatusCode, header},
};
use tracing::{debug, error};

use self::{
    handshake::Handshake,
    intake::{Intake, Messages},
};

/// The most bytes of a body; AWS Lambda takes no larger event (AWS Lambda, *quotas*), and API Gateway answers in our place.
pub const MAX_POST_BYTES: usize = 6 * 1_048_576;

/// What the webhook works with.
pub struct Deps<S, Q> {
    /// The keys that client states are verified with.
    pub keys: CachedDocument<S, ClientStateKeys>,
    /// Where items that tell of changes go.
    pub notification_queue: Q,
    /// Where items that tell of the subscriptions themselves go, whichever route they came by.
    pub lifecycle_queue: Q,
}

/// Returns the keys of ClientStateSecret.
///
/// # Errors
///
/// Returns an error when there is no usable key, so that the secret is soon read again.
pub fn parse_keys(text: &str) -> Result<ClientStateKeys, BoxError> {
    // The cause could quote the text, so it is left out.
    let document: ClientStateDocument =
        serde_json::from_str(text).map_err(|_| "client-state document is not of the documented form")?;
    let (keys, unusable) = ClientStateKeys::parse(&document);
    if !unusable.is_empty() {
        let keys: Vec<&str> = unusable.iter().map(|id| printable_id(id)).collect();
        error!(
            ?keys,
            "Client-state keys {keys:?} are not usable; remove them from ClientStateSecret"
        );
    }
    if keys.is_empty() {
        Err("client-state document holds no usable key".into())
    } else {
        Ok(keys)
    }
}

/// Answers one request: 200 with the token to a handshake, 202 when every admitted item is stored, 4xx to what Microsoft
/// Graph never sends, 5xx when it has to send again. What there is to count is on `metrics`.
pub async fn handle<S: Source, Q: Queue>(
    request: Request,
    deps: &Deps<S, Q>,
    now: Timestamp,
    metrics: &mut Metrics,
) -> Response<Body> {
    if request.method() != Method::POST {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    match Handshake::of(request.uri().query().unwrap_or_default()) {
        Handshake::Echo(token) => {
            metrics.count(Metric::Handshakes, 1);
            echo(token)
        }
        Handshake::Refused => status(StatusCode::BAD_REQUEST),
        Handshake::NotAsked => status(receive(request.body(), deps, now, metrics).await),
    }
}

/// Stores the items of a POST and returns the status to answer with.
async fn receive<S: Source, Q: Queue>(
    body: &[u8],
    deps: &Deps<S, Q>,
    now: Timestamp,
    metrics: &mut Metrics,
) -> StatusCode {
    if body.len() > MAX_POST_BYTES {
        debug!(
            bytes = body.len(),
            limit = MAX_POST_BYTES,
            "POST is over {MAX_POST_BYTES} bytes"
        );
        metrics.count(Metric::RejectedPosts, 1);
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    let collection = match Collection::parse(body) {
        Ok(collection) => collection,
        Err(error) => {
            debug!(%error, bytes = body.len(), "POST is not a notification collection: {error}");
            metrics.count(Metric::RejectedPosts, 1);
            return match error {
                NotACollection::Empty | NotACollection::NotJson | NotACollection::NoValue => {
                    StatusCode::BAD_REQUEST
                }
                NotACollection::TooManyItems => StatusCode::PAYLOAD_TOO_LARGE,
            };
        }
    };
    if collection.items.is_empty() {
        return StatusCode::ACCEPTED;
    }
    let Ok(intake) = sort(&collection, deps, now).await else {
        error!(
            "No client-state key is to be had, so nothing can be admitted; answering 503, Graph sends again"
        );
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    report::log(&intake, &collection);
    report::count(&intake, metrics);
    store(&intake, &collection, deps, now, metrics).await
}

/// Sorts the items, a second time with newer keys when one of them names a key that is not known.
async fn sort<'a, S: Source, Q>(
    collection: &Collection<'a>,
    deps: &Deps<S, Q>,
    now: Timestamp,
) -> Result<Intake<'a>, NoDocument> {
    let keys = deps.keys.current(now).await?;
    let intake = Intake::sort(collection, &keys);
    if !intake.meets_unknown_key() {
        return Ok(intake);
    }
    let newer = deps.keys.renewed(now).await?;
    if Arc::ptr_eq(&keys, &newer) {
        Ok(intake)
    } else {
        Ok(Intake::sort(collection, &newer))
    }
}

async fn store<S, Q: Queue>(
    intake: &Intake<'_>,
    collection: &Collection<'_>,
    deps: &Deps<S, Q>,
    now: Timestamp,
    metrics: &mut Metrics,
) -> StatusCode {
    let messages = Messages::new(collection, intake, now);
    let (changes, lifecycle) = tokio::join!(
        messages.send(&intake.changes, &deps.notification_queue),
        messages.send(&intake.lifecycle, &deps.lifecycle_queue)
    );
    let lost = changes + lifecycle;
    metrics.count(
        Metric::Enqueued,
        (intake.changes.len() + intake.lifecycle.len()).saturating_sub(lost),
    );
    metrics.count(Metric::NotEnqueued, lost);
    if lost == 0 {
        return StatusCode::ACCEPTED;
    }
    error!(
        items = lost,
        "{lost} admitted items are not stored; answering 503, Graph sends the POST again"
    );
    StatusCode::SERVICE_UNAVAILABLE
}

/// Returns the answer to a handshake: exactly the token, as text that no browser takes for anything else.
fn echo(token: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(token));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}
