//! Which failures are new: an alarm that an old failure keeps on does not tell of another one.

use std::collections::BTreeSet;

use super::digest::{digest, digests};

/// The failures of the last runs.
#[derive(Clone, Debug, Default)]
pub struct FailureHistory {
    /// Those that two runs in a row have had.
    known: BTreeSet<String>,
    /// Those that only the last run has had: the next one may cure them.
    first_seen: BTreeSet<String>,
    has_begun: bool,
}

impl FailureHistory {
    /// Records the failures of a run and returns how many are new: this run and the one before have them, and no earlier
    /// one.
    ///
    /// `stored` has the text of the last run, which another process may have made: each run may be a new process, and
    /// several may work in turn. Without a text, no failure of a process's first run is new.
    pub fn observe<'f>(&mut self, failures: impl Iterator<Item = &'f str>, stored: Option<&str>) -> usize {
        let failures: BTreeSet<String> = failures.map(|failure| digest(failure, DIGEST)).collect();
        let has_begun = std::mem::replace(&mut self.has_begun, true);
        if let Some(stored) = stored {
            let (known, first_seen) = stored.split_once(FIRST_SEEN).unwrap_or((stored, ""));
            self.known = digests(known, DIGEST).collect();
            self.first_seen = digests(first_seen, DIGEST).collect();
        } else if !has_begun {
            self.known.clone_from(&failures);
        }
        self.known.retain(|failure| failures.contains(failure));
        let is_known = |failure: &&String| self.known.contains(*failure);
        let (_, unknown): (Vec<&String>, Vec<&String>) = failures.iter().partition(is_known);
        let (new, first_seen): (Vec<String>, Vec<String>) = unknown
            .into_iter()
            .cloned()
            .partition(|failure| self.first_seen.contains(failure));
        let count = new.len();
        self.known.extend(new);
        self.first_seen = first_seen.into_iter().collect();
        count
    }

    /// Returns the failures as a text for the next run; nothing if too many are known. Of those that only the last run has
    /// had, some are left out if they are too many: the others suffice for an alarm.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        let room = MAX_STORED.checked_sub(self.known.len())?;
        let mut text: String = self.known.iter().map(String::as_str).collect();
        if !self.first_seen.is_empty() {
            text.push(FIRST_SEEN);
            text.extend(self.first_seen.iter().take(room).map(String::as_str));
        }
        Some(text)
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
            assert_eq!(
                history.observe(failures.iter().copied(), None),
                new,
                "{failures:?}"
            );
        }
    }

    #[test]
    fn a_failure_that_comes_back_is_new_again() {
        let mut history = FailureHistory::default();
        history.observe(["a"].into_iter(), Some(""));
        assert_eq!(history.observe(["a"].into_iter(), None), 1);
        assert_eq!(history.observe([].into_iter(), None), 0);
        history.observe(["a"].into_iter(), None);
        assert_eq!(history.observe(["a"].into_iter(), None), 1);
    }

    #[test]
    fn a_new_process_knows_the_old_failures() {
        let mut before = FailureHistory::default();
        before.observe(["old", "older"].into_iter(), None);
        let stored = before.to_text().unwrap();
        let mut history = FailureHistory::default();
        assert_eq!(history.observe(["old", "new"].into_iter(), Some(&stored)), 0);
        assert_eq!(history.observe(["old", "new"].into_iter(), None), 1);
    }

    #[test]
    fn a_failure_is_new_where_each_run_is_a_new_process() {
        let mut stored = String::new();
        for (failures, new) in [
            (&["a"][..], 0),
            (&["a", "b"], 1),
            (&["a", "b"], 1),
            (&["b"], 0),
            (&["a"], 0),
        ] {
            let mut history = FailureHistory::default();
            assert_eq!(
                history.observe(failures.iter().copied(), Some(&stored)),
                new,
                "{failures:?}"
            );
            stored = history.to_text().unwrap();
        }
    }

    #[test]
    fn thousands_of_failures_at_once_are_new_in_the_next_process() {
        let failures: Vec<String> = (0..1_000).map(|number| format!("mail/{number}")).collect();
        let mut stored = String::new();
        let mut counts = Vec::new();
        for _ in 0..4 {
            let mut history = FailureHistory::default();
            counts.push(history.observe(failures.iter().map(String::as_str), Some(&stored)) > 0);
            stored = history.to_text().unwrap();
            assert!(stored.len() <= 601, "{}", stored.len());
        }
        assert_eq!(counts, [false, true, false, false]);
    }

    #[test]
    fn thousands_of_failures_are_not_stored() {
        let mut history = FailureHistory::default();
        let failures: Vec<String> = (0..1_000).map(|number| format!("mail/{number}")).collect();
        history.observe(failures.iter().map(String::as_str), None);
        assert_eq!(history.to_text(), None);
        let mut next = FailureHistory::default();
        next.observe(failures.iter().map(String::as_str), None);
        assert_eq!(next.observe(failures.iter().map(String::as_str), None), 0);
    }
}
