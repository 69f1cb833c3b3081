//! The look at all tenants of a run: each is listed, planned and reconciled.

use graph_core::subscription::{config::Tenant, plan::StoredState, rotation::PublishedKeys};
use jiff::{SignedDuration, Timestamp};

use super::{
    config::ReadConfig,
    reconcile::{CONCURRENT_LISTS, reconcile},
    request::RunRequest,
    succession,
    tenant_plan::TenantResult,
};
use crate::{Deps, ports::Ports, tenant_run::TenantRun};

/// The look at all tenants of a run.
pub(super) struct Look<'a, P: Ports> {
    pub(super) deps: &'a Deps<P>,
    pub(super) request: &'a RunRequest,
    pub(super) stored: &'a StoredState,
    pub(super) keys: &'a PublishedKeys,
    pub(super) begun: Timestamp,
}

impl<P: Ports> Look<'_, P> {
    /// Reconciles the tenants that the request covers, and returns their results in the order of the tenants' names.
    ///
    /// Looks a second time at tenants whose successors turn out to have everything: then these depart.
    pub(super) async fn at_tenants(&self, read: &mut ReadConfig) -> Vec<TenantResult> {
        let mut results = self.at(read, |_| true).await;
        if self.request.options.dry_run || self.request.only.is_some() {
            return results;
        }
        let superseded = succession::superseded(&read.config, &results);
        if superseded.is_empty() {
            return results;
        }
        read.config.let_depart(|name, _| superseded.contains(name));
        // The second result stands for both: a subscription that was renewed is deleted after all.
        results.retain(|result| !superseded.contains(&result.line.tenant));
        results.extend(self.at(read, |name| superseded.contains(name)).await);
        results.sort_by(|one, other| one.line.tenant.cmp(&other.line.tenant));
        results
    }

    async fn at(&self, read: &ReadConfig, covers: impl Fn(&str) -> bool) -> Vec<TenantResult> {
        let tenants = self.in_turn(read);
        let tenants = tenants.filter(|(name, tenant)| covers(name) && self.request.covers(tenant));
        let runs = tenants.map(|(name, tenant)| TenantRun {
            deps: self.deps,
            request: self.request,
            config: &read.config,
            config_version: &read.version_id,
            current_version: &read.current_id,
            stored: self.stored,
            keys: self.keys,
            begun: self.begun,
            name,
            tenant,
        });
        reconcile(runs, self.request).await
    }

    /// Returns the tenants, each run beginning with others: lists that are slow in every run would otherwise keep the same
    /// tenants waiting for ever.
    fn in_turn<'r>(&self, read: &'r ReadConfig) -> impl Iterator<Item = (&'r String, &'r Tenant)> {
        let tenants = &read.config.tenants;
        let period: SignedDuration = self.deps.policy.period;
        let runs = self.begun.as_second() / period.as_secs().max(1);
        let count = tenants.len().max(1);
        let first = usize::try_from(runs).unwrap_or_default() % count * CONCURRENT_LISTS % count;
        tenants.iter().cycle().skip(first).take(tenants.len())
    }
}
