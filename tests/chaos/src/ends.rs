//! Whether a subscription that is not there any more may have ended.

use std::collections::{BTreeMap, BTreeSet};

use graph_simulator::Registered;
use jiff::Timestamp;

use crate::subject::Subject;

/// The ends of the subscriptions that every configuration asks for.
#[derive(Debug, Default)]
pub struct Ends {
    /// The ids of those that Graph removed.
    removed: BTreeSet<String>,
    /// How many times the client-state key was replaced. Each time, renewal replaces every subscription.
    keys: u32,
    /// How often the configuration was given other change types of the calendar, which make another subscription.
    types: u32,
    /// How often renewal has deleted each.
    deleted: BTreeMap<Subject, u32>,
}

impl Ends {
    /// Notes that Graph removes a subscription.
    pub fn remove(&mut self, id: &str) {
        self.removed.insert(id.to_owned());
    }

    /// Notes that renewal is asked for a new client-state key.
    pub fn replace_key(&mut self) {
        self.keys += 1;
    }

    /// Notes that one version of the configuration follows another.
    pub fn configure(&mut self, earlier: u32, later: u32) {
        let types = |version| Subject::Calendar.change_types(version);
        self.types += u32::from(types(earlier) != types(later));
    }

    /// Notes that a subscription is gone, and returns whether it was deleted although it should live.
    pub fn note(&mut self, gone: &Registered, now: Timestamp) -> Option<Subject> {
        let subject = Subject::all().into_iter().find(|one| one.is_of(gone))?;
        if !subject.is_steady() || gone.expires_at <= now || self.removed.contains(&gone.id) {
            return None;
        }
        let deleted = self.deleted.entry(subject).or_default();
        *deleted += 1;
        let of_changes = if subject == Subject::Calendar {
            self.types
        } else {
            0
        };
        (*deleted > self.keys + of_changes).then_some(subject)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::subject;

    #[test]
    fn a_steady_subscription_with_time_left_is_not_deleted() {
        let mut ends = Ends::default();
        assert_eq!(ends.note(&of(Subject::Channels), now()), Some(Subject::Channels));
        assert_eq!(ends.note(&of(Subject::Mail(7)), now()), None);
        let later = now() + SignedDuration::from_hours(2);
        assert_eq!(ends.note(&of(Subject::Channels), later), None, "it was over");
    }

    #[test]
    fn what_graph_removed_was_not_deleted() {
        let mut ends = Ends::default();
        ends.remove("channels");
        assert_eq!(ends.note(&of(Subject::Channels), now()), None);
    }

    #[test]
    fn a_new_key_replaces_each_subscription_once() {
        let mut ends = Ends::default();
        ends.replace_key();
        for subject in [Subject::Channels, Subject::Calendar] {
            assert_eq!(ends.note(&of(subject), now()), None);
            assert_eq!(ends.note(&of(subject), now()), Some(subject));
        }
    }

    #[test]
    fn a_new_configuration_replaces_only_the_calendar() {
        let mut ends = Ends::default();
        ends.configure(1, 2);
        assert_eq!(ends.note(&of(Subject::Calendar), now()), None);
        assert_eq!(ends.note(&of(Subject::Channels), now()), Some(Subject::Channels));
    }

    #[test]
    fn a_configuration_with_the_same_change_types_replaces_nothing() {
        let mut ends = Ends::default();
        for (earlier, later) in [(0, 0), (0, 1), (2, 3)] {
            ends.configure(earlier, later);
        }
        assert_eq!(ends.note(&of(Subject::Calendar), now()), Some(Subject::Calendar));
    }

    fn of(subject: Subject) -> Registered {
        subject::registered(subject, 0, now() + SignedDuration::from_hours(1))
    }

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}
