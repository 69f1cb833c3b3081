//! The urgency of steps.

use jiff::Timestamp;

use super::{Action, Policy, Reason, Step};

/// The urgency of a step, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// The subscription expires before the run after the next one.
    Ending,
    /// No subscription exists, so nothing is delivered.
    Missing,
    /// The subscription is due, with time left.
    Due,
    /// The subscription is no longer wanted.
    Unwanted,
}

impl Urgency {
    /// Returns the urgency of a step; nothing for a step that changes nothing.
    #[must_use]
    pub fn of(step: &Step, policy: &Policy, now: Timestamp) -> Option<Self> {
        let ends_soon = step
            .expires_at
            .is_some_and(|end| end.duration_since(now) < policy.period.saturating_mul(2));
        Some(match (&step.action, &step.reason) {
            // Nothing is left to do at Graph, but consumers hear of the gap.
            (Action::Keep(_), Reason::FoundAgain(_)) => Self::Due,
            (Action::Keep(_), _) => return None,
            (Action::Delete(_), _) => Self::Unwanted,
            (Action::Renew { .. } | Action::Replace { .. }, _) if ends_soon => Self::Ending,
            (Action::Create(_), _) | (Action::Replace { .. }, Reason::Removed | Reason::Expired) => {
                Self::Missing
            }
            (Action::Renew { .. } | Action::Replace { .. }, _) => Self::Due,
        })
    }
}
