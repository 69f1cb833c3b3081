//! What is planned for subscriptions that Graph could not list.

use graph_core::subscription::{
    catalogue,
    plan::{Action, LostSubscription, Policy, Reason, Step},
};
use jiff::Timestamp;

use crate::result::{Status, StepResult};

/// What the subscriptions of a plan are known from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Graph has listed them.
    Listed,
    /// Graph could not list them, so they are those that this process remembers.
    Remembered,
    /// The same, but for so long that what this process does not know may lapse: where a creation conflicts with it, Graph names it.
    Conflicts,
    /// The same, and no call is possible: the login fails.
    LoggedOut,
}

/// Returns the steps for subscriptions that Graph could not list: they are renewed, and kept if no call is possible. Only
/// what is certainly gone, or cannot be found in another way, is created, and nothing is deleted, because what exists is not
/// certain.
pub(super) fn remembered(steps: Vec<Step>, sight: Sight, policy: &Policy, now: Timestamp) -> Vec<Step> {
    let steps = steps.into_iter().filter_map(|step| {
        if sight == Sight::LoggedOut {
            return step.kept();
        }
        match &step.action {
            Action::Create(_) if !is_created(&step, sight) => None,
            // If Graph creates it, it may have lapsed meanwhile.
            Action::Create(_) if step.reason == Reason::Missing => Some(Step {
                reason: Reason::Lost(LostSubscription::default()),
                ..step
            }),
            Action::Replace { id, creation } => {
                let (end, lifetime) = (step.expires_at, creation.desired.lifetime);
                let is_due = end.is_none_or(|end| end.duration_since(now) < policy.reserve(lifetime));
                // The renewal also shows whether it is gone.
                let action = Action::Renew {
                    id: id.clone(),
                    renewal: creation.extension(),
                    otherwise: Some(creation.clone()),
                };
                if is_due || step.reason == Reason::Removed {
                    Some(Step { action, ..step })
                } else {
                    step.kept()
                }
            }
            Action::Delete { .. } => step.kept(),
            Action::Create(_) | Action::Renew { .. } | Action::Keep { .. } => Some(step),
        }
    });
    steps.collect()
}

fn is_created(step: &Step, sight: Sight) -> bool {
    let is_lost = matches!(step.reason, Reason::Lost(_));
    is_lost || sight == Sight::Conflicts && !takes_twice(step)
}

/// Returns whether a step creates a subscription of a kind of which Graph takes a second one for the same.
pub(super) fn takes_twice(step: &Step) -> bool {
    let resource = step
        .action
        .creation()
        .map(|creation| creation.desired.resource.as_str());
    matches!(step.action, Action::Create(_)) && resource.is_some_and(catalogue::takes_twice)
}

/// Returns the results for subscriptions that do not exist, as far as a tenant's last list shows: they wait for the next
/// list, and count as missing.
pub(super) fn missing(steps: &[Step], sight: Sight) -> impl Iterator<Item = StepResult> {
    let waits = move |step: &&Step| {
        step.action.id().is_none() && (sight == Sight::LoggedOut || !is_created(step, sight))
    };
    let missing = steps.iter().filter(waits);
    missing.map(|step| StepResult::of(step.clone(), Status::Unfinished))
}
