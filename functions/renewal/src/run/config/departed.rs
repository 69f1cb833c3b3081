//! Departed tenants: removed from the configuration. Their subscriptions are deleted while a credential is known.

use graph_core::{
    secrets::TrustedTenant,
    subscription::{
        config::{Config, Problem, Severity},
        rotation::departed,
    },
};

use super::previous;
use crate::{Error, invocation::Options, keys, ports::Documents, report::Report};

/// Adds the tenants that are still trusted but no longer configured, with the credentials of earlier versions.
///
/// If most tenants or all entries are gone, the document was probably emptied by mistake: then existing subscriptions
/// are kept until a person confirms. Returns how many applications are held back that way.
pub(crate) async fn add(
    documents: &impl Documents,
    config: &mut Config,
    options: &Options,
    report: &mut Report,
) -> Result<usize, Error> {
    if !config.whole {
        return Ok(0);
    }
    let document = keys::client_state(documents).await?;
    let departed = departed(&document, config);
    if departed.is_empty() {
        return Ok(0);
    }
    let count = departed.len();
    let trusted: usize = document.trusted.iter().map(|group| group.tenants.len()).sum();
    // Measured by the trusted applications, because only these can have subscriptions.
    let is_doubtful = count.saturating_mul(2) > trusted || config.subscriptions.is_empty();
    let earlier = previous::read(documents).await;
    let unknown = earlier.iter().fold(departed, |departed, earlier| {
        config.add_departed(&earlier.config, departed)
    });
    // The departed tenants are added all the same: that keeps their subscriptions renewed while nothing is deleted.
    if is_doubtful && !options.confirms_deletions && !options.deletes_all {
        config.whole = false;
        report.note([doubtful(count, trusted)]);
        return Ok(count);
    }
    report.note(unknown.iter().take(MAX_NAMES).map(unreachable));
    Ok(0)
}

fn doubtful(count: usize, trusted: usize) -> Problem {
    Problem {
        path: "tenants".to_owned(),
        message: format!(
            "has lost {count} of {trusted} applications; nothing is deleted, and existing subscriptions are renewed if \
             an earlier version of ConfigSecret has a credential. Write the tenants into ConfigSecret again, or if you want the \
             deletions, invoke renewal with {{\"confirmDeletions\": true}}"
        ),
        severity: Severity::Error,
    }
}

fn unreachable(one: &TrustedTenant) -> Problem {
    Problem {
        path: "tenants".to_owned(),
        message: format!(
            "no longer has application {} in tenant {}, and its credential is unknown: its subscriptions expire within \
             29 days, and their notifications are rejected. To delete them now, write the tenant into ConfigSecret, and remove it after \
             the next run",
            one.application.client_id, one.application.tenant_id
        ),
        severity: Severity::Error,
    }
}

/// How many applications the report names.
const MAX_NAMES: usize = 10;
