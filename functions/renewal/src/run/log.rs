//! The log lines of a run.

use graph_core::subscription::config::Severity;
use tracing::{error, info, warn};

use crate::report::{Line, Report};

/// Logs what needs a person, and the sums.
pub(super) fn log(report: &Report) {
    for problem in &report.problems {
        match problem.severity {
            Severity::Error => error!(path = problem.path, "Error: {problem}"),
            Severity::Warning => warn!(path = problem.path, "Warning: {problem}"),
        }
    }
    for line in &report.tenants {
        if let Some(error) = &line.error {
            error!(tenant = line.tenant, "Tenant {} failed: {error}", line.tenant);
        }
    }
    report.subscriptions.iter().for_each(log_line);
    for many in &report.for_each {
        if let Some(error) = &many.error {
            error!(
                entry = many.name,
                tenant = many.tenant,
                "Objects of entry {} in tenant {} cannot be listed: {error}",
                many.name,
                many.tenant
            );
        }
        many.lines.iter().for_each(log_line);
        // The report shows only the first lines of such an entry.
        if many.tally.failed > many.lines.len() {
            error!(
                entry = many.name,
                tenant = many.tenant,
                failed = many.tally.failed,
                "{} subscriptions of entry {} in tenant {} failed; the first of them are logged",
                many.tally.failed,
                many.name,
                many.tenant
            );
        }
    }
    let counts = serde_json::to_string(&report.tally.counts).unwrap_or_default();
    if report.tally.unfinished > 0 {
        warn!(
            unfinished = report.tally.unfinished,
            "{} subscriptions and lists are left for the next run: the time was too short, or the configuration changed",
            report.tally.unfinished
        );
    }
    info!(
        failed = report.tally.failed,
        unfinished = report.tally.unfinished,
        dry_run = report.dry_run,
        days_left = report.days_left,
        next_expiry = report.tally.next_expiry.map(tracing::field::display),
        counts,
        "Run finished: {counts}, {} failed",
        report.tally.failed
    );
}

fn log_line(line: &Line) {
    let Line {
        name,
        action,
        tenant,
        subscription_id,
        ..
    } = line;
    if let Some(error) = &line.error {
        error!(
            subscription.name = name,
            tenant, action, "Could not {action} subscription {name} in tenant {tenant}: {error}"
        );
    } else if let Some(lost) = &line.lost {
        let since = lost
            .from
            .map_or_else(|| "an unknown time".to_owned(), |from| from.to_string());
        warn!(
            subscription.name = name,
            subscription.id = subscription_id,
            tenant,
            "Notifications of subscription {name} in tenant {tenant} may be lost from {since} to {}: {}",
            lost.until,
            line.reason
        );
    }
}
