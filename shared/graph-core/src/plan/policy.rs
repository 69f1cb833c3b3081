//! When a subscription is due for renewal.

use jiff::{SignedDuration, Timestamp};

/// How early subscriptions are renewed.
///
/// A subscription is due once less is left of it than a third of its lifetime, or than three periods of the schedule
/// and a margin, whichever is more. Three periods: the run that first finds it due comes up to one period after it
/// became due, and the two runs after that one may fail and do no harm. A third of a lifetime lets an outage of a day
/// pass over a subscription of three days.
///
/// Each subscription is due a little earlier than that, by a share of its own that is derived from its id: ten thousand
/// that were made in one run come due one after the other.
///
/// Presence, which lives for at most an hour, is renewed every 10 to 20 minutes under a schedule of 10 minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The time from one run to the next.
    pub period: SignedDuration,
    /// What has to be left after three periods, for clocks that differ and calls that take long.
    pub margin: SignedDuration,
}

impl Policy {
    /// Below how many percent of [`Policy::percent_left`] a subscription is in danger. For presence, under a schedule of
    /// ten minutes, two or three runs have failed by then; of a lifetime of three days, half a day or more is left.
    pub const DANGER_PERCENT: i64 = 50;

    /// Returns how much is left of the subscription called `id` when it becomes due.
    #[must_use]
    pub fn renew_before(&self, id: &str, lifetime: SignedDuration) -> SignedDuration {
        let latest = lifetime.saturating_sub(JUST_RENEWED).max(SignedDuration::ZERO);
        let base = (lifetime / 3).max(self.three_periods()).min(latest);
        let spread = (lifetime / 6).min(latest.saturating_sub(base));
        let steps = spread.as_secs().max(0).unsigned_abs().saturating_add(1);
        let earlier = i64::try_from(hash(id) % steps).unwrap_or_default();
        base.saturating_add(SignedDuration::from_secs(earlier))
    }

    /// Returns what is left of the subscription called `id` until `expires_at`, in percent of what is left when it becomes
    /// due: it is due from 100 down, and has ended at 0.
    #[must_use]
    pub fn percent_left(
        &self,
        id: &str,
        lifetime: SignedDuration,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> i64 {
        let left = expires_at.duration_since(now).as_secs().max(0);
        let when_due = self.renew_before(id, lifetime).as_secs().max(1);
        left.saturating_mul(100) / when_due
    }

    /// Returns whether a subscription of `lifetime` can outlive two failed runs at all.
    #[must_use]
    pub fn suits(&self, lifetime: SignedDuration) -> bool {
        self.three_periods() <= lifetime.saturating_sub(JUST_RENEWED)
    }

    /// Returns whether `expires_at` is what a renewal in the last ten minutes has left.
    ///
    /// Graph asks that a subscription is not reauthorized and renewed within 10 minutes (Microsoft Graph, *lifecycle
    /// notifications*). The expiry tells when the last renewal was: a lifetime before it.
    #[must_use]
    pub fn just_renewed(expires_at: Timestamp, lifetime: SignedDuration, now: Timestamp) -> bool {
        expires_at.duration_since(now) > lifetime.saturating_sub(JUST_RENEWED)
    }

    fn three_periods(&self) -> SignedDuration {
        self.period.saturating_mul(3).saturating_add(self.margin)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            period: SignedDuration::from_mins(10),
            margin: SignedDuration::from_mins(5),
        }
    }
}

/// The time in which a renewed subscription is left alone.
const JUST_RENEWED: SignedDuration = SignedDuration::from_mins(10);

/// Returns the 64-bit FNV-1a hash of `text`: the same in every process and version, and nothing depends on its quality.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn three_days_are_renewed_with_a_third_to_a_half_left() {
        check(72 * 60, 24 * 60..=36 * 60);
    }

    #[test]
    fn presence_is_renewed_with_35_to_40_of_50_minutes_left() {
        check(50, 35..=40);
    }

    #[test]
    fn presence_is_in_danger_when_three_runs_have_failed_but_not_after_one() {
        let presence = SignedDuration::from_mins(50);
        for id in (0..1000).map(|id| id.to_string()) {
            let policy = Policy::default();
            let due = policy.renew_before(&id, presence);
            let now = Timestamp::UNIX_EPOCH;
            // The first run that finds it due comes up to a period later.
            let left_after = |more: i64| {
                let left = due - SignedDuration::from_secs(599) - SignedDuration::from_mins(10 * more);
                policy.percent_left(&id, presence, now + left, now)
            };
            assert!(left_after(0) >= Policy::DANGER_PERCENT, "{id}: {}", left_after(0));
            assert!(left_after(2) < Policy::DANGER_PERCENT, "{id}: {}", left_after(2));
            assert!(left_after(2) > 0, "{id}");
            assert_eq!(policy.percent_left(&id, presence, now + due, now), 100);
            assert_eq!(policy.percent_left(&id, presence, now - due, now), 0);
        }
    }

    #[test]
    fn ten_thousand_subscriptions_do_not_come_due_together() {
        let mut due: Vec<i64> = (0..10_000)
            .map(|id| renew_before(&format!("id-{id}"), 72 * 60))
            .collect();
        due.sort_unstable();
        let busiest = due
            .chunk_by(|one, other| one / 10 == other / 10)
            .map(<[i64]>::len)
            .max()
            .unwrap();
        assert!(busiest < 250, "{busiest} in one run");
    }

    #[test]
    fn a_schedule_too_slow_for_a_lifetime_is_seen_and_renews_at_every_run() {
        let hourly = Policy {
            period: SignedDuration::from_hours(1),
            ..Policy::default()
        };
        assert!(!hourly.suits(SignedDuration::from_mins(50)));
        assert!(hourly.suits(SignedDuration::from_hours(24)));
        assert_eq!(
            hourly.renew_before("a", SignedDuration::from_mins(50)),
            SignedDuration::from_mins(40)
        );
    }

    proptest! {
        #[test]
        fn two_failed_runs_do_no_harm(id in "[a-f0-9]{8}", period in 1i64..120, lifetime in 45i64..50_000) {
            let policy = Policy { period: SignedDuration::from_mins(period), ..Policy::default() };
            let lifetime = SignedDuration::from_mins(lifetime);
            prop_assume!(policy.suits(lifetime));
            prop_assert!(policy.renew_before(&id, lifetime) >= SignedDuration::from_mins(3 * period + 5));
        }

        #[test]
        fn what_was_just_renewed_is_not_due(id in "[a-f0-9]{8}", period in 1i64..10_000, lifetime in 1i64..50_000) {
            let policy = Policy { period: SignedDuration::from_mins(period), ..Policy::default() };
            let lifetime = SignedDuration::from_mins(lifetime);
            prop_assert!(policy.renew_before(&id, lifetime) <= (lifetime - SignedDuration::from_mins(10)).max(SignedDuration::ZERO));
        }
    }

    fn check(lifetime: i64, expected: std::ops::RangeInclusive<i64>) {
        for id in 0..1000 {
            let left = renew_before(&id.to_string(), lifetime);
            assert!(expected.contains(&left), "{id}: {left}");
        }
    }

    fn renew_before(id: &str, lifetime: i64) -> i64 {
        Policy::default()
            .renew_before(id, SignedDuration::from_mins(lifetime))
            .as_mins()
    }
}
