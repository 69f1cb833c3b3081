//! Windows: which are read, joined and split, and the event at their end.

use super::*;
use crate::application::{Application, test_util::guid};

#[test]
fn a_window_that_differs_from_the_configuration_is_not_read() {
    let config = config(MAIL, "updated");
    let right = window(MAIL, at(0), at(1));
    assert!(right.configured(&config).is_some());
    for wrong in [
        Window {
            resource: "/users/u2/messages".to_owned(),
            ..right.clone()
        },
        Window {
            application: application(("other", "c")),
            ..right.clone()
        },
        Window {
            application: Application {
                client_id: guid("other"),
                ..right.application
            },
            ..right.clone()
        },
        Window {
            subscription: "other".to_owned(),
            ..right.clone()
        },
        Window {
            subscription: "one/u1".to_owned(),
            ..right.clone()
        },
    ] {
        assert!(wrong.configured(&config).is_none(), "{wrong:?}");
    }
}

#[test]
fn a_window_survives_the_queue() {
    let window = Window {
        at: Some(At {
            after: Some(at(5)),
            ..At::default()
        }),
        counts: Some(Counts {
            created: 1,
            ..Counts::default()
        }),
        ..window(MAIL, at(0), at(10))
    };
    assert_eq!(reread(&window), Some(window.clone()));
}

#[test]
fn a_window_over_a_limit_is_not_read() {
    let part = |id: &str| {
        Some(Part {
            id: id.to_owned(),
            of: 1,
        })
    };
    let good = window(MAIL, at(0), at(10));
    for window in [
        Window {
            from: at(11),
            ..good.clone()
        },
        Window {
            also: vec!["g".to_owned(); 100],
            ..good.clone()
        },
        Window {
            part: part("../me"),
            ..good.clone()
        },
        Window {
            part: part(""),
            ..good.clone()
        },
        Window {
            at: Some(At {
                links: vec![String::new(); 101],
                ..At::default()
            }),
            ..good.clone()
        },
    ] {
        assert_eq!(reread(&window), None, "{window:?}");
    }
    let full = Window {
        also: vec!["g".to_owned(); 99],
        part: part("t1"),
        ..good
    };
    assert_eq!(reread(&full), Some(full.clone()));
}

#[test]
fn several_gaps_of_one_subscription_are_one_window_that_answers_each() {
    let gap = |name: &str, from, until| Window {
        gap: Some(name.to_owned()),
        ..window(MAIL, at(from), at(until))
    };
    let mut joined = gap("a", 10, 20);
    assert_eq!(joined.join(gap("b", 5, 15)), Ok(()));
    assert_eq!(joined.join(gap("b", 5, 15)), Ok(()));
    assert_eq!((joined.from, joined.until), (at(5), at(20)));
    let completed = Completed {
        window: joined.clone(),
        counts: Counts::default(),
        unseen: Vec::new(),
        shortfall: None,
        why: None,
        permission: None,
    };
    let gaps: Vec<_> = completed
        .documents(at(30))
        .iter()
        .map(|event| event["data"]["gap"].clone())
        .collect();
    assert_eq!(gaps, ["a", "b"]);
    for other in [
        Window {
            gap: None,
            ..gap("c", 1, 2)
        },
        Window {
            resource: CHAT.to_owned(),
            ..gap("c", 1, 2)
        },
        Window {
            at: Some(At::default()),
            ..gap("c", 1, 2)
        },
    ] {
        assert!(joined.join(other).is_err());
    }
}

#[test]
fn a_window_that_may_begin_too_late_is_never_complete() {
    let clipped = Window {
        clipped: true,
        ..window(MAIL, at(0), at(1))
    };
    let completed = Completed {
        shortfall: None,
        ..Completed::given_up(clipped.clone(), Shortfall::NotReady)
    };
    assert!(!completed.is_complete());
    assert_eq!(completed.reason(), Some(Shortfall::Clipped.reason()));
    let mut joined = window(MAIL, at(0), at(1));
    assert_eq!(joined.join(clipped), Ok(()));
    assert!(joined.clipped);
}

#[test]
fn one_window_answers_a_hundred_gaps_at_most() {
    let gap = |number: usize| Window {
        gap: Some(number.to_string()),
        ..window(MAIL, at(0), at(1))
    };
    let mut joined = gap(0);
    for number in 1..100 {
        assert_eq!(joined.join(gap(number)), Ok(()));
    }
    assert!(joined.join(gap(100)).is_err());
}

#[test]
fn the_same_result_has_one_id_and_another_result_another_id() {
    let id = |gap: &str, part: Option<&str>| {
        let window = Window {
            gap: Some(gap.to_owned()),
            part: part.map(|id| Part {
                id: id.to_owned(),
                of: 2,
            }),
            ..window(MAIL, at(0), at(1))
        };
        let completed = Completed {
            window,
            counts: Counts::default(),
            unseen: Vec::new(),
            shortfall: None,
            why: None,
            permission: None,
        };
        completed.documents(at(2)).remove(0)["id"].clone()
    };
    assert_eq!(id("a", None), id("a", None));
    assert_ne!(id("a", None), id("b", None));
    assert_ne!(id("a", Some("1")), id("a", Some("2")));
    let given_up = Completed::given_up(window(MAIL, at(0), at(1)), Shortfall::NotReady);
    let read = Completed {
        shortfall: None,
        ..given_up.clone()
    };
    let id = |completed: &Completed| completed.documents(at(2)).remove(0)["id"].clone();
    assert_ne!(id(&given_up), id(&read), "an operator moved the window back");
}

#[test]
fn a_gap_becomes_a_window_that_begins_before_the_loss() {
    use crate::subscription::plan::gap::{Gap, GapKind};
    let gap = |kind, from| Gap {
        kind,
        name: "one".to_owned(),
        application: application(("t", "c")),
        subscription_id: None,
        new_subscription_id: None,
        resource: Some(MAIL.to_owned()),
        from,
        until: at(36_000),
        reason: String::new(),
    };
    let window = |gap: &Gap| Window::of_gap(gap, "id", SignedDuration::from_hours(9)).unwrap();
    let known = window(&gap(GapKind::Removed, Some(at(7_200))));
    assert_eq!(
        (known.from, known.until, known.clipped),
        (at(6_900), at(36_000), false)
    );
    let missed = window(&gap(GapKind::Missed, None));
    assert_eq!(
        (missed.from, missed.clipped, missed.gap.as_deref()),
        (at(3_600), false, Some("id"))
    );
    assert!(
        window(&gap(GapKind::Recreated, None)).clipped,
        "nobody knows how long it was gone"
    );
    for (hours, clipped) in [(4, true), (8, true), (9, false)] {
        let back = SignedDuration::from_hours(hours);
        let missed = Window::of_gap(&gap(GapKind::Missed, None), "id", back).unwrap();
        assert_eq!(missed.clipped, clipped, "Graph retries both for four hours");
    }
    let unknown = Gap {
        resource: None,
        ..gap(GapKind::Missed, None)
    };
    assert_eq!(
        Window::of_gap(&unknown, "id", SignedDuration::from_hours(6)),
        None
    );
}
