//! The metrics of a run.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use graph_core::subscription::plan::Policy;
use graph_edge::metrics::{Metric, Metrics};
use jiff::Timestamp;

use super::Run;
use crate::{
    memory::{Memory, lock},
    report::Report,
    result::Status,
};

/// Counts the steps that were applied.
pub(crate) fn steps(report: &Report, metrics: &mut Metrics) {
    let tally = &report.tally;
    metrics.count(Metric::Created, tally.count("create") + tally.count("replace"));
    metrics.count(Metric::Renewed, tally.count("renew"));
}

/// Sets the metrics of a run over everything and of the subscriptions after it. Without a run, only its failure is
/// counted.
pub(crate) fn state(
    run: Option<&Run>,
    memory: &Memory,
    policy: &Policy,
    now: Timestamp,
    metrics: &mut Metrics,
) {
    let Some(run) = run else {
        metrics.set(Metric::RunSucceeded, 0);
        return;
    };
    metrics.set(Metric::RunSucceeded, 1);
    failures(run, metrics);
    let left_over = run.left_over();
    let before = std::mem::replace(&mut *lock(&memory.left_over), left_over.clone());
    let twice = before.intersection(&left_over).count();
    metrics.set(Metric::RunUnfinished, number(run.report.tally.unfinished));
    metrics.set(Metric::LeftOverTwice, number(twice));
    metrics.set(Metric::DeletionsHeld, number(run.held));
    if let Some(days_left) = run.report.days_left {
        metrics.set(Metric::DaysLeft, days_left);
    }
    subscriptions(run, policy, now, metrics);
}

/// Sets the metrics of the subscriptions that entries ask for.
fn subscriptions(run: &Run, policy: &Policy, now: Timestamp, metrics: &mut Metrics) {
    let (mut live, mut missing, mut in_danger) = (HashSet::new(), 0, 0);
    let (mut soonest, mut least) = (None, None);
    for result in run.results().filter(|result| result.is_wanted()) {
        // An expired subscription counts as missing, even if Graph still lists it.
        let Some(expires_at) = result.expires_at.filter(|expires_at| *expires_at > now) else {
            missing += usize::from(!matches!(result.status, Status::Skipped(_)));
            continue;
        };
        // Two tenants of the configuration may have the same application, which shows both the same subscriptions.
        if !live.insert(&result.subscription_id) {
            continue;
        }
        soonest = earlier(soonest, expires_at);
        if let Some(lifetime) = result.step.lifetime {
            let percent = policy.percent_left(lifetime, expires_at, now);
            in_danger += usize::from(percent < Policy::DANGER_PERCENT);
            least = earlier(least, percent);
        }
    }
    // Of subscriptions that this run knows nothing about, the last known state holds: their alarms ignore missing data. A 0
    // would end these alarms, and a drop would set another one off.
    let is_known = run.has_config && !run.is_partial();
    if is_known {
        metrics.set(Metric::SubscriptionsLive, number(live.len()));
    }
    if is_known || missing > 0 {
        metrics.set(Metric::SubscriptionsMissing, number(missing));
    }
    if is_known || in_danger > 0 {
        metrics.set(Metric::SubscriptionsInDanger, number(in_danger));
    }
    if let Some(soonest) = soonest {
        let left = soonest.duration_since(now).as_mins();
        metrics.set(Metric::SoonestExpiryMinutes, left);
    }
    if let Some(least) = least {
        metrics.set(Metric::LeastLeftPercent, least);
    }
}

/// Sets the percentage of subscriptions that are gone since the previous run, if this process made that run.
pub(crate) fn drop_since(before: &Mutex<Option<i64>>, metrics: &mut Metrics) {
    let &[live] = metrics.values(Metric::SubscriptionsLive) else {
        return;
    };
    let before = before
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(live);
    let lost = |before: i64| {
        before
            .saturating_sub(live)
            .max(0)
            .saturating_mul(100)
            .checked_div(before)
    };
    if let Some(percent) = before.and_then(lost) {
        metrics.set(Metric::SubscriptionsDropPercent, percent);
    }
}

/// Counts the failures by kind.
fn failures(run: &Run, metrics: &mut Metrics) {
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

fn earlier<T: Ord>(known: Option<T>, other: T) -> Option<T> {
    known.into_iter().chain([other]).min()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
