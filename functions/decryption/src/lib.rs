//! Decryption: checks the validation tokens of queued items, opens their content and delivers the events.
//!
//! Every item stands by itself. It is done only when its event is stored in DeliveryQueue, or, if it can never be
//! processed, when it is stored in FailedQueue with the reason; everything else is tried again by the queue.

mod item;
mod outcome;
mod trust;

use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::FutureExt;
use graph_core::{config::Cloud, tokens::Authorities};
use graph_edge::{
    documents::{CachedDocument, Source},
    signing_keys::{FetchDocument, SigningKeyCache},
    sqs::{Message, Queue},
};
use jiff::Timestamp;
use tracing::{error, info, warn};

use self::outcome::{Failure, Obstacle, Outcome};
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

/// Processes a batch and returns exactly the messages to try again.
///
/// A message without an id, which SQS never sends, is reported with an empty one: SQS then tries the whole batch again.
pub async fn handle<S: Source, F: FetchDocument, Q: Queue>(
    event: SqsEvent,
    deps: &Deps<S, F, Q>,
    now: Timestamp,
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
    let (delivered, kept) = tokio::join!(
        store(&deps.delivery_queue, &batch.deliver.messages),
        store(&deps.failed_queue, &batch.fail.messages)
    );
    batch.deliver.settle(&delivered, &mut batch.retry);
    batch.fail.settle(&kept, &mut batch.retry);
    let (delivered, failed, retried) = (count(&delivered), count(&kept), batch.retry.len());
    info!(
        delivered,
        failed, retried, "Delivered {delivered}, failed {failed}, to be tried again {retried}"
    );
    let mut response = SqsBatchResponse::default();
    response.set_failures(batch.retry);
    response
}

/// The messages of a batch by what becomes of them.
#[derive(Default)]
struct Batch {
    deliver: Sendings,
    fail: Sendings,
    retry: Vec<String>,
}

impl Batch {
    fn add(&mut self, record: SqsMessage, outcome: Outcome) {
        let id = record.message_id.unwrap_or_default();
        match outcome {
            Outcome::Deliver(event) => self.deliver.add(id, event.into()),
            Outcome::Fail(failure) => {
                let reason = failure.reason();
                error!(
                    message.id = id,
                    reason,
                    ?failure,
                    "Message {id} can never be processed ({failure:?}); it goes to FailedQueue"
                );
                let message = Message {
                    body: record.body.unwrap_or_default(),
                    reason: Some(reason),
                };
                self.fail.add(id, message);
            }
            Outcome::Retry(obstacle) => {
                warn!(
                    message.id = id,
                    ?obstacle,
                    "Message {id} cannot be processed now ({obstacle:?})"
                );
                self.retry.push(id);
            }
        }
    }
}

/// Messages on their way to one queue, and the ids of those that they come from.
#[derive(Default)]
struct Sendings {
    ids: Vec<String>,
    messages: Vec<Message>,
}

impl Sendings {
    fn add(&mut self, id: String, message: Message) {
        self.ids.push(id);
        self.messages.push(message);
    }

    /// Puts the ids of those that are not stored among the ones to try again.
    fn settle(&mut self, stored: &[bool], retry: &mut Vec<String>) {
        for (id, stored) in self.ids.drain(..).zip(stored) {
            if !stored {
                warn!(message.id = id, obstacle = ?Obstacle::NotStored, "Message {id} is not stored");
                retry.push(id);
            }
        }
    }
}

async fn store(queue: &impl Queue, messages: &[Message]) -> Vec<bool> {
    if messages.is_empty() {
        return Vec::new();
    }
    queue.send_all(messages).await.iter().map(Result::is_ok).collect()
}

fn count(stored: &[bool]) -> usize {
    stored.iter().filter(|stored| **stored).count()
}
