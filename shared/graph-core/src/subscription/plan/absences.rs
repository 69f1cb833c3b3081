//! Objects that Graph's lists lack: one list in a row may be short, so their subscriptions wait for a second one.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use jiff::{SignedDuration, Timestamp};

use super::{Action, Reason, Step};

/// The subscriptions of objects that Graph's lists lack, by name and Graph's id, and those that were deleted for that since
/// yesterday.
#[derive(Clone, Debug, Default)]
pub struct Absences(BTreeMap<String, BTreeMap<String, Absence>>);

#[derive(Clone, Debug)]
struct Absence {
    /// When a list lacked the object first, since one had it.
    since: Timestamp,
    /// When the subscription existed last.
    seen_at: Timestamp,
}

impl Absences {
    /// Records which subscriptions the `steps` of a plan at `now` would delete, and returns the names of those that wait for a
    /// list that is a `period` younger than the first one without their objects.
    ///
    /// A first list of more than three periods ago counts no longer: another process may have seen the objects since.
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
                    let of_name = self.0.entry(name.clone()).or_default();
                    let before = of_name.get(&id).filter(|absence| absence.is_recent(now, period));
                    let before = before.map(|absence| absence.since);
                    let since = before.or_else(|| stored(name)).unwrap_or(now);
                    if now.duration_since(since) < period {
                        waiting.insert(name.clone());
                    }
                    let seen_at = now;
                    of_name.insert(id, Absence { since, seen_at });
                }
                (Action::Create(_) | Action::Delete { .. }, _) | (_, Reason::Held(_)) => {}
                // Its object is back.
                _ => drop(self.0.remove(name)),
            }
        }
        self.0.retain(|_, of_name| {
            of_name.retain(|_, absence| now.duration_since(absence.seen_at) < REMEMBERED);
            !of_name.is_empty()
        });
        waiting
    }

    /// Forgets the subscription called `name`, which was deleted and is created again, and returns its id and when it existed
    /// last.
    pub fn take_deleted(&mut self, name: &str) -> Option<(String, Timestamp)> {
        let deleted = self.0.remove(name)?.into_iter();
        let deleted = deleted.map(|(id, absence)| (id, absence.seen_at));
        deleted.max_by_key(|(_, seen_at)| *seen_at)
    }

    /// Returns the names, first those that wait.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let last = |of_name: &BTreeMap<String, Absence>| {
            let times = of_name.values().map(|absence| (absence.seen_at, absence.since));
            times.max()
        };
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(_, of_name)| Reverse(last(of_name)));
        all.into_iter().map(|(name, _)| name.as_str())
    }
}

impl Absence {
    fn is_recent(&self, now: Timestamp, period: SignedDuration) -> bool {
        now.duration_since(self.seen_at) <= period.saturating_mul(3)
    }
}

/// How long a deleted subscription is remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscription::plan::{creation, tests as plans};

    #[test]
    fn a_recreated_subscription_waits_for_two_lists_of_its_own() {
        for is_same_process in [true, false] {
            let mut absences = Absences::default();
            assert!(absences.waits(&[delete("1")], 0));
            assert!(!absences.waits(&[delete("1")], 10));
            if is_same_process {
                assert!(!absences.waits(&[create()], 20));
                let deleted = absences.take_deleted("mail/1");
                assert_eq!(deleted, Some(("1".to_owned(), at(10))));
                assert_eq!(
                    absences.names().next(),
                    None,
                    "the next process knows nothing of it"
                );
            }
            assert!(absences.waits(&[delete("2")], 30), "{is_same_process}");
            assert!(!absences.waits(&[delete("2")], 40), "{is_same_process}");
        }
    }

    #[test]
    fn a_list_of_hours_ago_is_not_the_first_of_two() {
        let mut absences = Absences::default();
        assert!(absences.waits(&[delete("1")], 0));
        assert!(absences.waits(&[delete("1")], 20 * 60));
        assert!(!absences.waits(&[delete("1")], 20 * 60 + 10));
    }

    #[test]
    fn two_of_one_object_both_go_after_the_second_list() {
        let mut absences = Absences::default();
        let both = [delete("1"), delete("2")];
        assert!(absences.waits(&both, 0));
        assert!(!absences.waits(&both, 10));
    }

    impl Absences {
        /// Returns whether a deletion waits in a plan so many minutes after the first.
        fn waits(&mut self, steps: &[Step], minutes: i64) -> bool {
            let period = SignedDuration::from_mins(9);
            !self
                .wait(steps, |_| true, |_| None, at(minutes), period)
                .is_empty()
        }
    }

    fn delete(id: &str) -> Step {
        step(Action::Delete(id.to_owned()), Reason::NoEntry)
    }

    fn create() -> Step {
        let creation = creation(&plans::mail(), &plans::context(), at(0));
        step(Action::Create(creation), Reason::Missing)
    }

    fn step(action: Action, reason: Reason) -> Step {
        Step {
            name: "mail/1".to_owned(),
            action,
            reason,
            resource: None,
            change_type: None,
            expires_at: None,
            lifetime: None,
        }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }
}
