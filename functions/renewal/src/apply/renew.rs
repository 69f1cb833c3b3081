//! Renews subscriptions. What Graph refuses to renew is looked at again, shortened or replaced, so that it does not lapse.

use graph_core::subscription::{
    model::Subscription,
    plan::{Creation, Policy, Renewal, Step, Urgency},
};
use graph_edge::graph::GraphErrorKind;

use super::{Applier, Done, failure::Failure};
use crate::{memory::lock, ports::Ports};

impl<P: Ports> Applier<'_, P> {
    /// Renews a subscription. One that is gone is created, and one that Graph no longer renews is replaced before it lapses.
    pub(super) async fn extend_or_replace(
        &self,
        step: &Step,
        id: &str,
        renewal: &Renewal,
        otherwise: Option<&Creation>,
    ) -> Result<Done, Failure> {
        let (failure, otherwise) = match (self.extend(&step.name, id, renewal).await, otherwise) {
            (Err(failure), Some(otherwise)) => (failure, otherwise),
            (done, _) => return done,
        };
        if matches!(failure, Failure::Gone) {
            let done = self.create_or_settle(otherwise, None).await?;
            let reason = "it no longer existed when it was due for renewal; changes since then were missed";
            return Ok(Done {
                otherwise: done.otherwise.or(Some(("create", reason.to_owned()))),
                was_gone: true,
                ..done
            });
        }
        if !self.needs_successor(&failure, step, otherwise) {
            return Err(failure);
        }
        let replaced = match failure.kind() {
            Some(GraphErrorKind::Unavailable { .. }) => {
                // The answer may be all that failed.
                if let Some(renewed) = self.carried_out(step, id).await {
                    return Ok(renewed.into());
                }
                // Graph may refuse the successor as well, and answer the next renewal.
                self.replace_beside(id, otherwise).await?
            }
            _ => self.replace(step, id, otherwise).await?,
        };
        let reason = "Graph no longer extends it".to_owned();
        Ok(Done {
            otherwise: Some(("replace", reason)),
            ..replaced
        })
    }

    /// Renews the subscription called `name`, and takes from the renewal what Graph refuses, until it is accepted or
    /// nothing is left to take. Each remedy is tried once, in any order: a refused change may hide another refusal.
    pub(super) async fn extend(&self, name: &str, id: &str, renewal: &Renewal) -> Result<Done, Failure> {
        let mut renewal = renewal.clone();
        let mut short_of = None;
        let mut was_found = false;
        loop {
            let failure = match self.renew(name, id, &renewal).await {
                Ok(renewed) => {
                    return Ok(Done {
                        short_of,
                        ..renewed.into()
                    });
                }
                Err(failure) => failure,
            };
            match failure.kind() {
                // Seen in practice: PATCH answers 404 although GET finds the subscription.
                Some(GraphErrorKind::NotFound { .. }) if !was_found => {
                    self.find(id).await?;
                    was_found = true;
                }
                // The new URL or certificate may be the cause: Graph validates the URL again when a PATCH changes it.
                kind if renewal.changes() && !kind.is_some_and(GraphErrorKind::is_transient_for_all) => {
                    short_of = Some(failure);
                    renewal = renewal.alone();
                }
                _ => return Err(failure),
            }
        }
    }

    /// Asks for a subscription by id: Graph's answers differ from call to call.
    pub(super) async fn find(&self, id: &str) -> Result<(), Failure> {
        match self.get(id).await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.kind, GraphErrorKind::NotFound { .. }) => {
                // At once: if the creation of a successor fails, the next run still knows that this one is gone.
                lock(&self.known).deny(id, self.now());
                Err(Failure::Gone)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the subscription if Graph has renewed it, although it did not say so.
    async fn carried_out(&self, step: &Step, id: &str) -> Option<Subscription> {
        let shown = self.get(id).await.ok();
        shown.filter(|shown| shown.expiration_date_time > step.expires_at)
    }

    /// Returns whether a subscription whose renewal failed is replaced. That may cost a gap, so renewal waits: after a
    /// refusal that lasts until the subscription is in danger, after others until hardly a run is left.
    fn needs_successor(&self, failure: &Failure, step: &Step, creation: &Creation) -> bool {
        let Some(kind) = failure.kind() else { return false };
        let is_of_all = matches!(
            kind,
            GraphErrorKind::Login(_) | GraphErrorKind::Throttled { .. } | GraphErrorKind::OutOfTime
        );
        kind.is_lasting() && self.is_in_danger(step, creation)
            // These would refuse a successor as well, and a subscription deleted for it would be lost.
            || !is_of_all && Urgency::of(step, &self.policy, self.now()) == Some(Urgency::Ending)
    }

    fn is_in_danger(&self, step: &Step, creation: &Creation) -> bool {
        let Some(end) = step.expires_at else { return true };
        let left = self
            .policy
            .percent_left(creation.desired.lifetime, end, self.now());
        left < Policy::DANGER_PERCENT
    }
}
