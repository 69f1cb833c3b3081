//! The losses that events report.

use graph_core::subscription::{
    config::Config,
    plan::gap::{Gap, GapKind, lost_since},
};
use graph_edge::deadline::Deadline;
use jiff::{SignedDuration, Timestamp};

use super::{Event, narrowed};
use crate::{
    Deps,
    catch_up::Loss,
    memory::{Memory, lock},
    ports::Ports,
    result::StepResult,
    run::{self, Run, TenantResult},
};

/// The losses of a batch, each with the index of its event, and the id of its gap if that says no time.
#[derive(Default)]
pub(super) struct Losses(Vec<((usize, Option<String>), Loss)>);

impl Losses {
    /// Adds a loss, unless consumers already have an event about it. An event about a gap that was not read does not stop
    /// another one from being read.
    pub(super) fn add(&mut self, index: usize, loss: Loss, memory: &Memory) {
        let Loss { gap, is_read, .. } = &loss;
        let id = (!gap.is_dated()).then(|| gap.id());
        if let Some(id) = &id {
            let mut missed = lock(&memory.missed);
            if missed.get(id).is_some_and(|was_read| *was_read || !is_read) {
                return;
            }
            missed.insert(id.clone(), *is_read);
        }
        self.0.push(((index, id), loss));
    }

    /// Sends the losses to consumers, and returns the indices of the events to retry.
    pub(super) async fn send<P: Ports>(
        self,
        deps: &Deps<P>,
        config: &Config,
        deadline: Deadline,
    ) -> Vec<usize> {
        let unsent = run::send(deps, config, self.0.clone(), deadline).await;
        for (note, loss) in &self.0 {
            if unsent.contains(note) {
                let (_, id) = note;
                lock(&deps.memory.missed).remove(id.as_deref().unwrap_or_default());
            } else if loss.gap.kind == GapKind::Removed {
                deps.memory.told(&loss.gap);
            }
        }
        unsent.into_iter().map(|(index, _)| index).collect()
    }
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

    /// Returns the losses of a subscription that Graph removed, once it has a successor; the reader reads only if that `is_made`
    /// since, so that the subscription was really gone. A subscription that no entry asks for causes none.
    ///
    /// Only a removal that fits what the run knows counts: a client state can be replayed with another id. A run that does not
    /// know the id takes any removal for that of the predecessors of every subscription of the name, so invented ids cause at
    /// most one gap for each of them.
    pub(super) fn removed(&self, run: &Run, now: Timestamp, is_made: bool) -> Vec<Loss> {
        let proven = self.successors(run, |tenant| self.is_removed(tenant));
        if let Some(first) = proven.first() {
            // Where several users signed in to one application, another one's may be the successor.
            let is_only = proven.len() == 1;
            return vec![self.removed_before(first, is_only, is_made, now)];
        }
        let possible = self.successors(run, |tenant| self.may_be_removed(tenant));
        let existing = possible
            .into_iter()
            .filter(|result| result.subscription_id.is_some());
        let losses = existing.map(|result| {
            let mut loss = self.removed_before(result, true, is_made, now);
            // Nothing proves the id in the event, so it does not become part of the gap.
            loss.gap.subscription_id = None;
            loss
        });
        losses.collect()
    }

    /// Returns the loss before a successor.
    fn removed_before(&self, result: &StepResult, is_only: bool, is_made: bool, now: Timestamp) -> Loss {
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
            is_read: missed.is_read && is_made,
            made_at: None,
        }
    }

    /// Returns the results of the event's subscription in those of the tenants that `had` it: the created ones, if any.
    fn successors<'r>(&'r self, run: &'r Run, had: impl Fn(&TenantResult) -> bool) -> Vec<&'r StepResult> {
        let tenants = run.of(self.application).filter(|tenant| had(tenant));
        let all = tenants.flat_map(|tenant| self.of_name(&tenant.steps));
        narrowed(all.collect(), StepResult::has_created)
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
