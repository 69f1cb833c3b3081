//! The order of creations.

use graph_core::subscription::plan::{Action, Step};
use jiff::{SignedDuration, Timestamp};

/// Has each run begin with other creations, after one that had no time for all: a new process does not know which ones fail
/// slowly, and if these were first in every run, those behind them would wait for ever.
pub(super) fn in_turn(steps: Vec<Step>, now: Timestamp, period: SignedDuration) -> Vec<Step> {
    let is_creation = |step: &Step| matches!(step.action, Action::Create(_));
    let (mut creations, others): (Vec<_>, Vec<_>) = steps.into_iter().partition(is_creation);
    let run = now.as_second() / period.as_secs().max(1);
    let first = first(creations.len(), run.unsigned_abs());
    creations.rotate_left(first);
    creations.into_iter().chain(others).collect()
}

/// Returns with which of `count` creations a run begins. However many a run manages, the next ones begin in the largest part that
/// none has reached yet: each begins a golden section after the last.
fn first(count: usize, run: u64) -> usize {
    let part = u128::from(run.wrapping_mul(GOLDEN_SECTION));
    let count = u128::try_from(count).unwrap_or_default();
    usize::try_from(part.saturating_mul(count) >> u64::BITS).unwrap_or_default()
}

/// 0.618 of the numbers that 64 bits hold.
const GOLDEN_SECTION: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_creation_is_reached_whatever_a_run_manages() {
        for (count, managed, runs) in [(1, 1, 1), (200, 130, 2), (200, 80, 4), (1_000, 100, 20)] {
            for begun in [0, 2_973_000] {
                let mut reached = BTreeSet::new();
                for run in begun..begun + runs {
                    let first = first(count, run);
                    assert!(first < count);
                    reached.extend((first..first + managed).map(|number| number % count));
                }
                assert_eq!(reached.len(), count, "{count} in steps of {managed}");
            }
        }
        assert_eq!(first(0, 7), 0);
    }
}
