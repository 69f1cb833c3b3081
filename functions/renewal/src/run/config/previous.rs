//! Earlier versions of the configuration: they keep existing subscriptions alive until a person corrects a mistake.

use std::collections::BTreeSet;

use graph_core::{
    secrets::TrustedTenant,
    subscription::config::{Config, Problem},
};
use graph_edge::{
    deadline::Deadline,
    secrets::{SecretError, Versioned},
    telemetry::causes,
};
use tracing::warn;

use super::ReadConfig;
use crate::{
    ports::{Documents, STATE_WITHIN, read_state},
    report::Report,
};

/// The earlier versions of the configuration, read when they are needed.
pub(super) struct Earlier<'a, D> {
    documents: &'a D,
    versions: Option<Vec<ReadConfig>>,
    /// Whether a version that failed to be read may have what the others lack.
    pub(super) has_gap: bool,
}

impl<'a, D: Documents> Earlier<'a, D> {
    pub(super) fn new(documents: &'a D) -> Self {
        Self {
            documents,
            versions: None,
            has_gap: false,
        }
    }

    /// Returns the earlier versions that can be parsed, the newest first.
    pub(super) async fn versions(&mut self) -> &mut Vec<ReadConfig> {
        if self.versions.is_none() {
            let (versions, has_gap) = read(self.documents).await;
            (self.versions, self.has_gap) = (Some(versions), has_gap);
        }
        self.versions.get_or_insert_default()
    }
}

/// Replaces tenants that have mistakes by the last version of each that has none.
pub(super) async fn lend(
    earlier: &mut Earlier<'_, impl Documents>,
    config: &mut Config,
    report: &mut Report,
) {
    if config.refused_tenants.is_empty() {
        return;
    }
    for earlier in earlier.versions().await {
        config.lean_on(&earlier.config);
    }
    let lent = config.refused_tenants.iter();
    for name in lent.filter(|name| config.tenants.contains_key(*name)) {
        report.note([goes_on(format!("tenants.{name}"))]);
    }
}

/// Returns an earlier version in place of the document `current_id`, which cannot be parsed: the last one that was not
/// emptied.
///
/// It is not what the person wants now, so nothing is deleted because of it.
pub(super) async fn instead(
    earlier: &mut Earlier<'_, impl Documents>,
    current_id: String,
    trusted: Option<&BTreeSet<TrustedTenant>>,
    report: &mut Report,
) -> Option<ReadConfig> {
    let versions = earlier.versions().await;
    let is_full = |one: &ReadConfig| {
        trusted.is_none_or(|trusted| {
            let missing = one.config.missing(trusted).len();
            missing == 0 || !one.config.is_emptied(missing, trusted.len())
        })
    };
    // If each was emptied, the tenants of the older ones are kept all the same.
    let last = versions.iter().position(is_full).unwrap_or_default();
    if last >= versions.len() {
        return None;
    }
    let mut found = versions.remove(last);
    found.config.whole = false;
    found.current_id = current_id;
    report.note([goes_on(String::new())]);
    Some(found)
}

fn goes_on(path: String) -> Problem {
    let message = "has a mistake: renewal uses an earlier version of ConfigSecret until you correct it, and deletes nothing";
    Problem::warning(path, message)
}

/// Reads the earlier versions that can be parsed, the newest first: the one before the current one, and those that
/// runs over everything have used last. A person who corrects a mistake may make another one, so the one before may be
/// as bad as the current one. Returns as well whether one failed to be read.
async fn read(documents: &impl Documents) -> (Vec<ReadConfig>, bool) {
    let mut found = Vec::new();
    let previous = readable(documents.read_previous().await);
    let state = read_state(documents, Deadline::after(STATE_WITHIN)).await;
    let mut has_gap = previous.is_err() || state.is_err();
    found.extend(previous.ok().flatten().as_ref().and_then(parsed));
    for version_id in state.unwrap_or_default().0.versions() {
        if found.iter().any(|one: &ReadConfig| one.version_id == version_id) {
            continue;
        }
        let version = readable(documents.read_version(version_id).await);
        has_gap |= version.is_err();
        found.extend(version.ok().flatten().as_ref().and_then(parsed));
    }
    (found, has_gap)
}

/// Returns an earlier version, if there is one. A run can go on without it, so a failure is only logged.
pub(super) fn readable(
    version: Result<Option<Versioned>, SecretError>,
) -> Result<Option<Versioned>, SecretError> {
    match version {
        // No text, so it never had a tenant.
        Err(SecretError::Binary) => Ok(None),
        version => version.inspect_err(|error| {
            warn!(
                error = causes(error),
                "Earlier version of ConfigSecret cannot be read"
            );
        }),
    }
}

pub(super) fn parsed(version: &Versioned) -> Option<ReadConfig> {
    let (config, _) = Config::parse(version.text.expose()).ok()?;
    Some(ReadConfig::of(config, version.version_id.clone()))
}
