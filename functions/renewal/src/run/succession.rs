//! Tenants whose application has changed: the earlier application keeps its subscriptions until the new one has them all.

use std::collections::BTreeSet;

use graph_core::subscription::{
    config::{Config, Problem},
    plan::{Action, Step, Wish, excess},
};

use super::tenant_plan::TenantResult;
use crate::{
    memory::{Known, lock},
    ports::{Clock, Ports},
    result::{Status, StepResult},
    tenant_run::TenantRun,
};

/// Returns the names of kept tenants whose successors have all subscriptions, by the results of a run.
pub(super) fn superseded(config: &Config, results: &[TenantResult]) -> BTreeSet<String> {
    let of = |name: &str| results.iter().find(|result| result.line.tenant == name);
    let pairs = config.kept.iter().filter(|_| config.whole);
    pairs
        .filter(|(name, successor)| {
            let pair = of(name).zip(successor.as_deref().and_then(of));
            pair.is_some_and(|(old, new)| is_superseded(config, old, new))
        })
        .map(|(name, _)| name.clone())
        .collect()
}

fn is_superseded(config: &Config, old: &TenantResult, new: &TenantResult) -> bool {
    // A mistyped tenant id may be that of another organisation, in which the application is at home as well: what it creates
    // there replaces nothing.
    let is_same_tenant = old.application.tenant_id == new.application.tenant_id;
    // Graph may refuse an application once that has subscriptions. One that it never let in has none.
    let was_never_let_in = old.is_locked_out && old.is_unseen;
    let has_nothing = was_never_let_in || old.is_listed() && old.steps.is_empty();
    (is_same_tenant || has_nothing) && has_all(new, old) && !loses_too_many(config, new, old)
}

/// Returns whether so many subscriptions of `old` have no counterpart in `new`, though their entries ask for one, that the
/// brake would hold their deletion: Graph may list too few of an entry's objects to the new application.
fn loses_too_many(config: &Config, new: &TenantResult, old: &TenantResult) -> bool {
    let names: BTreeSet<&str> = new.steps.iter().map(|result| result.step.name.as_str()).collect();
    let is_asked = |name: &str| config.entry(&new.line.tenant, name).is_some();
    let step = |result: &StepResult| {
        let step = result.step.clone();
        let id = step.action.id()?.to_owned();
        let is_lost = is_asked(&step.name) && !names.contains(step.name.as_str());
        let action = if is_lost {
            Action::Delete(id)
        } else {
            Action::Keep(id)
        };
        Some(Step { action, ..step })
    };
    let steps: Vec<Step> = old.steps.iter().filter_map(step).collect();
    excess(&steps, steps.len(), &Wish::Old).is_some()
}

/// Returns whether `new` has each subscription that its entries ask for, as far as `old` may have it.
fn has_all(new: &TenantResult, old: &TenantResult) -> bool {
    let names: BTreeSet<&str> = old.steps.iter().map(|result| result.step.name.as_str()).collect();
    let is_missing = |result: &StepResult| result.is_wanted() && result.subscription_id.is_none();
    let is_skipped = |result: &StepResult| matches!(result.status, Status::Skipped(_));
    let may_be_of_old = |result: &StepResult| {
        if old.is_listed() {
            names.contains(&*result.step.name)
        } else {
            // Nobody has it: an object without a mailbox must not keep an application for ever that is locked out.
            !is_skipped(result)
        }
    };
    new.is_listed()
        && new.late.is_empty()
        && new.many.iter().all(|line| line.error.is_none())
        && !new
            .steps
            .iter()
            .any(|result| is_missing(result) && may_be_of_old(result))
}

impl<P: Ports> TenantRun<'_, P> {
    /// Returns whether the application that had the tenant's name before still delivers the subscription called `name`, so
    /// that nothing is lost while there is none of the tenant's own.
    pub(crate) fn is_delivered_before(&self, name: &str) -> bool {
        let now = self.deps.clock.now();
        let kept = self.config.kept.iter();
        let kept = kept.filter(|(_, successor)| successor.as_deref() == Some(self.name));
        let mut tenants = kept.filter_map(|(before, _)| Some((before, self.config.tenants.get(before)?)));
        tenants.any(|(before, tenant)| {
            let is_same = tenant.application.tenant_id == self.tenant.application.tenant_id;
            let known = self.deps.memory.known(before, tenant, Known::default);
            let known = lock(&known);
            let one = known.history.id_of(name).and_then(|id| known.get(id));
            is_same && one.is_some_and(|one| one.expiration_date_time.is_some_and(|end| end > now))
        })
    }
}

/// Returns the problem of each tenant that waits for its successor.
pub(super) fn waiting(config: &Config) -> impl Iterator<Item = Problem> {
    let successors = config.kept.iter().filter(|_| config.whole);
    successors.filter_map(|(name, successor)| {
        let application = config.tenants.get(name)?.application;
        let message = format!(
            "has another application than before: the subscriptions of application {} in tenant {} are renewed, and \
             deleted once the new one has all of them. If a mistyped id is the cause, correct it; to delete them now, \
             invoke renewal with {{\"confirmDeletions\": [\"{name}\"]}}",
            application.client_id, application.tenant_id
        );
        Some(Problem::error(format!("tenants.{}", successor.as_ref()?), message))
    })
}
