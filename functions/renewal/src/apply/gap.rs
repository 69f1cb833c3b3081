//! The gap that a step leaves in the notifications.

use graph_core::subscription::plan::{
    Action, Reason, Step,
    gap::{Gap, GapKind, lost_since},
};
use jiff::Timestamp;

use super::{Applier, Done};
use crate::ports::Ports;

impl<P: Ports> Applier<'_, P> {
    /// Returns the period in which notifications may have been lost because a step, begun at `begun`, created a
    /// subscription in the place of another one, which was created at `made_before`.
    pub(super) fn gap(
        &self,
        step: &Step,
        done: &Done,
        begun: Timestamp,
        made_before: Option<Timestamp>,
    ) -> Option<Gap> {
        let subscription_id = step.action.id().map(str::to_owned);
        let desired = &step.action.creation()?.desired;
        let (subscription_id, end) = match (&step.action, &step.reason) {
            // The run that created it reports the gap.
            _ if done.is_adopted() => return None,
            (Action::Create(_), _) if self.run.is_delivered_before(&step.name) => return None,
            (Action::Create(_), Reason::Lost { id, seen_at }) => (id.clone(), Some(*seen_at)),
            (Action::Create(_), Reason::PerhapsLost) => (None, None),
            // The entry asks for something that was not watched before. The lifecycle notification reports the gap of
            // a removal that Graph's list confirms.
            (Action::Create(_), _)
            | (_, Reason::OtherResource { .. })
            | (Action::Replace { .. }, Reason::Removed) => return None,
            // The subscription never stopped.
            _ if done.subscription.as_ref().map(|one| one.id.as_str()) == step.action.id() => return None,
            (_, Reason::Expired) => (subscription_id, step.expires_at),
            // For how long its notifications had no receiver is unknown.
            (_, Reason::TakenOver) => (subscription_id, None),
            // It existed at its last renewal. When it disappeared after that is unknown.
            _ if done.was_gone => {
                let end = step.expires_at;
                let renewed_at = end.and_then(|end| end.saturating_sub(desired.lifetime).ok());
                (subscription_id, renewed_at)
            }
            _ => (subscription_id, Some(begun)),
        };
        let reason = match &done.otherwise {
            Some((_, reason)) => reason.clone(),
            None => step.reason.to_string(),
        };
        Some(Gap {
            kind: GapKind::Recreated,
            name: step.name.clone(),
            application: self.run.tenant.application,
            subscription_id,
            new_subscription_id: done.subscription.as_ref().map(|one| one.id.clone()),
            resource: Some(desired.resource.clone()),
            from: end.map(|end| lost_since(end, made_before)),
            until: self.now(),
            reason,
        })
    }
}
