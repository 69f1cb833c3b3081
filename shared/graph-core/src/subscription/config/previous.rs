//! The parts of a configuration that only its previous version has.

use std::collections::BTreeSet;

use super::{Config, Tenant};
use crate::secrets::TrustedTenant;

impl Config {
    /// Uses the tenants of `previous`, the version before, in place of those that have mistakes now, so that their
    /// existing subscriptions are renewed. No entry is taken from it, so nothing new is created.
    pub fn lean_on(&mut self, previous: &Self) {
        for name in &self.refused_tenants {
            if let Some(tenant) = previous.tenants.get(name) {
                self.tenants.insert(name.clone(), tenant.clone());
            }
        }
    }

    /// Adds the tenants of `previous` whose application has `departed`, so that their subscriptions can be deleted.
    /// Returns the applications that `previous` does not have, whose credential is therefore unknown.
    pub fn add_departed(
        &mut self,
        previous: &Self,
        mut departed: BTreeSet<TrustedTenant>,
    ) -> BTreeSet<TrustedTenant> {
        for (name, tenant) in &previous.tenants {
            if !departed.remove(&tenant.as_trusted()) {
                continue;
            }
            // Another tenant may have the name by now.
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

    /// Removes a departed tenant for good.
    pub fn forget(&mut self, name: &str) {
        if self.departed.remove(name) {
            self.tenants.remove(name);
        }
    }
}

impl Tenant {
    /// Returns the form in which other functions trust the application.
    pub(crate) fn as_trusted(&self) -> TrustedTenant {
        TrustedTenant {
            application: self.application,
            cloud: self.cloud,
        }
    }
}
