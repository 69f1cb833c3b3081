//! How urgent a step is.

use jiff::Timestamp;

use super::{Action, Policy, Reason, Step};

/// How urgent a step is, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// It ends before the run after the next one.
    Ending,
    /// Graph delivers no more until it is answered.
    ReauthorizationRequired,
    /// Nothing is delivered: there is no subscription.
    Missing,
    /// It is due, and there is time.
    Due,
    /// It is no longer wanted.
    Unwanted,
}

impl Urgency {
    /// Returns how urgent a step is; nothing for one that leaves everything as it is.
    #[must_use]
    pub fn of(step: &Step, policy: &Policy, now: Timestamp) -> Option<Self> {
        let ends_soon = step
            .expires_at
            .is_some_and(|end| end.duration_since(now) < policy.period.saturating_mul(2));
        Some(match (&step.action, &step.reason) {
            (Action::Keep { .. }, _) => return None,
            (Action::Delete { .. }, _) => Self::Unwanted,
            (Action::Renew { .. } | Action::Extend { .. }, _) if ends_soon => Self::Ending,
            (Action::Renew { .. }, Reason::ReauthorizationRequired) => Self::ReauthorizationRequired,
            (Action::Create(_), _) | (Action::Replace { .. }, Reason::Removed | Reason::Expired) => {
                Self::Missing
            }
            (Action::Renew { .. } | Action::Extend { .. } | Action::Replace { .. }, _) => Self::Due,
        })
    }
}
