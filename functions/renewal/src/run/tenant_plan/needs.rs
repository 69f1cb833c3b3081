//! The permissions that entries need, compared with those in the access token.

use std::collections::BTreeMap;

use graph_core::subscription::{
    catalogue,
    config::{Entry, Problem},
    plan::{Granted, PermissionState},
};
use graph_edge::graph::permissions;

use crate::{advice, ports::Ports, report::Need, tenant_run::TenantRun};

impl<P: Ports> TenantRun<'_, P> {
    /// Returns the needs of entries, by entry name.
    pub(super) async fn needs(&self, entries: &[&Entry]) -> BTreeMap<String, Vec<Need>> {
        let token = self.deps.graph.login().token(self.tenant).await;
        let granted = token.ok().and_then(|token| Granted::of_token(token.expose()));
        let of = |entry: &&Entry| (entry.name.clone(), self.of_entry(entry, granted.as_ref()));
        entries.iter().map(of).collect()
    }

    fn of_entry(&self, entry: &Entry, granted: Option<&Granted>) -> Vec<Need> {
        let access = self.tenant.access();
        let row = catalogue::find(&entry.resource);
        let of_row: Vec<_> = row.into_iter().flat_map(|row| row.permissions(access)).collect();
        // Resource-specific consent is granted per team or chat and is not in the token's roles.
        let is_shown = !of_row.iter().any(catalogue::Permission::is_resource_specific);
        let names: Vec<String> = of_row.iter().map(ToString::to_string).collect();
        let mut needs = vec![need("resource", names, is_shown, granted)];
        let of_objects = entry.for_each.as_ref().map(permissions).unwrap_or_default();
        if !of_objects.is_empty() {
            let names = of_objects.iter().map(|name| (*name).to_owned()).collect();
            needs.push(need("forEach", names, true, granted));
        }
        needs
    }

    /// Returns a warning for each need that no permission in the token meets.
    pub(super) fn missing(&self, needs: &BTreeMap<String, Vec<Need>>) -> Vec<Problem> {
        let missing = needs.iter().flat_map(|(name, needs)| {
            let missing = needs.iter().filter(|need| need.state == PermissionState::Missing);
            missing.map(move |need| (name, need))
        });
        let problem = |(name, need): (&String, &Need)| {
            Problem::warning(
                format!("subscriptions.{name}.{}", need.purpose),
                format!(
                    "needs a permission that the access token for tenant {} does not have{}",
                    self.name,
                    advice::grant(&need.any_of, self.tenant.access())
                ),
            )
        };
        missing.map(problem).collect()
    }
}

/// Returns a need with the token's answer. No token shows permissions by resource-specific consent.
fn need(purpose: &'static str, any_of: Vec<String>, is_shown: bool, granted: Option<&Granted>) -> Need {
    let is_granted = |name: &&String| {
        // `Display` may add " (resource-specific consent)" to the name.
        let name = name.split(' ').next().unwrap_or_default();
        granted.is_some_and(|granted| granted.has(name))
    };
    let found = any_of.iter().find(is_granted).cloned();
    let state = match (&found, granted) {
        (Some(_), _) => PermissionState::Granted,
        (None, Some(_)) if is_shown && !any_of.is_empty() => PermissionState::Missing,
        (None, _) => PermissionState::Unknown,
    };
    Need {
        purpose,
        any_of,
        state,
        granted: found,
    }
}
