//! What is wrong with the live subscriptions once renewal has put everything right.

use std::collections::BTreeSet;
use std::fmt;

use graph_simulator::Registered;
use jiff::{SignedDuration, Timestamp};

use crate::subject::{self, Subject};

/// Something that is wrong with a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// The configuration asks for it, and it is not there.
    Missing(String),
    /// There are so many of it.
    Repeated(String, usize),
    /// It has other change types than are configured.
    OtherChanges(String, String),
    /// It has so few seconds left that renewal should have renewed it.
    NearlyOver(String, i64),
    /// The configuration does not ask for a subscription to this resource.
    Unwanted(String),
}

/// Returns what is wrong with the live subscriptions under a version of the configuration.
pub fn flaws(live: &[Registered], version: u32, now: Timestamp) -> Vec<Flaw> {
    let wanted = subject::wanted(version);
    let is_wanted = |one: &&Registered| wanted.iter().any(|subject| subject.is_of(one));
    let unwanted = live.iter().filter(|one| !is_wanted(one));
    let mut flaws: Vec<Flaw> = unwanted.map(|one| Flaw::Unwanted(one.resource.clone())).collect();
    for subject in &wanted {
        let all: Vec<&Registered> = live.iter().filter(|one| subject.is_of(one)).collect();
        flaws.extend(match &*all {
            [] => Some(Flaw::Missing(subject.name())),
            [one] => flaw_of(*subject, one, version, now),
            several => Some(Flaw::Repeated(subject.name(), several.len())),
        });
    }
    flaws
}

fn flaw_of(subject: Subject, one: &Registered, version: u32, now: Timestamp) -> Option<Flaw> {
    let types = |text: &str| {
        text.split(',')
            .map(|one| one.trim().to_owned())
            .collect::<BTreeSet<_>>()
    };
    if types(&one.change_type) != types(subject.change_types(version)) {
        return Some(Flaw::OtherChanges(subject.name(), one.change_type.clone()));
    }
    let left = one.expires_at.duration_since(now);
    (left < LEAST_LEFT).then(|| Flaw::NearlyOver(subject.name(), left.as_secs()))
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "{name} is missing"),
            Self::Repeated(name, count) => write!(f, "{name} is there {count} times"),
            Self::OtherChanges(name, types) => write!(f, "{name} is for {types}"),
            Self::NearlyOver(name, seconds) => write!(f, "{name} ends in {seconds} s and was not renewed"),
            Self::Unwanted(resource) => write!(f, "nobody asks for the one to {resource}"),
        }
    }
}

/// The least time that is left of a subscription after a run of renewal, which renews it eight minutes before its end or
/// earlier: three of the schedule's periods and five minutes.
const LEAST_LEFT: SignedDuration = SignedDuration::from_mins(6);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_with_time_left_has_no_flaw() {
        assert_eq!(flaws(&all(0), 0, now()), []);
    }

    #[test]
    fn a_missing_and_a_repeated_subscription_are_flaws() {
        let mut live = all(0);
        let first = live.remove(0);
        live.push(live[0].clone());
        let expected = [
            Flaw::Missing(Subject::TeamMessages.name()),
            Flaw::Repeated(Subject::Channels.name(), 2),
        ];
        assert_eq!(flaws(&live, 0, now()), expected);
        assert!(Subject::TeamMessages.is_of(&first));
    }

    #[test]
    fn a_subscription_that_nobody_asks_for_is_a_flaw() {
        let mut live = all(1);
        let [.., last] = &live[..] else { unreachable!() };
        let resource = last.resource.clone();
        assert_eq!(flaws(&live, 0, now()), [Flaw::Unwanted(resource)]);
        live.pop();
        assert_eq!(flaws(&live, 0, now()), []);
    }

    #[test]
    fn a_subscription_that_was_not_renewed_is_a_flaw() {
        let mut live = all(0);
        live[0].expires_at = now() + SignedDuration::from_secs(200);
        let expected = Flaw::NearlyOver(Subject::TeamMessages.name(), 200);
        assert_eq!(flaws(&live, 0, now()), [expected]);
    }

    #[test]
    fn change_types_are_those_of_the_configuration() {
        let types = "deleted,created , updated".to_owned();
        let mut live = all(2);
        live[2].change_type.clone_from(&types);
        assert_eq!(flaws(&live, 2, now()), []);
        let mut live = all(0);
        live[2].change_type.clone_from(&types);
        let expected = Flaw::OtherChanges(Subject::Calendar.name(), types);
        assert_eq!(flaws(&live, 0, now()), [expected]);
    }

    /// Returns the subscriptions of a version of the configuration.
    fn all(version: u32) -> Vec<Registered> {
        let end = now() + SignedDuration::from_hours(1);
        let wanted = subject::wanted(version).into_iter();
        wanted
            .map(|subject| subject::registered(subject, version, end))
            .collect()
    }

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}
