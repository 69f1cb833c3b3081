//! The result of a step.

use graph_core::subscription::{
    config::Tenant,
    model::Subscription,
    plan::{
        Action, Reason, Step,
        gap::{Gap, GapKind, lost_since},
    },
};
use jiff::Timestamp;

use super::{creation, failure::Failure};
use crate::report::{Line, Lost};

/// The result of a step, for the report and for consumers.
pub(crate) struct Outcome {
    /// The step's line in the report.
    pub(crate) line: Line,
    /// The period in which notifications may have been lost.
    pub(crate) gap: Option<Gap>,
    /// Whether no consumer could be informed of the gap.
    pub(crate) is_untold: bool,
    /// When the subscription expired, or would have expired, before the step.
    ended: Option<Timestamp>,
}

/// The result of a successful attempt.
#[derive(Default)]
pub(super) struct Done {
    /// The subscription as Graph returned it; its expiry is the one that counts.
    pub(super) subscription: Option<Subscription>,
    /// The action and its reason, where they differ from the plan.
    pub(super) otherwise: Option<(&'static str, String)>,
    /// Whether the subscription to renew or replace no longer existed.
    pub(super) was_gone: bool,
    /// Why the renewal had to leave out the new URL or certificate.
    pub(super) short_of: Option<Failure>,
}

impl From<Subscription> for Done {
    fn from(subscription: Subscription) -> Self {
        Self {
            subscription: Some(subscription),
            ..Self::default()
        }
    }
}

impl Done {
    /// Returns whether another run had already created the subscription.
    pub(super) fn is_adopted(&self) -> bool {
        matches!(self.otherwise, Some(("adopt", _)))
    }
}

/// A step that was attempted, and when.
pub(super) struct Attempt {
    pub(super) result: Result<Done, Failure>,
    pub(super) begun: Timestamp,
    pub(super) ended: Timestamp,
}

impl Outcome {
    pub(super) fn of(
        step: &Step,
        name: &str,
        tenant: &Tenant,
        attempt: Attempt,
        until: Option<Timestamp>,
    ) -> Self {
        let mut line = Line::of(step, name);
        let gap = gap(step, tenant, &attempt);
        let resource = creation(&step.action).map(|creation| creation.desired.resource.as_str());
        let describe = |failure: &Failure| failure.describe(resource, tenant, until);
        line.lost = gap.as_ref().map(|gap| Lost {
            from: gap.from,
            until: gap.until,
        });
        match attempt.result {
            Ok(done) => {
                if let Some(subscription) = done.subscription {
                    line.subscription_id = Some(subscription.id);
                    line.expires_at = subscription.expiration_date_time.or(line.expires_at);
                }
                if let Some((action, reason)) = done.otherwise {
                    (line.action, line.reason) = (action, reason);
                }
                line.error = done
                    .short_of
                    .map(|failure| format!("extended, but not brought up to date: {}", describe(&failure)));
            }
            // Not an error: Graph refused nothing, and the next run takes the step.
            Err(failure) if failure.is_postponed() => line.unfinished = true,
            // Only for objects of `forEach`: a single entry that cannot be watched is a mistake in the configuration.
            Err(failure) if failure.is_skipped() && step.name.contains('/') => {
                line.skipped = Some(describe(&failure));
            }
            Err(failure) => line.error = Some(describe(&failure)),
        }
        Self {
            line,
            gap,
            is_untold: false,
            ended: step.expires_at,
        }
    }

    /// Returns the sort key of outcomes: the soonest expiry first.
    pub(crate) fn order(&self) -> (Option<Timestamp>, &str, Option<&str>) {
        (self.ended, &self.line.name, self.line.subscription_id.as_deref())
    }

    /// Returns the outcome of a step that is not taken.
    pub(crate) fn planned(step: &Step, name: &str) -> Self {
        let mut line = Line::of(step, name);
        line.ends_at = step.expires_at;
        line.expires_at =
            creation(&step.action).map_or(line.expires_at, |creation| Some(creation.expires_at));
        Self {
            line,
            gap: None,
            is_untold: false,
            ended: step.expires_at,
        }
    }
}

impl Line {
    /// Returns the report's line for a step that has not been taken.
    fn of(step: &Step, tenant: &str) -> Self {
        let desired = creation(&step.action).map(|creation| &creation.desired);
        Self {
            name: step.name.clone(),
            tenant: tenant.to_owned(),
            resource: desired.map(|desired| desired.resource.clone()),
            change_type: desired.map(|desired| desired.change_type.clone()),
            action: step.action.name(),
            reason: step.reason.to_string(),
            subscription_id: step.action.id().map(str::to_owned),
            expires_at: step.expires_at,
            ..Self::default()
        }
    }
}

/// Returns the period in which notifications may have been lost because a subscription was created for another one.
fn gap(step: &Step, tenant: &Tenant, attempt: &Attempt) -> Option<Gap> {
    let done = attempt.result.as_ref().ok()?;
    let subscription_id = step.action.id().map(str::to_owned);
    let desired = &creation(&step.action)?.desired;
    let (subscription_id, from) = match (&step.action, &step.reason) {
        // The run that created it reports the gap.
        _ if done.is_adopted() => return None,
        (Action::Create(_), Reason::Lost { id, seen_at }) => (id.clone(), Some(*seen_at)),
        (Action::Create(_), Reason::PerhapsLost) => (None, None),
        // The entry asks for something that was not watched before. For `Removed`, the lifecycle notification reports
        // the gap.
        (Action::Create(_), _) | (_, Reason::OtherResource { .. } | Reason::Removed) => return None,
        // The subscription never stopped.
        (Action::Renew { .. }, _) if done.otherwise.is_none() => return None,
        (_, Reason::Expired) => (subscription_id, step.expires_at),
        // For how long its notifications had no receiver is unknown.
        (_, Reason::TakenOver) => (subscription_id, None),
        // It existed at its last renewal. When it disappeared after that is unknown.
        _ if done.was_gone => {
            let end = step.expires_at;
            let from = end.and_then(|end| end.saturating_sub(desired.lifetime).ok());
            (subscription_id, from)
        }
        _ => (subscription_id, Some(attempt.begun)),
    };
    let reason = match &done.otherwise {
        Some((_, reason)) => reason.clone(),
        None => step.reason.to_string(),
    };
    Some(Gap {
        kind: GapKind::Recreated,
        name: step.name.clone(),
        application: tenant.application,
        subscription_id,
        new_subscription_id: done.subscription.as_ref().map(|one| one.id.clone()),
        resource: Some(desired.resource.clone()),
        from: from.map(lost_since),
        until: attempt.ended,
        reason,
    })
}
