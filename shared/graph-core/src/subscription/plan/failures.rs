//! Which failures are new: an alarm that an old failure keeps on does not tell of another one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::digest::{digest, digests};

/// The failures of the last runs. A parameter holds those that two runs have had, and some of the others: they suffice for an
/// alarm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct FailureHistory {
    /// Those that two runs in a row have had.
    known: BTreeSet<String>,
    /// Those that only the last run has had: the next one may cure them.
    first_seen: BTreeSet<String>,
}

impl FailureHistory {
    /// Returns the history after a run with these failures, and how many are new: this run and the one before have them, and
    /// no earlier one. If the history `before` is not known, none is new.
    #[must_use]
    pub fn after<'f>(before: Option<&Self>, failures: impl Iterator<Item = &'f str>) -> (Self, usize) {
        let failures: BTreeSet<String> = failures.map(|failure| digest(failure, DIGEST)).collect();
        let Some(before) = before else {
            let (known, first_seen) = (failures, BTreeSet::new());
            return (Self { known, first_seen }, 0);
        };
        let (mut known, unknown): (BTreeSet<String>, BTreeSet<String>) = failures
            .into_iter()
            .partition(|failure| before.known.contains(failure));
        let (new, first_seen): (BTreeSet<String>, BTreeSet<String>) = unknown
            .into_iter()
            .partition(|failure| before.first_seen.contains(failure));
        let count = new.len();
        known.extend(new);
        (Self { known, first_seen }, count)
    }

    /// Returns whether a parameter cannot hold the failures.
    #[expect(clippy::ref_option, reason = "serde asks for the reference")]
    pub(super) fn are_too_many(failures: &Option<Self>) -> bool {
        failures.as_ref().is_none_or(|all| all.known.len() > MAX_STORED)
    }
}

impl From<String> for FailureHistory {
    fn from(text: String) -> Self {
        let (known, first_seen) = text.split_once(FIRST_SEEN).unwrap_or((&text, ""));
        Self {
            known: digests(known, DIGEST).collect(),
            first_seen: digests(first_seen, DIGEST).collect(),
        }
    }
}

impl From<FailureHistory> for String {
    fn from(failures: FailureHistory) -> Self {
        let room = MAX_STORED.saturating_sub(failures.known.len());
        let mut text: Self = failures.known.iter().map(Self::as_str).collect();
        if !failures.first_seen.is_empty() {
            text.push(FIRST_SEEN);
            text.extend(failures.first_seen.iter().take(room).map(Self::as_str));
        }
        text
    }
}

/// Stands before the failures that only the last run has had. It is no letter of a digest.
const FIRST_SEEN: char = '.';

/// How many characters of a digest stand for a failure.
const DIGEST: usize = 4;

/// How many failures are stored: a parameter holds 4 kB for everything.
const MAX_STORED: usize = 150;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_new_once_when_a_second_run_has_it() {
        let mut history = FailureHistory::default();
        let runs: [(&[&str], usize); 7] = [
            (&[], 0),
            (&["a"], 0),
            (&["a"], 1),
            (&["a", "b"], 0),
            (&["a"], 0),
            (&["a", "c"], 0),
            (&["a", "c"], 1),
        ];
        for (failures, new) in runs {
            assert_eq!(observe(&mut history, failures), new, "{failures:?}");
        }
    }

    #[test]
    fn a_failure_that_comes_back_is_new_again() {
        let mut history = FailureHistory::default();
        let runs: [(&[&str], usize); 5] = [(&["a"], 0), (&["a"], 1), (&[], 0), (&["a"], 0), (&["a"], 1)];
        for (failures, new) in runs {
            assert_eq!(observe(&mut history, failures), new, "{failures:?}");
        }
    }

    #[test]
    fn without_a_history_no_failure_is_new() {
        let (mut history, new) = FailureHistory::after(None, ["old", "older"].into_iter());
        assert_eq!(new, 0);
        assert_eq!(observe(&mut history, &["old", "new"]), 0);
        assert_eq!(observe(&mut history, &["old", "new"]), 1);
    }

    #[test]
    fn thousands_of_failures_at_once_are_new_in_the_next_process() {
        let failures: Vec<String> = (0..1_000).map(|number| format!("mail/{number}")).collect();
        let failures: Vec<&str> = failures.iter().map(String::as_str).collect();
        let mut history = Some(FailureHistory::default());
        let mut counts = Vec::new();
        for _ in 0..4 {
            let (after, new) = FailureHistory::after(history.as_ref(), failures.iter().copied());
            counts.push(new > 0);
            let stored = stored(&after);
            history = (!FailureHistory::are_too_many(&Some(after))).then_some(stored);
        }
        assert_eq!(counts, [false, true, false, false]);
    }

    #[test]
    fn thousands_of_failures_are_not_stored() {
        let failures: Vec<String> = (0..1_000).map(|number| format!("mail/{number}")).collect();
        let (history, _) = FailureHistory::after(None, failures.iter().map(String::as_str));
        assert!(FailureHistory::are_too_many(&Some(history)));
        assert!(FailureHistory::are_too_many(&None));
    }

    /// Observes the failures of a run, which each is a new process.
    fn observe(history: &mut FailureHistory, failures: &[&str]) -> usize {
        let (after, new) = FailureHistory::after(Some(history), failures.iter().copied());
        *history = stored(&after);
        new
    }

    fn stored(history: &FailureHistory) -> FailureHistory {
        let text = serde_json::to_string(history).unwrap();
        assert!(text.len() <= 603, "{}", text.len());
        serde_json::from_str(&text).unwrap()
    }
}
