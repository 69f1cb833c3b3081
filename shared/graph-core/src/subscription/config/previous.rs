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

    /// Adds the tenants of `earlier`, an earlier version, whose applications are `missing` here: their subscriptions are
    /// renewed, and none is deleted, until the tenants [depart](Self::let_depart). Returns the applications that it does not
    /// have.
    pub fn keep_missing(
        &mut self,
        earlier: &Self,
        mut missing: BTreeSet<TrustedTenant>,
    ) -> BTreeSet<TrustedTenant> {
        // Each user who signed in to an application is a tenant of the configuration.
        let mut found = BTreeSet::new();
        for (name, tenant) in &earlier.tenants {
            let application = tenant.as_trusted();
            if !missing.contains(&application) {
                continue;
            }
            found.insert(application);
            // Another application may have the name by now.
            let successor = self.tenants.contains_key(name).then(|| name.clone());
            let mut name = name.clone();
            while self.tenants.contains_key(&name) || self.refused_tenants.contains(&name) {
                name.push_str(" (before)");
            }
            self.kept.insert(name.clone(), successor);
            self.tenants.insert(name, tenant.clone());
        }
        missing.retain(|application| !found.contains(application));
        missing
    }

    /// Has those kept tenants depart that `departs` says, from their names and their successors: their subscriptions are
    /// deleted.
    pub fn let_depart(&mut self, departs: impl Fn(&str, Option<&str>) -> bool) {
        let all = std::mem::take(&mut self.kept).into_iter();
        let (gone, kept): (Vec<_>, _) =
            all.partition(|(name, successor)| departs(name, successor.as_deref()));
        self.departed.extend(gone.into_iter().map(|(name, _)| name));
        self.kept = kept.into_iter().collect();
    }

    /// Returns whether the document was probably emptied by mistake, because it has lost all entries, or `gone` of the
    /// `trusted` applications. Only these can have subscriptions.
    #[must_use]
    pub fn is_emptied(&self, gone: usize, trusted: usize) -> bool {
        gone.saturating_mul(2) > trusted || self.subscriptions.is_empty()
    }

    /// Returns how many applications have lost their tenant's name to another application.
    #[must_use]
    pub fn moved(&self) -> usize {
        let moved = self.kept.iter().filter(|(_, successor)| successor.is_some());
        let tenants = moved.filter_map(|(name, _)| self.tenants.get(name));
        tenants.map(Tenant::as_trusted).collect::<BTreeSet<_>>().len()
    }

    /// Returns whether all entries of a tenant could be read. Otherwise, a subscription without an entry may belong to an
    /// entry that could not be read.
    #[must_use]
    pub fn is_whole_for(&self, tenant: &str) -> bool {
        self.whole && !self.kept.contains_key(tenant)
    }

    /// Returns those of the `trusted` applications that no tenant has.
    #[must_use]
    pub fn missing(&self, trusted: &BTreeSet<TrustedTenant>) -> BTreeSet<TrustedTenant> {
        let present: BTreeSet<TrustedTenant> = self.tenants.values().map(Tenant::as_trusted).collect();
        trusted.difference(&present).copied().collect()
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
