//! Lists and plans every tenant, and applies the steps of all of them from one queue.

use std::{pin::pin, sync::Arc};

use futures_util::{
    StreamExt,
    future::LocalBoxFuture,
    stream::{self, FuturesUnordered},
};
use graph_core::subscription::plan::Urgency;

use super::{
    queue::{Job, WorkQueue},
    request::RunRequest,
    tenant_plan::{TenantPlan, TenantResult},
};
use crate::{
    apply::Applier,
    ports::Ports,
    result::{Status, StepResult},
    tenant_run::TenantRun,
};

/// Lists and plans several tenants at a time, and applies the steps of all, the most urgent first. A slow or failing
/// tenant does not stop the others. Returns the results in the order of the tenants' names.
pub(super) async fn reconcile<'a, P: Ports + 'a>(
    tenants: impl Iterator<Item = TenantRun<'a, P>>,
    request: &RunRequest,
) -> Vec<TenantResult> {
    let plans = stream::iter(tenants.map(TenantRun::observe)).buffer_unordered(CONCURRENT_LISTS);
    let mut plans = pin!(plans);
    let mut work = Work {
        tenants: Vec::new(),
        queue: WorkQueue::default(),
        under_way: FuturesUnordered::new(),
    };
    loop {
        // Begun before the next wait, so that steps of the first tenants run while others are still listed.
        work.begin();
        tokio::select! {
            // Finished steps come first, because they free seats.
            biased;
            Some(finished) = work.under_way.next() => work.finish(finished),
            Some(plan) = plans.next() => work.add(plan, request),
            else => break,
        }
    }
    work.into_results()
}

/// The tenants with their results so far, and the steps that wait or are under way.
struct Work<'a, P: Ports> {
    tenants: Vec<(TenantResult, Option<Arc<Applier<'a, P>>>)>,
    queue: WorkQueue,
    under_way: FuturesUnordered<LocalBoxFuture<'a, Finished>>,
}

/// A finished step.
struct Finished {
    /// The number of its tenant.
    tenant: usize,
    is_creation: bool,
    result: StepResult,
}

impl<'a, P: Ports + 'a> Work<'a, P> {
    /// Adds the steps of a tenant.
    fn add(&mut self, plan: TenantPlan<'a, P>, request: &RunRequest) {
        let TenantPlan {
            mut result,
            steps,
            applier,
        } = plan;
        let mut jobs = Vec::new();
        if let Some(applier) = &applier {
            let (mut deletions, most) = (0, most_deletions(request, &result.line.tenant));
            for step in steps {
                match applier.run.urgency(&step).filter(|_| !request.options.dry_run) {
                    Some(Urgency::Unwanted) if deletions == most => {
                        result.steps.push(StepResult::of(step, Status::Unfinished));
                    }
                    Some(urgency) => {
                        deletions += usize::from(urgency == Urgency::Unwanted);
                        jobs.push((applier.run.rank(&step), Job { urgency, step }));
                    }
                    None => result.steps.push(StepResult::planned(step)),
                }
            }
            // The sort is stable: within a rank the plan's order stays. Leftovers come first, refused creations last.
            jobs.sort_by_key(|(rank, _)| *rank);
        }
        self.queue.add(jobs.into_iter().map(|(_, job)| job).collect());
        self.tenants.push((result, applier.map(Arc::new)));
    }

    /// Begins as many steps as seats are free.
    fn begin(&mut self) {
        while let Some((tenant, job)) = self.queue.next() {
            let Some((_, Some(applier))) = self.tenants.get(tenant) else {
                continue;
            };
            let applier = Arc::clone(applier);
            self.under_way.push(Box::pin(async move {
                Finished {
                    tenant,
                    is_creation: job.creates(),
                    result: applier.apply(job.step).await,
                }
            }));
        }
    }

    fn finish(&mut self, finished: Finished) {
        self.queue.done(finished.tenant, finished.is_creation);
        if let Some((result, _)) = self.tenants.get_mut(finished.tenant) {
            result.steps.push(finished.result);
        }
    }

    /// Returns the results in a stable order: tenants and steps finish in any order.
    fn into_results(self) -> Vec<TenantResult> {
        let settled = |(mut result, applier): (TenantResult, Option<Arc<Applier<'_, P>>>)| {
            let applier = applier.filter(|_| result.late.is_empty());
            result.has_settled = applier.is_some_and(|applier| applier.has_settled(&result.steps));
            result
        };
        let mut results: Vec<TenantResult> = self.tenants.into_iter().map(settled).collect();
        results.sort_by(|one, other| one.line.tenant.cmp(&other.line.tenant));
        for result in &mut results {
            result.steps.sort_by(|one, other| one.order().cmp(&other.order()));
        }
        results
    }
}

/// Returns how many subscriptions of a tenant one run deletes unless a person asked for deletions: they are never
/// urgent, and thousands of them would take time from other tenants.
fn most_deletions(request: &RunRequest, tenant: &str) -> usize {
    if request.options.confirms(tenant) {
        usize::MAX
    } else {
        MAX_DELETIONS_PER_RUN
    }
}

const MAX_DELETIONS_PER_RUN: usize = 200;

/// How many tenants are listed at once. A slow list takes one of these places.
pub(super) const CONCURRENT_LISTS: usize = 64;
