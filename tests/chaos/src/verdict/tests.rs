//! Every way in which the verdict can be that a promise was broken, and every way in which it is not.

use jiff::{SignedDuration, Timestamp};

mod gaps;
mod reasons;
mod run;

use super::*;
use crate::evidence::{CaughtUp, Failure, Gap};
use crate::subject::Subject;

#[test]
fn a_change_that_arrived_once_by_id_is_delivered() {
    let verdict = judge(&Evidence {
        sent: vec![sent(1)],
        events: vec![event(1, "a"), event(1, "a")],
        ..Evidence::default()
    });
    assert!(verdict.is_kept());
    assert_eq!(
        (verdict.outcomes, verdict.repeats),
        (BTreeMap::from([(ChangeOutcome::Delivered, 1)]), 1)
    );
}

#[test]
fn a_change_that_is_nowhere_is_lost() {
    check(
        &Evidence {
            sent: vec![sent(1)],
            ..Evidence::default()
        },
        Breach::Lost(1, "team-messages".to_owned(), Outcome::Accepted),
    );
}

#[test]
fn a_gap_does_not_excuse_the_loss_of_an_accepted_change() {
    check(
        &Evidence {
            sent: vec![sent(1)],
            gaps: vec![gap("team-messages", -1, 1)],
            ..Evidence::default()
        },
        Breach::Lost(1, "team-messages".to_owned(), Outcome::Accepted),
    );
}

#[test]
fn a_change_under_two_ids_arrived_twice() {
    check(
        &Evidence {
            sent: vec![sent(1)],
            events: vec![event(1, "a"), event(1, "b")],
            ..Evidence::default()
        },
        Breach::Twice(1, "team-messages".to_owned(), 2),
    );
}

#[test]
fn two_changes_under_one_id_are_one_too_few() {
    check(
        &Evidence {
            sent: vec![sent(1), sent(2)],
            events: vec![event(1, "a"), event(2, "a")],
            ..Evidence::default()
        },
        Breach::SameId(1, 2),
    );
}

#[test]
fn other_content_than_was_sent_is_altered() {
    for content in [None, Some(8)] {
        check(
            &Evidence {
                sent: vec![sent(1)],
                events: vec![Event {
                    content,
                    ..event(1, "a")
                }],
                ..Evidence::default()
            },
            Breach::Altered(1, "team-messages".to_owned()),
        );
    }
    let read_later = Event {
        content: None,
        was_read: true,
        ..event(1, "a")
    };
    check_outcome(
        &Evidence {
            sent: vec![sent(1)],
            events: vec![read_later],
            ..Evidence::default()
        },
        ChangeOutcome::Read,
    );
}

#[test]
fn a_forged_change_must_not_arrive() {
    for kind in [Kind::Forged, Kind::Unreadable] {
        check(
            &Evidence {
                sent: vec![Sent { kind, ..sent(1) }],
                events: vec![event(1, "a")],
                ..Evidence::default()
            },
            Breach::Believed(1, "team-messages".to_owned()),
        );
    }
}

#[test]
fn a_forged_change_is_refused_without_a_trace() {
    check_outcome(
        &Evidence {
            sent: vec![Sent {
                kind: Kind::Forged,
                ..sent(1)
            }],
            ..Evidence::default()
        },
        ChangeOutcome::Rejected,
    );
}

#[test]
fn an_event_about_nothing_that_was_sent_is_foreign() {
    for number in [None, Some(9)] {
        check(
            &Evidence {
                events: vec![Event {
                    number,
                    ..event(1, "a")
                }],
                ..Evidence::default()
            },
            Breach::Foreign("a".to_owned()),
        );
    }
}

#[test]
fn an_undecryptable_change_is_lost_if_failed_queue_lacks_it() {
    check(
        &Evidence {
            sent: vec![Sent {
                kind: Kind::Unreadable,
                ..sent(1)
            }],
            ..Evidence::default()
        },
        Breach::Lost(1, "team-messages".to_owned(), Outcome::Accepted),
    );
}

#[test]
fn a_change_that_never_came_through_has_to_lie_in_a_gap() {
    for outcome in [Outcome::GivenUp, Outcome::Dropped, Outcome::Unsubscribed] {
        let sent = vec![Sent { outcome, ..sent(1) }];
        let not_ready = || {
            vec![caught_up(Some(
                "Microsoft Graph could not be read, even at the last try",
            ))]
        };
        for gap in [
            gap("team-messages", -1, 1),
            gap("team-messages", 0, 0),
            Gap {
                from: None,
                ..gap("team-messages", 0, 0)
            },
        ] {
            check_outcome(
                &Evidence {
                    sent: sent.clone(),
                    gaps: vec![gap],
                    caught_up: not_ready(),
                    ..Evidence::default()
                },
                ChangeOutcome::NotRead,
            );
        }
        for gaps in [
            vec![],
            vec![
                gap("team-messages", 1, 2),
                gap("team-messages", -2, -1),
                gap("channels", -1, 1),
            ],
        ] {
            check(
                &Evidence {
                    sent: sent.clone(),
                    gaps,
                    caught_up: not_ready(),
                    ..Evidence::default()
                },
                Breach::Lost(1, "team-messages".to_owned(), outcome),
            );
        }
        check_outcome(
            &Evidence {
                sent,
                events: vec![event(1, "a")],
                ..Evidence::default()
            },
            ChangeOutcome::Delivered,
        );
    }
}

#[test]
fn an_event_for_another_tenant_or_subscription_breaks_a_promise() {
    let [tenant_id, name] = event(1, "a").owner;
    let other = Subject::PartnerMessages;
    for owner in [[other.app().tenant_id, name], [tenant_id, other.name()]] {
        check(
            &Evidence {
                sent: vec![sent(1)],
                events: vec![Event {
                    owner,
                    ..event(1, "a")
                }],
                ..Evidence::default()
            },
            Breach::Misattributed(1, "team-messages".to_owned()),
        );
    }
}

#[test]
fn nobody_misses_a_change_that_the_configuration_does_not_ask_for() {
    let evidence = |outcome, is_wanted| Evidence {
        sent: vec![Sent {
            subject: Subject::Mail(7),
            outcome,
            is_wanted,
            ..sent(1)
        }],
        ..Evidence::default()
    };
    for outcome in [Outcome::Unsubscribed, Outcome::Ended] {
        check_outcome(&evidence(outcome, false), ChangeOutcome::NotSubscribed);
    }
    let lost = |outcome| Breach::Lost(1, Subject::Mail(7).name(), outcome);
    for outcome in [Outcome::Unsubscribed, Outcome::Ended, Outcome::GivenUp] {
        check(&evidence(outcome, true), lost(outcome));
    }
    check(&evidence(Outcome::GivenUp, false), lost(Outcome::GivenUp));
}

/// Expects exactly one breach.
#[track_caller]
fn check(evidence: &Evidence, breach: Breach) {
    let verdict = judge(evidence);
    assert_eq!(verdict.breaches, [breach]);
    assert!(!verdict.is_kept());
}

/// Expects no breach, and that the only change ends in this way.
#[track_caller]
fn check_outcome(evidence: &Evidence, outcome: ChangeOutcome) {
    let verdict = judge(evidence);
    assert_eq!(
        (verdict.breaches, verdict.outcomes),
        (Vec::new(), BTreeMap::from([(outcome, 1)]))
    );
}

fn sent(number: u32) -> Sent {
    Sent {
        number,
        subject: Subject::TeamMessages,
        kind: Kind::Genuine,
        outcome: Outcome::Accepted,
        at: Timestamp::UNIX_EPOCH,
        content: Some(7),
        is_wanted: true,
        is_listed: true,
    }
}

fn event(number: u32, id: &str) -> Event {
    Event {
        id: id.to_owned(),
        number: Some(number),
        owner: [
            Subject::TeamMessages.app().tenant_id,
            Subject::TeamMessages.name(),
        ],
        content: Some(7),
        was_read: false,
    }
}

/// Returns a gap, from and until so many seconds after the change.
fn gap(name: &str, from: i64, until: i64) -> Gap {
    let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
    Gap {
        id: "gap".to_owned(),
        name: name.to_owned(),
        from: Some(at(from)),
        until: at(until),
    }
}

/// Returns the end of the reading of that gap.
fn caught_up(reason: Option<&str>) -> CaughtUp {
    CaughtUp {
        gap: "gap".to_owned(),
        part: None,
        from: Timestamp::UNIX_EPOCH - SignedDuration::from_secs(300),
        until: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1),
        is_complete: reason.is_none(),
        reason: reason.map(str::to_owned),
    }
}
