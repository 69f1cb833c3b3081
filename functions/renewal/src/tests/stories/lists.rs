//! Wrong lists.

use super::*;

#[test]
fn a_list_that_is_empty_for_days_lets_nothing_lapse() {
    for is_new_process in [false, true] {
        let mut world = world(&organisations(1, &[(0, "chats", chats())]));
        world.graph.end_in_time();
        world.scheduled();
        world.graph.hide("id-1");
        if is_new_process {
            world = world.restarted();
        }
        for _ in 0..(4 * 24 * 6) {
            let report = next_run(&world);
            assert_eq!(live(&world), 1, "{report:#}");
        }
        assert_eq!(world.graph.all()[0].id, "id-1");
        assert_eq!(world.told(), Vec::<Value>::new());
        let creations = count(&world.log(), "create");
        assert!(creations <= 4, "{creations}");
    }
}

#[test]
fn a_list_that_fails_for_hours_lets_nothing_lapse() {
    let presence =
        json!({"resource": format!("/communications/presences/{}", tenant_id(7)), "changeType": "updated"});
    for failure in [
        unavailable(),
        Reply::new(200, "{}"),
        Reply::refusal(403, "Forbidden", ""),
    ] {
        let world = world(&organisations(
            1,
            &[(0, "chats", chats()), (0, "presence", presence.clone())],
        ));
        world.graph.end_in_time();
        next_run(&world);
        world.graph.fail("list", failure);
        world.log();
        for _ in 0..(3 * 6) {
            let report = next_run(&world);
            assert_eq!(report["failed"], json!(1), "{report:#}");
            assert_eq!(live(&world), 2, "{report:#}");
        }
        let log = world.log();
        assert_eq!(count(&log, "create") + count(&log, "delete"), 0, "{log:?}");
        // A list that works again is believed.
        world.graph.heal();
        let report = next_run(&world);
        assert_eq!(report["failed"], json!(0), "{report:#}");
        assert_eq!(world.told(), Vec::<Value>::new());
    }
}

#[test]
fn a_new_process_finds_what_exists_by_conflicts_while_the_list_fails() {
    let presence =
        json!({"resource": format!("/communications/presences/{}", tenant_id(7)), "changeType": "updated"});
    let entries = [(0, "chats", chats()), (0, "presence", presence)];
    for is_circle in [false, true] {
        let world = world(&organisations(1, &entries));
        world.graph.end_in_time();
        next_run(&world);
        if is_circle {
            world.graph.quirk(Quirk::LinksInCircles);
        } else {
            world.graph.fail("list", unavailable());
        }
        let world = world.restarted();
        runs_for(&world, 12 * 60);
        let ids: Vec<String> = world.graph.all().into_iter().map(|one| one.id).collect();
        assert_eq!(ids, ["id-1", "id-2"]);
        world.graph.heal();
        let report = next_run(&world);
        assert_eq!(report["failed"], json!(0), "{report:#}");
        assert_eq!(world.told(), Vec::<Value>::new());
    }
}

#[test]
fn what_has_lapsed_is_created_while_a_new_process_cannot_list() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.graph.fail("list", unavailable());
    world.graph.remove("id-1");
    let world = world.restarted();
    runs_for(&world, 60);
    assert_eq!((live(&world), world.told().len()), (1, 1));
}

#[test]
fn a_subscription_that_only_lists_show_makes_the_living_one_no_duplicate() {
    for restarts in [false, true] {
        let mut world = world(&organisations(1, &[(0, "chats", chats())]));
        world.scheduled();
        let mut short = chats();
        short["expirationMinutes"] = json!(24 * 60);
        let short = organisations(1, &[(0, "chats", short)]).to_string();
        world.documents.set(Document::Config, &short);
        next_run(&world);
        world.graph.ghost("id-1");
        let removed = storms::event(&world, 0, "subscriptionRemoved", "chats", "id-1", 0);
        world
            .clock
            .run(world.invoke(json!({"Records": [removed]})))
            .unwrap();
        assert_eq!(live(&world), 1);
        let id = world.graph.all()[0].id.clone();
        if restarts {
            world = world.restarted();
        }
        for _ in 0..12 {
            next_run(&world);
            let ids: Vec<String> = world.graph.all().into_iter().map(|one| one.id).collect();
            assert_eq!(ids, [id.as_str()], "{restarts}");
        }
        assert_eq!(world.told().len(), usize::from(!restarts));
    }
}

#[test]
fn a_listed_subscription_that_graph_once_did_not_find_lives_on() {
    let presence =
        json!({"resource": format!("/communications/presences/{}", tenant_id(7)), "changeType": "updated"});
    for creation in [None, Some(unavailable())] {
        let world = world(&organisations(1, &[(0, "presence", presence.clone())]));
        world.graph.end_in_time();
        world.scheduled();
        world.graph.quirk(Quirk::NamesNoConflict);
        not_found_once(&world, "id-1", creation);
        world.graph.quirk(Quirk::NamesNoConflict);
        for _ in 0..(3 * 6) {
            let report = next_run(&world);
            let ids: Vec<String> = world.graph.all().into_iter().map(|one| one.id).collect();
            assert_eq!(ids, ["id-1"], "{report:#}");
            assert_eq!(report["failed"], json!(0), "{report:#}");
        }
        assert_eq!(world.told(), Vec::<Value>::new());
    }
}

#[test]
fn a_second_one_after_a_wrong_404_goes_at_once() {
    let list = json!({"resource": "/sites/s1/lists/l1", "changeType": "updated"});
    let world = world(&organisations(1, &[(0, "list", list)]));
    world.scheduled();
    world.graph.quirk(Quirk::TakesTwice);
    not_found_once(&world, "id-1", None);
    next_run(&world);
    next_run(&world);
    assert_eq!(world.graph.all().len(), 1);
}

#[test]
fn what_only_lists_show_is_created_while_it_cannot_be_asked_for() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.graph.ghost("id-1");
    not_found_once(&world, "id-1", Some(unavailable()));
    assert_eq!(live(&world), 0);
    world.graph.fail("get id-1", unavailable());
    let report = next_run(&world);
    assert_eq!(live(&world), 1, "{report:#}");
}

/// Goes on until Graph has not found a subscription once, which it may create again then, or answers so.
fn not_found_once(world: &World, id: &str, creation: Option<Reply>) {
    for call in ["update", "get"] {
        let answer = Reply::refusal(404, "ResourceNotFound", "The object was not found.");
        world.graph.fail(&format!("{call} {id}"), answer);
    }
    if let Some(answer) = creation {
        world.graph.fail("create", answer);
    }
    world.log();
    while count(&world.log(), "get") == 0 {
        next_run(world);
    }
    world.graph.heal();
}

/// Graph takes a second one.
#[test]
fn a_list_that_fails_makes_no_second_sharepoint_subscription() {
    let list = json!({"resource": "/sites/s1/lists/l1", "changeType": "updated"});
    let world = world(&organisations(1, &[(0, "list", list)]));
    world.graph.quirk(Quirk::TakesTwice);
    world.scheduled();
    world.graph.fail("list", unavailable());
    let world = world.restarted();
    runs_for(&world, 120);
    assert_eq!(world.graph.all().len(), 1);
}

#[test]
fn what_has_expired_is_created_again_while_the_list_fails() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.graph.end_in_time();
    world.scheduled();
    world.graph.fail("list", unavailable());
    world.clock.advance(5 * 24 * 60);
    let report = next_run(&world);
    assert_eq!((live(&world), world.told().len()), (1, 1), "{report:#}");
}

#[test]
fn what_graph_removed_is_created_again_while_the_list_fails() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.clock.advance(60);
    world.graph.fail("list", unavailable());
    world.graph.remove("id-1");
    let event = super::storms::event(&world, 1, "subscriptionRemoved", "chats", "id-1", 0);
    let invoke = || {
        let event = json!({"Records": [event.clone()]});
        world.clock.run(world.invoke(event)).unwrap()
    };
    let answer = invoke();
    assert_eq!(live(&world), 1, "{answer}");
    world.graph.heal();
    world.clock.advance(10);
    invoke();
    assert!(!world.told().is_empty());
    assert_eq!(live(&world), 1);
}

#[test]
fn an_unlisted_tenant_without_login_is_asked_for_nothing() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.graph.fail("login", unavailable());
    world.clock.advance(24 * 60);
    world.log();
    let report = next_run(&world);
    assert_eq!(report["counts"], json!({"keep": 1}), "{report:#}");
    let log = world.log();
    assert_eq!(count(&log, "update"), 0, "{log:?}");
}

#[test]
fn an_incomplete_list_creates_no_duplicates_that_graph_allows() {
    let world = world(&organisations(
        1,
        &[(
            0,
            "list",
            json!({"resource": "/sites/s/lists/l", "changeType": "updated"}),
        )],
    ));
    world.scheduled();
    world.graph.hide("id-1");
    world.graph.quirk(Quirk::TakesTwice);
    for _ in 0..6 {
        next_run(&world);
    }
    assert_eq!(world.graph.all().len(), 1);
    assert_eq!(world.told(), Vec::<Value>::new());
}

#[test]
fn a_missing_subscription_is_created_again_by_the_next_run() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.graph.remove("id-1");
    world.clock.advance(10);
    world.scheduled();
    assert_eq!(live(&world), 1);
    assert_eq!(world.told().len(), 1);
}

#[test]
fn a_subscription_on_two_pages_is_not_its_own_duplicate() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.graph.quirk(Quirk::RepeatsPages);
    world.clock.advance(10);
    let report = world.scheduled();
    assert_eq!(report["counts"], json!({"keep": 1}), "{report:#}");
    assert_eq!(world.graph.all()[0].id, "id-1");
}

#[test]
fn pages_that_link_in_circles_are_an_error_after_a_few_calls() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.graph.quirk(Quirk::LinksInCircles);
    world.clock.advance(10);
    world.log();
    let report = world.scheduled();
    assert_eq!(report["failed"], json!(1), "{report:#}");
    assert!(count(&world.log(), "list") <= 3);
}

#[test]
fn a_renewal_that_finds_nothing_is_not_believed_at_once() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.graph.fail(
        "update",
        Reply::refusal(404, "ResourceNotFound", "The object was not found."),
    );
    world.clock.advance(4_310 - 60);
    world.log();
    for _ in 0..3 {
        world.scheduled();
        world.clock.advance(10);
    }
    assert_eq!(world.told(), Vec::<Value>::new());
    assert_eq!(count(&world.log(), "create"), 0);
    world.graph.heal();
    let report = world.scheduled();
    assert_eq!(report["counts"], json!({"renew": 1}));
}

#[test]
fn a_conflict_without_an_id_shows_graphs_words_and_is_left_alone() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    let theirs = Subscription {
        id: "theirs".to_owned(),
        resource: Some("/chats/getAllMessages".to_owned()),
        change_type: Some("created".to_owned()),
        notification_url: Some("https://other.example/?s=users".to_owned()),
        ..Subscription::default()
    };
    world.graph.add(&tenant_id(0), theirs);
    world.graph.quirk(Quirk::NamesNoConflict);
    let report = world.scheduled();
    let error = report["subscriptions"][0]["error"].as_str().unwrap();
    assert!(
        error.contains("It must be deleted") && error.contains("theirs"),
        "{error}"
    );
    world.log();
    world.clock.advance(10);
    world.scheduled();
    assert_eq!(count(&world.log(), "create"), 0);
}

#[test]
fn another_applications_subscription_is_foreign() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    let mut theirs = world.graph.all()[0].clone();
    theirs.id = "theirs".to_owned();
    world.clock.advance(10);
    theirs.application_id = Some("dddddddd-0000-0000-0000-000000000000".to_owned());
    world.graph.add(&tenant_id(0), theirs);
    let report = world.scheduled();
    assert_eq!(report["counts"], json!({"keep": 1}), "{report:#}");
    assert_eq!(report["tenants"][0]["others"], json!(1));
}

#[test]
fn a_subscription_with_a_hidden_expiry_is_not_renewed_at_every_run() {
    for is_new_process in [false, true] {
        let mut world = world(&organisations(1, &[(0, "chats", chats())]));
        world.graph.quirk(Quirk::HidesEnds);
        world.scheduled();
        if is_new_process {
            world = world.restarted();
            world.graph.quirk(Quirk::HidesEnds);
        }
        world.log();
        for _ in 0..6 {
            next_run(&world);
        }
        let renewals = count(&world.log(), "update");
        // One subscription whose own moment has come, and one more of a process that has not created it.
        assert!(renewals <= 1 + usize::from(is_new_process), "{renewals}");
    }
}

#[test]
fn a_throttled_subscription_with_a_hidden_expiry_is_tried_at_every_run() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    let world = world.restarted();
    world.graph.quirk(Quirk::HidesEnds);
    let throttled = Reply::refusal(429, "TooManyRequests", "").header("retry-after", "900");
    world.graph.fail("update", throttled);
    for _ in 0..3 {
        world.log();
        let report = next_run(&world);
        assert!(count(&world.log(), "update") > 0, "{report:#}");
    }
}
