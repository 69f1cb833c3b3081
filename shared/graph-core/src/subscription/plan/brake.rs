//! Not deleting very much at once: a list that lies, or a document that was emptied, looks like a wish.

use super::{Action, Reason, Step};

/// Returns how many of `live` subscriptions the steps would delete or replace, if that is more than is believed: over a half
/// deleted, or over a fifth deleted or replaced though the configuration is the one of the last run. A few always go.
#[must_use]
pub fn excess(steps: &[Step], live: usize, is_new_configuration: bool) -> Option<usize> {
    let count = |is: fn(&Step) -> bool| steps.iter().filter(|step| is(step)).count();
    let (deleted, replaced) = (count(is_deleted), count(is_replaced_by_choice));
    let is_too_much = deleted > A_FEW && deleted.saturating_mul(2) > live;
    let changed = deleted + replaced;
    let is_odd = !is_new_configuration && changed > A_FEW && changed.saturating_mul(5) > live;
    (is_too_much || is_odd).then_some(changed)
}

fn is_deleted(step: &Step) -> bool {
    matches!(step.action, Action::Delete { .. })
}

fn is_replaced_by_choice(step: &Step) -> bool {
    matches!(step.action, Action::Replace { .. }) && step.reason.is_of_choice()
}

impl Reason {
    /// Returns whether a replacement for this reason could wait: what is there works, as far as Graph says.
    pub(super) fn is_of_choice(&self) -> bool {
        matches!(
            self,
            Self::OtherResource { .. }
                | Self::OtherChangeType { .. }
                | Self::OtherQueryOptions
                | Self::OtherResourceData { .. }
                | Self::OtherLifecycleUrl
                | Self::Renamed { .. }
        )
    }
}

/// How many are deleted without a question.
const A_FEW: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_is_too_much_and_a_few_are_not() {
        for (deleted, live, is_new, expected) in [
            (5, 5, false, None),
            (6, 6, true, Some(6)),
            (6, 12, true, None),
            (6, 12, false, Some(6)),
            (6, 30, false, None),
            (7, 30, false, Some(7)),
        ] {
            let steps: Vec<Step> = (0..deleted).map(|_| deletion()).collect();
            assert_eq!(excess(&steps, live, is_new), expected, "{deleted} of {live}");
        }
    }

    fn deletion() -> Step {
        Step {
            name: String::new(),
            action: Action::Delete { id: String::new() },
            reason: Reason::NoEntry,
            expires_at: None,
        }
    }
}
