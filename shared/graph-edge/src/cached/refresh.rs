//! When a value is read again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The times that a value may age, that pass between attempts, and that an attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefreshPolicy {
    /// The age from which the value is read again in the course of normal use.
    pub(crate) refresh_after: SignedDuration,
    /// The least time between two attempts while there is a value to use.
    pub(crate) floor: SignedDuration,
    /// The least time between two attempts while there is none.
    pub(crate) retry_after: SignedDuration,
    /// The age from which the value is not used any more.
    pub(crate) max_age: SignedDuration,
    /// How long to wait for a newer value while the cached one is usable.
    pub(crate) moment: Duration,
    /// How long to wait for a newer value if the cached one is overdue or lacks what the caller needs.
    pub(crate) patience: Duration,
}

impl RefreshPolicy {
    /// Returns whether a value should have been refreshed long ago.
    pub(super) fn is_overdue(&self, read_at: Option<Timestamp>, now: Timestamp) -> bool {
        read_at.is_some_and(|read_at| now.duration_since(read_at) >= self.refresh_after * OVERDUE)
    }
}

/// The age at which a value is overdue, in times of the age at which it is refreshed.
const OVERDUE: i32 = 3;

/// Why a value is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// To be used.
    Normal,
    /// Because something is not in it.
    Unknown,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Use the value that is there.
    Use,
    /// Read the value; the one that is there will do if that fails.
    Refresh,
    /// Read the value; there is none to fall back on.
    Fetch,
    /// There is none, and it is too early to try again.
    Fail,
}

/// Returns what to do for `ask` with a value read at one time, and last tried, in vain or not, at another.
pub(super) fn next(
    ask: Ask,
    fetched_at: Option<Timestamp>,
    attempted_at: Option<Timestamp>,
    now: Timestamp,
    policy: &RefreshPolicy,
) -> Step {
    let passed = |since: Option<Timestamp>, time| since.is_none_or(|since| now.duration_since(since) >= time);
    // Too old to be used at all: a signing key that was withdrawn must not go on vouching.
    if passed(fetched_at, policy.max_age) {
        return if passed(attempted_at, policy.retry_after) {
            Step::Fetch
        } else {
            Step::Fail
        };
    }
    let wanted = match ask {
        Ask::Normal => passed(fetched_at, policy.refresh_after),
        // Anybody can name what does not exist, which is why the floor holds here as well.
        Ask::Unknown => true,
    };
    if wanted && passed(attempted_at, policy.floor) {
        Step::Refresh
    } else {
        Step::Use
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_keys_they_are_fetched() {
        check(Ask::Normal, None, None, Step::Fetch);
        check(Ask::Unknown, None, None, Step::Fetch);
    }

    #[test]
    fn without_keys_a_failure_is_not_repeated_at_once() {
        check(Ask::Normal, None, Some(4), Step::Fail);
        check(Ask::Unknown, None, Some(4), Step::Fail);
        check(Ask::Normal, None, Some(5), Step::Fetch);
    }

    #[test]
    fn keys_are_refreshed_hourly() {
        check(Ask::Normal, Some(0), Some(0), Step::Use);
        check(Ask::Normal, Some(HOUR - 1), Some(HOUR - 1), Step::Use);
        check(Ask::Normal, Some(HOUR), Some(HOUR), Step::Refresh);
    }

    #[test]
    fn a_failed_refresh_is_repeated_after_the_floor() {
        check(Ask::Normal, Some(2 * HOUR), Some(FLOOR - 1), Step::Use);
        check(Ask::Normal, Some(2 * HOUR), Some(FLOOR), Step::Refresh);
    }

    #[test]
    fn an_unknown_key_refreshes_no_more_often_than_the_floor() {
        check(Ask::Unknown, Some(FLOOR - 1), Some(FLOOR - 1), Step::Use);
        check(Ask::Unknown, Some(FLOOR), Some(FLOOR), Step::Refresh);
        check(Ask::Unknown, Some(2 * HOUR), Some(FLOOR - 1), Step::Use);
    }

    #[test]
    fn keys_of_yesterday_are_not_used() {
        check(Ask::Normal, Some(24 * HOUR - 1), Some(1), Step::Use);
        check(Ask::Normal, Some(24 * HOUR), Some(5), Step::Fetch);
        check(Ask::Normal, Some(24 * HOUR), Some(1), Step::Fail);
    }

    #[test]
    fn a_clock_that_was_set_back_does_no_harm() {
        check(Ask::Normal, Some(-HOUR), Some(-HOUR), Step::Use);
        check(Ask::Unknown, Some(-HOUR), Some(-HOUR), Step::Use);
    }

    /// Checks what happens with keys fetched, and last asked for, so many seconds ago.
    #[track_caller]
    fn check(ask: Ask, fetched: Option<i64>, attempted: Option<i64>, expected: Step) {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let ago = |seconds: i64| now - SignedDuration::from_secs(seconds);
        let step = next(
            ask,
            fetched.map(ago),
            attempted.map(ago),
            now,
            &crate::signing_keys::POLICY,
        );
        assert_eq!(step, expected);
    }

    const HOUR: i64 = 3600;
    const FLOOR: i64 = 300;
}
