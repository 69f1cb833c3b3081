//! The metrics of a run.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use graph_core::subscription::{
    config::{Config, Problem, Severity},
    plan::{FailureHistory, Policy, Reason, StoredState, SubscriptionCount},
};
use graph_edge::metrics::{Metric, Metrics};
use jiff::Timestamp;

use super::{
    Run,
    tenant_plan::{Knowledge, TenantResult},
};
use crate::{
    Deps,
    invocation::Options,
    memory::Counts,
    ports::{Clock, Ports},
    report::Report,
    result::{Status, StepResult},
};

/// Counts the steps that were applied.
pub(super) fn steps(report: &Report, metrics: &mut Metrics) {
    let tally = &report.tally;
    metrics.count(Metric::Created, tally.count("create") + tally.count("replace"));
    metrics.count(Metric::Renewed, tally.count("renew"));
}

/// Counts the subscriptions and the failures after a run over everything, and returns what the next one compares with.
pub(super) fn count<P: Ports>(
    run: &Run,
    deps: &Deps<P>,
    config: &Config,
    stored: &StoredState,
    options: &Options,
    metrics: &mut Metrics,
) -> Counts {
    let now = deps.clock.now();
    let (mut all, mut live, mut is_complete) = (SubscriptionCount::default(), BTreeMap::new(), !run.is_blind);
    let mut lives = stored.live.clone().unwrap_or_default();
    let tenants = run.tenants.iter().map(|tenant| tenant.line.tenant.as_str());
    lives.begin(now);
    if is_complete {
        lives.forget_others(config.tenants.keys().map(String::as_str).chain(tenants));
    }
    let mut ids = HashSet::new();
    for tenant in &run.tenants {
        let name = &tenant.line.tenant;
        let count = match &tenant.knowledge {
            Knowledge::Complete => {
                let count = of_steps(tenant, &mut ids, &deps.policy, now);
                lives.record(name, count.live);
                count
            }
            Knowledge::Earlier(count) => count.clone(),
            Knowledge::Part(count) => {
                is_complete = false;
                all.merge(count);
                continue;
            }
            Knowledge::Unknown => {
                is_complete = false;
                lives.record_unknown(name);
                continue;
            }
            // It stays new until Graph lists it, so it silences the others in this run only.
            Knowledge::New => {
                is_complete = false;
                continue;
            }
        };
        live.insert(name.clone(), count.live);
        all.merge(&count);
    }
    subscriptions(&all, is_complete, lives.drop_percent(&live), now, metrics);
    for name in config.tenants.keys().filter(|name| options.confirms(name)) {
        lives.confirm(name);
    }
    let failures = failures(run);
    let failures = failures.iter().map(String::as_str);
    let (failures, new_failures) = FailureHistory::after(stored.failures.as_ref(), failures);
    metrics.count(Metric::NewFailures, new_failures);
    let left_over = run.left_over();
    let left_twice = left_over.iter().filter(|(tenant, name)| {
        deps.memory.was_left_over(tenant, name) || stored.was_left_over(tenant, name)
    });
    metrics.set(Metric::LeftOverTwice, number(left_twice.count()));
    Counts {
        live: Some(lives),
        failures: Some(failures),
        left_over,
        settled: stored.settled.clone(),
        at: Some(now),
    }
}

/// Returns the state of a tenant's subscriptions. `ids` has those of other tenants: two tenants of the configuration may have
/// the same application, which shows both the same subscriptions.
fn of_steps<'r>(
    tenant: &'r TenantResult,
    ids: &mut HashSet<&'r Option<String>>,
    policy: &Policy,
    now: Timestamp,
) -> SubscriptionCount {
    let mut count = SubscriptionCount {
        missing: tenant.missing_before.len(),
        ..SubscriptionCount::default()
    };
    for result in tenant.steps.iter().filter(|result| result.is_wanted()) {
        // An expired subscription counts as missing, even if Graph still lists it. One whose expiry Graph does not show exists.
        let is_hidden = result.subscription_id.is_some() && result.step.expires_at.is_none();
        let exists = result.expires_at.map_or(is_hidden, |expires_at| expires_at > now);
        if !exists {
            count.missing += usize::from(!matches!(result.status, Status::Skipped(_)));
        } else if ids.insert(&result.subscription_id) {
            count.add(result.step.lifetime, result.expires_at, policy, now);
        }
    }
    count
}

/// Returns a name for each failure of a run, which is the same in the next run.
fn failures(run: &Run) -> BTreeSet<String> {
    let report = &run.report;
    let errors = report
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error);
    let tenants = report.tenants.iter().filter(|line| line.error.is_some());
    let many = report.for_each.iter().filter(|line| line.error.is_some());
    let of_tenant = |tenant: &'_ TenantResult| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let is_failed = |result: &&StepResult| matches!(result.status, Status::Failed(_));
        for result in tenant.steps.iter().filter(is_failed) {
            let entry = result.step.name.split('/').next().unwrap_or_default();
            *counts.entry(entry).or_default() += 1;
        }
        // A name for each time that the objects of an entry which fail become twice as many: a name for each of them would not
        // fit into StateParameter, and with one for all, the first would hide the others.
        let name = &tenant.line.tenant;
        let of_entry = |(entry, count): (&str, usize)| {
            let doublings = 0..=count.checked_ilog2().unwrap_or_default();
            let names = doublings.map(|times| format!("{name} {entry} {times}"));
            names.collect::<Vec<_>>()
        };
        counts.into_iter().flat_map(of_entry).collect::<Vec<_>>()
    };
    errors
        .map(subject)
        .chain(tenants.map(|line| line.tenant.clone()))
        .chain(many.map(|line| format!("{} {}", line.tenant, line.name)))
        .chain(run.tenants.iter().flat_map(of_tenant))
        .collect()
}

/// Returns what a problem is about. Its message may count something and differ from run to run.
fn subject(problem: &Problem) -> String {
    let is_count = |char: char| char == ':' || char.is_ascii_digit();
    let words = problem.message.split(is_count).next().unwrap_or_default();
    format!("{} {words}", problem.path)
}

/// Sets the metrics of a run over everything.
pub(super) fn state(run: &Run, metrics: &mut Metrics) {
    failed(run, metrics);
    if !run.has_config {
        metrics.set(Metric::LeftOverTwice, 0);
    }
    metrics.set(Metric::RunUnfinished, number(run.report.tally.unfinished));
    metrics.set(Metric::DeletionsHeld, number(run.held));
    let steps = run.tenants.iter().flat_map(|tenant| &tenant.steps);
    let without_key = steps.filter(|result| matches!(result.step.reason, Reason::KeyGone(_)));
    metrics.count(Metric::SubscriptionsWithoutKey, without_key.count());
    if let Some(days_left) = run.report.days_left {
        metrics.set(Metric::DaysLeft, days_left);
    }
}

/// Sets the metrics of the subscriptions that entries ask for. `is_complete` says whether the count covers all that may exist;
/// `drop_percent` by how many percent they are fewer than on this day or the day before.
fn subscriptions(
    count: &SubscriptionCount,
    is_complete: bool,
    drop_percent: i64,
    now: Timestamp,
    metrics: &mut Metrics,
) {
    // Of subscriptions that nobody knows anything about, the last known state holds: their alarms ignore missing data. A 0
    // would end these alarms.
    let states = [
        (Metric::SubscriptionsMissing, number(count.missing)),
        (Metric::SubscriptionsInDanger, number(count.in_danger)),
        (Metric::SubscriptionsDropPercent, drop_percent),
    ];
    for (metric, state) in states {
        if is_complete || state > 0 {
            metrics.set(metric, state);
        }
    }
    if is_complete {
        metrics.set(Metric::SubscriptionsLive, number(count.live));
    }
    if let Some(soonest) = count.soonest {
        let left = soonest.duration_since(now).as_mins();
        metrics.set(Metric::SoonestExpiryMinutes, left);
    }
    if let Some(least) = count.least {
        metrics.set(Metric::LeastLeftPercent, least);
    }
}

/// Counts the failures by kind.
fn failed(run: &Run, metrics: &mut Metrics) {
    let report = &run.report;
    let tenants = report.tenants.iter().filter(|line| line.error.is_some()).count();
    let alone = report
        .subscriptions
        .iter()
        .filter(|line| line.error.is_some())
        .count();
    let many = report
        .for_each
        .iter()
        .filter(|line| line.error.is_some() || line.tally.failed > 0)
        .count();
    metrics.set(Metric::RunFailures, number(report.tally.failed));
    metrics.set(Metric::TenantsFailed, number(tenants));
    metrics.set(Metric::EntriesFailed, number(alone + many));
    metrics.set(Metric::ObjectsSkipped, number(report.tally.skipped));
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
