//! Wrong lists: they leave out subscriptions that exist and can be found by id.

use std::collections::BTreeMap;

use graph_simulator::Registered;
use jiff::{SignedDuration, Timestamp};

use super::{chance::Chance, state::Application};

/// The wrong lists.
#[derive(Debug, Default)]
pub(super) struct Lies {
    now: BTreeMap<Application, Lie>,
    /// How many there have been: empty lists, and partial lists.
    pub(super) told: (u64, u64),
}

/// A list that is wrong until a moment.
#[derive(Clone, Copy, Debug)]
struct Lie {
    until: Timestamp,
    /// Whether the list shows every second subscription, and not none.
    shows_half: bool,
}

impl Lies {
    /// Makes the list of an application wrong for six hours up to three days.
    pub(super) fn begin(&mut self, application: Application, now: Timestamp, chance: &mut Chance) {
        let hours = i64::try_from(6 + chance.below(67)).unwrap_or(6);
        let shows_half = chance.is(500_000);
        if shows_half {
            self.told.1 += 1;
        } else {
            self.told.0 += 1;
        }
        let until = now + SignedDuration::from_hours(hours);
        self.now.insert(application, Lie { until, shows_half });
    }

    /// Returns whether any list is wrong.
    pub(super) fn any(&self, now: Timestamp) -> bool {
        self.now.values().any(|lie| now < lie.until)
    }

    /// Returns whether the list of an application shows one of its subscriptions.
    pub(super) fn shows(&self, application: &Application, one: &Registered, now: Timestamp) -> bool {
        let lie = self.now.get(application).filter(|lie| now < lie.until);
        lie.is_none_or(|lie| lie.shows_half && one.id.bytes().last().is_some_and(|last| last % 2 == 0))
    }
}
