//! Not deleting very much at once: a list that lies, or a document that was emptied, looks like a wish.

use super::{Action, Reason, Step};

/// What is known of the configuration that steps follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It is the one of the last run.
    Old,
    /// It has changed since, or whether it has is not known.
    New,
    /// It has no entry at all.
    Nothing,
}

/// Returns how many of `live` subscriptions the steps would delete or replace, if that is more than is believed: over a half
/// deleted, or over a fifth deleted or replaced though the configuration is the one of the last run. A few always go, but
/// none where the configuration asks for nothing: that is how an emptied document looks, and a stack that was made again.
#[must_use]
pub fn excess(steps: &[Step], live: usize, wish: Wish) -> Option<usize> {
    let count = |is: fn(&Step) -> bool| steps.iter().filter(|step| is(step)).count();
    let (deleted, replaced) = (count(is_deleted), count(is_replaced_by_choice));
    let changed = deleted + replaced;
    let is_over = |share: usize| changed > A_FEW && changed.saturating_mul(share) > live;
    let is_too_much = match wish {
        Wish::Nothing => deleted > 0,
        Wish::Old => is_over(5),
        Wish::New => deleted > A_FEW && deleted.saturating_mul(2) > live,
    };
    is_too_much.then_some(changed)
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
        for (deleted, live, wish, expected) in [
            (5, 5, Wish::Old, None),
            (6, 6, Wish::New, Some(6)),
            (6, 12, Wish::New, None),
            (6, 12, Wish::Old, Some(6)),
            (6, 30, Wish::Old, None),
            (7, 30, Wish::Old, Some(7)),
            (1, 30, Wish::Nothing, Some(1)),
            (0, 30, Wish::Nothing, None),
        ] {
            let steps: Vec<Step> = (0..deleted).map(|_| deletion()).collect();
            assert_eq!(excess(&steps, live, wish), expected, "{deleted} of {live}");
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
