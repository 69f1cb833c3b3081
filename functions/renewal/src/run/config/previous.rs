//! Earlier versions of the configuration: they keep existing subscriptions alive until a person corrects a mistake.

use graph_core::subscription::{
    config::{Config, Problem, Severity},
    plan::StoredState,
};
use graph_edge::{
    deadline::Deadline,
    secrets::{SecretError, Versioned},
    telemetry::causes,
};
use tracing::warn;

use super::ReadConfig;
use crate::{
    ports::{Documents, STATE_WITHIN},
    report::Report,
};

/// Replaces tenants that have mistakes by the last version of each that has none.
pub(super) async fn lend(documents: &impl Documents, config: &mut Config, report: &mut Report) {
    if config.refused_tenants.is_empty() {
        return;
    }
    for earlier in read(documents).await {
        config.lean_on(&earlier.config);
    }
    let lent = config.refused_tenants.iter();
    for name in lent.filter(|name| config.tenants.contains_key(*name)) {
        report.note([goes_on(format!("tenants.{name}"))]);
    }
}

/// Returns the last readable version in place of the document `current_id`, which cannot be parsed.
///
/// It is not what the person wants now, so nothing is deleted because of it.
pub(super) async fn instead(
    documents: &impl Documents,
    current_id: &str,
    report: &mut Report,
) -> Option<ReadConfig> {
    let mut earlier = read(documents).await.into_iter().next()?;
    earlier.config.whole = false;
    current_id.clone_into(&mut earlier.current_id);
    report.note([goes_on(String::new())]);
    Some(earlier)
}

fn goes_on(path: String) -> Problem {
    let message = "has a mistake: renewal uses an earlier version of ConfigSecret until you correct it, and deletes nothing";
    Problem {
        path,
        message: message.to_owned(),
        severity: Severity::Warning,
    }
}

/// Reads the earlier versions that can be parsed, the newest first: the one before the current one, and those that
/// runs over everything have used last. A person who corrects a mistake may make another one, so the one before may be
/// as bad as the current one.
pub(super) async fn read(documents: &impl Documents) -> Vec<ReadConfig> {
    let mut found = Vec::new();
    found.extend(parsed(documents.read_previous().await));
    let state = documents.read_state(Deadline::after(STATE_WITHIN)).await;
    for version_id in StoredState::parse(&state.unwrap_or_default().value).versions() {
        if found.iter().all(|one: &ReadConfig| one.version_id != version_id) {
            found.extend(parsed(documents.read_version(version_id).await));
        }
    }
    found
}

/// Parses an earlier version. A run can go on without it, so a failure is only logged.
fn parsed(version: Result<Option<Versioned>, SecretError>) -> Option<ReadConfig> {
    let version = version
        .inspect_err(|error| {
            warn!(
                error = causes(error),
                "Earlier version of ConfigSecret cannot be read"
            );
        })
        .ok()??;
    let (config, _) = Config::parse(version.text.expose()).ok()?;
    Some(ReadConfig {
        config,
        current_id: version.version_id.clone(),
        version_id: version.version_id,
    })
}
