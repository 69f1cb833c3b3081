//! The parts of a configuration that decide what the subscriptions of one tenant look like.

use std::collections::{BTreeMap, BTreeSet};

use super::{Config, Entry};
use crate::subscription::spread::hash;

/// The parts of the configuration for one tenant: its entries by name, and its application under the empty name. Two are
/// only comparable in one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts(BTreeMap<String, u64>);

impl Config {
    /// Returns the parts for a tenant. What it has in common with other tenants does not count, such as the credential.
    #[must_use]
    pub fn parts_of(&self, tenant: &str) -> Parts {
        let application = self
            .tenants
            .get(tenant)
            .map(|tenant| hash(&format!("{:?}", tenant.as_trusted())));
        let entries = self
            .subscriptions
            .values()
            .filter(|entry| entry.tenants.contains(tenant));
        let entries = entries.map(|entry| {
            let alone = Entry {
                tenants: BTreeSet::new(),
                ..entry.clone()
            };
            (entry.name.clone(), hash(&format!("{alone:?}")))
        });
        let application = application.map(|application| (String::new(), application));
        Parts(entries.chain(application).collect())
    }
}

impl Parts {
    /// Returns the names of the parts that differ.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> BTreeSet<String> {
        let names = self.0.keys().chain(before.0.keys());
        let changed = names.filter(|name| self.0.get(*name) != before.0.get(*name));
        changed.cloned().collect()
    }
}
