use super::*;
use crate::application::test_util::application;
use crate::subscription::plan::existing::by_entry;

#[test]
fn an_entry_that_is_new_in_the_configuration_is_not_lost() {
    let state = state(BTreeMap::new());
    for (version, tenant, name, expected) in [
        ("v1", "contoso", "mail", Before::There(Some(at()))),
        ("v1", "contoso", "mail/1", Before::There(Some(at()))),
        ("v2", "contoso", "mail/1", Before::There(Some(at()))),
        ("v2", "contoso", "added", Before::New),
        ("v2", "contoso", "added/1", Before::New),
        // The version before did not ask for it in this tenant.
        ("v2", "fabrikam", "mail/1", Before::New),
        ("v2", "fabrikam", "chats", Before::There(Some(at()))),
    ] {
        let look = state.of(tenant, version).unwrap();
        assert_eq!(
            look.before(name, &BTreeMap::new()),
            expected,
            "{version} {tenant} {name}"
        );
    }
}

#[test]
fn one_tenant_with_much_takes_nothing_from_the_others() {
    let lost = (0..90)
        .map(|number| (format!("mail/{number:036}"), None))
        .collect();
    let large = Missing::of(std::iter::empty(), lost, BTreeMap::new());
    let existing = by_entry(std::iter::once("mail/1"));
    let other = Missing::of(std::iter::empty(), BTreeMap::new(), existing.clone());
    let state = state(BTreeMap::from([
        ("contoso".to_owned(), Some(large)),
        ("fabrikam".to_owned(), Some(other)),
    ]));
    let state = StoredState::parse(&state.into_text()).unwrap();
    let look = state.of("fabrikam", "v1").unwrap();
    assert_eq!(look.before("mail/new", &existing), Before::New);
    assert_eq!(state.of("contoso", "v1"), None);
}

#[test]
fn missing_subscriptions_survive_in_the_stored_state() {
    let earlier: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
    let lost = BTreeMap::from([
        ("mail/lost".to_owned(), Some(earlier)),
        ("mail/unsure".to_owned(), None),
    ]);
    let missing = Missing::of(std::iter::once("mail/new"), lost, BTreeMap::new());
    let state = state(BTreeMap::from([
        ("contoso".to_owned(), Some(missing)),
        ("unseen".to_owned(), None),
    ]));
    let state = StoredState::parse(&state.into_text()).unwrap();
    let look = state.of("contoso", "v1").unwrap();
    assert_eq!(look.before("mail/new", &BTreeMap::new()), Before::New);
    assert_eq!(
        look.before("mail/lost", &BTreeMap::new()),
        Before::There(Some(earlier))
    );
    assert_eq!(look.before("mail/unsure", &BTreeMap::new()), Before::There(None));
    assert_eq!(state.of("unseen", "v1"), None);
    assert_eq!(StoredState::parse("{}").unwrap().of("contoso", "v1"), None);
    for text in ["", "junk", "[]", "null", "{\"version\":1}"] {
        assert!(StoredState::parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_state_always_fits_into_a_parameter() {
    let many = |count: usize| Missing {
        lost: (0..count)
            .map(|number| (format!("mail/{number:036}"), None))
            .collect(),
        ..Missing::default()
    };
    let state = state(BTreeMap::from([
        ("large".to_owned(), Some(many(10_000))),
        ("small".to_owned(), Some(many(3))),
    ]));
    let text = state.into_text();
    assert!(text.len() <= 4_096, "{}", text.len());
    let state = StoredState::parse(&text).unwrap();
    assert_eq!(state.of("large", "v1"), None, "in doubt a loss is reported");
    assert!(state.of("small", "v1").is_some());
}

#[test]
fn existing_subscriptions_are_dropped_before_missing_ones() {
    let names: Vec<String> = (0..400).map(|number| format!("entry-{number}/1")).collect();
    let existing = by_entry(names.iter().map(String::as_str));
    let missing = Missing::of(std::iter::once("mail/new"), BTreeMap::new(), existing);
    let state = state(BTreeMap::from([("contoso".to_owned(), Some(missing))]));
    let look = StoredState::parse(&state.into_text())
        .unwrap()
        .of("contoso", "v1")
        .unwrap();
    assert_eq!(look.before("mail/new", &BTreeMap::new()), Before::New);
    assert_eq!(
        look.before("entry-1/2", &by_entry(std::iter::once("entry-1/1"))),
        Before::There(Some(at())),
        "in doubt a loss is reported"
    );
}

#[test]
fn thousands_of_guests_without_a_mailbox_hide_nothing_else() {
    let guests: Vec<String> = (0..5_000).map(|number| format!("mail/{number:036}")).collect();
    let missing = Missing::of(
        guests.iter().map(String::as_str),
        BTreeMap::new(),
        BTreeMap::new(),
    );
    let mut live = LiveCounts::default();
    live.record("contoso", 12);
    let state = state(BTreeMap::from([("contoso".to_owned(), Some(missing))]));
    let state = counted(state, live, "abcd");
    let state = StoredState::parse(&state.into_text()).unwrap();
    assert!(state.last_look("contoso").is_some());
    assert_eq!(state.failures, Some("abcd".to_owned().into()));
    let look = state.of("contoso", "v1").unwrap();
    assert_eq!(look.before(&guests[0], &BTreeMap::new()), Before::New);
}

#[test]
fn one_tenant_with_much_is_dropped_before_the_counts_of_all() {
    let lost = (0..200)
        .map(|number| (format!("mail/{number:036}"), None))
        .collect();
    let missing = Missing::of(std::iter::empty(), lost, BTreeMap::new());
    let mut live = LiveCounts::default();
    live.record("contoso", 12);
    live.record("small", 1);
    let mut state = state(BTreeMap::from([("contoso".to_owned(), Some(missing))]));
    state.settled = settled([("contoso", "v0"), ("small", "v1")].into_iter());
    let state = StoredState::parse(&counted(state, live, "abcd").into_text()).unwrap();
    assert_eq!(state.last_look("contoso"), None);
    assert!(state.last_look("small").is_some());
    assert_eq!(state.failures, Some("abcd".to_owned().into()));
    assert_eq!(state.settled.of("contoso"), Some("v0"), "its brake holds");
}

#[test]
fn each_tenant_has_settled_a_version_of_its_own() {
    let versions = [("a", "v3"), ("b", "v3"), ("c", "v1"), ("d", "")];
    let mut state = state(BTreeMap::new());
    state.settled = settled(versions.into_iter());
    let state = StoredState::parse(&state.into_text()).unwrap();
    for (tenant, version) in versions.into_iter().chain([("added", "v3")]) {
        assert_eq!(state.settled.of(tenant).unwrap_or_default(), version, "{tenant}");
    }
    assert_eq!(state.settled.all(), BTreeSet::from(["v1", "v3"]));
    assert_eq!(SettledVersions::default().of("a"), None);
}

#[test]
fn the_newest_and_the_oldest_of_many_needed_versions_are_stored() {
    let mut state = state(BTreeMap::new());
    for count in [1, 20, 21, 90] {
        let needed: Vec<String> = (0..count).map(|number| format!("{number:036}")).collect();
        state.set_needed(&needed);
        let stored: Vec<&str> = state.versions().skip(1).collect();
        assert_eq!(stored.len(), count.min(20));
        assert_eq!(stored.first().copied(), needed.first().map(String::as_str));
        assert_eq!(stored.last().copied(), needed.last().map(String::as_str));
    }
}

#[test]
fn only_some_settled_versions_are_stored() {
    let names: Vec<String> = (0..9).map(|number| format!("v{number}")).collect();
    let names = names.iter().map(String::as_str);
    let settled = settled(names.clone().map(|name| (name, name)));
    let known: Vec<&str> = names.filter(|name| settled.of(name) == Some(name)).collect();
    assert_eq!(known.len(), 1 + 3, "{known:?}");
    assert_eq!(settled.all().len(), known.len());
}

#[test]
fn a_hundred_of_the_steps_that_a_run_leaves_are_stored() {
    for (left, stored) in [(0, 0), (40, 40), (5_000, 100)] {
        let names: Vec<String> = (0..left).map(|number| format!("mail/u{number:05}")).collect();
        let steps = names.iter().map(|name| ("contoso".to_owned(), name.clone()));
        let mut state = StoredState::default();
        state.set_left_over(&steps.collect());
        let names = names.iter();
        let found = names.filter(|name| state.was_left_over("contoso", name)).count();
        // Of thousands, some have the same digest.
        assert!((stored..stored + 5).contains(&found), "{found} of {left}");
    }
}

#[test]
fn a_state_without_room_for_left_steps_says_that_there_are_some() {
    let mut state = large(500, |_| 12);
    state.needed = vec!["v".repeat(32); 40];
    let left = (0..100).map(|number| ("contoso".to_owned(), format!("mail/{number}")));
    state.set_left_over(&left.collect());
    assert!(StoredState::parse(&state.into_text()).unwrap().has_left_over());
}

#[test]
fn the_counts_of_five_hundred_tenants_fit() {
    let state = large(500, |_| 12);
    let text = state.into_text();
    assert!(text.len() <= 4_096, "{}", text.len());
    let state = StoredState::parse(&text).unwrap();
    let look = state.last_look("tenant-7").expect(&text);
    assert_eq!((look.at, look.live), (at(), 12));
    assert_eq!(state.last_look("new").map(|look| look.live), Some(0));
    assert!(state.is_new("new"));
    assert!(state.failures.is_some());
}

#[test]
fn settled_versions_that_do_not_fit_are_unknown() {
    for (with_old, is_known) in [(0, true), (250, false), (500, true)] {
        let mut state = large(500, |_| 12);
        let names: Vec<String> = (0..500).map(|number| format!("tenant-{number}")).collect();
        let versions = names.iter().enumerate();
        let versions =
            versions.map(|(number, name)| (name.as_str(), ["v1", "v2"][usize::from(number >= with_old)]));
        state.settled = settled(versions.clone());
        let text = state.into_text();
        let state = StoredState::parse(&text).unwrap();
        assert!(state.live.is_some(), "the counts stay: {text}");
        for (name, version) in versions {
            let version = is_known.then_some(version);
            assert_eq!(state.settled.of(name), version, "{name} of {with_old}: {text}");
        }
    }
}

#[test]
fn a_version_that_all_have_settled_stays_without_room_for_counts() {
    let mut state = large(700, |_| 12);
    let names: Vec<String> = (0..700).map(|number| format!("tenant-{number}")).collect();
    state.settled = settled(names.iter().map(|name| (name.as_str(), "v1")));
    let state = StoredState::parse(&state.into_text()).unwrap();
    assert_eq!(state.settled.of("tenant-7"), Some("v1"));
}

#[test]
fn a_process_remembers_settled_versions_that_had_no_room() {
    let own = settled([("a", "v1"), ("b", "v2"), ("c", "v2")].into_iter());
    let mut stored = own.clone();
    assert!(stored.forget());
    assert_eq!(stored.of("a"), None);
    assert_eq!(stored.clone().or_later(&own), own);
    assert_eq!(own.clone().or_later(&stored), own);
}

#[test]
fn counts_that_do_not_fit_are_unknown_and_not_zero() {
    let state = large(500, |number| number * 3);
    let text = state.into_text();
    assert!(text.len() <= 4_096, "{}", text.len());
    let state = StoredState::parse(&text).unwrap();
    assert_eq!(state.live, None);
    assert!(state.failures.is_some(), "they fit without the counts");
    for tenant in ["tenant-7", "new"] {
        assert_eq!(state.last_look(tenant), None, "{tenant}");
    }
}

#[test]
fn a_tenant_whose_look_is_not_stored_is_unknown() {
    let state = state(BTreeMap::from([("contoso".to_owned(), None)]));
    let mut live = LiveCounts::default();
    live.record("contoso", 12);
    let state = StoredState {
        live: Some(live),
        failures: None,
        ..state
    };
    assert_eq!(state.last_look("contoso"), None);
    assert_eq!(StoredState::unread().last_look("contoso"), None);
}

/// Returns a state with an entry with `forEach` in each tenant, and with the counts of the tenants.
fn large(tenants: usize, live: impl Fn(usize) -> usize) -> StoredState {
    let mut counts = LiveCounts::default();
    let name = |number: usize| format!("tenant-{number}");
    let looks = (0..tenants).map(|number| {
        counts.record(&name(number), live(number));
        let missing = Missing {
            existing: by_entry(std::iter::once("mail/1")),
            ..Missing::default()
        };
        (name(number), Some(missing))
    });
    let looks = looks.collect();
    counted(state(looks), counts, &"abcd".repeat(100))
}

fn state(tenants: BTreeMap<String, Option<Missing>>) -> StoredState {
    let tenant = |id: &str| {
        serde_json::json!({
            "tenantId": id, "clientId": "66666666-7777-8888-9999-000000000000", "credential": {"clientSecret": "s"},
        })
    };
    let config = serde_json::json!({
        "tenants": {
            "contoso": tenant("11111111-2222-3333-4444-555555555555"),
            "fabrikam": tenant("22222222-2222-3333-4444-555555555555"),
        },
        "subscriptions": {
            "mail": {
                "tenant": "contoso", "resource": "/users/{id}/messages", "changeType": "created",
                "forEach": {"users": "all"},
            },
            "chats": {"tenant": "*", "resource": "/chats/getAllMessages", "changeType": "created"},
        },
    });
    let (config, _) = Config::parse(&config.to_string()).unwrap();
    StoredState::default().after("v1", &config, at(), tenants)
}

fn settled<'t>(versions: impl Iterator<Item = (&'t str, &'t str)>) -> SettledVersions {
    SettledVersions::new(at(), versions.map(|(tenant, version)| (tenant, Some(version))))
}

fn at() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn counted(state: StoredState, live: LiveCounts, failures: &str) -> StoredState {
    StoredState {
        live: Some(live),
        failures: Some(failures.to_owned().into()),
        ..state
    }
}

#[test]
fn unread_removals_are_known_by_owner_and_id_and_the_latest_stay() {
    let (one, other) = (application(("a", "c")), application(("b", "c")));
    let mut removals = UnreadRemovals::default();
    for number in 0..=MAX_STORED {
        removals.set(one, &format!("id-{number}"), true);
    }
    let text = serde_json::to_string(&removals).unwrap();
    assert!(text.len() < 1_000, "{text}");
    let mut removals: UnreadRemovals = serde_json::from_str(&text).unwrap();
    assert_eq!(
        ["id-0", "id-1", "id-100"].map(|id| removals.has(one, id)),
        [false, true, true]
    );
    assert!(!removals.has(other, "id-1"));
    removals.set(one, "id-1", false);
    assert_eq!(["id-1", "id-2"].map(|id| removals.has(one, id)), [false, true]);
}
