//! The look at all tenants of a run: each is listed, planned and reconciled.

use std::collections::{BTreeMap, BTreeSet};

use graph_core::subscription::{config::Tenant, plan::StoredState, rotation::PublishedKeys};
use jiff::{SignedDuration, Timestamp};

use super::{
    config::ReadConfig,
    reconcile::{CONCURRENT_LISTS, reconcile},
    request::RunRequest,
    succession,
    tenant_plan::TenantResult,
};
use crate::{
    Deps,
    keys::LatestKeys,
    ports::{Clock, Ports},
    tenant_run::TenantRun,
};

/// The look at all tenants of a run.
pub(super) struct Look<'a, P: Ports> {
    pub(super) deps: &'a Deps<P>,
    pub(super) request: &'a RunRequest,
    pub(super) stored: &'a StoredState,
    pub(super) keys: &'a PublishedKeys,
    pub(super) latest: LatestKeys,
    pub(super) begun: Timestamp,
}

impl<P: Ports> Look<'_, P> {
    /// Reconciles the tenants that the request covers, and returns their results in the order of the tenants' names.
    ///
    /// Looks a second time at tenants whose lists of objects need more time than renewals can wait for, and at those that
    /// depart, because their successors turn out to have everything.
    pub(super) async fn at_tenants(&self, read: &mut ReadConfig) -> Vec<TenantResult> {
        let mut results = self.at(read, |_| true, self.request.waits_for_objects()).await;
        let mut again = self.unlisted(&results);
        if !self.request.options.dry_run && self.request.is_over_everything() {
            let superseded = succession::superseded(&read.config, &results);
            read.config.let_depart(|name, _| superseded.contains(name));
            again.extend(superseded);
        }
        if again.is_empty() {
            return results;
        }
        let left = self.request.lists_until().duration_since(self.deps.clock.now());
        let second = self.at(read, |name| again.contains(name), left);
        for second in second.await {
            let is_same = |first: &TenantResult| first.line.tenant == second.line.tenant;
            if let Some(index) = results.iter().position(is_same) {
                let first = results.remove(index);
                results.insert(index, first.joined(second));
            }
        }
        results
    }

    /// Returns the names of the tenants whose lists can still be completed.
    fn unlisted(&self, results: &[TenantResult]) -> BTreeSet<String> {
        let has_time = self.deps.clock.now() < self.request.lists_until();
        let unlisted = results
            .iter()
            .filter(|result| has_time && !result.late.is_empty());
        unlisted.map(|result| result.line.tenant.clone()).collect()
    }

    async fn at(
        &self,
        read: &ReadConfig,
        covers: impl Fn(&str) -> bool,
        objects_within: SignedDuration,
    ) -> Vec<TenantResult> {
        let tenants = in_turn(&read.config.tenants, self.begun, self.deps.policy.period);
        let tenants = tenants.filter(|(name, tenant)| covers(name) && self.request.covers(tenant));
        let runs = tenants.map(|(name, tenant)| TenantRun {
            deps: self.deps,
            request: self.request,
            config: &read.config,
            read,
            stored: self.stored,
            keys: self.keys,
            latest: &self.latest,
            begun: self.begun,
            objects_within,
            name,
            tenant,
        });
        reconcile(runs, self.request).await
    }
}

/// Returns the tenants, each run beginning with others: lists that are slow in every run would otherwise keep the same
/// tenants waiting for ever.
fn in_turn(
    tenants: &BTreeMap<String, Tenant>,
    now: Timestamp,
    period: SignedDuration,
) -> impl Iterator<Item = (&String, &Tenant)> {
    let runs = now.as_second() / period.as_secs().max(1);
    let count = tenants.len().max(1);
    let first = usize::try_from(runs).unwrap_or_default() % count * CONCURRENT_LISTS % count;
    tenants.iter().cycle().skip(first).take(tenants.len())
}

#[cfg(test)]
mod tests {
    use graph_core::subscription::config::Config;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_tenant_is_among_the_first_in_one_of_the_next_runs() {
        let tenant = |number: usize| {
            let id = format!("{number:08}-0000-0000-0000-000000000000");
            let tenant = json!({"tenantId": id, "clientId": id, "credential": {"clientSecret": "s"}});
            (format!("t{number:03}"), tenant)
        };
        let tenants: serde_json::Map<String, serde_json::Value> = (0..200).map(tenant).collect();
        let (config, _) =
            Config::parse(&json!({"tenants": tenants, "subscriptions": {}}).to_string()).unwrap();
        let period = SignedDuration::from_mins(10);
        let mut first = BTreeSet::new();
        for run in 0..4 {
            let now = Timestamp::UNIX_EPOCH + period * run;
            let order: Vec<&String> = in_turn(&config.tenants, now, period)
                .map(|(name, _)| name)
                .collect();
            assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 200, "each once");
            first.extend(order.into_iter().take(CONCURRENT_LISTS));
        }
        assert_eq!(first.len(), 200);
    }
}
