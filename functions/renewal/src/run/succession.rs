//! Tenants whose application has changed: the earlier application keeps its subscriptions until the new one has them all.

use std::collections::BTreeSet;

use graph_core::subscription::config::{Config, Problem, Severity};

use super::tenant_plan::TenantResult;
use crate::result::StepResult;

/// Returns the names of kept tenants whose successors have all subscriptions, by the results of a run.
pub(super) fn superseded(config: &Config, results: &[TenantResult]) -> BTreeSet<String> {
    let of = |name: &str| results.iter().find(|result| result.line.tenant == name);
    let pairs = config.kept.iter().filter(|_| config.whole);
    pairs
        .filter(|(name, successor)| {
            let pair = of(name).zip(successor.as_deref().and_then(of));
            pair.is_some_and(|(old, new)| is_superseded(old, new))
        })
        .map(|(name, _)| name.clone())
        .collect()
}

fn is_superseded(old: &TenantResult, new: &TenantResult) -> bool {
    // A mistyped tenant id may be that of another organisation, in which the application is at home as well: what it creates
    // there replaces nothing.
    let is_same_tenant = old.application.tenant_id == new.application.tenant_id;
    let has_nothing = old.is_locked_out || old.is_listed() && old.steps.is_empty();
    (is_same_tenant || has_nothing) && has_all(new, old)
}

/// Returns whether `new` has each subscription that its entries ask for, as far as `old` may have it.
fn has_all(new: &TenantResult, old: &TenantResult) -> bool {
    let names: BTreeSet<&str> = old.steps.iter().map(|result| result.step.name.as_str()).collect();
    let is_missing = |result: &StepResult| result.is_wanted() && result.subscription_id.is_none();
    let may_be_of_old = |result: &StepResult| !old.is_listed() || names.contains(&*result.step.name);
    new.is_listed()
        && new.many.iter().all(|line| line.error.is_none())
        && !new
            .steps
            .iter()
            .any(|result| is_missing(result) && may_be_of_old(result))
}

/// Returns the problem of each tenant that waits for its successor.
pub(super) fn waiting(config: &Config) -> impl Iterator<Item = Problem> {
    let successors = config.kept.iter().filter(|_| config.whole);
    successors.filter_map(|(name, successor)| {
        let application = config.tenants.get(name)?.application;
        Some(Problem {
            path: format!("tenants.{}", successor.as_ref()?),
            message: format!(
                "has another application than before: the subscriptions of application {} in tenant {} are renewed, and \
                 deleted once the new one has all of them. If a mistyped id is the cause, correct it; to delete them now, \
                 invoke renewal with {{\"confirmDeletions\": true}}",
                application.client_id, application.tenant_id
            ),
            severity: Severity::Error,
        })
    })
}
