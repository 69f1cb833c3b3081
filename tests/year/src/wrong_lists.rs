//! Wrong lists: they leave out subscriptions that exist and can be found by id.

use std::collections::BTreeMap;

use graph_simulator::Registered;
use jiff::{SignedDuration, Timestamp};

use super::{chance::Chance, state::Application};

/// The wrong lists.
#[derive(Debug, Default)]
pub(super) struct WrongLists {
    by_application: BTreeMap<Application, WrongList>,
    /// The number of empty lists, and of partial lists.
    pub(super) counts: (u64, u64),
}

/// A list that is wrong until a moment.
#[derive(Clone, Copy, Debug)]
struct WrongList {
    until: Timestamp,
    /// Whether the list shows every second subscription; otherwise it is empty.
    shows_half: bool,
}

impl WrongLists {
    /// Makes the list of an application wrong for six hours up to three days.
    pub(super) fn begin(&mut self, application: Application, now: Timestamp, chance: &mut Chance) {
        let hours = i64::try_from(6 + chance.below(67)).unwrap_or(6);
        let shows_half = chance.is(500_000);
        if shows_half {
            self.counts.1 += 1;
        } else {
            self.counts.0 += 1;
        }
        let until = now + SignedDuration::from_hours(hours);
        self.by_application
            .insert(application, WrongList { until, shows_half });
    }

    /// Returns whether any list is wrong.
    pub(super) fn any(&self, now: Timestamp) -> bool {
        self.by_application.values().any(|list| now < list.until)
    }

    /// Returns whether any list of a tenant is wrong.
    pub(super) fn has(&self, tenant_id: &str, now: Timestamp) -> bool {
        let mut lists = self.by_application.iter();
        lists.any(|((tenant, _), list)| tenant == tenant_id && now < list.until)
    }

    /// Returns whether the list of an application shows one of its subscriptions.
    pub(super) fn shows(&self, application: &Application, one: &Registered, now: Timestamp) -> bool {
        let list = self
            .by_application
            .get(application)
            .filter(|list| now < list.until);
        list.is_none_or(|list| list.shows_half && one.id.bytes().last().is_some_and(|last| last % 2 == 0))
    }
}
