//! What is about the run and not about a change.

use super::*;

#[test]
fn a_steady_run_whose_changes_take_longer_and_longer_has_slowed() {
    let run = |seconds: [i64; 2], minutes| {
        let mut evidence = Evidence::default();
        for number in 1..=8 {
            let one = sent(number);
            let took = seconds[usize::from(number > 4)];
            let arrived = one.at + SignedDuration::from_secs(took);
            evidence.arrivals.insert(number, arrived);
            evidence.events.push(event(number, &number.to_string()));
            evidence.sent.push(one);
        }
        evidence.compare(minutes);
        judge(&evidence).breaches
    };
    let slowed = Breach::Slowed(Duration::from_secs(1), Duration::from_secs(4));
    assert_eq!(run([1, 4], 60), [slowed]);
    assert_eq!(run([1, 3], 60), []);
    assert_eq!(run([1, 4], 9), [], "a short run is not judged");
}

#[test]
fn a_run_that_did_less_than_it_was_asked_for_proves_nothing() {
    for (done, is_enough) in [
        (Done::all("changes sent", 600, 599), false),
        (Done::all("changes sent", 600, 600), true),
        (Done::most("functions killed", 20, 17), false),
        (Done::most("functions killed", 20, 18), true),
        (Done::most("functions killed", 4, 3), true),
        (Done::most("functions killed", 4, 2), false),
        (Done::most("functions killed", 1, 0), false),
        (Done::most("functions killed", 0, 0), true),
        (Done::half("per mille of the calls to AWS struck", 150, 74), false),
        (Done::half("per mille of the calls to AWS struck", 150, 75), true),
        (Done::half("per mille of the calls to AWS struck", 0, 0), true),
    ] {
        let verdict = judge(&Evidence {
            done: vec![done.clone()],
            ..Evidence::default()
        });
        let breach = (!is_enough).then_some(Breach::NotDone(done));
        assert_eq!(verdict.breaches, Vec::from_iter(breach));
    }
}

#[test]
fn half_of_the_changes_have_to_be_delivered() {
    let run = |delivered| {
        judge(&Evidence {
            sent: (1..=100).map(forged_or_sent(delivered)).collect(),
            events: (1..=delivered)
                .map(|number| event(number, &number.to_string()))
                .collect(),
            ..Evidence::default()
        })
    };
    assert_eq!(run(49).breaches, [Breach::FewDelivered(100, 49)]);
    assert_eq!(run(50).breaches, []);
}

#[test]
fn what_stays_broken_when_nothing_fails_any_more_breaks_a_promise() {
    let what = || "1 messages are left in ReadQueue".to_owned();
    check(
        &Evidence {
            uncured: vec![what()],
            ..Evidence::default()
        },
        Breach::NotCured(what()),
    );
}

#[test]
fn leaks_panics_and_deaths_break_a_promise() {
    check(
        &Evidence {
            leaks: vec![("WebhookFunction", "a client state")],
            ..Evidence::default()
        },
        Breach::Leaked("WebhookFunction", "a client state"),
    );
    check(
        &Evidence {
            unsearched: vec!["an access token"],
            ..Evidence::default()
        },
        Breach::NotSearched("an access token"),
    );
    check(
        &Evidence {
            panics: vec![("WebhookFunction", "panicked at".to_owned())],
            ..Evidence::default()
        },
        Breach::Panicked("WebhookFunction", "panicked at".to_owned()),
    );
    check(
        &Evidence {
            deaths: vec![("WebhookFunction", 101)],
            ..Evidence::default()
        },
        Breach::Died("WebhookFunction", 101),
    );
    check(
        &Evidence {
            timeouts: vec![("WebhookFunction", 0), ("ReaderFunction", 2)],
            ..Evidence::default()
        },
        Breach::TimedOut("ReaderFunction", 2),
    );
}

#[test]
fn a_subscription_that_ended_or_has_a_flaw_breaks_a_promise() {
    let name = || "mail/1".to_owned();
    check(
        &Evidence {
            lapsed: vec![name()],
            ..Evidence::default()
        },
        Breach::Lapsed(name()),
    );
    check(
        &Evidence {
            deleted: vec![name()],
            ..Evidence::default()
        },
        Breach::Deleted(name()),
    );
    let flaw = || Flaw::Missing(name());
    check(
        &Evidence {
            flaws: vec![flaw()],
            ..Evidence::default()
        },
        Breach::Flawed(flaw()),
    );
}

/// Returns the changes of which the first are genuine.
fn forged_or_sent(genuine: u32) -> impl Fn(u32) -> Sent {
    move |number| Sent {
        kind: if number <= genuine {
            Kind::Genuine
        } else {
            Kind::Forged
        },
        ..sent(number)
    }
}
