//! The losses that events report.

use std::collections::BTreeMap;

use graph_core::{
    application::Application,
    subscription::{
        config::Config,
        plan::gap::{Gap, GapKind, lost_since},
    },
};
use graph_edge::deadline::Deadline;
use jiff::{SignedDuration, Timestamp};

use super::{Event, Kind, Verdict};
use crate::{
    Deps,
    catch_up::Loss,
    memory::{Memory, MissedGap, lock},
    ports::Ports,
    result::StepResult,
    run::{self, Run},
};

/// The losses of a batch, each with the index of its event.
#[derive(Default)]
pub(super) struct Losses {
    found: Vec<(usize, Loss)>,
    /// The gaps of replaced subscriptions, by application and name.
    replaced: BTreeMap<(Application, String), MissedGap>,
}

impl Losses {
    /// Adds a loss, unless consumers already have an event about it.
    pub(super) fn add(&mut self, index: usize, loss: Loss, memory: &Memory) {
        if let Some((key, gap)) = of_replaced(&loss) {
            let covers = |known: &MissedGap| known.covers(&gap);
            let is_told = lock(&memory.missed).get(&key).is_some_and(covers);
            if is_told || self.replaced.get(&key).is_some_and(covers) {
                return;
            }
            self.replaced.insert(key, gap);
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
        let failed = run::send(deps, config, self.found, deadline).await;
        let done = told.into_iter().filter(|(index, _)| !failed.contains(index));
        let mut missed = lock(&deps.memory.missed);
        missed.extend(done.filter_map(|(_, gap)| gap));
        drop(missed);
        failed
    }
}

/// Returns the gap and its key, if the loss is about a replaced subscription.
fn of_replaced(loss: &Loss) -> Option<((Application, String), MissedGap)> {
    let Loss { gap, is_read, .. } = loss;
    let is_of_replaced = gap.kind == GapKind::Missed && gap.subscription_id.is_none();
    let (id, is_read) = (gap.id(), *is_read);
    is_of_replaced.then(|| ((gap.application, gap.name.clone()), MissedGap { id, is_read }))
}

impl Event {
    /// Returns the loss that the event reports, and whether the reader reads it.
    ///
    /// A client state proves who owns the subscription, not that something happened. So the reader reads for a removal
    /// only if the subscription was really gone, and never for an event that is older than its queue can hold.
    pub(super) fn loss(&self, verdict: &Verdict, run: Option<&Run>, now: Timestamp) -> Option<Loss> {
        let gap = self.gap(verdict, run, now)?;
        let is_late = now.duration_since(self.received_at) > MAX_QUEUE_AGE;
        let (made_at, is_proven) = match verdict {
            Verdict::Known { made_at, .. } => (*made_at, true),
            Verdict::Replaced { first_at, .. } => (*first_at, true),
            _ => (
                None,
                run.is_some_and(|run| self.results(run).any(StepResult::has_created)),
            ),
        };
        Some(Loss {
            gap,
            made_at,
            is_read: is_proven && !is_late,
        })
    }

    /// Returns the gap for consumers: for notifications that Graph could not deliver, and for a subscription that Graph
    /// removed, once it has a successor. A subscription that no entry asks for causes none.
    fn gap(&self, verdict: &Verdict, run: Option<&Run>, now: Timestamp) -> Option<Gap> {
        let mut gap = Gap {
            kind: GapKind::Missed,
            name: self.name.clone(),
            application: self.application,
            subscription_id: Some(self.subscription_id.clone()),
            new_subscription_id: None,
            resource: None,
            from: None,
            until: self.received_at,
            reason: "Graph could not deliver some notifications".to_owned(),
        };
        match (self.kind, verdict) {
            (Kind::Missed, Verdict::Known { resource, .. }) => gap.resource.clone_from(resource),
            (
                Kind::Missed,
                Verdict::Replaced {
                    by,
                    resource,
                    made_at,
                    ..
                },
            ) => {
                // Nothing proves the id in the event, so it does not become part of the gap.
                gap.subscription_id = None;
                gap.new_subscription_id = Some(by.clone());
                gap.resource.clone_from(resource);
                gap.until = made_at.unwrap_or(now);
                "Graph could not deliver some notifications of a subscription that was replaced since"
                    .clone_into(&mut gap.reason);
            }
            (Kind::Removed, Verdict::Gone) => {
                let (result, is_only) = self.successor(run?)?;
                gap.kind = GapKind::Removed;
                gap.new_subscription_id = result.subscription_id.clone().filter(|_| is_only);
                gap.resource.clone_from(&result.step.resource);
                // Of a held subscription the lifetime may be unknown; its gap then has no beginning.
                let lifetime = result.step.lifetime;
                let renewed_at = lifetime.and_then(|lifetime| self.renewed_at(lifetime, now));
                gap.from = renewed_at.map(|end| lost_since(end, result.made_before));
                gap.until = now;
                "Graph removed the subscription".clone_into(&mut gap.reason);
            }
            _ => return None,
        }
        Some(gap)
    }

    /// Returns the result for the removed subscription, and whether no other login of the application can have had it.
    ///
    /// Only a removal that fits what the run knows counts: a client state can be replayed with another id. Where several
    /// users signed in to one application, each has a subscription of this name. A run without memory cannot tell which of
    /// them was removed, unless it had to create only one.
    fn successor<'r>(&self, run: &'r Run) -> Option<(&'r StepResult, bool)> {
        let key = (self.subscription_id.clone(), self.name.clone());
        let tenants = run
            .of(self.application)
            .filter(|tenant| tenant.removed.contains(&key));
        let of_name = |result: &&StepResult| result.is_wanted() && result.step.name == self.name;
        let all: Vec<&StepResult> = tenants.flat_map(|tenant| &tenant.steps).filter(of_name).collect();
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
