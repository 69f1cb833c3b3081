//! The versions of the configuration that runs have used.

use super::{DIGEST, StoredState, has};
use crate::subscription::plan::digest::digest;

impl StoredState {
    /// Stores the earlier versions of the configuration that alone have tenants whose subscriptions live.
    pub fn set_needed(&mut self, versions: &[String]) {
        self.needed = versions.iter().take(MAX_NEEDED).cloned().collect();
    }

    /// Stores the tenants in which not all changes of the newest version are made.
    pub fn set_unsettled<'t>(&mut self, tenants: impl Iterator<Item = &'t str>) {
        self.unsettled = tenants.map(|tenant| digest(tenant, DIGEST)).collect();
        self.settled = self.settled.take().filter(|_| !self.unsettled.is_empty());
    }

    /// Returns whether runs have used this version of the configuration before, and made its changes in the tenant.
    #[must_use]
    pub fn has_seen(&self, tenant: &str, version: &str) -> bool {
        self.versions().next() == Some(version) && !has(&self.unsettled, tenant)
    }

    /// Returns the version of the configuration whose changes were made last in all tenants, if there is one.
    #[must_use]
    pub fn settled(&self) -> Option<&str> {
        let newest = self.versions().next().filter(|_| self.unsettled.is_empty());
        newest.or(self.settled.as_deref())
    }

    /// Returns the versions of the configuration that were used last, the newest first, then those that are still needed.
    pub fn versions(&self) -> impl Iterator<Item = &str> {
        let all = self
            .mistaken
            .as_deref()
            .into_iter()
            .chain([self.version.as_str()])
            .chain(self.needed.iter().map(String::as_str));
        all.filter(|version| !version.is_empty())
    }
}

/// How many earlier versions of the configuration are needed at most: Secrets Manager may drop a version that was replaced.
const MAX_NEEDED: usize = 3;
