//! A run, seen from one tenant.

use graph_core::subscription::{
    config::{Config, Tenant},
    plan::StoredState,
    rotation::PublishedKeys,
};
use graph_edge::graph::GraphError;
use jiff::{SignedDuration, Timestamp};

use crate::{
    Deps,
    keys::LatestKeys,
    ports::Ports,
    run::{Removed, RunRequest, config::ReadConfig},
};

/// The part of a run for one tenant.
pub(crate) struct TenantRun<'a, P: Ports> {
    pub(crate) deps: &'a Deps<P>,
    pub(crate) request: &'a RunRequest,
    pub(crate) config: &'a Config,
    /// The same configuration with its version.
    pub(crate) read: &'a ReadConfig,
    /// The stored summary of the last run over everything.
    pub(crate) stored: &'a StoredState,
    pub(crate) keys: &'a PublishedKeys,
    pub(crate) latest: &'a LatestKeys,
    /// When the run began.
    pub(crate) begun: Timestamp,
    /// How long lists of objects may take.
    pub(crate) objects_within: SignedDuration,
    /// The tenant's name in the configuration.
    pub(crate) name: &'a str,
    pub(crate) tenant: &'a Tenant,
}

impl<P: Ports> TenantRun<'_, P> {
    /// Makes a call that ends with the run at the latest.
    pub(crate) async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, GraphError>>,
    ) -> Result<T, GraphError> {
        self.request.within(&self.deps.clock, call).await
    }

    /// Returns the subscriptions of the application that Graph removed, by lifecycle notifications.
    pub(crate) fn removed(&self) -> Removed {
        let removed = self.request.removed.as_ref();
        let removed = removed.and_then(|removed| removed.get(&self.tenant.application));
        removed.cloned().unwrap_or_default()
    }
}
