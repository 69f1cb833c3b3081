//! What an edit of the configuration changes in the subscriptions of one tenant.

use std::collections::{BTreeMap, BTreeSet};

use super::{Config, Entry};

impl Config {
    /// Returns the names of the entries of a tenant that `before` has otherwise or not at all, and of those that only `before` has;
    /// the empty name stands for another application. What the tenant has in common with others does not count, such as the
    /// credential.
    #[must_use]
    pub fn edited_since(&self, before: &Self, tenant: &str) -> BTreeSet<String> {
        let (entries, earlier) = (self.entries_of(tenant), before.entries_of(tenant));
        let names = entries.keys().chain(earlier.keys());
        let edited = names.filter(|name| entries.get(*name) != earlier.get(*name));
        let application = |config: &Self| config.tenants.get(tenant).map(super::Tenant::as_trusted);
        let is_other = application(self) != application(before);
        edited
            .map(|name| (*name).to_owned())
            .chain(is_other.then(String::new))
            .collect()
    }

    /// Returns the entries of a tenant by name, without their tenants.
    fn entries_of(&self, tenant: &str) -> BTreeMap<&str, Entry> {
        let entries = self.subscriptions.values();
        let entries = entries.filter(|entry| entry.tenants.contains(tenant));
        entries
            .map(|entry| {
                let alone = Entry {
                    tenants: BTreeSet::new(),
                    ..entry.clone()
                };
                (entry.name.as_str(), alone)
            })
            .collect()
    }
}
