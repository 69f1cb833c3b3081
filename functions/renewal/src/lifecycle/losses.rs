//! The losses that events report.

use std::collections::BTreeMap;

use graph_core::subscription::{
    config::Config,
    plan::gap::{Gap, GapKind, lost_since},
};
use graph_edge::deadline::Deadline;
use jiff::{SignedDuration, Timestamp};

use super::Event;
use crate::{
    Deps,
    catch_up::Loss,
    memory::{Memory, lock},
    ports::Ports,
    result::StepResult,
    run::{self, Run, TenantResult},
};

/// The losses of a batch, each with the index of its event.
#[derive(Default)]
pub(super) struct Losses {
    found: Vec<(usize, Loss)>,
    /// The ids of the gaps of replaced and removed subscriptions, and whether the reader reads each.
    replaced: BTreeMap<String, bool>,
}

impl Losses {
    /// Adds a loss, unless consumers already have an event about it. An event about a gap that was not read does not stop
    /// another one from being read.
    pub(super) fn add(&mut self, index: usize, loss: Loss, memory: &Memory) {
        if let Some((id, is_read)) = of_replaced(&loss) {
            let is_in =
                |told: &BTreeMap<String, bool>| told.get(&id).is_some_and(|was_read| *was_read || !is_read);
            if is_in(&lock(&memory.missed)) || is_in(&self.replaced) {
                return;
            }
            self.replaced.insert(id, is_read);
        }
        self.found.push((index, loss));
    }

    /// Sends the losses to consumers, and returns the indices of the events to retry.
    pub(super) async fn send<P: Ports>(
        self,
        deps: &Deps<P>,
        config: &Config,
        deadline: Deadline,
    ) -> Vec<usize> {
        let sent = self.found.clone();
        let unsent = run::send(deps, config, self.found, deadline).await;
        let failed: Vec<usize> = unsent.all().collect();
        for (_, loss) in sent.iter().filter(|(index, _)| !failed.contains(index)) {
            lock(&deps.memory.missed).extend(of_replaced(loss));
            if loss.gap.kind == GapKind::Removed {
                deps.memory.told(&loss.gap);
            }
        }
        failed
    }
}

/// Returns the id of the gap, and whether it is read, if the loss is about a replaced subscription of unknown id.
fn of_replaced(loss: &Loss) -> Option<(String, bool)> {
    let Loss { gap, is_read, .. } = loss;
    gap.subscription_id.is_none().then(|| (gap.id(), *is_read))
}

impl Event {
    /// Returns the loss of notifications that Graph could not deliver, of a subscription that was created at `made_at`.
    ///
    /// A client state proves who owns the subscription, not that something happened. So the reader never reads for an event
    /// that is older than its queue can hold.
    pub(super) fn missed(
        &self,
        resource: Option<String>,
        made_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Loss {
        let gap = Gap {
            kind: GapKind::Missed,
            name: self.name.clone(),
            application: self.application,
            subscription_id: Some(self.subscription_id.clone()),
            new_subscription_id: None,
            resource,
            from: None,
            until: self.received_at,
            reason: "Graph could not deliver some notifications".to_owned(),
        };
        Loss {
            gap,
            made_at,
            is_read: self.is_recent(now),
        }
    }

    /// Returns whether `LifecycleQueue` can have held the event since it arrived.
    pub(super) fn is_recent(&self, now: Timestamp) -> bool {
        now.duration_since(self.received_at) <= MAX_QUEUE_AGE
    }

    /// Returns the losses of a subscription that Graph removed, once it has a successor; the reader reads only if it was really
    /// gone. A subscription that no entry asks for causes none.
    ///
    /// Only a removal that fits what the run knows counts: a client state can be replayed with another id. A run that does not
    /// know the id takes any removal for that of the predecessors of every subscription of the name, so invented ids cause at
    /// most one gap for each of them.
    pub(super) fn removed(&self, run: &Run, now: Timestamp) -> Vec<Loss> {
        let proven = self.successors(run, |tenant| self.is_removed(tenant));
        if let Some(first) = proven.first() {
            // Where several users signed in to one application, another one's may be the successor.
            let is_only = proven.len() == 1;
            return vec![self.removed_before(first, is_only, run, now)];
        }
        let possible = self.successors(run, |tenant| self.may_be_removed(tenant));
        let existing = possible
            .into_iter()
            .filter(|result| result.subscription_id.is_some());
        let mut losses: Vec<Loss> = existing
            .map(|result| self.removed_before(result, true, run, now))
            .collect();
        for loss in &mut losses {
            // Nothing proves the id in the event, so it does not become part of the gap.
            loss.gap.subscription_id = None;
        }
        losses
    }

    /// Returns the loss before a successor.
    fn removed_before(&self, result: &StepResult, is_only: bool, run: &Run, now: Timestamp) -> Loss {
        // Of a held subscription the lifetime may be unknown; its gap then has no beginning.
        let lifetime = result.step.lifetime;
        let renewed_at = lifetime.and_then(|lifetime| self.renewed_at(lifetime, now));
        let missed = self.missed(result.step.resource.clone(), None, now);
        Loss {
            gap: Gap {
                kind: GapKind::Removed,
                new_subscription_id: result.subscription_id.clone().filter(|_| is_only),
                from: renewed_at.map(|end| lost_since(end, result.made_before)),
                until: now,
                reason: "Graph removed the subscription".to_owned(),
                ..missed.gap
            },
            is_read: missed.is_read && self.results(run).any(StepResult::has_created),
            made_at: None,
        }
    }

    /// Returns the results of the event's subscription in those of the tenants that `had` it: the created ones, if any.
    fn successors<'r>(&'r self, run: &'r Run, had: impl Fn(&TenantResult) -> bool) -> Vec<&'r StepResult> {
        let tenants = run.of(self.application).filter(|tenant| had(tenant));
        let all: Vec<&StepResult> = tenants.flat_map(|tenant| self.of_name(&tenant.steps)).collect();
        let created: Vec<&StepResult> = all
            .iter()
            .copied()
            .filter(|result| result.has_created())
            .collect();
        if created.is_empty() { all } else { created }
    }

    /// Returns whether the run knows that the tenant had the removed subscription.
    fn is_removed(&self, tenant: &TenantResult) -> bool {
        tenant.removed.is_proven(&self.subscription_id, &self.name)
    }

    /// Returns whether the tenant may have had the removed subscription.
    pub(super) fn may_be_removed(&self, tenant: &TenantResult) -> bool {
        self.is_removed(tenant) || tenant.removed.is_possible(&self.name)
    }

    /// Returns when the subscription was last renewed, computed from the expiry in the event; nothing if that expiry is
    /// implausible.
    fn renewed_at(&self, lifetime: SignedDuration, now: Timestamp) -> Option<Timestamp> {
        let end = self.expires_at?;
        let away = end.duration_since(now).abs();
        (away <= lifetime.saturating_mul(2))
            .then(|| end.saturating_sub(lifetime).ok())
            .flatten()
    }
}

/// How long `LifecycleQueue` can hold an event.
const MAX_QUEUE_AGE: SignedDuration = SignedDuration::from_hours(4 * 24);
