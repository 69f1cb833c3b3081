//! The log lines of a run.

use graph_core::subscription::config::Severity;
use tracing::{error, info, warn};

use crate::report::{Line, ManyLine, Report, Tally};

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
        let ManyLine {
            name: entry,
            tenant,
            lines,
            tally: Tally { failed, .. },
            ..
        } = many;
        if let Some(error) = &many.error {
            error!(
                entry,
                tenant, "Objects of entry {entry} in tenant {tenant} cannot be listed: {error}"
            );
        }
        lines.iter().for_each(log_line);
        // The report shows only the first lines of such an entry.
        if *failed > lines.len() {
            error!(
                entry,
                tenant,
                failed,
                "{failed} subscriptions of entry {entry} in tenant {tenant} failed; the first of them are logged"
            );
        }
    }
    let Tally {
        failed, unfinished, ..
    } = report.tally;
    let counts = serde_json::to_string(&report.tally.counts).unwrap_or_default();
    if unfinished > 0 {
        warn!(
            unfinished,
            "{unfinished} subscriptions and lists are left for the next run: the time was too short, or the configuration changed"
        );
    }
    info!(
        failed,
        unfinished,
        dry_run = report.dry_run,
        days_left = report.days_left,
        next_expiry = report.tally.next_expiry.map(tracing::field::display),
        counts,
        "Run finished: {counts}, {failed} failed"
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
