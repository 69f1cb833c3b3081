//! Answers of Graph that show less than they did.

use super::*;

#[test]
fn answers_without_members_let_nothing_lapse_while_the_list_fails() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(3)))]));
    world.graph.end_in_time();
    world.graph.quirk(Quirk::AnswersLittle);
    world.scheduled();
    world.graph.fail("list", unavailable());
    check_ten_days(&world);
}

/// Checks in each run of ten days that three subscriptions live.
#[track_caller]
fn check_ten_days(world: &World) {
    for _ in 0..(10 * 24) {
        let report = next_run(world);
        world.clock.advance(50);
        assert_eq!(live(world), 3, "{report:#}");
    }
}

#[test]
fn a_renewal_answered_without_content_has_succeeded() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(3)))]));
    world.scheduled();
    world.graph.quirk(Quirk::AnswersLittle);
    world.clock.advance(5 * 24 * 60);
    let report = world.scheduled();
    assert_eq!(
        (&report["failed"], &report["counts"]),
        (&json!(0), &json!({"renew": 3})),
        "{report:#}"
    );
}

#[test]
fn a_renewal_that_extends_nothing_is_reported_and_replaced_in_time() {
    for is_error in [false, true] {
        let world = world(&organisations(1, &[(0, "mail", mail(users(3)))]));
        world.graph.end_in_time();
        world.scheduled();
        if is_error {
            let error = Reply::new(200, json!({"error": {"code": "UnknownError"}}).to_string());
            world.graph.fail("update", error);
        } else {
            world.graph.quirk(Quirk::KeepsEnds);
        }
        let mut failures = 0;
        for _ in 0..(8 * 12) {
            world.clock.advance(120);
            let report = world.scheduled();
            failures += report["failed"].as_u64().unwrap();
            assert_eq!(live(&world), 3, "{report:#}");
        }
        assert!(failures > 0, "{is_error}");
        let ids: Vec<String> = world.graph.all().into_iter().map(|one| one.id).collect();
        assert!(!ids.contains(&"id-1".to_owned()), "{ids:?}");
    }
}

#[test]
fn a_lifetime_that_graph_cuts_without_a_word_is_remembered() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.graph.grant(24 * 60);
    let report = next_run(&world);
    assert_eq!(report["failed"], json!(0), "{report:#}");
    let report = next_run(&world);
    assert!(
        report["problems"]
            .to_string()
            .contains("subscriptions.chats.expirationMinutes")
    );
    world.log();
    runs_for(&world, 240);
    assert!(count(&world.log(), "update") <= 1, "and not renewed in each run");
}

#[test]
fn what_graph_says_is_gone_is_created_while_the_list_fails() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(3)))]));
    world.scheduled();
    world.graph.fail("list", unavailable());
    world.graph.remove("id-1");
    world.clock.advance(5 * 24 * 60);
    world.graph.fail("create", unavailable());
    next_run(&world);
    assert_eq!(live(&world), 2);
    world.graph.heal();
    world.graph.fail("list", unavailable());
    let report = next_run(&world);
    assert_eq!(live(&world), 3, "{report:#}");
    assert_eq!(world.told().len(), 1);
}

#[test]
fn an_old_key_lets_nothing_lapse_while_the_list_fails() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(3)))]));
    world.graph.end_in_time();
    world.scheduled();
    world.clock.run(world.invoke(json!({"rotate": "keys"}))).unwrap();
    world.graph.fail("list", unavailable());
    check_ten_days(&world);
}

#[test]
fn throttled_mailboxes_delay_no_other_and_are_left_alone() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(600)))]));
    world.scheduled();
    world.graph.delay("update", 1);
    for number in 1..=5 {
        world
            .graph
            .fail(&format!("update id-{number}00"), Reply::throttled(3_600));
    }
    world.clock.advance(10_060 - 60);
    world.log();
    let begun = world.clock.now();
    let report = world.scheduled();
    let took = world.clock.now().duration_since(begun).as_secs();
    assert_eq!(report["counts"]["renew"], json!(595), "{took}");
    assert!(took < 60, "{took}");
    world.clock.advance(10);
    let report = world.scheduled();
    assert_eq!(report["failed"], json!(5));
    let log = world.log();
    assert_eq!(count(&log, "update id-100"), 1, "Graph asked for an hour");
}
