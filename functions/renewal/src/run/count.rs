//! The metrics of a run.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use graph_core::subscription::plan::Policy;
use graph_edge::metrics::{Metric, Metrics};
use jiff::Timestamp;

use super::{Run, SubscriptionStatus};
use crate::{
    memory::{Memory, lock},
    report::Report,
};

/// Counts the steps that were applied.
pub(crate) fn steps(report: &Report, metrics: &mut Metrics) {
    let taken = |action| report.counts.get(action).copied().unwrap_or_default();
    metrics.count(Metric::Created, taken("create") + taken("replace"));
    metrics.count(Metric::Renewed, taken("renew"));
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
    let before = std::mem::replace(&mut *lock(&memory.left_over), run.left_over.clone());
    let twice = before.intersection(&run.left_over).count();
    metrics.set(Metric::RunUnfinished, number(run.report.unfinished));
    metrics.set(Metric::LeftOverTwice, number(twice));
    metrics.set(Metric::DeletionsHeld, number(run.held));
    if let Some(days_left) = run.report.days_left {
        metrics.set(Metric::DaysLeft, days_left);
    }
    let [mut live, mut missing, mut in_danger] = [0, 0, 0];
    let (mut soonest, mut least) = (None, None);
    let statuses = run.statuses.values().flat_map(HashMap::values);
    for status in statuses.chain(&run.remembered) {
        // An expired subscription counts as missing, even if Graph still lists it.
        let Some(expires_at) = status.expires_at.filter(|expires_at| *expires_at > now) else {
            missing += usize::from(!status.is_skipped);
            continue;
        };
        live += 1;
        soonest = earlier(soonest, expires_at);
        if let Some(percent) = percent_left(status, expires_at, policy, now) {
            in_danger += usize::from(percent < Policy::DANGER_PERCENT);
            least = earlier(least, percent);
        }
    }
    // Of subscriptions that this run knows nothing about, the last known state holds: their alarms ignore missing data. A 0
    // would end these alarms, and a drop would set another one off.
    let is_known = run.has_config && !run.is_partial;
    if is_known {
        metrics.set(Metric::SubscriptionsLive, number(live));
    }
    if is_known || missing > 0 {
        metrics.set(Metric::SubscriptionsMissing, number(missing));
    }
    if is_known || in_danger > 0 {
        metrics.set(Metric::SubscriptionsInDanger, number(in_danger));
    }
    if let Some(soonest) = soonest {
        metrics.set(
            Metric::SoonestExpiryMinutes,
            soonest.duration_since(now).as_mins(),
        );
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
        .filter(|line| line.error.is_some() || line.failed > 0)
        .count();
    metrics.set(Metric::RunFailures, number(report.failed));
    metrics.set(Metric::TenantsFailed, number(tenants));
    metrics.set(Metric::EntriesFailed, number(alone + many));
    metrics.set(Metric::ObjectsSkipped, number(report.skipped));
}

fn percent_left(
    status: &SubscriptionStatus,
    expires_at: Timestamp,
    policy: &Policy,
    now: Timestamp,
) -> Option<i64> {
    Some(policy.percent_left(status.lifetime?, expires_at, now))
}

fn earlier<T: Ord>(known: Option<T>, other: T) -> Option<T> {
    known.into_iter().chain([other]).min()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
