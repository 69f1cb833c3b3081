//! What a gap excuses, and what it does not.

use super::*;
use crate::subject::TEAMS;

#[test]
fn a_gap_that_was_read_without_a_change_has_lost_it() {
    for subject in [Subject::TeamMessages, Subject::Calendar, Subject::Mail(0)] {
        for reason in [None, Some(CLIPPED)] {
            check_unread(&lost(subject, vec![caught_up(reason)]));
        }
    }
}

#[test]
fn a_gap_that_nobody_has_read_excuses_nothing() {
    check_unread(&lost(Subject::Calendar, vec![]));
    check_unread(&lost(Subject::Channels, vec![]));
    let other = CaughtUp {
        gap: "another".to_owned(),
        ..caught_up(Some(NOT_READY))
    };
    check_unread(&lost(Subject::Calendar, vec![other]));
}

#[test]
fn only_some_reasons_excuse_that_a_gap_was_not_read() {
    let is_excused = |subject, reason| judge(&lost(subject, vec![caught_up(Some(reason))])).is_kept();
    assert!(is_excused(Subject::Calendar, NOT_READY));
    assert!(!is_excused(Subject::Calendar, "the reader was not in the mood"));
    let departed = "the subscription, with this resource, is not in the configuration";
    assert!(is_excused(Subject::Mail(7), departed));
    assert!(!is_excused(Subject::Mail(0), departed));
    let delegated = "the reader does not read subscriptions of a signed-in user";
    assert!(is_excused(Subject::Contacts, delegated));
    assert!(!is_excused(Subject::PartnerContacts, delegated));
    assert!(!is_excused(Subject::Contacts, NOT_READY));
}

#[test]
fn what_cannot_be_read_is_never_complete() {
    check_unread(&lost(Subject::Channels, vec![caught_up(None)]));
}

#[test]
fn a_reading_that_begins_too_late_has_to_say_so() {
    let late = |reason| CaughtUp {
        from: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1),
        ..caught_up(reason)
    };
    check_unread(&lost(Subject::Calendar, vec![late(None)]));
    let clipped = late(Some(CLIPPED));
    check_outcome(&lost(Subject::Calendar, vec![clipped]), ChangeOutcome::NotRead);
}

#[test]
fn the_reading_of_another_team_excuses_nothing() {
    let [even, odd] = TEAMS;
    let of = |part: &str| CaughtUp {
        part: Some(part.to_owned()),
        ..caught_up(Some(NOT_READY))
    };
    check_unread(&lost(Subject::TeamMessages, vec![of(even)]));
    check_outcome(
        &lost(Subject::TeamMessages, vec![of(even), of(odd)]),
        ChangeOutcome::NotRead,
    );
}

#[test]
fn a_change_that_no_list_showed_need_not_be_read() {
    let mut evidence = lost(Subject::Calendar, vec![caught_up(None)]);
    evidence.sent[0].is_listed = false;
    check_outcome(&evidence, ChangeOutcome::Reported);
}

#[test]
fn a_read_change_has_another_id_only_where_that_is_documented() {
    let breaches = |subject: Subject, read: &[&str]| {
        let one = |id: &str, was_read| Event {
            owner: [subject.app().tenant_id, subject.name()],
            was_read,
            ..event(1, id)
        };
        let read = read.iter().map(|id| one(id, true));
        judge(&Evidence {
            sent: vec![Sent { subject, ..sent(1) }],
            events: std::iter::once(one("live", false)).chain(read).collect(),
            ..Evidence::default()
        })
        .breaches
    };
    assert_eq!(breaches(Subject::TeamMessages, &["read"]), []);
    assert_eq!(breaches(Subject::Calendar, &["live"]), []);
    let twice = |subject: Subject, ids| [Breach::Twice(1, subject.name(), ids)];
    assert_eq!(
        breaches(Subject::Calendar, &["read"]),
        twice(Subject::Calendar, 2)
    );
    assert_eq!(
        breaches(Subject::TeamMessages, &["read", "again"]),
        twice(Subject::TeamMessages, 3)
    );
}

#[test]
fn the_first_event_of_an_id_counts_as_well_as_the_last() {
    let altered = Event {
        content: Some(8),
        ..event(1, "a")
    };
    check(
        &Evidence {
            sent: vec![sent(1)],
            events: vec![altered, event(1, "a")],
            ..Evidence::default()
        },
        Breach::Altered(1, "team-messages".to_owned()),
    );
}

/// Returns a change that Graph lost, in a gap of which this was read.
fn lost(subject: Subject, caught_up: Vec<CaughtUp>) -> Evidence {
    Evidence {
        sent: vec![Sent {
            subject,
            outcome: Outcome::Dropped,
            ..sent(1)
        }],
        gaps: vec![gap(&subject.name(), -1, 1)],
        caught_up,
        ..Evidence::default()
    }
}

#[track_caller]
fn check_unread(evidence: &Evidence) {
    let breaches = judge(evidence).breaches;
    assert!(matches!(breaches[..], [Breach::Unread(1, ..)]), "{breaches:?}");
}

const CLIPPED: &str = "the loss may have begun before the time that was read";

const NOT_READY: &str = "Microsoft Graph could not be read, even at the last try";
