//! Lists and plans every tenant, and applies the steps of all of them from one queue.

use std::{future::poll_fn, sync::Arc, task::Poll};

use futures_util::{
    StreamExt,
    stream::{self, FuturesUnordered},
};
use graph_core::subscription::{
    plan::{StoredState, Urgency},
    rotation::PublishedKeys,
};
use jiff::Timestamp;

use super::{
    Run,
    config::ReadConfig,
    queue::{Job, WorkQueue},
    request::RunRequest,
    tenant::{TenantPlan, TenantRun},
};
use crate::{Deps, apply::Outcome, ports::Ports};

/// Lists and plans several tenants at a time, and applies the steps of all, the most urgent first. A slow or failing
/// tenant does not stop the others.
pub(super) async fn reconcile<P: Ports>(
    deps: &Deps<P>,
    request: &RunRequest,
    read: &ReadConfig,
    stored: &StoredState,
    keys: &PublishedKeys,
    now: Timestamp,
    run: &mut Run,
) {
    let tenants = read
        .config
        .tenants
        .iter()
        .filter(|(_, tenant)| request.covers(tenant));
    let looks = tenants.map(|(name, tenant)| {
        let run = TenantRun {
            deps,
            request,
            config: &read.config,
            config_version: &read.version_id,
            current_version: &read.current_id,
            stored,
            keys,
            now,
            name,
            tenant,
        };
        run.observe()
    });
    let mut looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
    let mut queue = WorkQueue::default();
    let mut tenants: Vec<(Arc<TenantPlan<'_, P>>, Vec<Outcome>)> = Vec::new();
    let mut under_way = FuturesUnordered::new();
    loop {
        // Begun before the next wait, so that steps of the first tenants run while others are still listed.
        while let Some((number, job)) = queue.next() {
            let Some((looked, _)) = tenants.get(number) else {
                continue;
            };
            let looked = Arc::clone(looked);
            under_way.push(async move { (number, job.creates(), looked.work(&job.step).await) });
        }
        // Finished steps come first, because they free seats.
        let next = poll_fn(|context| {
            if let Poll::Ready(Some(done)) = under_way.poll_next_unpin(context) {
                return Poll::Ready(Some(Next::Done(Box::new(done))));
            }
            match looks.poll_next_unpin(context) {
                Poll::Ready(Some(looked)) => Poll::Ready(Some(Next::TenantPlan(Box::new(looked)))),
                Poll::Ready(None) if under_way.is_empty() => Poll::Ready(None),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        });
        match next.await {
            Some(Next::Done(done)) => {
                let (number, is_creation, outcome) = *done;
                queue.done(number, is_creation);
                if let Some((_, outcomes)) = tenants.get_mut(number) {
                    outcomes.push(outcome);
                }
            }
            Some(Next::TenantPlan(mut looked)) => {
                let (jobs, outcomes) = jobs(&mut looked, request);
                queue.add(jobs);
                tenants.push((Arc::from(looked), outcomes));
            }
            None => break,
        }
    }
    // They borrow the plans, which are taken apart below.
    drop((under_way, looks));
    // Tenants finish in any order; the report is stable.
    tenants.sort_by(|(one, _), (other, _)| one.tenant().0.cmp(other.tenant().0));
    for (looked, mut outcomes) in tenants {
        let Some(looked) = Arc::into_inner(looked) else {
            continue;
        };
        outcomes.sort_by(|one, other| one.order().cmp(&other.order()));
        let application = looked.tenant().1.application;
        run.add(&application, looked.result, outcomes);
    }
}

/// The next thing that happens in a run.
enum Next<L> {
    /// A tenant is planned.
    TenantPlan(Box<L>),
    /// A step is finished: its tenant's number, whether it was a creation, and its outcome.
    Done(Box<(usize, bool, Outcome)>),
}

/// Returns the steps to apply in a tenant, and the outcomes of those that are not applied.
fn jobs<P: Ports>(looked: &mut TenantPlan<'_, P>, request: &RunRequest) -> (Vec<Job>, Vec<Outcome>) {
    let steps = std::mem::take(&mut looked.steps);
    let mut outcomes = Vec::new();
    let mut jobs = Vec::new();
    let mut deletions = 0;
    for step in steps {
        match looked.urgency(&step).filter(|_| !request.options.dry_run) {
            Some(Urgency::Unwanted) if deletions == most_deletions(request) => {
                outcomes.push(looked.postpone(&step));
            }
            Some(urgency) => {
                deletions += usize::from(urgency == Urgency::Unwanted);
                jobs.push((looked.rank(&step), Job { urgency, step }));
            }
            None => outcomes.push(looked.leave(&step)),
        }
    }
    // The sort is stable: within a rank the plan's order stays. Leftovers come first, refused creations last.
    jobs.sort_by_key(|(rank, _)| *rank);
    (jobs.into_iter().map(|(_, job)| job).collect(), outcomes)
}

/// Returns how many subscriptions of a tenant one run deletes unless a person asked for deletions: they are never
/// urgent, and thousands of them would take time from other tenants.
fn most_deletions(request: &RunRequest) -> usize {
    let options = &request.options;
    if options.confirms_deletions || options.deletes_all {
        usize::MAX
    } else {
        MOST_DELETIONS
    }
}

const MOST_DELETIONS: usize = 200;

/// How many tenants are listed at once. A slow list takes one of these places.
const LOOKS_AT_ONCE: usize = 64;
