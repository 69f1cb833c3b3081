//! Plans while a newer key or certificate replaces an older one.

use super::*;

#[test]
fn a_subscription_leaves_its_key_when_its_moment_comes() {
    let from = "2026-11-20T10:00:00Z";
    check_in(
        &leaving_key(from, NOW),
        listed(),
        "replace",
        "its client-state key k1 is being replaced",
    );
    check_in(
        &leaving_key(NOW, "2036-11-22T10:00:00Z"),
        listed(),
        "keep",
        "2 d 22 h left",
    );
}

#[test]
fn a_subscription_leaves_its_old_key_at_its_next_renewal() {
    let due = Subscription {
        expiration_date_time: Some(at("2026-11-23T09:00:00Z")),
        ..listed()
    };
    let steps = check_in(
        &leaving_key(NOW, "2036-11-22T10:00:00Z"),
        due,
        "replace",
        "its client-state key k1 is being replaced",
    );
    let Action::Replace { creation, .. } = &steps[0].action else {
        panic!("{steps:?}")
    };
    assert_eq!(creation.key_id, "k2");
}

#[test]
fn a_replacement_of_a_subscription_that_ends_soon_is_most_urgent() {
    for (end, urgency) in [
        ("2026-11-22T10:15:00Z", Urgency::Ending),
        ("2026-11-22T10:25:00Z", Urgency::Due),
    ] {
        let due = Subscription {
            expiration_date_time: Some(at(end)),
            ..listed()
        };
        let text = "its client-state key k1 is being replaced";
        let steps = check_in(&leaving_key(NOW, NOW), due, "replace", text);
        let found = Urgency::of(&steps[0], &Policy::default(), at(NOW));
        assert_eq!(found, Some(urgency), "{end}");
    }
}

#[test]
fn a_subscription_made_with_the_newer_key_stays() {
    let newer = Subscription {
        notification_url: Some(url("mail", "k2", "c2")),
        ..listed()
    };
    check_in(
        &leaving_key("2026-11-20T10:00:00Z", NOW),
        newer,
        "keep",
        "2 d 22 h left",
    );
}

#[test]
fn an_older_certificate_is_left_at_the_next_renewal() {
    let (context, older) = (leaving_certificate("2036-11-22T10:00:00Z"), of_c1());
    check_in(&context, older.clone(), "keep", "2 d 22 h left");
    let due = Subscription {
        expiration_date_time: Some(at("2026-11-23T09:00:00Z")),
        ..older
    };
    let steps = check_in(&context, due, "renew", "23 h left");
    let Action::Renew { renewal, .. } = &steps[0].action else {
        panic!("{steps:?}")
    };
    assert_eq!(renewal.certificate_id.as_deref(), Some("c2"));
    assert_eq!(
        renewal.notification_url.as_deref(),
        Some("https://our.example/notifications?i=stack&s=mail&k=k1&c=c2")
    );
}

#[test]
fn a_forced_rotation_replaces_an_older_certificate_at_once() {
    check_in(
        &leaving_certificate(NOW),
        of_c1(),
        "renew",
        "its certificate c1 is no longer current",
    );
}

fn leaving_key(from: &str, by: &str) -> Context {
    let retiring = Retiring {
        from: at(from),
        by: at(by),
    };
    Context {
        retiring_keys: BTreeMap::from([("k1".to_owned(), retiring)]),
        ..context()
    }
}

fn leaving_certificate(by: &str) -> Context {
    let retiring = Retiring {
        from: at(NOW),
        by: at(by),
    };
    Context {
        retiring_certificates: BTreeMap::from([("c1".to_owned(), retiring)]),
        ..context()
    }
}

fn of_c1() -> Subscription {
    Subscription {
        notification_url: Some(url("mail", "k1", "c1")),
        ..listed()
    }
}
