//! The policy: when a subscription is due for renewal.

use jiff::{SignedDuration, Timestamp};

use crate::subscription::spread::hash;

/// How early subscriptions are renewed: as early as Graph's limits allow, because a renewal is cheap and a lapse is
/// not.
///
/// A subscription is due when its remaining time is below its reserve ([`Policy::reserve`]). With every renewal
/// failing, one that lives for three days or longer survives from Friday 18:00 to Monday 09:00, one that lives for a
/// day survives half a day, and each survives two failed runs.
///
/// Each subscription is also renewed at moments of its own, as far apart as its reserve allows. Otherwise thousands
/// that were created in one run would be due together for ever. Only the first interval after the creation is shorter
/// for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The time from one run to the next.
    pub period: SignedDuration,
    /// The time that has to be left after three periods, for clocks that differ and slow calls.
    pub margin: SignedDuration,
    /// The shortest time between two renewals of a subscription, which keeps many subscriptions within Graph's limit.
    pub least_interval: SignedDuration,
}

impl Policy {
    /// The value of [`Policy::percent_left`] below which a subscription is in danger. For presence, under a schedule of
    /// ten minutes, two or three runs have failed by then; a lifetime of three days has about 32 hours left.
    pub const DANGER_PERCENT: i64 = 50;

    /// Returns the remaining time below which a subscription is renewed.
    ///
    /// For lifetimes of three days and longer, all but eight hours; from a day, half of the lifetime plus a period; for
    /// shorter ones, a tenth. At least three periods and the margin: the subscription may become due just after a run,
    /// and two runs may fail. Less if renewals that often would take more than a tenth of Graph's limit.
    ///
    /// Presence, which lives for at most an hour, is renewed every 20 minutes under a schedule of 10 minutes.
    #[must_use]
    pub fn reserve(&self, lifetime: SignedDuration) -> SignedDuration {
        // Not within ten minutes of the last renewal, as Graph asks (Microsoft Graph, *lifecycle notifications*).
        let latest = lifetime.saturating_sub(JUST_RENEWED).max(SignedDuration::ZERO);
        let wanted = if lifetime >= THREE_DAYS {
            lifetime.saturating_sub(BETWEEN)
        } else if lifetime >= A_DAY {
            (lifetime / 2).saturating_add(self.period)
        } else {
            lifetime / 10
        };
        let possible = lifetime.saturating_sub(self.least_interval);
        self.three_periods().max(wanted.min(possible)).min(latest)
    }

    /// Returns for how long every renewal may fail without a lapse. A period is subtracted, because the last successful
    /// run may have come just before the subscription was due.
    #[must_use]
    pub fn survives(&self, lifetime: SignedDuration) -> SignedDuration {
        self.reserve(lifetime).saturating_sub(self.period)
    }

    /// Returns the policy for an application with so many subscriptions in a tenant and in all tenants: all of them can be
    /// renewed in the shortest interval with a tenth of Graph's limits, 500 changes in 20 seconds in a tenant and 2,000 in
    /// all.
    #[must_use]
    pub fn of_many(self, in_tenant: usize, in_all: usize) -> Self {
        let count = in_tenant.max(in_all / 4);
        let seconds = i64::try_from(count / CHANGES_IN_FOUR_SECONDS * 4).unwrap_or(i64::MAX);
        Self {
            least_interval: SignedDuration::from_secs(seconds),
            ..self
        }
    }

    /// Returns whether a moment of the subscription called `name` has passed since its last renewal, a `lifetime`
    /// before `expires_at`. A moment within a period after that renewal does not count.
    #[must_use]
    pub fn is_its_moment(
        &self,
        name: &str,
        expires_at: Timestamp,
        lifetime: SignedDuration,
        now: Timestamp,
    ) -> bool {
        let interval = self.interval(lifetime);
        let own = hash(name) % interval.unsigned_abs().max(1);
        let since = now
            .as_second()
            .saturating_sub(i64::try_from(own).unwrap_or_default());
        let last_moment = now.as_second().saturating_sub(since.rem_euclid(interval.max(1)));
        let renewed_at = expires_at.as_second().saturating_sub(lifetime.as_secs());
        last_moment > renewed_at.saturating_add(self.period.as_secs())
    }

    /// Returns the seconds between two renewals, rounded up to whole periods, because renewals only happen in runs.
    fn interval(&self, lifetime: SignedDuration) -> i64 {
        let period = self.period.as_secs().max(1);
        let longest = lifetime.saturating_sub(self.reserve(lifetime)).as_secs();
        longest.saturating_add(period - 1) / period * period
    }

    /// Returns the remaining time in percent of the reserve. At 100 the subscription is due, at 0 it has expired.
    #[must_use]
    pub fn percent_left(&self, lifetime: SignedDuration, expires_at: Timestamp, now: Timestamp) -> i64 {
        let left = expires_at.duration_since(now).as_secs().max(0);
        let when_due = self.reserve(lifetime).as_secs().max(1);
        left.saturating_mul(100) / when_due
    }

    /// Returns whether a subscription of `lifetime` can survive two failed runs.
    #[must_use]
    pub fn suits(&self, lifetime: SignedDuration) -> bool {
        self.three_periods() <= lifetime.saturating_sub(JUST_RENEWED)
    }

    /// Returns whether a subscription needs no renewal for a request that arrived at `received_at`: it was renewed after
    /// that, or less than eleven minutes ago.
    ///
    /// Graph asks not to reauthorize and renew a subscription within 10 minutes, and repeats its request (Microsoft
    /// Graph, *lifecycle notifications*). The renewal came a `lifetime` before `expires_at`. If that is in the future, the
    /// subscription was created for longer, and when it was renewed is unknown.
    #[must_use]
    pub fn is_met(
        expires_at: Timestamp,
        lifetime: SignedDuration,
        received_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        let Ok(renewed_at) = expires_at.checked_sub(lifetime) else {
            return false;
        };
        // Graph's ten minutes begin when it reads the renewal, which may be a slow call later.
        let is_recent = now.duration_since(renewed_at) < JUST_RENEWED.saturating_add(CALL);
        let is_plausible = renewed_at.duration_since(now) <= CLOCKS_DIFFER;
        is_plausible && (is_recent || renewed_at > received_at)
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
            least_interval: SignedDuration::ZERO,
        }
    }
}

/// The shortest lifetime that survives a weekend: three days, less the minutes that catalogue and renewal keep back.
const THREE_DAYS: SignedDuration = SignedDuration::from_mins(3 * 24 * 60 - 60);

/// The shortest lifetime that survives half a day, with the same allowance.
const A_DAY: SignedDuration = SignedDuration::from_mins(24 * 60 - 60);

/// The time between two renewals of subscriptions that live for days.
const BETWEEN: SignedDuration = SignedDuration::from_hours(8);

/// A tenth of Graph's limit, 500 changes in 20 seconds.
const CHANGES_IN_FOUR_SECONDS: usize = 10;

/// The time in which a renewed subscription is not renewed again.
const JUST_RENEWED: SignedDuration = SignedDuration::from_mins(10);

/// How long a call takes at most to reach Graph.
const CALL: SignedDuration = SignedDuration::from_mins(1);

/// How much the clocks of two processes, or of Graph, may differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_renewal_margin_survives_a_weekend_or_failed_runs() {
        for (lifetime, reserve) in [
            (50, 35),
            (350, 35),
            (1_430, 725),
            (4_310, 3_830),
            (10_060, 9_580),
            (41_750, 41_270),
            (20, 10),
            (5, 0),
        ] {
            let found = Policy::default().reserve(mins(lifetime)).as_mins();
            assert_eq!(found, reserve, "{lifetime}");
        }
    }

    #[test]
    fn a_renewal_is_recent_for_ten_minutes_and_a_slow_call() {
        let (lifetime, asked_at) = (mins(60), at(100));
        for (minutes, expected) in [(0, true), (10, true), (11, false), (30, false)] {
            // A renewal two minutes before Graph asked for one.
            let expires_at = at(98) + lifetime;
            let is_met = Policy::is_met(expires_at, lifetime, asked_at, at(98 + minutes));
            assert_eq!(is_met, expected, "{minutes} minutes after the renewal");
        }
    }

    #[test]
    fn three_days_survive_from_friday_evening_to_monday_morning() {
        let policy = Policy::default();
        let weekend = SignedDuration::from_hours(63);
        assert!(policy.survives(mins(4_310)) >= weekend);
        assert_eq!(policy.survives(mins(50)), mins(25));
    }

    #[test]
    fn a_hundred_thousand_are_renewed_with_a_tenth_of_graphs_limit() {
        for (count, hours) in [(10, 8), (10_000, 8), (100_000, 11)] {
            let policy = Policy::default().of_many(count, count);
            let between = mins(10_060) - policy.reserve(mins(10_060));
            assert_eq!(between.as_hours(), hours, "{count}");
        }
        let all_tenants = Policy::default().of_many(1_000, 400_000);
        assert_eq!(all_tenants, Policy::default().of_many(100_000, 100_000));
        let presence = Policy::default().of_many(100_000, 100_000).reserve(mins(50));
        assert_eq!(presence, mins(35), "what lives for an hour has no room");
    }

    #[test]
    fn renewals_are_as_far_apart_as_the_reserve_allows() {
        for (lifetime, interval) in [(50, 20), (350, 320), (1_430, 710), (4_310, 480), (10_060, 480)] {
            for id in 0..20 {
                let name = format!("mail/{id}");
                let renewals = renewals(&name, lifetime).take_while(|minute| *minute < 100_000);
                let renewals: Vec<i64> = renewals.collect();
                let apart: Vec<i64> = renewals.windows(2).map(|pair| pair[1] - pair[0]).collect();
                assert!(apart[0] <= interval + 10, "{apart:?}");
                assert!(
                    apart[1..].iter().all(|one| *one == interval),
                    "{lifetime}: {apart:?}"
                );
            }
        }
    }

    #[test]
    fn presence_is_overdue_after_three_failed_runs_but_not_after_one() {
        let (policy, presence, now) = (Policy::default(), mins(50), at(0));
        let due = policy.reserve(presence);
        // The first run that finds it due comes up to a period later.
        let left_after = |more: i64| {
            let left = due - SignedDuration::from_secs(599) - mins(10 * more);
            policy.percent_left(presence, now + left, now)
        };
        assert!(left_after(0) >= Policy::DANGER_PERCENT, "{}", left_after(0));
        assert!(
            (1..Policy::DANGER_PERCENT).contains(&left_after(2)),
            "{}",
            left_after(2)
        );
        assert_eq!(policy.percent_left(presence, now + due, now), 100);
        assert_eq!(policy.percent_left(presence, now - due, now), 0);
    }

    #[test]
    fn ten_thousand_subscriptions_do_not_come_due_together() {
        let mut due: Vec<i64> = (0..10_000)
            .map(|id| renewals(&format!("mail/{id}"), 4_310).nth(1).unwrap())
            .collect();
        due.sort_unstable();
        let runs: Vec<usize> = due
            .chunk_by(|one, other| one == other)
            .map(<[i64]>::len)
            .collect();
        assert!(
            runs.iter().all(|run| *run < 300),
            "{:?} in one run",
            runs.iter().max()
        );
        assert!(runs.len() > 40, "{} runs", runs.len());
    }

    #[test]
    fn a_schedule_too_slow_for_a_lifetime_renews_at_every_run() {
        let hourly = Policy {
            period: SignedDuration::from_hours(1),
            ..Policy::default()
        };
        assert!(!hourly.suits(mins(50)));
        assert!(hourly.suits(SignedDuration::from_hours(24)));
        assert_eq!(hourly.reserve(mins(50)), mins(40));
    }

    proptest! {
        #[test]
        fn two_failed_runs_do_no_harm(period in 1i64..120, lifetime in 45i64..50_000) {
            let policy = Policy { period: mins(period), ..Policy::default() };
            let lifetime = mins(lifetime);
            prop_assume!(policy.suits(lifetime));
            prop_assert!(policy.reserve(lifetime) >= mins(3 * period + 5));
        }

        #[test]
        fn a_just_renewed_subscription_is_not_due(
            name in "[a-f0-9]{8}", period in 1i64..10_000, lifetime in 1i64..50_000, now in 0i64..1_000_000,
        ) {
            let policy = Policy { period: mins(period), ..Policy::default() };
            let lifetime = mins(lifetime);
            prop_assert!(policy.reserve(lifetime) <= (lifetime - JUST_RENEWED).max(SignedDuration::ZERO));
            let now = at(now);
            for ago in [0, 1, period] {
                let expires_at = now + lifetime - mins(ago);
                prop_assert!(!policy.is_its_moment(&name, expires_at, lifetime, now));
            }
        }
    }

    /// Returns the minutes at which a subscription is made and renewed when no run fails.
    fn renewals(name: &str, lifetime: i64) -> impl Iterator<Item = i64> {
        let (policy, lifetime) = (Policy::default(), mins(lifetime));
        let mut expires_at = at(7) + lifetime;
        let runs = (17..).step_by(10).filter(move |minute| {
            let now = at(*minute);
            let left = expires_at.duration_since(now);
            let is_due =
                left < policy.reserve(lifetime) || policy.is_its_moment(name, expires_at, lifetime, now);
            if is_due {
                expires_at = now + lifetime;
            }
            is_due
        });
        std::iter::once(7).chain(runs)
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
    }

    fn mins(minutes: i64) -> SignedDuration {
        SignedDuration::from_mins(minutes)
    }
}
