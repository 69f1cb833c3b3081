//! What may be in FailedQueue, why, and how much of it.

use super::*;

#[test]
fn unreadable_content_fails_for_its_own_reason() {
    let unreadable = || Sent {
        kind: Kind::Unreadable,
        ..sent(1)
    };
    check_outcome(
        &failed(unreadable(), Some("ContentRejected")),
        ChangeOutcome::Unreadable,
    );
    let wrong = Breach::WrongReason(Some(1), "Malformed".to_owned());
    check(&failed(unreadable(), Some("Malformed")), wrong);
    check(&failed(unreadable(), None), Breach::NoReason(Some(1)));
}

#[test]
fn a_genuine_change_fails_only_near_trouble_with_signing_keys() {
    let wrong = |reason: &str| Breach::WrongReason(Some(1), reason.to_owned());
    let with = |reason, trouble: i64| Evidence {
        key_troubles: vec![Timestamp::UNIX_EPOCH + SignedDuration::from_secs(trouble)],
        ..failed(sent(1), Some(reason))
    };
    let no_keys = "NoSigningKeys";
    check(&failed(sent(1), Some(no_keys)), wrong(no_keys));
    for trouble in [-419, 0, 119] {
        check_outcome(&with(no_keys, trouble), ChangeOutcome::Failed);
    }
    for trouble in [-421, 121] {
        check(&with(no_keys, trouble), wrong(no_keys));
    }
    let basic = Sent {
        subject: Subject::Calendar,
        ..sent(1)
    };
    let evidence = Evidence {
        sent: vec![basic],
        ..with(no_keys, 0)
    };
    check(&evidence, wrong(no_keys));
    for reason in ["TokenRejected", "ContentRejected", "Panicked", "NotStored"] {
        check(&with(reason, 0), wrong(reason));
    }
    check(&failed(sent(1), None), Breach::NoReason(Some(1)));
}

#[test]
fn a_forged_change_is_not_in_failed_queue() {
    let forged = Sent {
        kind: Kind::Forged,
        ..sent(1)
    };
    let wrong = Breach::WrongReason(Some(1), "ContentRejected".to_owned());
    check(&failed(forged, Some("ContentRejected")), wrong);
}

#[test]
fn a_message_about_no_change_has_one_of_few_reasons() {
    let of = |reason: Option<&str>| {
        judge(&Evidence {
            failures: vec![failure(None, reason)],
            ..Evidence::default()
        })
        .breaches
    };
    assert_eq!(of(Some("NotReady")), []);
    assert_eq!(of(None), [Breach::NoReason(None)]);
    let wrong = Breach::WrongReason(None, "Malformed".to_owned());
    assert_eq!(of(Some("Malformed")), [wrong]);
}

#[test]
fn a_repeat_of_a_delivered_change_may_wait_for_a_signing_key() {
    let with = |reason| Evidence {
        events: vec![event(1, "a")],
        key_troubles: vec![Timestamp::UNIX_EPOCH],
        ..failed(sent(1), Some(reason))
    };
    check_outcome(&with("NoSigningKeys"), ChangeOutcome::Delivered);
    let wrong = Breach::WrongReason(Some(1), "ContentRejected".to_owned());
    check(&with("ContentRejected"), wrong);
}

#[test]
fn not_all_genuine_changes_can_wait_for_a_signing_key() {
    let run = |failed: u32| {
        judge(&Evidence {
            sent: (1..=100).map(sent).collect(),
            events: (failed + 1..=100)
                .map(|number| event(number, &number.to_string()))
                .collect(),
            failures: (1..=failed)
                .map(|number| failure(Some(number), Some("NoSigningKeys")))
                .collect(),
            key_troubles: vec![Timestamp::UNIX_EPOCH],
            ..Evidence::default()
        })
        .breaches
    };
    assert_eq!(run(50), []);
    assert_eq!(
        run(51),
        [
            Breach::FewDelivered(100, 49),
            Breach::TooMany(ChangeOutcome::Failed, 51, 100)
        ]
    );
}

#[test]
fn not_all_gaps_can_be_left_unread() {
    let run = |unread: u32| {
        let one = |number| Sent {
            outcome: if number <= unread {
                Outcome::Dropped
            } else {
                Outcome::Accepted
            },
            ..sent(number)
        };
        judge(&Evidence {
            sent: (1..=100).map(one).collect(),
            events: (unread + 1..=100)
                .map(|number| event(number, &number.to_string()))
                .collect(),
            gaps: vec![gap("team-messages", -1, 1)],
            caught_up: vec![caught_up(Some(
                "Microsoft Graph could not be read, even at the last try",
            ))],
            ..Evidence::default()
        })
        .breaches
    };
    assert_eq!(run(40), []);
    assert_eq!(run(41), [Breach::TooMany(ChangeOutcome::NotRead, 41, 100)]);
}

#[test]
fn what_nobody_can_read_is_a_small_share() {
    let run = |lost: u32| {
        let one = |number| Sent {
            subject: Subject::Channels,
            outcome: if number <= lost {
                Outcome::Dropped
            } else {
                Outcome::Accepted
            },
            ..sent(number)
        };
        let owner = [Subject::Channels.app().tenant_id, Subject::Channels.name()];
        let arrived = |number: u32| Event {
            owner: owner.clone(),
            ..event(number, &number.to_string())
        };
        judge(&Evidence {
            sent: (1..=100).map(one).collect(),
            events: (lost + 1..=100).map(arrived).collect(),
            gaps: vec![gap("channels", -1, 1)],
            caught_up: vec![caught_up(Some(
                "Microsoft Graph has no list of this resource by time",
            ))],
            ..Evidence::default()
        })
        .breaches
    };
    assert_eq!(run(40), []);
    assert_eq!(run(41), [Breach::TooMany(ChangeOutcome::Reported, 41, 100)]);
}

#[test]
fn what_the_reader_reads_does_not_excuse_a_webhook_that_refuses() {
    let run = |refused: u32| {
        let is_refused = |number: u32| number <= 10 * refused;
        let one = |number: u32| Sent {
            at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(i64::from((number - 1) / 10)),
            outcome: if is_refused(number) {
                Outcome::GivenUp
            } else {
                Outcome::Accepted
            },
            ..sent(number)
        };
        let arrived = |number: u32| Event {
            was_read: is_refused(number),
            ..event(number, &number.to_string())
        };
        judge(&Evidence {
            sent: (1..=100).map(one).collect(),
            events: (1..=100).map(arrived).collect(),
            ..Evidence::default()
        })
        .breaches
    };
    assert_eq!(run(1), []);
    assert_eq!(run(2), [Breach::Refused("team-messages".to_owned(), 2, 10)]);
}

fn failed(sent: Sent, reason: Option<&str>) -> Evidence {
    Evidence {
        failures: vec![failure(Some(sent.number), reason)],
        sent: vec![sent],
        ..Evidence::default()
    }
}

fn failure(number: Option<u32>, reason: Option<&str>) -> Failure {
    Failure {
        number,
        reason: reason.map(str::to_owned),
    }
}
