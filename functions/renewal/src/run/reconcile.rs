//! Lists and plans every tenant, and works off the steps of all of them as one list.

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

/// Looks after every tenant: lists and plans several at a time, and does the steps of all of them, the most urgent
/// first. What fails in one, or takes long, does not stop the others.
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
        while let Some((number, job)) = queue.next() {
            let Some((looked, _)) = tenants.get(number) else {
                continue;
            };
            let looked = Arc::clone(looked);
            under_way.push(async move { (number, job.creates(), looked.work(&job.step).await) });
        }
        // What is under way comes first: its seat is wanted.
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
    drop((under_way, looks));
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

/// What happens next in a run.
enum Next<L> {
    /// A tenant was looked at.
    TenantPlan(Box<L>),
    /// A step is done: its tenant's number, whether it created, and what became of it.
    Done(Box<(usize, bool, Outcome)>),
}

/// Returns the steps to do in a tenant, and the outcomes of those that are left.
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
    // What was left over comes first, and what Graph has refused before comes last.
    jobs.sort_by_key(|(rank, _)| *rank);
    (jobs.into_iter().map(|(_, job)| job).collect(), outcomes)
}

/// Returns how many subscriptions of a tenant are deleted in a run that nobody has asked to delete: deletions are never
/// urgent, and a tenant that has thousands to delete takes no time from the others.
fn most_deletions(request: &RunRequest) -> usize {
    let options = &request.options;
    if options.confirms_deletions || options.deletes_all {
        usize::MAX
    } else {
        MOST_DELETIONS
    }
}

const MOST_DELETIONS: usize = 200;

/// How many tenants are looked at at once: one whose list takes long keeps a place and no more.
const LOOKS_AT_ONCE: usize = 64;
