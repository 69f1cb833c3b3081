//! The summary that a run stores for the next process.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use graph_core::{
    application::Application,
    subscription::{
        config::{Config, Problem, Tenant},
        plan::{CaughtUp, Missing, SettledVersions, StoredState, UnreadRemovals},
    },
};
use graph_edge::{BoxError, deadline::Deadline, telemetry::causes};
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::{Run, config::ReadConfig};
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
    state.settled = state.settled.or_later(&counts.settled);
    state
}

async fn stored<P: Ports>(deps: &Deps<P>, deadline: Deadline) -> Result<(StoredState, u64), BoxError> {
    let stored = read_state(&deps.documents, deadline).await;
    stored.inspect_err(warn_unread)
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
    run: &Run,
    stored: StoredState,
    read: &ReadConfig,
    counts: &Counts,
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
    let settled = run.tenants.iter().filter(|tenant| tenant.has_settled);
    let settled = settled.map(|tenant| tenant.line.tenant.as_str()).collect();
    *lock(&deps.memory.counts) = Counts {
        settled: after(read, &settled, &stored.settled, now),
        ..counts.clone()
    };
    let missing = config.whole.then(|| missing(deps, config, now));
    let absent = absent(deps, config);
    let change = |latest: StoredState| {
        // A summary that could not be read when the run began may be readable now.
        let before = [&stored.settled, &latest.settled]
            .into_iter()
            .find(|one| one.is_known());
        let settled = after(read, &settled, before.unwrap_or(&stored.settled), now);
        let settled = settled.or_later(&latest.settled);
        let mut state = match &missing {
            Some(missing) => latest.after(version, config, now, missing.clone()),
            None => latest,
        };
        state.settled = settled;
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
        state.set_absent(
            absent
                .iter()
                .map(|(tenant, name)| (tenant.as_str(), name.as_str())),
        );
        let unseen = run.tenants.iter().filter(|tenant| tenant.is_unseen);
        state.set_unseen(unseen.map(|tenant| tenant.application));
        let held = run.tenants.iter().filter(|tenant| tenant.held > 0);
        state.set_held(held.map(|tenant| tenant.line.tenant.as_str()));
        state
    };
    // Read now: a batch of LifecycleQueue may have stored more since the run began.
    match self::stored(deps, deadline).await {
        Ok(latest) => {
            update(deps, latest, change, deadline).await;
        }
        // A process that knows nothing would wipe out which edits still have to be made, unless nobody can read that any more.
        Err(error) if config.whole && (stored.settled.is_known() || error.is::<serde_json::Error>()) => {
            write_text(deps, change(stored.clone()), deadline).await;
        }
        // The rest stays as another process may have written it meanwhile.
        Err(_) => {}
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

/// Returns the subscriptions, by tenant and name, whose objects a list lacks.
fn absent<P: Ports>(deps: &Deps<P>, config: &Config) -> Vec<(String, String)> {
    let of = |(tenant, login): (&String, &Tenant)| {
        let known = deps.memory.known(tenant, login, Known::default);
        let known = lock(&known);
        let names = known
            .absences
            .names()
            .map(|name| (tenant.clone(), name.to_owned()));
        names.collect::<Vec<_>>()
    };
    config.tenants.iter().flat_map(of).collect()
}

/// Returns the versions that tenants have settled after a run, and those `before` it of the tenants that have not `settled` this
/// one.
fn after(
    read: &ReadConfig,
    settled: &BTreeSet<&str>,
    before: &SettledVersions,
    now: Timestamp,
) -> SettledVersions {
    if read.version_id != read.current_id {
        return before.clone();
    }
    let versions = read.config.tenants.keys().map(|tenant| {
        let has_edits = || read.edits(tenant, before).is_none_or(|edits| !edits.is_empty());
        let is_settled = settled.contains(tenant.as_str()) || !has_edits();
        let version = if is_settled {
            Some(read.version_id.as_str())
        } else {
            before.of(tenant)
        };
        (tenant.as_str(), version)
    });
    SettledVersions::new(now, versions)
}

/// Returns which windows were ordered because Graph missed notifications.
pub(super) async fn caught_up<P: Ports>(deps: &Deps<P>, deadline: Deadline) -> CaughtUp {
    stored(deps, deadline).await.unwrap_or_default().0.caught_up
}

/// Stores which windows were ordered because Graph missed notifications.
pub(super) async fn add_caught_up<P: Ports>(deps: &Deps<P>, caught_up: &CaughtUp, deadline: Deadline) {
    // Without the rest nothing is stored: it would be lost.
    let Ok(stored) = stored(deps, deadline).await else {
        return;
    };
    let change = |mut latest: StoredState| {
        latest.caught_up.join(caught_up);
        latest
    };
    update(deps, stored, change, deadline).await;
}

/// Returns which removed subscriptions still have to be read.
pub(crate) async fn unread_removals<P: Ports>(deps: &Deps<P>, deadline: Deadline) -> UnreadRemovals {
    stored(deps, deadline).await.unwrap_or_default().0.unread_removals
}

/// Stores of removed subscriptions, by owner and id, whether they still have to be read.
pub(crate) async fn set_unread_removals<P: Ports>(
    deps: &Deps<P>,
    removals: &[(Application, &str, bool)],
    deadline: Deadline,
) {
    let Ok(stored) = stored(deps, deadline).await else {
        return;
    };
    let change = |mut latest: StoredState| {
        for (owner, id, is_unread) in removals {
            latest.unread_removals.set(*owner, id, *is_unread);
        }
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
    let stored = stored(deps, deadline).await.ok()?;
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
