use super::*;

#[test]
fn the_newest_key_that_may_be_used_is_in_use() {
    let keys = [key("a", 0), key("b", 10), key("c", 20)];
    for (now, expected) in [(0, "a"), (9, "a"), (10, "b"), (19, "b"), (20, "c"), (-5, "a")] {
        assert_eq!(current(&keys, at(now)).unwrap().id, expected, "{now}");
    }
    assert_eq!(current(&[], at(0)), None);
    assert_eq!(current(&[key("a", 0), key("b", 0)], at(0)).unwrap().id, "b");
}

#[test]
fn a_new_key_is_due_by_age_or_on_request() {
    let old = |hours: i64| KeyLifetime {
        created_at: at(-hours),
        use_from: at(-hours),
        ..key("a", 0)
    };
    let pending = KeyLifetime {
        created_at: at(-1000),
        ..key("b", 1)
    };
    for (keys, forced, expected) in [
        (vec![], true, false),
        (vec![old(99)], false, false),
        (vec![old(100)], false, true),
        (vec![old(300), old(99)], false, false),
        (vec![old(1)], true, true),
        (vec![old(300), pending], false, false),
        (vec![old(300), pending], true, false),
    ] {
        let period = SignedDuration::from_hours(100);
        let found = is_due(&keys, Some(period), forced, at(0));
        assert_eq!(found, expected, "{keys:?} {forced}");
        let found = is_due(&keys, None, forced, at(0));
        assert_eq!(found, expected && forced, "{keys:?} {forced} without a period");
    }
}

#[test]
fn subscriptions_leave_older_keys_within_a_week() {
    let keys = [key("a", 0), key("b", 10), key("c", 20)];
    assert_eq!(retiring(&keys, at(5)), BTreeMap::new());
    let leaving = retiring(&keys, at(12));
    assert_eq!(
        leaving.keys().collect::<Vec<_>>(),
        ["a"],
        "not those that are yet to come"
    );
    let a = leaving["a"];
    assert_eq!((a.from, a.by), (at(10), at(10 + 7 * 24)));
    let up = |hours: i64| (0..1000).filter(|id| a.is_up(&id.to_string(), at(hours))).count();
    assert_eq!((up(9), up(10 + 7 * 24)), (0, 1000));
    assert!((400..600).contains(&up(10 + 84)), "{}", up(10 + 84));
}

#[test]
fn subscriptions_leave_at_once_where_a_person_asked_for_it() {
    let leaked = KeyLifetime {
        noted: KeyLife {
            retire_by: Some(at(10)),
            ..KeyLife::default()
        },
        ..key("a", 0)
    };
    let leaving = retiring(&[leaked, key("b", 10)], at(10));
    assert!((0..100).all(|id| leaving["a"].is_up(&id.to_string(), at(10))));
    assert!(
        retiring(&[leaked, key("b", 10)], at(9)).is_empty(),
        "the new one is not in use yet"
    );
}

#[test]
fn a_key_is_removed_when_no_queued_item_can_name_it() {
    let since = KeyLife {
        unnamed_since: Some(at(0)),
        ..KeyLife::default()
    };
    let asked = KeyLife {
        retire_by: Some(at(-1)),
        ..since
    };
    let days = 18 * 24 + 8;
    for (noted, is_named, now, expected) in [
        (KeyLife::default(), true, 0, (None, true)),
        (KeyLife::default(), false, 0, (Some(at(0)), true)),
        (since, true, 1000, (None, true)),
        (since, false, days - 1, (Some(at(0)), true)),
        (since, false, days, (Some(at(0)), false)),
        (asked, false, 103, (Some(at(0)), true)),
        (asked, false, 104, (Some(at(0)), false)),
    ] {
        let mut life = noted;
        let stays = stays(&mut life, is_named, at(now));
        let found = (life.unnamed_since, stays);
        assert_eq!(found, expected, "{noted:?} {is_named} {now}");
    }
}

fn key(id: &str, use_from: i64) -> KeyLifetime<'_> {
    KeyLifetime {
        id,
        created_at: at(use_from),
        use_from: at(use_from),
        noted: KeyLife::default(),
    }
}

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap()
}

mod documents;
