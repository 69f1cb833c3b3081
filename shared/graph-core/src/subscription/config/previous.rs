//! What only the version before knows.

use std::collections::BTreeSet;

use super::{Config, Tenant};
use crate::secrets::TrustedTenant;

impl Config {
    /// Goes on with what `previous`, the version before, knows of the tenants that have mistakes now: what exists there is
    /// kept alive. No entry is read from it, so nothing new is made.
    pub fn lean_on(&mut self, previous: &Self) {
        for name in &self.refused_tenants {
            if let Some(tenant) = previous.tenants.get(name) {
                self.tenants.insert(name.clone(), tenant.clone());
            }
        }
    }

    /// Adds the tenants of `previous` whose application is among those that have `departed`, so that what they have at Graph
    /// can be looked after once more. Returns the applications whose credential nobody knows.
    pub fn add_departed(
        &mut self,
        previous: &Self,
        mut departed: BTreeSet<TrustedTenant>,
    ) -> BTreeSet<TrustedTenant> {
        for (name, tenant) in &previous.tenants {
            if !departed.remove(&tenant.as_trusted()) {
                continue;
            }
            // Its name may be another tenant's by now.
            let is_taken = self.tenants.contains_key(name) || self.refused_tenants.contains(name);
            let name = if is_taken {
                format!("{name} (before)")
            } else {
                name.clone()
            };
            self.departed.insert(name.clone());
            self.tenants.insert(name, tenant.clone());
        }
        departed
    }

    /// Takes a tenant that has departed out for good.
    pub fn forget(&mut self, name: &str) {
        if self.departed.remove(name) {
            self.tenants.remove(name);
        }
    }
}

impl Tenant {
    /// Returns the application as other functions are to trust it.
    pub(crate) fn as_trusted(&self) -> TrustedTenant {
        TrustedTenant {
            application: self.application,
            cloud: self.cloud,
        }
    }
}
