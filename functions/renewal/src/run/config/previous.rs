//! The previous version of the configuration: it keeps existing subscriptions alive until a person corrects a mistake.

use graph_core::subscription::config::{Config, Problem, Severity};
use graph_edge::telemetry::causes;
use tracing::warn;

use super::ReadConfig;
use crate::{ports::Documents, report::Report};

/// Replaces tenants that have mistakes by their previous version.
pub(super) async fn lend(documents: &impl Documents, config: &mut Config, report: &mut Report) {
    if config.refused_tenants.is_empty() {
        return;
    }
    let Some(previous) = read(documents).await else {
        return;
    };
    config.lean_on(&previous.config);
    let lent = config.refused_tenants.iter();
    for name in lent.filter(|name| config.tenants.contains_key(*name)) {
        report.note([goes_on(format!("tenants.{name}"))]);
    }
}

/// Returns the previous version in place of a document that cannot be parsed.
///
/// It is not what the person wants now, so nothing is deleted because of it.
pub(super) async fn instead(documents: &impl Documents, report: &mut Report) -> Option<ReadConfig> {
    let mut previous = read(documents).await?;
    previous.config.whole = false;
    report.note([goes_on(String::new())]);
    Some(previous)
}

fn goes_on(path: String) -> Problem {
    let message = "has a mistake: renewal uses the previous version of ConfigSecret until you correct it, and deletes nothing";
    Problem {
        path,
        message: message.to_owned(),
        severity: Severity::Warning,
    }
}

/// Reads the previous version. A run can go on without it, so a failure is only logged.
pub(super) async fn read(documents: &impl Documents) -> Option<ReadConfig> {
    let version = documents
        .read_previous()
        .await
        .inspect_err(|error| {
            warn!(
                error = causes(error),
                "Previous version of ConfigSecret cannot be read"
            );
        })
        .ok()??;
    let (config, _) = Config::parse(version.text.expose()).ok()?;
    Some(ReadConfig {
        config,
        version_id: version.version_id,
    })
}
