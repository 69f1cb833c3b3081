//! Reader: reads lost changes and missing content from Microsoft Graph, and delivers both as ordinary events.
//!
//! A message of `ReadQueue` is a window of time of one subscription, or an item to fetch. Neither is trusted: the seal of
//! both must hold, a window must match the configuration, and the client state of an item must hold. A window that is not
//! read to its end in one turn continues as a new message, so that no other message waits for a long window.

mod batch;
mod complete;
mod deps;
mod drives;
mod item;
pub mod ports;
mod window;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures_util::{StreamExt, stream};
use graph_core::{
    application::Application, notification::queued::VerifiedItem, subscription::config::Config,
};
use graph_edge::{
    clock::Clock,
    deadline::Deadline,
    documents::NoDocument,
    metrics::{Metric, Metrics},
};
use tracing::{error, warn};

pub use self::deps::{Deps, Memory};
use self::{
    batch::{Batch, Record, Unprocessed, WindowTask},
    deps::Obstacle,
    ports::Ports,
    window::{STORE_WITHIN, TurnResult},
};

/// Processes a batch by `deadline` and returns exactly the messages to try again. Counts go to `metrics`.
pub async fn handle<P: Ports>(
    event: SqsEvent,
    deps: &Deps<P>,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> SqsBatchResponse {
    let records: Vec<Record> = event.records.into_iter().map(Record::from).collect();
    let batch = Batch::sort(&records, deps, deps.clock.now(), deadline).await;
    // What another queue does not store until then, FailedQueue has to store, if ReadQueue does not hand it over again.
    let until = deadline.less(KEEP_WITHIN);
    let mut unfinished = batch::reject(&batch.rejected, deps, until, metrics).await;
    unfinished.extend(batch.unfinished);
    if let Ok(config) = config_for(deps, &batch.items, deadline).await {
        // Items are live notifications, so they do not wait for windows.
        let (results, lost) = futures_util::join!(
            read_windows(batch.windows, &config, deps, until),
            item::fetch_and_deliver(&batch.items, &config, deps, until, metrics)
        );
        let mut obstacles: BTreeMap<(Application, Obstacle), Vec<String>> = BTreeMap::new();
        for (task, turn) in results {
            turn.add_to(metrics);
            let Some(obstacle) = turn.obstacle else { continue };
            metrics.count(
                Metric::ReadForbidden,
                usize::from(obstacle == Obstacle::NotSignedIn),
            );
            let names = obstacles.entry((task.window.application, obstacle));
            names.or_default().push(task.window.subscription);
            if turn.is_unfinished {
                unfinished.extend(Unprocessed::all(task.ids, obstacle));
            }
        }
        report(&obstacles, deps);
        unfinished.extend(lost);
    } else {
        error!(
            "ConfigSecret has no readable configuration, so nothing can be read from Microsoft Graph; SQS retries the messages"
        );
        let windows = batch.windows.into_iter().flat_map(|task| task.ids);
        let items = batch.items.into_iter().map(|(record, _)| record.id.clone());
        unfinished.extend(Unprocessed::all(windows.chain(items), Obstacle::NoConfiguration));
    }
    let retried = batch::keep_last(unfinished, &records, deps, deadline, metrics).await;
    metrics.count(Metric::ReadRetried, retried.len());
    let mut response = SqsBatchResponse::default();
    response.set_failures(retried);
    response
}

/// Logs that windows cannot be read: a line for an application, and none for each of its batches.
fn report<P: Ports>(obstacles: &BTreeMap<(Application, Obstacle), Vec<String>>, deps: &Deps<P>) {
    for ((application, obstacle), subscriptions) in obstacles {
        if !deps.is_line_due(obstacle.line(*application)) {
            continue;
        }
        let count = subscriptions.len();
        warn!(
            tenant.id = %application.tenant_id,
            ?subscriptions,
            %obstacle,
            "{count} windows of tenant {} cannot be read now: {obstacle}; SQS retries them",
            application.tenant_id
        );
    }
}

/// Reads windows, several at once, for the time of one turn, and returns the result of each. A batch ends with its slowest
/// window, and other tenants' items wait for the next one: what has not begun by then continues as a new message.
async fn read_windows<P: Ports>(
    windows: Vec<WindowTask>,
    config: &Config,
    deps: &Deps<P>,
    deadline: Deadline,
) -> Vec<(WindowTask, TurnResult)> {
    // A window needs time to store what it has read, and to say that it is given up.
    let turn_ends = deadline.less(2 * STORE_WITHIN).at_most(TURN);
    let lanes = batch::by_mailbox(windows, WindowTask::mailbox).into_iter();
    let lanes = lanes.map(async |lane| {
        let mut results = Vec::with_capacity(lane.len());
        for task in lane {
            // What was put back has all its tries again.
            let result = if turn_ends.left().is_zero() && !task.is_last_try {
                window::put_back(&task, deps, deadline).await
            } else {
                window::take_turn(&task, config, deps, turn_ends, deadline).await
            };
            results.push((task, result));
        }
        results
    });
    let results = stream::iter(lanes.collect::<Vec<_>>()).buffer_unordered(CONCURRENT_WINDOWS);
    results.collect::<Vec<_>>().await.into_iter().flatten().collect()
}

/// Returns the configuration; read again where it disagrees with an item, as a person may just have changed the entry.
async fn config_for<P: Ports>(
    deps: &Deps<P>,
    items: &[(&Record, VerifiedItem<'_>)],
    deadline: Deadline,
) -> Result<Arc<Config>, NoDocument> {
    let now = deps.clock.now();
    let config = deps.config.current(now, deadline).await?;
    if item::agree(items, &config, now) {
        return Ok(config);
    }
    let renewed = deps.config.renewed(now, deadline).await;
    Ok(renewed.map_or(config, |renewed| renewed.document))
}

/// How much time is left for FailedQueue when another queue hangs.
const KEEP_WITHIN: Duration = Duration::from_millis(1_500);

/// How long windows are read in one turn.
const TURN: Duration = Duration::from_secs(20);

/// How many windows are read at once.
const CONCURRENT_WINDOWS: usize = 8;
