//! The summary that a run stores for the next process.

use std::collections::BTreeMap;

use graph_core::subscription::{
    config::Config,
    plan::{CaughtUp, Missing, StoredState},
};
use graph_edge::telemetry::causes;
use jiff::Timestamp;
use tracing::warn;

use crate::{
    Deps,
    memory::{Known, lock},
    ports::{Documents, Ports},
};

/// Returns the stored summary; nothing if it cannot be read. A run without it does the same, but knows less about losses.
pub(super) async fn read<P: Ports>(deps: &Deps<P>) -> Option<StoredState> {
    match deps.documents.read_state().await {
        Ok(text) => Some(StoredState::parse(&text)),
        Err(error) => {
            warn!(
                error = causes(&*error),
                "StateParameter cannot be read, so a loss may be reported without its beginning, and changes may be read twice"
            );
            None
        }
    }
}

/// Stores what a run over everything with a mistaken configuration found out: its counts, and if `version` can be parsed,
/// the version, for the case that the next one cannot. The rest stays as another process may have written it meanwhile, so
/// it is read first.
pub(super) async fn keep<P: Ports>(deps: &Deps<P>, version: Option<&str>) {
    let Some(stored) = read(deps).await else {
        return;
    };
    let state = with_counts(deps, stored.clone());
    let state = match version {
        Some(version) => state.with_mistaken(version),
        None => state,
    };
    if state != stored {
        store(deps, state).await;
    }
}

/// Stores which subscriptions a run over everything at `now` found missing and could not create, and its counts.
pub(super) async fn write<P: Ports>(
    deps: &Deps<P>,
    stored: StoredState,
    config: &Config,
    version: &str,
    now: Timestamp,
) {
    let mut tenants: BTreeMap<String, Option<Missing>> = BTreeMap::new();
    for (name, tenant) in &config.tenants {
        let known = deps.memory.known(name, tenant, Known::default);
        let of_tenant = config
            .subscriptions
            .iter()
            .filter(|(_, entry)| entry.tenants.contains(name));
        let for_each = of_tenant.filter(|(_, entry)| entry.for_each.is_some());
        let missing = lock(&known)
            .history
            .missing(now, for_each.map(|(entry, _)| entry.as_str()));
        tenants.insert(name.clone(), missing);
    }
    // Read now: a batch of LifecycleQueue may have stored more since the run began.
    let caught_up = match read(deps).await {
        Some(latest) => latest.caught_up,
        None => stored.caught_up.clone(),
    };
    let mut state = stored.after(version, config, now, tenants);
    state.caught_up = caught_up;
    store(deps, with_counts(deps, state)).await;
}

fn with_counts<P: Ports>(deps: &Deps<P>, state: StoredState) -> StoredState {
    let failures = lock(&deps.memory.failures).to_text();
    match lock(&deps.memory.live).clone() {
        Some(live) => state.with_counts(live, failures),
        None => state,
    }
}

/// Returns which windows were ordered because Graph missed notifications.
pub(super) async fn caught_up<P: Ports>(deps: &Deps<P>) -> CaughtUp {
    read(deps).await.unwrap_or_default().caught_up
}

/// Stores which windows were ordered because Graph missed notifications.
pub(super) async fn add_caught_up<P: Ports>(deps: &Deps<P>, caught_up: &CaughtUp) {
    // Without the rest nothing is stored: it would be lost.
    let Some(mut state) = read(deps).await else {
        return;
    };
    state.caught_up.join(caught_up);
    store(deps, state).await;
}

async fn store<P: Ports>(deps: &Deps<P>, state: StoredState) {
    let text = state.into_text();
    if let Err(error) = deps.documents.write_state(&text).await {
        warn!(
            error = causes(&*error),
            "StateParameter cannot be written, so the next process may report a loss without its beginning"
        );
    }
}
