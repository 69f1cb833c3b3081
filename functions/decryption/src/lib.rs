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
    outcome::{Delivery, Failure, Obstacle, Undelivered},
};

/// The least time that is left for storing, however long the items take.
const STORE_WITHIN: Duration = Duration::from_secs(5);

/// The services that decryption uses: the real ones, or doubles.
pub trait Ports {
    /// ClientStateSecret and DecryptionSecret.
    type Secret: Source;
    /// The login services, which publish signing keys.
    type Documents: FetchDocument;
    /// The queues.
    type Queue: Queue;
}

/// The services and settings that decryption works with.
pub struct Deps<P: Ports> {
    /// The keys that client states are verified with.
    pub client_states: CachedDocument<P::Secret, ClientStateKeys>,
    /// The private keys, and the trusted applications.
    pub trust: CachedDocument<P::Secret, Trust>,
    /// The keys that Microsoft signs validation tokens with.
    pub signing_keys: SigningKeysByCloud<P::Documents>,
    /// The queue of events.
    pub delivery_queue: P::Queue,
    /// The queue of messages that cannot be processed.
    pub failed_queue: P::Queue,
    /// The queue of lifecycle notifications.
    pub lifecycle_queue: P::Queue,
    /// The queue of windows to read and of items to fetch; nothing if the stack has no reader.
    pub read_queue: Option<P::Queue>,
    /// How often NotificationQueue hands over a message.
    pub tries: u32,
}

/// The signing keys of every cloud. Those of a cloud are fetched when an item comes from it.
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

/// Processes a batch by `deadline`, returns the ids of the messages to retry, and counts the results in `metrics`.
///
/// A message without an id, which SQS never sends, is returned with an empty one: SQS then retries the whole batch.
pub async fn handle<P: Ports>(
    event: SqsEvent,
    deps: &Deps<P>,
    now: Timestamp,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> SqsBatchResponse {
    let mut batch = Batch::default();
    // What the first messages came to has to be stored, however long the last one hangs.
    let turn = Turn {
        deps,
        now,
        deadline: deadline.less(STORE_WITHIN),
    };
    for record in event.records {
        let mut owner = None;
        let body = record.body.as_deref().unwrap_or_default();
        let result = process(body, &turn, &mut owner).await;
        batch.add(record, result, owner.as_ref(), deps.tries);
    }
    // Stored together: SQS takes ten messages with one request.
    let results = batch.store(deps, deadline).await;
    report::count(&results, now, metrics);
    report::log(&results);
    let mut response = SqsBatchResponse::default();
    response.set_failures(results.retried.into_iter().map(|(id, _)| id));
    response
}

/// Processes one message, unless the time of the invocation is over.
async fn process<P: Ports>(
    body: &str,
    turn: &Turn<'_, P>,
    owner: &mut Option<Proven>,
) -> Result<Delivery, Undelivered> {
    if turn.deadline.left().is_zero() {
        // FailedQueue has to say whose it is, should this be its last try. With the keys at hand that takes no time.
        // Whatever comes of it: without an owner, it is kept without one.
        let _ = AssertUnwindSafe(turn.find_owner(body, owner))
            .catch_unwind()
            .await;
        return Err(Obstacle::OutOfTime.into());
    }
    // A panic is a defect that this message meets. Its neighbours are still processed.
    // Boxed, as the compiler gives up on futures of futures that are nested this deeply.
    let delivery = AssertUnwindSafe(Box::pin(turn.process(body, owner))).catch_unwind();
    match turn.deadline.within(delivery).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Failure::Panicked.into()),
        Err(Late) => Err(Obstacle::OutOfTime.into()),
    }
}
