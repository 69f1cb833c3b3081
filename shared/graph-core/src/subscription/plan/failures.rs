//! Which failures are new: an alarm that an old failure keeps on does not tell of another one.

use std::collections::BTreeSet;

use super::digest::digest;

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
    /// `stored` has the known failures of the process before, for the first run of a process. If they are unknown, no
    /// failure of the first run is new.
    pub fn observe<'f>(&mut self, failures: impl Iterator<Item = &'f str>, stored: Option<&str>) -> usize {
        let failures: BTreeSet<String> = failures.map(|failure| digest(failure, DIGEST)).collect();
        if !std::mem::replace(&mut self.has_begun, true) {
            self.known = stored.map_or_else(|| failures.clone(), split);
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

    /// Returns the known failures as a text for the next process; nothing if they are too many.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        (self.known.len() <= MAX_STORED).then(|| self.known.iter().map(String::as_str).collect())
    }
}

fn split(stored: &str) -> BTreeSet<String> {
    let letters: Vec<char> = stored.chars().collect();
    letters
        .chunks(DIGEST)
        .map(|letters| letters.iter().collect())
        .collect()
}

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
        assert_eq!(history.observe(["old", "new"].into_iter(), Some(&stored)), 1);
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
