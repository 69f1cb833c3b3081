//! Renews subscriptions. What Graph refuses to renew is looked at again, shortened or replaced, so that it does not lapse.

use graph_core::subscription::plan::{Creation, Policy, Renewal, Step};
use graph_edge::graph::{GraphError, GraphErrorKind};

use super::{Applier, Done, failure::Failure};
use crate::{memory::lock, ports::Ports};

impl<P: Ports> Applier<'_, P> {
    /// Renews a subscription, and tries what is left when Graph refuses the renewal, so that the subscription does not
    /// lapse.
    pub(super) async fn extend(
        &self,
        step: &Step,
        id: &str,
        renewal: &Renewal,
        otherwise: &Creation,
    ) -> Result<Done, Failure> {
        let failure = match self.renew(id, renewal).await {
            Ok(renewed) => return Ok(renewed.into()),
            Err(failure) => failure,
        };
        let Failure::Graph(error) = failure else {
            return Err(failure);
        };
        match &error.kind {
            // Graph also answers 404 for subscriptions that exist, so the answer is checked before anything is created.
            GraphErrorKind::NotFound { .. } => self.confirm_gone(step, id, renewal, otherwise).await,
            // Graph's refusal names the longest lifetime, so one more call is enough.
            GraphErrorKind::TooLong { minutes, .. } => {
                let expires_at = self.shorten(&step.name, *minutes);
                let shorter = Renewal {
                    expires_at,
                    ..renewal.clone()
                };
                Ok(self.renew(id, &shorter).await?.into())
            }
            // The new URL or certificate may be the cause: Graph validates the URL again when a PATCH changes it.
            kind if renewal.changes() && !kind.is_transient_for_all() => {
                let renewed = self.renew(id, &renewal.alone()).await?;
                Ok(Done {
                    short_of: Some(error.into()),
                    ..renewed.into()
                })
            }
            // Replacing costs a gap, so renewal waits until the subscription would lapse otherwise.
            kind if kind.is_lasting() && self.is_in_danger(step, otherwise) => {
                let replaced = self.replace(step, id, otherwise).await?;
                let reason = "Graph no longer extends it".to_owned();
                Ok(Done {
                    otherwise: Some(("replace", reason)),
                    ..replaced
                })
            }
            _ => Err(error.into()),
        }
    }

    /// Renews a subscription whose entry cannot be used. If Graph grants less than the catalogue says, one more call is
    /// enough.
    pub(super) async fn extend_unread(
        &self,
        step: &Step,
        id: &str,
        renewal: &Renewal,
    ) -> Result<Done, Failure> {
        match self.renew(id, renewal).await {
            Err(Failure::Graph(GraphError {
                kind: GraphErrorKind::TooLong { minutes, .. },
                ..
            })) => {
                let expires_at = self.shorten(&step.name, minutes);
                let shorter = Renewal {
                    expires_at,
                    ..renewal.clone()
                };
                Ok(self.renew(id, &shorter).await?.into())
            }
            renewed => Ok(renewed?.into()),
        }
    }

    /// Asks for a subscription by id after Graph answered 404 to its renewal: Graph's answers differ from call to call.
    async fn confirm_gone(
        &self,
        step: &Step,
        id: &str,
        renewal: &Renewal,
        otherwise: &Creation,
    ) -> Result<Done, Failure> {
        match self
            .run
            .within(self.run.deps.graph.get(self.run.tenant, renewal.version, id))
            .await
        {
            // Seen in practice: PATCH answers 404 although GET finds the subscription.
            Ok(_) => Ok(self.renew(id, renewal).await?.into()),
            Err(error) if matches!(error.kind, GraphErrorKind::NotFound { .. }) => {
                // Before the creation: if that fails, the next run still knows that the old subscription is gone.
                lock(&self.known).remove(id);
                let done = self.create_or_settle(&step.name, otherwise).await?;
                let reason =
                    "it no longer existed when it was due for renewal; changes since then were missed";
                Ok(Done {
                    otherwise: done.otherwise.or(Some(("create", reason.to_owned()))),
                    was_gone: true,
                    ..done
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn is_in_danger(&self, step: &Step, creation: &Creation) -> bool {
        let Some(end) = step.expires_at else { return true };
        let left = self
            .policy
            .percent_left(creation.desired.lifetime, end, self.now());
        left < Policy::DANGER_PERCENT
    }
}
