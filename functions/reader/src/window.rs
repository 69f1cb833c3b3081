//! One turn of reading a window.

use std::time::Duration;

use graph_core::{
    read::{self, Change, Completed, Limit, Page, Parts, Plan, Reading, Shortfall, Turned, Window},
    subscription::config::{Config, Entry, Tenant},
};
use graph_edge::{
    clock::Clock,
    deadline::Deadline,
    documents::FLOOR,
    graph::ReadAnswer,
    metrics::{Metric, Metrics},
    secrets::Source,
    sqs::{Message, Queue, Reason},
};
use tracing::{error, info, warn};

use crate::{Deps, Obstacle, batch::Work, carries_content, ports::Reads};

/// What a turn came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    events: usize,
    complete: usize,
    incomplete: usize,
    /// Why windows are kept in FailedQueue.
    failed: Vec<Reason>,
}

impl Turn {
    pub(crate) fn add_to(&self, metrics: &mut Metrics) {
        metrics.count(Metric::CaughtUp, self.events);
        metrics.count(Metric::WindowsComplete, self.complete);
        metrics.count(Metric::WindowsIncomplete, self.incomplete);
        for reason in &self.failed {
            reason.count(1, metrics);
        }
    }
}

/// Reads a window for one turn: to its end, or as far as time and Microsoft Graph allow.
///
/// # Errors
///
/// Returns what is in the way; the queue hands the message over again.
pub(crate) async fn take_turn<S: Source, R: Reads + Sync, C: Clock + Sync, Q: Queue>(
    work: &Work,
    config: &Config,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
) -> Result<Turn, Obstacle> {
    let deadline = deadline.less(STORE_WITHIN);
    let window = &work.window;
    // A person may have added the entry since the configuration was read, and renewal may have acted on it at once.
    let renewed = match window.configured(config) {
        Some(_) => None,
        None => deps.config.renewed(deps.clock.now(), deadline).await.ok(),
    };
    let config = renewed.as_ref().map_or(config, |renewed| &renewed.document);
    let Some((entry, tenant)) = window.configured(config) else {
        if renewed.is_some_and(|renewed| renewed.read_at >= window.until) {
            return refuse(window, deps, deadline).await;
        }
        return put_back(window.clone(), FLOOR.unsigned_abs(), deps, deadline).await;
    };
    if deadline.left() < STORE_WITHIN {
        return Err(Obstacle::OutOfTime);
    }
    let content = carries_content(entry);
    let turn = async {
        let window = deps.complete.shorten(window.clone());
        match Plan::of(window, entry, tenant, content, deps.clock.now()) {
            Plan::Nothing(completed) => complete(*completed, deps, deadline).await,
            Plan::Split(parts) => split(*parts, entry, tenant, deps, deadline).await,
            Plan::Read(reading) => read(*reading, entry, tenant, deps, deadline).await,
        }
    };
    let obstacle = match deadline.within(turn).await {
        Ok(Ok(turn)) => return Ok(turn),
        Ok(Err(obstacle)) => obstacle,
        Err(_) => Obstacle::OutOfTime,
    };
    warn!(
        subscription = window.subscription,
        ?obstacle,
        tried = work.tried,
        "Subscription {} cannot be read now ({obstacle:?}); ReadQueue hands the window over again",
        window.subscription
    );
    if work.tried < deps.tries {
        return Err(obstacle);
    }
    give_up(window, deps, deadline).await
}

/// Reads page after page until the end, or until the turn is over; then the rest goes on as a message.
async fn read<S: Source, R: Reads + Sync, C: Clock + Sync, Q: Queue>(
    mut reading: Reading,
    entry: &Entry,
    tenant: &Tenant,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
) -> Result<Turn, Obstacle> {
    let turn_ends = deadline.at_most(TURN);
    let mut turn = Turn::default();
    while let Some(request) = reading.request() {
        if turn_ends.left().is_zero() {
            return go_on(reading, turn, Duration::ZERO, deps, deadline).await;
        }
        let (limit, path) = (reading.limit(), reading.resource().clone());
        if let Err(wait) = deps.room(limit, tenant, &path, turn_ends).await {
            return go_on(reading, turn, wait, deps, deadline).await;
        }
        match deps
            .graph
            .read(tenant, &request, entry.options.immutable_ids)
            .await
        {
            ReadAnswer::Body(body) => match Page::parse(&body) {
                Ok(page) => turn.events += deliver(&mut reading, &page, entry, deps, deadline).await?,
                Err(error) => {
                    turn.failed
                        .push(keep(reading.window(), Reason::OddAnswer, deps, deadline).await?);
                    error!(subscription = reading.window().subscription, %error, "Subscription {}: {error}", reading.window().subscription);
                    reading.end(Shortfall::OddAnswer);
                }
            },
            ReadAnswer::TooLarge => _ = reading.too_large(),
            ReadAnswer::NotNow(wait) => {
                deps.close(limit, tenant, &path, wait);
                if reading.waits() == Turned::Again && wait >= turn_ends.left() {
                    return go_on(reading, turn, wait, deps, deadline).await;
                }
            }
            ReadAnswer::Refused(status) => {
                let is_known = matches!(status, 401 | 403 | 404 | 410);
                if reading.refused(status) == Turned::Over && !is_known {
                    turn.failed
                        .push(keep(reading.window(), Reason::ReadRefused, deps, deadline).await?);
                }
                warn!(
                    subscription = reading.window().subscription,
                    status,
                    "Microsoft Graph refused to list the resource of subscription {} ({status})",
                    reading.window().subscription
                );
            }
            ReadAnswer::Unavailable => return Err(Obstacle::GraphUnavailable),
        }
    }
    let end = complete(reading.completed(), deps, deadline).await?;
    Ok(Turn {
        events: turn.events,
        failed: turn.failed,
        ..end
    })
}

/// Delivers what a page shows and returns how many events that are.
async fn deliver<S: Source, R: Reads, C: Clock, Q: Queue>(
    reading: &mut Reading,
    page: &Page<'_>,
    entry: &Entry,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
) -> Result<usize, Obstacle> {
    let changes: Vec<Change<'_>> = reading.take(page);
    let mut events = Vec::with_capacity(changes.len());
    for change in &changes {
        match read::event(change, reading.window(), carries_content(entry)) {
            Ok(event) => events.push(Message::of_tenant(reading.window().application.tenant_id, event)),
            Err(_) => reading.falls_short(Shortfall::OddItem),
        }
    }
    let count = events.len();
    deps.store(&deps.delivery_queue, events, deadline).await?;
    Ok(count)
}

/// Makes a window of each part of a tenant-wide resource.
async fn split<S: Source, R: Reads + Sync, C: Clock + Sync, Q: Queue>(
    mut parts: Parts,
    entry: &Entry,
    tenant: &Tenant,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
) -> Result<Turn, Obstacle> {
    while let Some(request) = parts.request() {
        let Some(path) = parts.path() else {
            return complete(parts.completed(Some(Shortfall::OddAnswer)), deps, deadline).await;
        };
        let turn_ends = deadline.at_most(TURN);
        if let Err(wait) = deps.room(Limit::OTHER, tenant, &path, turn_ends).await {
            return match parts.waits() {
                Ok(window) => put_back(window, wait, deps, deadline).await,
                Err(completed) => complete(*completed, deps, deadline).await,
            };
        }
        let shortfall = match deps
            .graph
            .read(tenant, &request, entry.options.immutable_ids)
            .await
        {
            ReadAnswer::Body(body) => match Page::parse(&body) {
                Ok(page) => parts.take(&page).err(),
                Err(_) => Some(Shortfall::OddAnswer),
            },
            ReadAnswer::NotNow(wait) => {
                deps.close(Limit::OTHER, tenant, &path, wait);
                None
            }
            ReadAnswer::TooLarge => Some(Shortfall::OddAnswer),
            ReadAnswer::Refused(status) => Some(Shortfall::of(status)),
            ReadAnswer::Unavailable => return Err(Obstacle::GraphUnavailable),
        };
        if shortfall.is_some() {
            return complete(parts.completed(shortfall), deps, deadline).await;
        }
    }
    if parts.is_empty() {
        return complete(parts.completed(None), deps, deadline).await;
    }
    deps.order(parts.windows(), Duration::ZERO, deadline).await?;
    Ok(Turn::default())
}

/// Puts the rest of a reading into the queue, to go on no sooner than Microsoft Graph allows.
async fn go_on<S: Source, R: Reads, C: Clock, Q: Queue>(
    reading: Reading,
    turn: Turn,
    wait: Duration,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
) -> Result<Turn, Obstacle> {
    put_back(reading.rest(), wait, deps, deadline).await?;
    Ok(turn)
}

/// Puts a window into the queue, to be read after `wait`.
async fn put_back<S: Source, R: Reads, C: Clock, Q: Queue>(
    window: Window,
    wait: Duration,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
) -> Result<Turn, Obstacle> {
    deps.order([window], wait, deadline).await?;
    Ok(Turn::default())
}

/// Says what was read.
async fn complete<S, R: Reads, C: Clock, Q: Queue>(
    completed: Completed,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
) -> Result<Turn, Obstacle> {
    let window = &completed.window;
    let documents = completed.documents(deps.clock.now()).into_iter();
    let messages = documents.map(|event| Message::of_tenant(window.application.tenant_id, event.to_string()));
    deps.store(&deps.delivery_queue, messages.collect(), deadline)
        .await?;
    deps.complete.remember(&completed);
    let is_complete = completed.is_complete();
    info!(
        subscription = window.subscription,
        from = %window.from,
        until = %window.until,
        complete = is_complete,
        reason = completed.reason(),
        created = completed.counts.created,
        updated = completed.counts.updated,
        deleted = completed.counts.deleted,
        pages = completed.counts.pages,
        "Read subscription {} from {} until {}",
        window.subscription,
        window.from,
        window.until
    );
    let is_counted = window.gap.is_some();
    Ok(Turn {
        events: 0,
        complete: usize::from(is_counted && is_complete),
        incomplete: usize::from(is_counted && !is_complete),
        failed: Vec::new(),
    })
}

/// Ends a window after the last try, and says that it is not complete.
async fn give_up<S: Source, R: Reads, C: Clock, Q: Queue>(
    window: &Window,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
) -> Result<Turn, Obstacle> {
    let reason = keep(window, Reason::NotReady, deps, deadline).await?;
    let completed = Completed::given_up(window.clone(), Shortfall::NotReady);
    let end = complete(completed, deps, deadline).await?;
    Ok(Turn {
        failed: vec![reason],
        ..end
    })
}

/// Keeps a window that names what is not configured.
async fn refuse<S: Source, R: Reads, C: Clock, Q: Queue>(
    window: &Window,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
) -> Result<Turn, Obstacle> {
    let Window {
        subscription,
        resource,
        ..
    } = window;
    error!(
        subscription,
        resource,
        "A window in ReadQueue is for {resource} of subscription {subscription}, which ConfigSecret does not have; it goes to FailedQueue"
    );
    let reason = keep(window, Reason::NotConfigured, deps, deadline).await?;
    Ok(Turn {
        failed: vec![reason],
        ..Turn::default()
    })
}

/// Puts a window into FailedQueue.
async fn keep<S: Source, R: Reads, C: Clock, Q: Queue>(
    window: &Window,
    reason: Reason,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
) -> Result<Reason, Obstacle> {
    let body = deps.sealed(window, deadline).await?;
    let message = Message::of(&window.owner(), body).failed(reason);
    deps.store(&deps.failed_queue, vec![message], deadline).await?;
    Ok(reason)
}

/// How long a window is read in one turn.
const TURN: Duration = Duration::from_secs(20);

/// The least time that is left for storing.
const STORE_WITHIN: Duration = Duration::from_secs(5);
