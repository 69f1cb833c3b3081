//! The webhook: answers Microsoft Graph, and stores what it sends before it says so.
//!
//! Nothing here is slow: Graph waits 3 seconds for the first answer, cold start included. What a caller gets tells
//! nothing about which check an item did not pass.

pub mod gateway;
mod handshake;
mod intake;
mod lifecycle;
mod report;

use std::{sync::Arc, time::Duration};

use graph_core::notification::{
    client_state::ClientStateKeys,
    collection::{Collection, MAX_ITEMS, readable},
};
pub use graph_edge::documents::client_state_keys as parse_keys;
use graph_edge::{
    deadline::Deadline,
    documents::{CachedDocument, NoDocument},
    metrics::{Metric, Metrics},
    secrets::Source,
    sqs::Queue,
};
use jiff::Timestamp;
use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, Method, StatusCode, header},
};
use tracing::{debug, error};

use self::{
    handshake::Handshake,
    intake::{Intake, Sender, Undecided},
};

/// The most bytes of a body; AWS Lambda takes no larger event (AWS Lambda, *quotas*), and API Gateway answers in our place.
pub const MAX_POST_BYTES: usize = 6 * 1_048_576;

/// Within what time a request is answered, whatever hangs. Graph waits 3 seconds at the first try (Microsoft Graph, *receive
/// change notifications through webhooks*), and the way to us is part of them.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(2_500);

/// The least time that is left for storing, however long the keys take.
const STORE_WITHIN: Duration = Duration::from_secs(1);

/// The least time that is left for making messages and storing them, however long verifying a large POST takes.
const MAKE_WITHIN: Duration = Duration::from_millis(600);

/// What the webhook works with.
pub struct Deps<S, Q> {
    /// The keys that client states are verified with.
    pub keys: CachedDocument<S, ClientStateKeys>,
    /// Where items go.
    pub queues: Queues<Q>,
}

/// The queues of admitted items.
pub struct Queues<Q> {
    /// `NotificationQueue`: items with content, and those that something is odd about.
    pub notification: Q,
    /// `LifecycleQueue`: items that tell of the subscriptions themselves, whichever route they came by.
    pub lifecycle: Q,
    /// `DeliveryQueue`: the events for all other items.
    pub delivery: Q,
    /// `ReadQueue`: items without content whose URL asks for it. Where there is none, they are delivered as they are.
    pub read: Option<Q>,
}

/// Answers one request by `deadline`: 200 with the token to a handshake, 202 when every admitted item is stored, 4xx to what
/// Microsoft Graph never sends, 5xx when it has to send again. What there is to count is on `metrics`.
pub async fn handle<S: Source, Q: Queue>(
    request: Request,
    deps: &Deps<S, Q>,
    now: Timestamp,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> Response<Body> {
    if request.method() != Method::POST {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    // Before any secret is read: the first handshake comes while renewal creates the first subscription.
    match Handshake::of(request.uri().query().unwrap_or_default()) {
        Handshake::Echo(token) => {
            metrics.count(Metric::Handshakes, 1);
            echo(token)
        }
        Handshake::Refused => {
            metrics.count(Metric::RejectedPosts, 1);
            status(StatusCode::BAD_REQUEST)
        }
        Handshake::NotAsked => {
            let fetches = asks_for_content(request.uri().query().unwrap_or_default());
            status(receive(request.body(), fetches, deps, now, deadline, metrics).await)
        }
    }
}

/// Stores the items of a POST and returns the status to answer with.
async fn receive<S: Source, Q: Queue>(
    body: &[u8],
    fetches: bool,
    deps: &Deps<S, Q>,
    now: Timestamp,
    deadline: Deadline,
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
    let text = readable(body);
    let collection = match Collection::parse(&text) {
        Ok(collection) => collection,
        Err(error) => {
            debug!(%error, bytes = body.len(), "POST is not a notification collection: {error}");
            metrics.count(Metric::RejectedPosts, 1);
            return StatusCode::BAD_REQUEST;
        }
    };
    // Before the keys are read: nothing has to be verified.
    if collection.items.is_empty() {
        return StatusCode::ACCEPTED;
    }
    let Ok(Sorted {
        intake,
        undecided,
        keys,
    }) = sort(&collection, deps, now, deadline).await
    else {
        let items = collection.items.len();
        metrics.count(Metric::Undecided, items);
        error!(
            items,
            "ClientStateSecret has no usable key, so {items} items cannot be admitted; answering 503 so that Graph retries"
        );
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    report::log(&intake, &collection);
    report::count(&intake, metrics);
    let excess = collection.excess_items;
    let unjudged = undecided.items() + intake.unsorted;
    // Nothing in it is of this stack, as far as it is read, and nobody may have the rest read by repeating it.
    if excess > 0 && unjudged == 0 && intake.items.is_empty() {
        debug!(
            items = excess,
            limit = MAX_ITEMS,
            "POST has {excess} items over the limit of {MAX_ITEMS}"
        );
        metrics.count(Metric::RejectedPosts, 1);
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    // Without a queue of the reader the event is delivered without its content, and not lost.
    let fetches = fetches && deps.queues.read.is_some();
    let sender = Sender::new(&collection, &intake, &keys, now, fetches);
    // Stored even if the answer is a 503: the key that is missing may be missing for longer than Graph repeats the POST.
    let stored = store(&sender, &intake, deps, now, deadline, metrics).await;
    metrics.count(Metric::Undecided, unjudged + excess);
    if intake.unsorted > 0 {
        let items = intake.unsorted;
        error!(
            items,
            "The time for the answer was over before {items} items of a large POST were verified; answering 503 so that Graph retries"
        );
    }
    report::log_undecided(undecided);
    if excess > 0 {
        error!(
            items = excess,
            limit = MAX_ITEMS,
            "A POST has {excess} items over the limit of {MAX_ITEMS}; answering 503 so that Graph retries"
        );
    }
    if unjudged + excess > 0 {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    stored
}

/// The items of a POST, judged.
struct Sorted<'a> {
    intake: Intake<'a>,
    /// The items that nobody can judge now.
    undecided: Undecided,
    /// The keys that they were judged with.
    keys: Arc<ClientStateKeys>,
}

/// Sorts the items, a second time with newer keys when one of them names a key that is not known.
async fn sort<'a, S: Source, Q>(
    collection: &Collection<'a>,
    deps: &Deps<S, Q>,
    now: Timestamp,
    deadline: Deadline,
) -> Result<Sorted<'a>, NoDocument> {
    // Later than the other: items are sorted with the keys at hand even if newer ones were waited for in vain.
    let (deadline, sort_until) = (deadline.less(STORE_WITHIN), deadline.less(MAKE_WITHIN));
    let keys = deps.keys.current(now, deadline).await?;
    let intake = Intake::sort(collection, &keys, now, sort_until);
    if intake.unknown() == 0 {
        return Ok(Sorted {
            intake,
            undecided: Undecided::default(),
            keys,
        });
    }
    // Before an item is rejected: renewal may have published its key since the document was read.
    let newer = deps.keys.renewed(now, deadline).await?;
    // A large POST may leave no time to judge it twice: what the first keys admit is stored, and the rest comes again.
    if sort_until.left().is_zero() {
        let mut intake = intake;
        intake.leave_unsorted();
        return Ok(Sorted {
            intake,
            undecided: Undecided::default(),
            keys,
        });
    }
    let mut intake = Intake::sort(collection, &newer.document, now, sort_until);
    let undecided = intake.leave_undecided(newer.is_conclusive);
    Ok(Sorted {
        intake,
        undecided,
        keys: newer.document,
    })
}

async fn store<S, Q: Queue>(
    sender: &Sender<'_>,
    intake: &Intake<'_>,
    deps: &Deps<S, Q>,
    now: Timestamp,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> StatusCode {
    let receipts = sender.send(&intake.items, &deps.queues, deadline).await;
    report::count_stored(&receipts, now, metrics);
    if receipts.lost == 0 {
        return StatusCode::ACCEPTED;
    }
    let items = receipts.lost;
    let named = receipts.losers.iter();
    let named: Vec<String> = named
        .map(|(tenant, name)| format!("{name} of tenant {tenant}"))
        .collect();
    let subscriptions = named.join(", ");
    error!(
        items,
        subscriptions,
        "{items} admitted items were not stored, for the subscriptions {subscriptions}; answering 503 so that Graph retries"
    );
    StatusCode::SERVICE_UNAVAILABLE
}

/// Returns whether the notification URL asks for the content of what changed. Anybody can write the flag into a URL: it
/// chooses a way, and whoever fetches looks into the configuration.
fn asks_for_content(query: &str) -> bool {
    query.split('&').any(|option| option == "f=1")
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
