//! Decryption: verifies queued items, checks their validation tokens, opens their content and delivers the events.
//!
//! Every item stands by itself. It is done only when its event is stored in DeliveryQueue, or, if it can never be
//! processed, when it is stored in FailedQueue with the reason; everything else is tried again by the queue.

mod batch;
mod item;
mod outcome;
mod report;
mod trust;

use std::{panic::AssertUnwindSafe, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures_util::FutureExt;
use graph_core::{
    cloud::Cloud,
    notification::{
        client_state::{ClientStateKeys, Proven},
        tokens::Authorities,
    },
};
use graph_edge::{
    deadline::{Deadline, Late},
    documents::CachedDocument,
    metrics::Metrics,
    secrets::Source,
    signing_keys::{FetchDocument, SigningKeyCache},
    sqs::Queue,
};
use jiff::Timestamp;

pub use self::trust::Trust;
use self::{
    batch::Batch,
    item::Turn,
    outcome::{Failure, Obstacle, Outcome},
};

/// The least time that is left for storing, however long the items take.
const STORE_WITHIN: Duration = Duration::from_secs(5);

/// What decryption works with.
pub struct Deps<S, F, Q> {
    /// The keys that client states are verified with.
    pub client_states: CachedDocument<S, ClientStateKeys>,
    /// The private keys, and who may send.
    pub trust: CachedDocument<S, Trust>,
    /// The keys that Microsoft signs validation tokens with.
    pub signing_keys: SigningKeysByCloud<F>,
    /// Where events go.
    pub delivery_queue: Q,
    /// Where items go that can never be processed.
    pub failed_queue: Q,
    /// Where items go that tell of the subscriptions themselves.
    pub lifecycle_queue: Q,
    /// Where windows to read and items to fetch go; nothing where the stack has no reader.
    pub read_queue: Option<Q>,
    /// How often the queue hands a message over.
    pub tries: u32,
}

/// The signing keys of every cloud, fetched for those that items come from.
pub struct SigningKeysByCloud<F> {
    global: SigningKeyCache<F>,
    usgov: SigningKeyCache<F>,
    usgov_dod: SigningKeyCache<F>,
    china: SigningKeyCache<F>,
}

impl<F: FetchDocument + Clone> SigningKeysByCloud<F> {
    /// Returns empty caches; `endpoint` is a base URL to call in place of each cloud's own.
    pub fn new(documents: &F, authorities: &Authorities, endpoint: Option<&str>) -> Self {
        let cache = |cloud| SigningKeyCache::new(documents.clone(), authorities.of(cloud), endpoint);
        Self {
            global: cache(Cloud::Global),
            usgov: cache(Cloud::Usgov),
            usgov_dod: cache(Cloud::UsgovDod),
            china: cache(Cloud::China),
        }
    }
}

impl<F> SigningKeysByCloud<F> {
    fn of(&self, cloud: Cloud) -> &SigningKeyCache<F> {
        match cloud {
            Cloud::Global => &self.global,
            Cloud::Usgov => &self.usgov,
            Cloud::UsgovDod => &self.usgov_dod,
            Cloud::China => &self.china,
        }
    }
}

/// Processes a batch by `deadline` and returns exactly the messages to try again. What there is to count is on `metrics`.
///
/// A message without an id, which SQS never sends, is reported with an empty one: SQS then tries the whole batch again.
pub async fn handle<S: Source, F: FetchDocument, Q: Queue>(
    event: SqsEvent,
    deps: &Deps<S, F, Q>,
    now: Timestamp,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> SqsBatchResponse {
    let mut batch = Batch::default();
    let turn = Turn {
        now,
        deadline: deadline.less(STORE_WITHIN),
    };
    for record in event.records {
        let mut owner = None;
        let body = record.body.as_deref().unwrap_or_default();
        let outcome = process(body, deps, turn, &mut owner).await;
        batch.add(record, outcome, owner.as_ref(), deps.tries);
    }
    let results = batch.store(deps, deadline).await;
    report::count(&results, now, metrics);
    report::log(&results);
    let mut response = SqsBatchResponse::default();
    response.set_failures(results.retried.into_iter().map(|(id, _)| id));
    response
}

/// Processes one message, if its turn comes in time.
async fn process<S: Source, F: FetchDocument, Q: Queue>(
    body: &str,
    deps: &Deps<S, F, Q>,
    turn: Turn,
    owner: &mut Option<Proven>,
) -> Outcome {
    if turn.deadline.left().is_zero() {
        return Outcome::Retry(Obstacle::OutOfTime);
    }
    // A panic is a defect in the handling of this one item; its neighbours go on.
    let outcome = AssertUnwindSafe(item::process(body, deps, turn, owner)).catch_unwind();
    match turn.deadline.within(outcome).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Outcome::Fail(Failure::Panicked),
        Err(Late) => Outcome::Retry(Obstacle::OutOfTime),
    }
}
