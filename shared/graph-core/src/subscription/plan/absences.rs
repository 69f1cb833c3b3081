//! Objects that Graph's lists lack: one list in a row may be short, so their subscriptions wait for a second one.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use jiff::{SignedDuration, Timestamp};

use super::{Action, Reason, Step};

/// The subscriptions of objects that Graph's lists lack, by name, and those that were deleted for that since yesterday.
#[derive(Clone, Debug, Default)]
pub struct Absences(BTreeMap<String, Absence>);

#[derive(Clone, Debug)]
struct Absence {
    /// Graph's id of the subscription.
    id: String,
    /// When a list lacked the object first, since one had it.
    since: Timestamp,
    /// When the subscription existed last.
    seen_at: Timestamp,
}

impl Absences {
    /// Records which subscriptions the `steps` of a plan at `now` would delete, and returns the names of those that wait for a
    /// list that is a `period` younger than the first one without their objects.
    ///
    /// Only those wait whose names are `of_lists`. Another process has found out since when some are absent, if it has
    /// `stored` that.
    pub fn wait(
        &mut self,
        steps: &[Step],
        of_lists: impl Fn(&str) -> bool,
        stored: impl Fn(&str) -> Option<Timestamp>,
        now: Timestamp,
        period: SignedDuration,
    ) -> BTreeSet<String> {
        let mut waiting = BTreeSet::new();
        for step in steps {
            let name = &step.name;
            match (&step.action, &step.reason) {
                (Action::Delete { .. }, Reason::NoEntry) if of_lists(name) => {
                    let id = step.action.id().unwrap_or_default().to_owned();
                    let before = self.0.get(name).map(|absence| absence.since);
                    let since = before.or_else(|| stored(name)).unwrap_or(now);
                    if now.duration_since(since) < period {
                        waiting.insert(name.clone());
                    }
                    let seen_at = now;
                    self.0.insert(name.clone(), Absence { id, since, seen_at });
                }
                (Action::Create(_) | Action::Delete { .. }, _) | (_, Reason::Held(_)) => {}
                // Its object is back.
                _ => drop(self.0.remove(name)),
            }
        }
        self.0
            .retain(|_, absence| now.duration_since(absence.seen_at) < REMEMBERED);
        waiting
    }

    /// Returns the id of the subscription called `name`, which was deleted, and when it existed last.
    #[must_use]
    pub fn deleted(&self, name: &str) -> Option<(&str, Timestamp)> {
        let absence = self.0.get(name)?;
        Some((&absence.id, absence.seen_at))
    }

    /// Returns the names, first those that wait.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut all: Vec<(&String, &Absence)> = self.0.iter().collect();
        all.sort_by_key(|(_, absence)| Reverse((absence.seen_at, absence.since)));
        all.into_iter().map(|(name, _)| name.as_str())
    }
}

/// How long a deleted subscription is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
