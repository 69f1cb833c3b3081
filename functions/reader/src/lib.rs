//! Reader: reads what notifications were lost, and what they do not carry, and delivers it as ordinary events.
//!
//! A message of `ReadQueue` is a window of time of one subscription, or an item to fetch. Neither is trusted: the seal of
//! both must hold, a window must match the configuration, and the client state of an item must hold. A window that is not
//! read to its end in one turn continues as a new message, so that nobody waits behind a long reading.

mod batch;
mod complete;
mod item;
pub mod ports;
mod window;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures_util::{StreamExt, stream};
use graph_core::{
    models::ResourcePath,
    notification::{client_state::ClientStateKeys, queued::VerifiedItem},
    read::{self, Limit, Limiter, Window},
    subscription::config::{Config, Entry, Tenant},
};
use graph_edge::{
    clock::Clock,
    deadline::Deadline,
    documents::{CachedDocument, NoDocument},
    metrics::{Metric, Metrics},
    secrets::Source,
    sqs::{Message, Queue},
};
use tracing::error;

pub use self::complete::CompleteWindows;
use self::{
    batch::{Batch, Record, Work},
    ports::Reads,
    window::Turn,
};

/// What reader works with.
pub struct Deps<S, R, C, Q> {
    /// The configuration.
    pub config: CachedDocument<S, Config>,
    /// The keys that client states are verified with.
    pub client_states: CachedDocument<S, ClientStateKeys>,
    /// Microsoft Graph.
    pub graph: R,
    /// The time.
    pub clock: C,
    /// Where events go.
    pub delivery_queue: Q,
    /// Where messages go of which nothing can be made.
    pub failed_queue: Q,
    /// Where the rest of a reading goes.
    pub read_queue: Q,
    /// What was asked of Microsoft Graph of late.
    pub limiter: Mutex<Limiter>,
    /// What was read to its end.
    pub complete: CompleteWindows,
    /// How often the queue hands a message over.
    pub tries: u32,
}

/// Something is in the way of a message at present: the queue hands it over again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Microsoft Graph or Microsoft Entra is not up to it.
    GraphUnavailable,
    /// A queue did not take what was made of the message.
    NotStored,
    /// `ClientStateSecret` holds no key that a window could be sealed with.
    NoClientStateKeys,
    /// The invocation ended before its turn came.
    OutOfTime,
}

/// Processes a batch by `deadline` and returns exactly the messages to try again. What there is to count is on `metrics`.
pub async fn handle<S: Source, R: Reads + Sync, C: Clock + Sync, Q: Queue>(
    event: SqsEvent,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> SqsBatchResponse {
    let records: Vec<Record> = event.records.into_iter().map(Record::from).collect();
    let batch = Batch::sort(&records, deps, deps.clock.now(), deadline).await;
    let mut retried = batch::refuse(&batch.refused, deps, deadline, metrics).await;
    retried.extend(batch.retried);
    if let Ok(config) = deps.config_for(&batch.items, deadline).await {
        // Items are live notifications, so they do not wait for windows.
        let (results, not_taken) = futures_util::join!(
            read_windows(batch.windows, &config, deps, deadline),
            item::take_all(batch.items, &config, deps, deadline, metrics)
        );
        for (work, result) in results {
            match result {
                Ok(turn) => turn.add_to(metrics),
                Err(_) => retried.extend(work.ids),
            }
        }
        retried.extend(not_taken);
    } else {
        error!(
            "ConfigSecret has no readable configuration, so nothing can be read from Graph; \
             ReadQueue hands the messages over again"
        );
        retried.extend(batch.windows.into_iter().flat_map(|work| work.ids));
        retried.extend(batch.items.into_iter().map(|(record, _)| record.id.clone()));
    }
    metrics.count(Metric::ReadRetried, retried.len());
    let mut response = SqsBatchResponse::default();
    response.set_failures(retried);
    response
}

/// Reads windows, several at once, and returns what each turn came to.
async fn read_windows<S: Source, R: Reads + Sync, C: Clock + Sync, Q: Queue>(
    windows: Vec<Work>,
    config: &Config,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
) -> Vec<(Work, Result<Turn, Obstacle>)> {
    let lanes = Batch::lanes(windows).into_iter().map(async |lane| {
        let mut results = Vec::with_capacity(lane.len());
        for work in lane {
            let result = window::take_turn(&work, config, deps, deadline).await;
            results.push((work, result));
        }
        results
    });
    let results = stream::iter(lanes.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
    results.collect::<Vec<_>>().await.into_iter().flatten().collect()
}

impl<S: Source, R: Reads, C: Clock, Q: Queue> Deps<S, R, C, Q> {
    /// Returns the configuration; read again where it lacks the entry of an item, which a person may just have added.
    async fn config_for(
        &self,
        items: &[(&Record, VerifiedItem<'_>)],
        deadline: Deadline,
    ) -> Result<Arc<Config>, NoDocument> {
        let now = self.clock.now();
        let config = self.config.current(now, deadline).await?;
        let is_known = |item: &VerifiedItem<'_>| {
            let proven = item.proven();
            read::configured(&config, &proven.subscription, proven.application).is_some()
        };
        if items.iter().all(|(_, item)| is_known(item)) {
            return Ok(config);
        }
        Ok(self.config.renewed(now, deadline).await?.document)
    }
}

impl<S, R: Reads, C: Clock, Q: Queue> Deps<S, R, C, Q> {
    /// Takes room for a read of `path`, waiting for as long as there is time; returns how long it takes where that is
    /// longer.
    pub(crate) async fn room(
        &self,
        limit: Limit,
        tenant: &Tenant,
        path: &ResourcePath,
        deadline: Deadline,
    ) -> Result<(), Duration> {
        loop {
            let taken = self
                .limiter()
                .take(limit, tenant.application, path, self.clock.now());
            match taken {
                Ok(()) => return Ok(()),
                Err(wait) if wait >= deadline.left() => return Err(wait),
                Err(wait) => self.clock.sleep(wait).await,
            }
        }
    }

    /// Makes no read of `path` for `wait`, as Microsoft Graph has asked.
    pub(crate) fn close(&self, limit: Limit, tenant: &Tenant, path: &ResourcePath, wait: Duration) {
        self.limiter()
            .close(limit, tenant.application, path, wait, self.clock.now());
    }

    fn limiter(&self) -> std::sync::MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores messages in a queue.
    pub(crate) async fn store(
        &self,
        queue: &Q,
        messages: Vec<Message>,
        deadline: Deadline,
    ) -> Result<(), Obstacle> {
        if messages.is_empty() {
            return Ok(());
        }
        let messages = messages.into_iter().map(|message| ((), message)).collect();
        let sent = queue.send(messages, deadline).await;
        if sent.lost.is_empty() {
            Ok(())
        } else {
            Err(Obstacle::NotStored)
        }
    }
}

impl<S: Source, R: Reads, C: Clock, Q: Queue> Deps<S, R, C, Q> {
    /// Puts windows into `ReadQueue`, each kept back for `wait`.
    pub(crate) async fn order(
        &self,
        windows: impl IntoIterator<Item = Window>,
        wait: Duration,
        deadline: Deadline,
    ) -> Result<(), Obstacle> {
        let mut messages = Vec::new();
        for window in windows {
            let body = self.sealed(&window, deadline).await?;
            messages.push(Message::of_window(&window.owner(), body).delayed(wait));
        }
        self.store(&self.read_queue, messages, deadline).await
    }

    /// Returns the message of a window.
    pub(crate) async fn sealed(&self, window: &Window, deadline: Deadline) -> Result<String, Obstacle> {
        let now = self.clock.now();
        let keys = self.client_states.current(now, deadline).await;
        let keys = keys.map_err(|_| Obstacle::NoClientStateKeys)?;
        window
            .to_body(&keys, now)
            .map_err(|_| Obstacle::NoClientStateKeys)
    }
}

/// Returns whether events of the entry carry what the list shows of an item.
fn carries_content(entry: &Entry) -> bool {
    entry.include_resource_data || entry.options.fetch_content
}

/// How many windows are read at once. A page has 8 MiB at the most, and usually a hundredth of that.
const AT_ONCE: usize = 8;
