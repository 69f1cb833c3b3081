//! The summary that a run stores for the next process.

use std::{collections::BTreeMap, ops::RangeInclusive};

use graph_core::{
    application::Application,
    subscription::{
        config::{Config, Problem, Tenant},
        plan::{CaughtUp, Missing, StoredState},
    },
};
use graph_edge::{BoxError, deadline::Deadline, telemetry::causes};
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::config::ReadConfig;
use crate::{
    Deps,
    memory::{Counts, Known, lock},
    ports::{Documents, Ports, STATE_WITHIN, read_state},
    report::Report,
};

/// Returns the stored summary. A run without it does the same, but knows less about losses. Counts that it lacks are those
/// that this process has stored last.
pub(super) async fn read<P: Ports>(deps: &Deps<P>, report: &mut Report) -> StoredState {
    let stored = read_state(&deps.documents, Deadline::after(STATE_WITHIN)).await;
    let stored = stored.inspect_err(|error| {
        warn_unread(error);
        // Nobody but a person can have written it.
        report.note(error.is::<serde_json::Error>().then(|| {
            let message = format!(
                "cannot be parsed, so nothing is known of earlier runs: {}; if this stays, put an earlier version of the parameter \
                 back, or write {{}} into it",
                causes(&**error)
            );
            Problem::error("StateParameter", message)
        }));
    });
    let mut state = stored.map_or_else(|_| StoredState::unread(), |(state, _)| state);
    let mut counts = lock(&deps.memory.counts);
    if counts.at.is_some_and(|at| state.is_later_than(at)) {
        counts.left_over.clear();
    }
    state.live = state.live.or_else(|| counts.live.clone());
    state.failures = state.failures.or_else(|| counts.failures.clone());
    state
}

async fn stored<P: Ports>(deps: &Deps<P>, deadline: Deadline) -> Option<(StoredState, u64)> {
    let stored = read_state(&deps.documents, deadline).await;
    stored.inspect_err(warn_unread).ok()
}

fn warn_unread(error: &BoxError) {
    warn!(
        error = causes(&**error),
        "StateParameter cannot be read, so a loss may be reported without its beginning, and changes may be read twice"
    );
}

/// Stores what a run over everything at `now` has found out.
pub(super) async fn store<P: Ports>(
    deps: &Deps<P>,
    stored: StoredState,
    read: &ReadConfig,
    counts: &Counts,
    unseen: Vec<Application>,
    now: Timestamp,
    deadline: Deadline,
) {
    let ReadConfig {
        config,
        version_id: version,
        current_id,
        needed,
        ..
    } = read;
    *lock(&deps.memory.counts) = counts.clone();
    let unsettled: Vec<&str> = unsettled(deps, &stored, read).collect();
    let missing = config.whole.then(|| missing(deps, config, now));
    let change = |latest: StoredState| {
        let mut state = match &missing {
            Some(missing) => {
                let mut state = stored.clone().after(version, config, now, missing.clone());
                (state.caught_up, state.processes) = (latest.caught_up, latest.processes);
                state
            }
            None => latest,
        };
        if missing.is_some() || version == current_id {
            state.set_unsettled(unsettled.iter().copied());
        }
        if missing.is_none() && version == current_id {
            // The version can be parsed: for the case that the next one cannot.
            state.mistaken = Some(version.clone());
        }
        // As long as they are not known, those before stay.
        if let Some(needed) = needed {
            state.set_needed(needed);
        }
        (state.live, state.failures) = (counts.live.clone(), counts.failures.clone());
        state.set_left_over(&counts.left_over);
        state.set_unseen(unseen.iter().copied());
        state
    };
    // Read now: a batch of LifecycleQueue may have stored more since the run began.
    match self::stored(deps, deadline).await {
        Some(latest) => {
            update(deps, latest, change, deadline).await;
        }
        None if config.whole => {
            write_text(deps, change(stored.clone()), deadline).await;
        }
        // The rest stays as another process may have written it meanwhile.
        None => {}
    }
}

/// Returns which subscriptions a run over everything at `now` found missing and could not create, by tenant.
fn missing<P: Ports>(deps: &Deps<P>, config: &Config, now: Timestamp) -> BTreeMap<String, Option<Missing>> {
    let of = |(name, tenant): (&String, &Tenant)| {
        let known = deps.memory.known(name, tenant, Known::default);
        let entries = config.subscriptions.iter();
        let for_each = entries.filter(|(_, entry)| entry.tenants.contains(name) && entry.for_each.is_some());
        let for_each = for_each.map(|(entry, _)| entry.as_str());
        let missing = lock(&known).history.missing(now, for_each);
        (name.clone(), missing)
    };
    config.tenants.iter().map(of).collect()
}

/// Returns the tenants in which not all changes of this version of the configuration are made.
fn unsettled<'c, P: Ports>(
    deps: &Deps<P>,
    stored: &StoredState,
    read: &'c ReadConfig,
) -> impl Iterator<Item = &'c str> {
    let tenants = read.config.tenants.iter().filter(move |(name, tenant)| {
        let known = deps.memory.known(name, tenant, Known::default);
        let known = lock(&known);
        let changes = read.changes(name, known.seen.as_ref(), stored);
        // Without a stored version nobody knows what the brake has held.
        let is_unknown = known.seen.is_none() && stored.versions().next().is_none();
        is_unknown || changes.is_none_or(|changes| !changes.is_empty())
    });
    tenants.map(|(name, _)| name.as_str())
}

/// Returns which windows were ordered because Graph missed notifications.
pub(super) async fn caught_up<P: Ports>(deps: &Deps<P>, deadline: Deadline) -> CaughtUp {
    stored(deps, deadline).await.unwrap_or_default().0.caught_up
}

/// Stores which windows were ordered because Graph missed notifications.
pub(super) async fn add_caught_up<P: Ports>(deps: &Deps<P>, caught_up: &CaughtUp, deadline: Deadline) {
    // Without the rest nothing is stored: it would be lost.
    let Some(stored) = stored(deps, deadline).await else {
        return;
    };
    let change = |mut latest: StoredState| {
        latest.caught_up.join(caught_up);
        latest
    };
    update(deps, stored, change, deadline).await;
}

/// Announces that `process` uses Graph's limits, for the longest of the `times` from `now`, unless it is announced for one of
/// them. Returns whether it was announced before, and how many others are; nothing if not all of them can know it.
pub(crate) async fn announce<P: Ports>(
    deps: &Deps<P>,
    process: &str,
    times: RangeInclusive<SignedDuration>,
    now: Timestamp,
    deadline: Deadline,
) -> Option<(bool, usize)> {
    let stored = stored(deps, deadline).await?;
    let mut state = stored.0.clone();
    let (was_announced, _) = state.processes.at(process, now);
    let at = |time: &SignedDuration| now.saturating_add(*time).unwrap_or(now);
    let (least, until) = (at(times.start()), at(times.end()));
    if !state.processes.has(process, least, until) {
        let change = |mut latest: StoredState| {
            latest.processes.announce(process, until, now);
            latest
        };
        state = update(deps, stored, change, deadline).await?;
    }
    Some((was_announced, state.processes.at(process, now).1))
}

/// Stores a change of what is `stored`, and returns the new state, if it could be stored. What another process stored
/// meanwhile was overwritten, so it is changed and stored as well.
async fn update<P: Ports>(
    deps: &Deps<P>,
    (before, mut last): (StoredState, u64),
    change: impl Fn(StoredState) -> StoredState,
    deadline: Deadline,
) -> Option<StoredState> {
    let mut state = change(before.clone());
    if state == before {
        return Some(state);
    }
    for _ in 0..WRITES {
        let written = write_text(deps, state.clone(), deadline).await?;
        let overwritten = written.saturating_sub(1);
        if overwritten <= last {
            return Some(state);
        }
        last = written;
        let other = deps.documents.read_earlier_state(overwritten, deadline).await;
        match other.and_then(|other| Ok(StoredState::parse(&other.value)?)) {
            Ok(mut other) => {
                // The other process may have overwritten what this one has seen.
                other.join(&state);
                state = change(other);
            }
            Err(error) => {
                warn!(
                    error = causes(&*error),
                    "StateParameter version {overwritten} of another process is overwritten and cannot be read, so a loss may be reported twice or without its beginning"
                );
                return None;
            }
        }
    }
    warn!(
        "StateParameter is written by other processes all the time, so what one of them stored last is overwritten"
    );
    None
}

/// Returns the version that was written.
async fn write_text<P: Ports>(deps: &Deps<P>, state: StoredState, deadline: Deadline) -> Option<u64> {
    match deps.documents.write_state(&state.into_text(), deadline).await {
        Ok(version) => Some(version),
        Err(error) => {
            warn!(
                error = causes(&*error),
                "StateParameter cannot be written, so the next process may report a loss without its beginning"
            );
            None
        }
    }
}

/// How often a change is written, when other processes write at the same time.
const WRITES: usize = 3;
