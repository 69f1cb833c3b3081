//! What is planned for subscriptions that Graph could not list.

use graph_core::subscription::plan::{Action, Policy, Reason, Step};
use jiff::Timestamp;

use crate::result::{Status, StepResult};

/// What the subscriptions of a plan are known from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Graph has listed them.
    Listed,
    /// Graph could not list them, so they are those that this process remembers.
    Remembered,
    /// The same, and no call is possible: the login fails.
    LoggedOut,
}

/// Returns the steps for subscriptions that Graph could not list: they are renewed, and kept if no call is possible. Only
/// what is certainly gone is created again, and nothing is deleted, because what exists is not certain.
pub(super) fn remembered(steps: Vec<Step>, sight: Sight, policy: &Policy, now: Timestamp) -> Vec<Step> {
    let steps = steps.into_iter().filter_map(|step| {
        if sight == Sight::LoggedOut {
            return step.kept();
        }
        match &step.action {
            Action::Create(_) => is_lost(&step).then_some(step),
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
            Action::Renew { .. } | Action::Keep { .. } => Some(step),
        }
    });
    steps.collect()
}

fn is_lost(step: &Step) -> bool {
    matches!(step.reason, Reason::Lost { .. })
}

/// Returns the results for subscriptions that do not exist, as far as a tenant's last list shows: they wait for the next
/// list, and count as missing.
pub(super) fn missing(steps: &[Step], sight: Sight) -> impl Iterator<Item = StepResult> {
    let waits =
        move |step: &&Step| step.action.id().is_none() && (sight == Sight::LoggedOut || !is_lost(step));
    let missing = steps.iter().filter(waits);
    missing.map(|step| StepResult::of(step.clone(), Status::Unfinished))
}
