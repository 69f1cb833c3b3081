//! The trusted applications: exactly those of the configuration.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::request::KeyChanges;
use crate::{
    application::{Application, Guid},
    secrets::{ClientStateDocument, KeyDocument, OddEntries, TrustedTenant, TrustedTenants},
    subscription::config::{Config, Tenant},
};

/// The document that trusted applications are added to.
pub(super) struct Place<'a> {
    /// The secret's name, for messages.
    pub(super) secret: &'a str,
    /// How many bytes they may take.
    pub(super) room: usize,
    /// When every function knows a new application, if not at once.
    pub(super) from: Option<Timestamp>,
}

/// Updates the trusted applications of a document to match the configuration. While the configuration has errors, no
/// application is removed: its tenant may be one that could not be read.
///
/// An application without room is left out and reported. The trusted ones stay. An entry that cannot be read goes: the
/// configuration has what it was made of. A key that cannot be read stays, and is reported.
pub(super) fn follow<K>(
    document: &mut KeyDocument<K>,
    config: &Config,
    place: &Place<'_>,
    now: Timestamp,
    changes: &mut KeyChanges,
) {
    let Place {
        secret,
        mut room,
        from,
    } = *place;
    report_odd(&document.odd, secret, changes);
    if !config.whole && !document.odd.trusted.is_empty() {
        // Writing the document drops its odd applications, and one of them may be of a tenant that could not be read.
        changes.refused.push(format!(
            "{secret} has applications that cannot be read, and stays as it is while the configuration has mistakes"
        ));
        return;
    }
    let (trusted, odd) = (&mut document.trusted, &mut document.odd.trusted);
    let wanted: BTreeSet<TrustedTenant> = config.tenants.values().map(Tenant::as_trusted).collect();
    let present: BTreeSet<TrustedTenant> = trusted.iter().flat_map(TrustedTenants::each).collect();
    let is_gone = |one: &TrustedTenant| config.whole && !wanted.contains(one);
    let newcomers: Vec<&TrustedTenant> = wanted.difference(&present).collect();
    // Most runs change nothing and must not write the secret.
    if newcomers.is_empty() && odd.is_empty() && !present.iter().any(is_gone) {
        return;
    }
    // Without a tenant more or less the document would not be written.
    changes.is_changed |= !odd.is_empty();
    odd.clear();
    let mut settled = Vec::new();
    for group in trusted.iter() {
        // A recently added tenant keeps its waiting time; all others share one group again.
        let from = group.from.filter(|from| *from > now);
        for tenant in group.each().filter(|one| !is_gone(one)) {
            add(&mut settled, &tenant, from);
        }
    }
    let mut left_out = Vec::new();
    for newcomer in newcomers {
        // The worst case: the newcomer needs a group of its own.
        if TENANT_BYTES + GROUP_BYTES > room {
            left_out.push(newcomer);
            continue;
        }
        room = room.saturating_sub(add(&mut settled, newcomer, from));
    }
    changes.is_changed |= settled != *trusted;
    *trusted = settled;
    if !left_out.is_empty() {
        changes.refused.push(no_room(&left_out, config, secret));
    }
}

/// Reports the keys that cannot be read.
fn report_odd(odd: &OddEntries, secret: &str, changes: &mut KeyChanges) {
    if odd.keys.is_empty() {
        return;
    }
    let keys: Vec<String> = odd.keys.iter().map(ToString::to_string).take(MAX_NAMES).collect();
    changes.refused.push(format!(
        "{} cannot be read in {secret}, and what depends on it waits: correct it, or put an older version of the secret back",
        keys.join(", ")
    ));
}

/// Returns the applications that `document` trusts.
#[must_use]
pub fn trusted(document: &ClientStateDocument) -> BTreeSet<TrustedTenant> {
    document.trusted.iter().flat_map(TrustedTenants::each).collect()
}

/// Adds a tenant and returns how many bytes it takes.
fn add(groups: &mut Vec<TrustedTenants>, one: &TrustedTenant, from: Option<Timestamp>) -> usize {
    let Application { tenant_id, client_id } = one.application;
    let group = groups
        .iter_mut()
        .find(|group| group.client_id == client_id && group.cloud == one.cloud && group.from == from);
    if let Some(group) = group {
        group.tenants.push(tenant_id);
        return TENANT_BYTES;
    }
    groups.push(TrustedTenants {
        client_id,
        cloud: one.cloud,
        from,
        tenants: vec![tenant_id],
    });
    TENANT_BYTES + GROUP_BYTES
}

/// Returns the text about tenants without room, with the first ten names.
fn no_room(left_out: &[&TrustedTenant], config: &Config, secret: &str) -> String {
    let is_left_out = |tenant: &Tenant| left_out.iter().any(|one| one.application == tenant.application);
    let names: Vec<&str> = config
        .tenants
        .iter()
        .filter(|(_, tenant)| is_left_out(tenant))
        .map(|(name, _)| name.as_str())
        .take(MAX_NAMES)
        .collect();
    format!(
        "{} new tenants get no subscriptions ({}{}): {secret} is full; deploy another stack for them",
        left_out.len(),
        names.join(", "),
        if left_out.len() > names.len() { ", ..." } else { "" }
    )
}

/// The bytes of a tenant: its id with quotes and a comma.
const TENANT_BYTES: usize = Guid::LENGTH + 3;

/// The bytes of a group without its tenants: the names of its members, a client id, the longest cloud, a time.
const GROUP_BYTES: usize = 192;

/// How many tenants or keys a message names.
const MAX_NAMES: usize = 10;
