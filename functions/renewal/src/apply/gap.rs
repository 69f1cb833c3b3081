//! The gap that a step leaves in the notifications.

use graph_core::subscription::plan::{
    Action, LostSubscription, Reason, Step,
    gap::{Gap, GapKind, lost_since},
};
use jiff::Timestamp;

use super::{Applier, Done};
use crate::{memory::lock, ports::Ports};

impl<P: Ports> Applier<'_, P> {
    /// Returns the subscription in whose place a step, begun at `begun`, created another one, unless consumers know of the
    /// gap in between.
    pub(super) fn lost(&self, step: &Step, done: &Done, begun: Timestamp) -> Option<LostSubscription> {
        let existing = step.action.id().map(str::to_owned);
        let is_delivered_before = || self.run.is_delivered_before(&step.name);
        let (id, seen_at) = match (&step.action, &step.reason) {
            // The run that created it reports the gap, if it learned of the creation.
            _ if done.is_adopted() && !self.is_successor(step, done) => return None,
            (Action::Create(_), _) | (_, Reason::FoundAgain(_)) if is_delivered_before() => return None,
            (_, Reason::FoundAgain(lost)) => return Some(lost.clone()),
            // The subscription never stopped.
            _ if done.subscription.as_ref().map(|one| one.id.as_str()) == step.action.id() => return None,
            (_, Reason::Lost(lost)) => return Some(lost.clone()),
            // The entry asks for something that was not watched before. The lifecycle notification reports the gap of
            // a removal that Graph's list confirms.
            (Action::Create(_), _)
            | (_, Reason::OtherResource { .. })
            | (Action::Replace { .. }, Reason::Removed) => return None,
            (_, Reason::Expired) => (existing, step.expires_at),
            // For how long its notifications had no receiver, or were rejected, is unknown.
            (_, Reason::TakenOver | Reason::KeyGone { .. }) => (existing, None),
            // It existed at its last renewal. When it disappeared after that is unknown.
            _ if done.was_gone => {
                let lifetime = step.action.creation()?.desired.lifetime;
                let renewed_at = step.expires_at.and_then(|end| end.saturating_sub(lifetime).ok());
                (existing, renewed_at)
            }
            // Nobody asked for another one.
            (Action::Keep { .. } | Action::Delete { .. }, _) => return None,
            _ => (existing, Some(begun)),
        };
        Some(LostSubscription { id, seen_at })
    }

    /// Returns the period in which notifications may have been lost after a subscription, which was created at
    /// `made_before`.
    pub(super) fn gap(
        &self,
        step: &Step,
        done: &Done,
        lost: &LostSubscription,
        made_before: Option<Timestamp>,
    ) -> Gap {
        let found = done.subscription.as_ref().map(|one| one.id.as_str());
        let reason = match &done.otherwise {
            Some((_, reason)) => reason.clone(),
            None => step.reason.to_string(),
        };
        Gap {
            kind: GapKind::Recreated,
            name: step.name.clone(),
            application: self.run.tenant.application,
            subscription_id: lost.id.clone(),
            new_subscription_id: found.or_else(|| step.action.id()).map(str::to_owned),
            resource: step.resource.clone(),
            from: lost.seen_at.map(|seen_at| lost_since(seen_at, made_before)),
            until: self.now(),
            reason,
        }
    }

    /// Returns whether an adopted subscription is the successor of a lost one, and consumers may not have heard of that.
    fn is_successor(&self, step: &Step, done: &Done) -> bool {
        let Some(adopted) = &done.subscription else {
            return false;
        };
        let is_lost = match &step.action {
            Action::Create(_) => matches!(step.reason, Reason::Lost(_)),
            Action::Renew { .. } => true,
            _ => false,
        };
        is_lost && lock(&self.known).history.is_successor(&step.name, &adopted.id)
    }
}
