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
    run::{self, Run},
};

/// The losses of a batch, each with the index of its event.
#[derive(Default)]
pub(super) struct Losses {
    found: Vec<(usize, Loss)>,
    /// The ids of the gaps of replaced subscriptions, and whether the reader reads each.
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
        let numbered = self.found.iter().map(|(index, loss)| (*index, of_replaced(loss)));
        let told: Vec<_> = numbered.collect();
        let unsent = run::send(deps, config, self.found, deadline).await;
        let failed: Vec<usize> = unsent.all().collect();
        let done = told.into_iter().filter(|(index, _)| !failed.contains(index));
        let mut missed = lock(&deps.memory.missed);
        missed.extend(done.filter_map(|(_, gap)| gap));
        drop(missed);
        failed
    }
}

/// Returns the id of the gap, and whether it is read, if the loss is about a replaced subscription.
fn of_replaced(loss: &Loss) -> Option<(String, bool)> {
    let Loss { gap, is_read, .. } = loss;
    let is_of_replaced = gap.kind == GapKind::Missed && gap.subscription_id.is_none();
    is_of_replaced.then(|| (gap.id(), *is_read))
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

    /// Returns the loss of a subscription that Graph removed, once it has a successor; the reader reads only if it was really
    /// gone. A subscription that no entry asks for causes none.
    pub(super) fn removed(&self, run: &Run, now: Timestamp) -> Option<Loss> {
        let (result, is_only) = self.successor(run)?;
        // Of a held subscription the lifetime may be unknown; its gap then has no beginning.
        let lifetime = result.step.lifetime;
        let renewed_at = lifetime.and_then(|lifetime| self.renewed_at(lifetime, now));
        let missed = self.missed(result.step.resource.clone(), None, now);
        Some(Loss {
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
        })
    }

    /// Returns the result for the removed subscription, and whether no other login of the application can have had it.
    ///
    /// Only a removal that fits what the run knows counts: a client state can be replayed with another id. Where several
    /// users signed in to one application, each has a subscription of this name. A run without memory cannot tell which of
    /// them was removed, unless it had to create only one.
    fn successor<'r>(&'r self, run: &'r Run) -> Option<(&'r StepResult, bool)> {
        let tenants = run
            .of(self.application)
            .filter(|tenant| tenant.removed.contains(&self.key()));
        let all: Vec<&StepResult> = tenants.flat_map(|tenant| self.of_name(&tenant.steps)).collect();
        let created: Vec<&StepResult> = all
            .iter()
            .copied()
            .filter(|result| result.has_created())
            .collect();
        let candidates = if created.is_empty() { all } else { created };
        Some((*candidates.first()?, candidates.len() == 1))
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
