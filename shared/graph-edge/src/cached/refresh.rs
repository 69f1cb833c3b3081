//! When signing keys are fetched again.

use jiff::{SignedDuration, Timestamp};

/// The times that keys may age, and that pass between attempts (Microsoft identity platform, *signing key rollover*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshPolicy {
    /// The age from which keys are fetched again in the course of normal use.
    pub refresh_after: SignedDuration,
    /// The least time between two attempts while there are keys to use.
    pub floor: SignedDuration,
    /// The least time between two attempts while there are none.
    pub retry_after: SignedDuration,
    /// The age from which keys are not used any more.
    pub max_age: SignedDuration,
}

impl Default for RefreshPolicy {
    /// Hourly, at most every five minutes, every five seconds without keys, for a day.
    fn default() -> Self {
        Self {
            refresh_after: SignedDuration::from_hours(1),
            floor: SignedDuration::from_mins(5),
            retry_after: SignedDuration::from_secs(5),
            max_age: SignedDuration::from_hours(24),
        }
    }
}

/// Why keys are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// To verify with.
    Normal,
    /// Because one is not among them.
    UnknownKey,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Use the keys that are there.
    Use,
    /// Fetch the keys; the ones that are there will do if that fails.
    Refresh,
    /// Fetch the keys; there are none to fall back on.
    Fetch,
    /// There are none, and it is too early to try again.
    Fail,
}

/// Returns what to do for `ask` with keys fetched at one time, and last asked for, in vain or not, at another.
pub(super) fn next(
    ask: Ask,
    fetched_at: Option<Timestamp>,
    attempted_at: Option<Timestamp>,
    now: Timestamp,
    policy: &RefreshPolicy,
) -> Step {
    let passed = |since: Option<Timestamp>, time| since.is_none_or(|since| now.duration_since(since) >= time);
    // Too old to be used at all: a key that was withdrawn must not go on vouching.
    if passed(fetched_at, policy.max_age) {
        return if passed(attempted_at, policy.retry_after) {
            Step::Fetch
        } else {
            Step::Fail
        };
    }
    let wanted = match ask {
        Ask::Normal => passed(fetched_at, policy.refresh_after),
        // Anybody can name a key that does not exist, which is why the floor holds here as well.
        Ask::UnknownKey => true,
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
        check(Ask::UnknownKey, None, None, Step::Fetch);
    }

    #[test]
    fn without_keys_a_failure_is_not_repeated_at_once() {
        check(Ask::Normal, None, Some(4), Step::Fail);
        check(Ask::UnknownKey, None, Some(4), Step::Fail);
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
        check(Ask::UnknownKey, Some(FLOOR - 1), Some(FLOOR - 1), Step::Use);
        check(Ask::UnknownKey, Some(FLOOR), Some(FLOOR), Step::Refresh);
        check(Ask::UnknownKey, Some(2 * HOUR), Some(FLOOR - 1), Step::Use);
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
        check(Ask::UnknownKey, Some(-HOUR), Some(-HOUR), Step::Use);
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
            &RefreshPolicy::default(),
        );
        assert_eq!(step, expected);
    }

    const HOUR: i64 = 3600;
    const FLOOR: i64 = 300;
}
