//! Tenants that the configuration no longer has. Their subscriptions are deleted while a credential is known, if that is
//! what a person wants, and renewed otherwise.

use std::collections::BTreeSet;

use graph_core::{application::Application, secrets::TrustedTenant, subscription::config::Problem};

use super::{ReadConfig, previous::Earlier};
use crate::{
    invocation::{Confirmed, Options},
    ports::Documents,
    report::Report,
};

/// Adds the `trusted` tenants that are no longer configured, with the credentials of earlier versions.
///
/// They depart only if the document has no mistakes and was not emptied: otherwise their subscriptions are kept until a
/// person corrects it or confirms. A tenant whose application has changed departs when its successor has everything,
/// because a mistyped id looks like such a change.
pub(super) async fn add(
    trusted: &BTreeSet<TrustedTenant>,
    options: &Options,
    earlier: &mut Earlier<'_, impl Documents>,
    read: &mut ReadConfig,
    report: &mut Report,
) {
    let config = &mut read.config;
    let missing = config.missing(trusted);
    if missing.is_empty() {
        read.needed = Some(Vec::new());
        return;
    }
    let count = missing.len();
    let Options {
        confirmed,
        deletes_all,
        ..
    } = options;
    let is_confirmed = *deletes_all || *confirmed == Confirmed::All;
    let (mut unknown, mut needed) = (missing, Vec::new());
    for version in &*earlier.versions().await {
        let before = unknown.len();
        unknown = config.keep_missing(&version.config, unknown);
        if unknown.len() < before {
            needed.push(version.version_id.clone());
        }
    }
    // A version that failed to be read may have the tenant: the next run tries again.
    let is_uncertain = earlier.has_gap && !unknown.is_empty();
    read.needed = Some(needed).filter(|_| !is_uncertain);
    config.whole &= !is_uncertain;
    let gone = count.saturating_sub(config.moved());
    let is_doubtful = config.whole && !is_confirmed && config.is_emptied(gone, trusted.len());
    if config.whole && !is_doubtful {
        config.let_depart(|name, successor| *deletes_all || successor.is_none() || confirmed.names(name));
        report.note(unknown.iter().take(MAX_NAMES).map(|one| lost(one, UNREACHABLE)));
        return;
    }
    config.whole = false;
    // Their subscriptions may live, and no run can see them.
    read.is_blind = !unknown.is_empty();
    let why = if is_uncertain { UNREAD } else { UNLISTED };
    report.note(unknown.iter().take(MAX_NAMES).map(|one| lost(one, why)));
    if is_doubtful {
        read.held = count;
        report.note([doubtful(count, trusted.len())]);
    } else {
        report.note(config.kept.keys().take(MAX_NAMES).map(|name| kept(name)));
    }
}

fn doubtful(count: usize, trusted: usize) -> Problem {
    error(format!(
        "has lost {count} of {trusted} applications; nothing is deleted, and existing subscriptions are renewed if an earlier \
         version of ConfigSecret has a credential. Write the tenants into ConfigSecret again, or if you want the deletions, \
         invoke renewal with {{\"confirmDeletions\": true}}"
    ))
}

fn kept(name: &str) -> Problem {
    Problem::warning(
        format!("tenants.{name}"),
        "is only in an earlier version of ConfigSecret; its subscriptions are renewed until you correct the mistakes of the \
         document, and deleted then if the tenant is still missing",
    )
}

fn lost(one: &TrustedTenant, why: &str) -> Problem {
    let Application { tenant_id, client_id } = one.application;
    error(format!(
        "no longer has application {client_id} in tenant {tenant_id}, and {why}"
    ))
}

/// Returns a problem of all tenants.
fn error(message: String) -> Problem {
    Problem::error("tenants", message)
}

/// Why a run cannot see the subscriptions of an application, and what to do.
const UNREAD: &str = "an earlier version of ConfigSecret cannot be read: this run does not renew its subscriptions. The next run \
                      tries again";
const UNLISTED: &str = "no earlier version of ConfigSecret has its credential: its subscriptions are not renewed. Write the \
                        tenant into ConfigSecret again";
const UNREACHABLE: &str = "its credential is unknown: its subscriptions expire within 30 days, and their notifications are \
                           rejected. To delete them now, write the tenant into ConfigSecret, and remove it after the next run";

/// How many applications the report names.
const MAX_NAMES: usize = 10;
