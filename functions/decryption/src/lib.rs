//! Decryption: checks the validation tokens of queued items, opens their content and delivers the events.
//!
//! Every item stands by itself. It is done only when its event is stored in DeliveryQueue, or, if it can never be
//! processed, when it is stored in FailedQueue with the reason; everything else is tried again by the queue.

mod item;
mod outcome;
mod report;
mod trust;

use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::FutureExt;
use graph_core::{
    cloud::Cloud,
    notification::{queued::QueuedItem, tokens::Authorities},
};
use graph_edge::{
    documents::{CachedDocument, Source},
    metrics::Metrics,
    signing_keys::{FetchDocument, SigningKeyCache},
    sqs::{Message, Queue},
};
use jiff::Timestamp;
use tracing::{info, warn};

use self::outcome::{Delivery, Facts, Failure, Obstacle, Outcome};
pub use self::trust::Trust;

/// What decryption works with.
pub struct Deps<S, F, Q> {
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

/// Processes a batch and returns exactly the messages to try again. What there is to count is on `metrics`.
///
/// A message without an id, which SQS never sends, is reported with an empty one: SQS then tries the whole batch again.
pub async fn handle<S: Source, F: FetchDocument, Q: Queue>(
    event: SqsEvent,
    deps: &Deps<S, F, Q>,
    now: Timestamp,
    metrics: &mut Metrics,
) -> SqsBatchResponse {
    let mut batch = Batch::default();
    for record in event.records {
        let body = record.body.as_deref().unwrap_or_default();
        // A panic is a defect in the handling of this one item; its neighbours go on.
        let outcome = AssertUnwindSafe(item::process(body, deps, now))
            .catch_unwind()
            .await;
        batch.add(record, outcome.unwrap_or(Outcome::Fail(Failure::Panicked)));
    }
    let (delivered, kept, forwarded) = tokio::join!(
        store(&deps.delivery_queue, &batch.deliver.messages),
        store(&deps.failed_queue, &batch.fail.messages),
        store(&deps.lifecycle_queue, &batch.forward.messages)
    );
    let delivered = batch.deliver.settle(&delivered, &mut batch.retry);
    let failed = batch.fail.settle(&kept, &mut batch.retry);
    batch.forward.settle(&forwarded, &mut batch.retry);
    report::count(&delivered, &failed, &batch.retry, now, metrics);
    report::log(&delivered, &failed, &batch.retry);
    let mut response = SqsBatchResponse::default();
    response.set_failures(batch.retry.into_iter().map(|(id, _)| id));
    response
}

/// The messages of a batch by what becomes of them.
#[derive(Default)]
struct Batch {
    deliver: Sendings<Facts>,
    fail: Sendings<Failure>,
    forward: Sendings<()>,
    retry: Vec<(String, Obstacle)>,
}

impl Batch {
    fn add(&mut self, record: SqsMessage, outcome: Outcome) {
        let id = record.message_id.unwrap_or_default();
        let body = record.body.unwrap_or_default();
        match outcome {
            Outcome::Deliver(Delivery { event, facts }) => {
                let message = Message::of_tenant(&facts.tenant_id, event);
                self.deliver.add(id, facts, message);
            }
            Outcome::Forward => {
                info!(
                    message.id = id,
                    "Message {id} is a lifecycle notification; it goes to LifecycleQueue"
                );
                self.forward.add(id, (), as_it_came(body));
            }
            Outcome::Fail(failure) => {
                report::log_failure(&id, &body, failure);
                let message = as_it_came(body).failed(failure.reason());
                self.fail.add(id, failure, message);
            }
            Outcome::Retry(obstacle) => {
                report::log_obstacle(&id, &body, obstacle);
                self.retry.push((id, obstacle));
            }
        }
    }
}

/// Returns a message with the body of the one that came, for the same tenant, if it says for which.
fn as_it_came(body: String) -> Message {
    let tenant_id = QueuedItem::parse(&body)
        .ok()
        .map(|queued| queued.tenant_id.into_owned());
    match tenant_id {
        Some(tenant_id) => Message::of_tenant(&tenant_id, body),
        None => Message::of_nobody(body),
    }
}

/// Messages on their way to one queue, with the ids of those that they come from and a note on each.
struct Sendings<T> {
    notes: Vec<(String, T)>,
    messages: Vec<Message>,
}

impl<T> Default for Sendings<T> {
    fn default() -> Self {
        Self {
            notes: Vec::new(),
            messages: Vec::new(),
        }
    }
}

impl<T> Sendings<T> {
    fn add(&mut self, id: String, note: T, message: Message) {
        self.notes.push((id, note));
        self.messages.push(message);
    }

    /// Returns the notes on those that are stored, and puts the ids of the others among the ones to try again.
    fn settle(&mut self, stored: &[bool], retry: &mut Vec<(String, Obstacle)>) -> Vec<T> {
        let mut settled = Vec::new();
        for ((id, note), stored) in self.notes.drain(..).zip(stored) {
            if *stored {
                settled.push(note);
            } else {
                warn!(message.id = id, obstacle = ?Obstacle::NotStored, "Message {id} is not stored");
                retry.push((id, Obstacle::NotStored));
            }
        }
        settled
    }
}

async fn store(queue: &impl Queue, messages: &[Message]) -> Vec<bool> {
    if messages.is_empty() {
        return Vec::new();
    }
    queue.send_all(messages).await.iter().map(Result::is_ok).collect()
}
