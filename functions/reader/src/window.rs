//! One turn of reading a window.

mod list;

use std::time::Duration;

use graph_core::{
    read::{Completed, ContentSource, Plan, Shortfall, Window},
    subscription::config::Config,
};
use graph_edge::{
    clock::Clock,
    deadline::Deadline,
    documents::FLOOR,
    metrics::{Metric, Metrics},
    sqs::{Message, Reason},
};
use tracing::{error, info, warn};

use self::list::Turn;
use crate::{Deps, batch::WindowTask, deps::Obstacle, ports::Ports};

/// The result of a turn, up to the obstacle that has ended it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TurnResult {
    /// What has ended the turn before its time.
    pub(crate) obstacle: Option<Obstacle>,
    /// Whether SQS has to deliver the messages again.
    pub(crate) is_unfinished: bool,
    /// The window of what is left after the pages that were delivered.
    rest: Option<Window>,
    events: usize,
    complete: usize,
    incomplete: usize,
    /// How often Graph refused the application.
    forbidden: usize,
    /// Why windows are in FailedQueue.
    failed: Vec<Reason>,
}

impl TurnResult {
    /// Returns the result of a turn that has come to nothing.
    fn of(obstacle: Obstacle) -> Self {
        Self {
            obstacle: Some(obstacle),
            is_unfinished: true,
            ..Self::default()
        }
    }

    pub(crate) fn add_to(&self, metrics: &mut Metrics) {
        metrics.count(Metric::CaughtUp, self.events);
        metrics.count(Metric::WindowsComplete, self.complete);
        metrics.count(Metric::WindowsIncomplete, self.incomplete);
        metrics.count(Metric::ReadForbidden, self.forbidden);
        for reason in &self.failed {
            reason.count(1, metrics);
        }
    }
}

/// Reads a window for one turn: to its end, or as far as time and Microsoft Graph allow. After an obstacle, SQS delivers the
/// message again, unless a part was delivered: then the rest continues as a new message.
pub(crate) async fn take_turn<P: Ports>(
    task: &WindowTask,
    config: &Config,
    deps: &Deps<P>,
    turn_ends: Deadline,
    deadline: Deadline,
) -> TurnResult {
    let window = &task.window;
    // What is left afterwards is for storing the rest, or the end of a window that is given up.
    let turn_deadline = deadline.less(STORE_WITHIN);
    let mut result = TurnResult::default();
    let turn = turn(window, config, deps, turn_ends, turn_deadline, &mut result);
    let obstacle = match turn_deadline.within(turn).await {
        Ok(Ok(())) => return result,
        Ok(Err(obstacle)) => obstacle,
        Err(_) => Obstacle::OutOfTime,
    };
    let (ended, met) = match result.rest.take() {
        // Read again from its beginning, its end would not count what was delivered before.
        Some(rest) => {
            let stored = deps.enqueue_windows([rest], PUT_BACK_FOR, deadline).await;
            (stored, Some(obstacle))
        }
        // FailedQueue and its line say what was in the way.
        None if task.is_last_try => {
            let given_up = give_up_last(window, obstacle, deps, deadline, &mut result).await;
            (given_up, None)
        }
        None => (Err(obstacle), Some(obstacle)),
    };
    result.is_unfinished = ended.is_err();
    result.obstacle = ended.err().or(met);
    result
}

/// Gives up a window that could not be read until its last try.
async fn give_up_last<P: Ports>(
    window: &Window,
    obstacle: Obstacle,
    deps: &Deps<P>,
    deadline: Deadline,
    result: &mut TurnResult,
) -> Result<(), Obstacle> {
    let (shortfall, reason) = match obstacle {
        Obstacle::NotSignedIn => (Shortfall::NotSignedIn, Reason::ReadRefused),
        Obstacle::GraphUnavailable
        | Obstacle::NotStored
        | Obstacle::NoConfiguration
        | Obstacle::NoClientStateKeys
        | Obstacle::OutOfTime => (Shortfall::NotReady, Reason::NotReady),
    };
    give_up(window, shortfall, reason, deps, deadline, result).await?;
    error!(
        subscription = window.subscription,
        %obstacle,
        "Subscription {} could not be read at the last try either: {obstacle}; its window is in FailedQueue",
        window.subscription
    );
    Ok(())
}

/// Puts a window back into `ReadQueue`, to be read in another batch.
pub(crate) async fn put_back<P: Ports>(task: &WindowTask, deps: &Deps<P>, deadline: Deadline) -> TurnResult {
    let windows = [task.window.clone()];
    let stored = deps.enqueue_windows(windows, Duration::ZERO, deadline).await;
    stored.map_or_else(TurnResult::of, |()| TurnResult::default())
}

async fn turn<P: Ports>(
    window: &Window,
    config: &Config,
    deps: &Deps<P>,
    turn_ends: Deadline,
    deadline: Deadline,
    result: &mut TurnResult,
) -> Result<(), Obstacle> {
    if deadline.left() < STORE_WITHIN {
        return Err(Obstacle::OutOfTime);
    }
    // A person may have added the entry since the configuration was read, and renewal may have acted on it at once.
    let renewed = match window.configured(config) {
        Some(_) => None,
        None => deps.config.renewed(deps.clock.now(), deadline).await.ok(),
    };
    let config = renewed.as_ref().map_or(config, |renewed| &renewed.document);
    let Some((entry, tenant)) = window.configured(config) else {
        let is_current = renewed.is_some_and(|renewed| renewed.read_at >= window.until);
        return without_entry(window, is_current, deps, deadline, result).await;
    };
    let turn = Turn {
        entry,
        tenant,
        deps,
        turn_ends,
        deadline,
    };
    let window = deps.memory.complete.skip_read_part(window.clone());
    match Plan::of(
        window,
        entry,
        tenant,
        ContentSource::of(entry) != ContentSource::None,
        deps.clock.now(),
    ) {
        Plan::Nothing(completed) => end(*completed, deps, deadline, result).await,
        Plan::Split(parts) => turn.split(*parts, result).await,
        Plan::Read(reading) => turn.read(*reading, result).await,
    }
}

/// Ends a window whose entry is not configured; while only an older configuration can be read, the window waits, for some
/// minutes at the most.
async fn without_entry<P: Ports>(
    window: &Window,
    is_current: bool,
    deps: &Deps<P>,
    deadline: Deadline,
    result: &mut TurnResult,
) -> Result<(), Obstacle> {
    let Window {
        subscription,
        resource,
        ..
    } = window;
    if is_current {
        let (shortfall, reason) = (Shortfall::NotConfigured, Reason::NotConfigured);
        give_up(window, shortfall, reason, deps, deadline, result).await?;
        error!(
            subscription,
            resource,
            "ConfigSecret does not have subscription {subscription} to {resource}, so its lost changes are not read; the window is in FailedQueue"
        );
        return Ok(());
    }
    let Some(again) = window.clone().waited(MAX_CONFIG_WAITS) else {
        let (shortfall, reason) = (Shortfall::NotReady, Reason::NotReady);
        give_up(window, shortfall, reason, deps, deadline, result).await?;
        error!(
            subscription,
            "ConfigSecret cannot be read again, and the last configuration does not have subscription {subscription}; its window is in FailedQueue. Look for the log line about ConfigSecret"
        );
        return Ok(());
    };
    let wait = FLOOR.unsigned_abs();
    warn!(
        subscription,
        seconds = wait.as_secs(),
        "The configuration at hand is older than the window of subscription {subscription} and does not have it; ConfigSecret is read again in {} s",
        wait.as_secs()
    );
    deps.enqueue_windows([again], wait, deadline).await
}

/// Returns the message of an event. Thousands that are caught up must not delay the tenant's live events in the same queue.
fn event_of(window: &Window, event: String) -> Message {
    let message = Message::of_tenant(window.application.tenant_id, event);
    match window.gap {
        Some(_) => message.grouped_with_windows(),
        None => message,
    }
}

/// Ends a window. Of one without a gap no event says that it could not be read, so it goes to FailedQueue.
async fn end<P: Ports>(
    completed: Completed,
    deps: &Deps<P>,
    deadline: Deadline,
    result: &mut TurnResult,
) -> Result<(), Obstacle> {
    let window = completed.window.clone();
    let is_told = window.gap.is_some() || !result.failed.is_empty();
    let reason = completed.shortfall.filter(|_| !is_told).and_then(reason_of);
    send_completed(completed, deps, deadline, result).await?;
    let Some(reason) = reason else { return Ok(()) };
    let kept = move_to_failed_queue(&window, reason, deps, deadline).await?;
    result.failed.push(kept);
    error!(
        subscription = window.subscription,
        reason = reason.name(),
        "The changed files of subscription {} could not be read; the window is in FailedQueue, with the reason {}",
        window.subscription,
        reason.name()
    );
    Ok(())
}

/// Returns why the window of a drive is in FailedQueue. What moved while the drive was read is in the window of the next
/// notification.
fn reason_of(shortfall: Shortfall) -> Option<Reason> {
    match shortfall {
        Shortfall::Shifted => None,
        Shortfall::NotReady | Shortfall::Clipped => Some(Reason::NotReady),
        Shortfall::NotConfigured => Some(Reason::NotConfigured),
        Shortfall::OddItem | Shortfall::OddAnswer | Shortfall::TooMuch => Some(Reason::OddAnswer),
        Shortfall::TooOld
        | Shortfall::NotReadable
        | Shortfall::Options
        | Shortfall::Delegated
        | Shortfall::Forbidden
        | Shortfall::NotFound
        | Shortfall::NotSignedIn
        | Shortfall::Refused => Some(Reason::ReadRefused),
    }
}

/// Delivers the events that say what was read.
async fn send_completed<P: Ports>(
    completed: Completed,
    deps: &Deps<P>,
    deadline: Deadline,
    result: &mut TurnResult,
) -> Result<(), Obstacle> {
    let window = &completed.window;
    let documents = completed.documents(deps.clock.now()).into_iter();
    let messages = documents.map(|event| event_of(window, event.to_string()));
    deps.store(&deps.delivery_queue, messages.collect(), deadline)
        .await?;
    deps.memory.complete.remember(&completed);
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
    result.complete += usize::from(is_counted && is_complete);
    result.incomplete += usize::from(is_counted && !is_complete);
    Ok(())
}

/// Ends a window that cannot be read: keeps it in FailedQueue, and says that it is not complete.
async fn give_up<P: Ports>(
    window: &Window,
    shortfall: Shortfall,
    reason: Reason,
    deps: &Deps<P>,
    deadline: Deadline,
    result: &mut TurnResult,
) -> Result<(), Obstacle> {
    let completed = Completed::given_up(window.clone(), shortfall);
    // First, so that a window whose end was not delivered is tried again, and is in FailedQueue only once.
    send_completed(completed, deps, deadline, result).await?;
    let kept = move_to_failed_queue(window, reason, deps, deadline).await?;
    result.failed.push(kept);
    Ok(())
}

/// Puts a window into FailedQueue.
async fn move_to_failed_queue<P: Ports>(
    window: &Window,
    reason: Reason,
    deps: &Deps<P>,
    deadline: Deadline,
) -> Result<Reason, Obstacle> {
    let body = deps.sealed(window, deadline).await?;
    let message = Message::of(&window.owner(), body).failed(reason);
    deps.store(&deps.failed_queue, vec![message], deadline).await?;
    Ok(reason)
}

/// The least time that is left for storing.
pub(crate) const STORE_WITHIN: Duration = Duration::from_secs(5);

/// How long the rest of a window waits whose turn an obstacle has ended.
const PUT_BACK_FOR: Duration = Duration::from_mins(1);

/// How often a window waits for a newer configuration: ten minutes.
const MAX_CONFIG_WAITS: u16 = 20;
