//! The parts of a configuration that only an earlier version has.

use std::collections::BTreeSet;

use super::{Config, Tenant};
use crate::secrets::TrustedTenant;

impl Config {
    /// Uses the tenants of `earlier`, an earlier version, in place of those that have mistakes now and of which no
    /// newer version is known, so that their existing subscriptions are renewed. No entry is taken from it, so nothing
    /// new is created.
    pub fn lean_on(&mut self, earlier: &Self) {
        for name in &self.refused_tenants {
            if let (None, Some(tenant)) = (self.tenants.get(name), earlier.tenants.get(name)) {
                self.tenants.insert(name.clone(), tenant.clone());
            }
        }
    }

    /// Adds the tenants of `earlier`, an earlier version, whose application has `departed`, so that their subscriptions
    /// can be deleted. Returns the applications that it does not have.
    pub fn add_departed(
        &mut self,
        earlier: &Self,
        mut departed: BTreeSet<TrustedTenant>,
    ) -> BTreeSet<TrustedTenant> {
        for (name, tenant) in &earlier.tenants {
            if !departed.remove(&tenant.as_trusted()) {
                continue;
            }
            // Another tenant may have the name by now.
            let mut name = name.clone();
            while self.tenants.contains_key(&name) || self.refused_tenants.contains(&name) {
                name.push_str(" (before)");
            }
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
