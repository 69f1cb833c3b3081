//! What goes wrong.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};

use super::chance::Chance;

/// What comes in the way of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// 429, with so many seconds of `Retry-After`.
    Throttled(u64),
    /// 503.
    Unavailable,
    /// The answer takes so long.
    Slow(Duration),
    /// No answer, whether the request is carried out or not.
    Silence { carried_out: bool },
    /// Graph could not reach our notification URL.
    Handshake,
}

/// What becomes of a run of the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It runs.
    Runs,
    /// It does not take place.
    Skipped,
    /// It is ended in the middle.
    Killed,
    /// Secrets Manager does not answer it.
    WithoutSecrets,
}

/// When what goes wrong.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    /// When Graph is down, from and until.
    pub(super) outage: (Timestamp, Timestamp),
    /// How many times as often as in a usual year requests and runs fail.
    pub(super) times: u64,
    /// While it is set nothing fails but the outage: two runs in a row have failed, and the third has to do.
    pub(super) calm: bool,
    /// When it all begins: in every other weekend from then on no credential is taken.
    pub(super) start: Timestamp,
    /// Whether one call in a hundred takes nearly a minute.
    pub(super) has_slow_tail: bool,
}

impl Faults {
    /// Returns whether Graph is down.
    pub(super) fn is_out(&self, now: Timestamp) -> bool {
        (self.outage.0..self.outage.1).contains(&now)
    }

    /// Returns whether no credential is taken.
    pub(super) fn is_locked(&self, now: Timestamp) -> bool {
        self.weekend(now)
            .is_some_and(|(from, until)| (from..until).contains(&now))
    }

    /// Returns the last weekend in which no credential was taken, from Friday evening until Monday morning, if there was one.
    fn weekend(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let date = now.to_zoned(TimeZone::UTC).date();
        let friday = if date.weekday() == Weekday::Friday {
            date
        } else {
            date.nth_weekday(-1, Weekday::Friday).ok()?
        };
        let from = friday.at(18, 0, 0, 0).to_zoned(TimeZone::UTC).ok()?.timestamp();
        let from = if from > now { from - A_WEEK } else { from };
        let weeks = from.duration_since(self.start).as_hours().div_euclid(7 * 24);
        let from = if weeks.rem_euclid(2) == 0 {
            from
        } else {
            from - A_WEEK
        };
        (from >= self.start).then_some((from, from + WEEKEND))
    }

    /// Returns the times until `now` in which nothing could be done, and that had begun by then.
    pub(super) fn pauses(&self, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let mut pauses = vec![self.outage];
        let mut before = now;
        while let Some((from, until)) = self.weekend(before) {
            pauses.push((from, until));
            before = from - SignedDuration::from_secs(1);
        }
        pauses
    }

    /// Returns what comes in the way of a request.
    pub(super) fn strike(&self, is_post: bool, now: Timestamp, chance: &mut Chance) -> Option<Fault> {
        if self.is_out(now) {
            let silent = Fault::Silence { carried_out: false };
            return Some(if chance.is(500_000) {
                Fault::Unavailable
            } else {
                silent
            });
        }
        // A slow call is no failure yet.
        if self.has_slow_tail && chance.is(10_000) {
            return Some(Fault::Slow(SLOW));
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

    /// Returns what becomes of the next run of the schedule.
    pub(super) fn fate(&self, chance: &mut Chance) -> Fate {
        match chance.below(1_000 / self.times) {
            _ if self.calm => Fate::Runs,
            0..10 => Fate::Skipped,
            10..20 => Fate::Killed,
            20..25 => Fate::WithoutSecrets,
            _ => Fate::Runs,
        }
    }

    /// Returns whether a subscription that lives for `lifetime` and ends at `end` is one that no rule could save: it
    /// lives for less than a day and Graph was down when it was to be renewed, or for less than three days and no credential
    /// was taken.
    pub(super) fn excuses(&self, lifetime: SignedDuration, end: Timestamp) -> bool {
        let is_within = |(from, until): (Timestamp, Timestamp)| {
            end >= from && end <= until + SignedDuration::from_mins(10)
        };
        let weekend = self.weekend(end).is_some_and(is_within);
        (lifetime < SignedDuration::from_hours(23) && is_within(self.outage))
            || (lifetime < SignedDuration::from_hours(71) && weekend)
    }
}

/// From Friday 18:00 to Monday 09:00.
const WEEKEND: SignedDuration = SignedDuration::from_hours(63);

const A_WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a slow call takes.
const SLOW: Duration = Duration::from_secs(55);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_weekend_no_credential_is_taken() {
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
