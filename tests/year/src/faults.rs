//! The faults of a simulated year.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};

use super::chance::Chance;

/// A fault that hits a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// 429, with this `Retry-After` in seconds.
    Throttled(u64),
    /// 503.
    Unavailable,
    /// An answer that takes this long.
    Slow(Duration),
    /// No answer, whether or not the request is carried out.
    Silence { carried_out: bool },
    /// Graph cannot reach the notification URL.
    Handshake,
}

/// What goes wrong with a scheduled run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RunFault {
    /// Nothing.
    None,
    /// It does not take place.
    Skipped,
    /// It is killed in the middle.
    Killed,
    /// Secrets Manager does not answer.
    WithoutSecrets,
}

/// The schedule of faults.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    /// When Graph is down: from and until.
    pub(super) outage: (Timestamp, Timestamp),
    /// How many times as often as in a usual year requests and runs fail.
    pub(super) times: u64,
    /// While this is set, only the outage fails: two runs in a row have failed, so the third has to work.
    pub(super) calm: bool,
    /// When the year begins. On every other weekend from then on, no credential is accepted.
    pub(super) start: Timestamp,
    /// Whether one call in a hundred takes nearly a minute.
    pub(super) has_slow_tail: bool,
}

impl Faults {
    /// Returns whether Graph is down.
    pub(super) fn is_out(&self, now: Timestamp) -> bool {
        (self.outage.0..self.outage.1).contains(&now)
    }

    /// Returns whether no credential is accepted.
    pub(super) fn is_locked(&self, now: Timestamp) -> bool {
        self.weekend(now)
            .is_some_and(|(from, until)| (from..until).contains(&now))
    }

    /// Returns the last weekend without an accepted credential, from Friday evening until Monday morning, if
    /// any.
    fn weekend(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let date = now.to_zoned(TimeZone::UTC).date();
        let friday = if date.weekday() == Weekday::Friday {
            date
        } else {
            date.nth_weekday(-1, Weekday::Friday).ok()?
        };
        let from = friday.at(18, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?.timestamp();
        let from = if from > now { from - WEEK } else { from };
        let weeks = from.duration_since(self.start).as_hours().div_euclid(7 * 24);
        let from = if weeks.rem_euclid(2) == 0 {
            from
        } else {
            from - WEEK
        };
        (from >= self.start).then_some((from, from + WEEKEND))
    }

    /// Returns the outage, and the weekends that had begun by `now`: periods in which no call could succeed.
    pub(super) fn pauses(&self, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let mut pauses = vec![self.outage];
        let mut before = now;
        while let Some((from, until)) = self.weekend(before) {
            pauses.push((from, until));
            before = from - SignedDuration::from_secs(1);
        }
        pauses
    }

    /// Returns the fault that hits a request, if any.
    pub(super) fn fault_for(&self, is_post: bool, now: Timestamp, chance: &mut Chance) -> Option<Fault> {
        if self.is_out(now) {
            let silent = Fault::Silence { carried_out: false };
            return Some(if chance.is(500_000) {
                Fault::Unavailable
            } else {
                silent
            });
        }
        // A slow call is not a failure.
        if self.has_slow_tail && chance.is(10_000) {
            return Some(Fault::Slow(SLOW_CALL));
        }
        if self.calm {
            return None;
        }
        if is_post && chance.is(5_000 * self.times) {
            return Some(Fault::Handshake);
        }
        match chance.below(1_000_000 / self.times) {
            0..1_000 => Some(Fault::Unavailable),
            1_000..2_000 => Some(Fault::Throttled(1 + chance.below(20))),
            2_000..2_050 => Some(Fault::Throttled(60 + chance.below(240))),
            2_050..2_250 => Some(Fault::Silence {
                carried_out: chance.is(500_000),
            }),
            _ => None,
        }
    }

    /// Returns what goes wrong with the next scheduled run.
    pub(super) fn run_fault(&self, chance: &mut Chance) -> RunFault {
        match chance.below(1_000 / self.times) {
            _ if self.calm => RunFault::None,
            0..10 => RunFault::Skipped,
            10..20 => RunFault::Killed,
            20..25 => RunFault::WithoutSecrets,
            _ => RunFault::None,
        }
    }

    /// Returns whether no call can succeed.
    pub(super) fn is_pause(&self, now: Timestamp) -> bool {
        self.is_out(now) || self.is_locked(now)
    }
}

/// From Friday 18:00 to Monday 09:00.
const WEEKEND: SignedDuration = SignedDuration::from_hours(63);

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long a slow call takes.
const SLOW_CALL: Duration = Duration::from_secs(55);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_weekend_no_credential_is_accepted() {
        let faults = Faults {
            outage: (Timestamp::MIN, Timestamp::MIN),
            times: 1,
            calm: true,
            start: at("2027-01-01T00:00:00Z"),
            has_slow_tail: false,
        };
        for (now, expected) in [
            ("2027-01-01T17:59:59Z", false),
            ("2027-01-01T18:00:00Z", true),
            ("2027-01-04T08:59:59Z", true),
            ("2027-01-04T09:00:00Z", false),
            ("2027-01-09T12:00:00Z", false),
            ("2027-01-15T18:00:00Z", true),
        ] {
            assert_eq!(faults.is_locked(at(now)), expected, "{now}");
        }
        assert_eq!(
            faults.pauses(at("2027-01-31T00:00:00Z")).len(),
            4,
            "the outage among them"
        );
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }
}
