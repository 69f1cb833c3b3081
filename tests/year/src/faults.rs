//! What goes wrong.

use jiff::{SignedDuration, Timestamp};

use super::chance::Chance;

/// What comes in the way of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// 429, with so many seconds of `Retry-After`.
    Throttled(u64),
    /// 503.
    Unavailable,
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
    /// While it is set nothing goes wrong but the outage: two runs in a row have failed, and the third has to do.
    pub(super) calm: bool,
}

impl Faults {
    /// Returns whether Graph is down.
    pub(super) fn is_out(&self, now: Timestamp) -> bool {
        (self.outage.0..self.outage.1).contains(&now)
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
    /// lives for less than a day, and Graph was down when it was to be renewed.
    pub(super) fn excuses(&self, lifetime: SignedDuration, end: Timestamp) -> bool {
        let (from, until) = self.outage;
        lifetime < SignedDuration::from_hours(23)
            && end >= from
            && end <= until + SignedDuration::from_mins(10)
    }
}
