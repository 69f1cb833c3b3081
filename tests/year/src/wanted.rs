//! The subscriptions compared with the wanted ones, by tenant and resource.

use std::collections::BTreeMap;

use super::{organisation::Tenant, state::State};

/// Whether the configuration has a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It has: each of its resources is wanted once.
    Here,
    /// It no longer has: no subscription is wanted.
    Gone,
    /// That has changed, and renewal has had no time yet: there is nothing to compare.
    OnTheMove,
}

/// Returns how the subscriptions differ from what the tenants want. A resource whose subscription ended a moment ago does not
/// count: the length of such a gap is checked when it ends.
pub(super) fn differences<'a>(
    tenants: impl Iterator<Item = (&'a Tenant, Place)>,
    state: &State,
) -> Vec<String> {
    let mut live: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for one in state.everywhere() {
        let of_tenant = live.entry(&one.tenant_id).or_default();
        *of_tenant.entry(&one.resource).or_default() += 1;
    }
    let mut found = Vec::new();
    for (tenant, place) in tenants.filter(|(_, place)| *place != Place::OnTheMove) {
        let mut live = live.remove(tenant.id.as_str()).unwrap_or_default();
        if place == Place::Here {
            let open = |resource: &String| {
                let watch = (tenant.id.clone(), resource.clone());
                state.ledger.open.contains_key(&watch)
            };
            for resource in &tenant.resources {
                match live.remove(resource.as_str()) {
                    Some(1) => {}
                    None if open(resource) => {}
                    None => found.push(format!("{resource} has no subscription, and none has ended")),
                    Some(count) => found.push(format!("{resource} has {count} subscriptions")),
                }
            }
        }
        let surplus = live.keys();
        found.extend(surplus.map(|resource| format!("{resource} has a subscription that nobody wants")));
    }
    found
}
