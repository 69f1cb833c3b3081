//! Renewals that also move a subscription to another URL, and renewals that Graph refuses until the end.

use graph_core::subscription::url::BaseUrl;

use super::*;

#[test]
fn a_moved_subscription_that_graph_no_longer_extends_is_replaced_in_time() {
    let world = moved();
    world.graph.fail("update", Reply::new(308, ""));
    for _ in 0..450 {
        let report = next_run(&world);
        assert_eq!(live(&world), 1, "{report:#}");
    }
    assert_ne!(world.graph.all()[0].id, "id-1");
}

#[test]
fn a_moved_subscription_that_is_gone_is_created_at_once() {
    let world = moved();
    world.graph.quirk(Quirk::RefusesNewUrls);
    world.graph.vanish_at_next_write("id-1");
    let report = next_run(&world);
    assert_eq!((live(&world), &report["failed"]), (1, &json!(0)), "{report:#}");
    assert_eq!(world.told().len(), 1);
}

#[test]
fn a_moved_subscription_is_extended_for_as_long_as_graph_grants() {
    let world = moved();
    world.graph.quirk(Quirk::RefusesNewUrls);
    world.graph.limit(120);
    world.clock.advance(4_310 - 60);
    next_run(&world);
    world.clock.advance(60);
    assert_eq!(live(&world), 1);
}

#[test]
fn a_renewal_that_is_refused_to_the_end_becomes_a_replacement() {
    for (refusal, accepts_two) in [(forbidden(), false), (unavailable(), true)] {
        let world = ending();
        if accepts_two {
            world.graph.quirk(Quirk::TakesTwice);
        }
        world.graph.fail("update id-1", refusal);
        for _ in 0..15 {
            let report = next_run(&world);
            assert_eq!(live(&world), 1, "{report:#}");
        }
        assert_ne!(world.graph.all()[0].id, "id-1");
        assert_eq!(
            world.told().len(),
            1,
            "a second one is refused, so there is a gap"
        );
    }
}

#[test]
fn a_renewal_that_graph_cannot_answer_deletes_nothing() {
    let world = ending();
    world.graph.fail("update", unavailable());
    for _ in 0..9 {
        next_run(&world);
    }
    assert_eq!((live(&world), count(&world.log(), "delete")), (1, 0));
}

#[test]
fn a_renewal_whose_answer_is_lost_is_seen_by_id() {
    let world = ending_after(4_310 - 15);
    world.graph.delay("update", 70);
    let report = next_run(&world);
    let log = world.log();
    assert_eq!(
        (count(&log, "create"), &report["failed"]),
        (0, &json!(0)),
        "{report:#}"
    );
}

#[test]
fn a_subscription_that_would_lapse_is_replaced_whatever_else_is_missing() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(3)))]));
    world.graph.end_in_time();
    world.scheduled();
    // So that the next run lists again.
    world.clock.advance(10);
    let (last, rest) = world
        .graph
        .all()
        .split_last()
        .map(|(last, rest)| (last.clone(), rest.to_vec()))
        .unwrap();
    for one in rest {
        world.graph.remove(&one.id);
        world
            .graph
            .fail(&format!("create {}", one.resource.unwrap()), forbidden());
    }
    let end = world.clock.now() + jiff::SignedDuration::from_mins(18);
    world
        .graph
        .change(&last.id, |one| one.expiration_date_time = Some(end));
    world.graph.fail(&format!("update {}", last.id), forbidden());
    let report = next_run(&world);
    world.clock.advance(20);
    assert_eq!(live(&world), 1, "{report:#}");
}

#[test]
fn a_throttled_renewal_is_no_reason_for_a_deletion() {
    let world = ending();
    world.graph.fail("update", Reply::throttled(30));
    for _ in 0..9 {
        next_run(&world);
    }
    let log = world.log();
    assert_eq!((count(&log, "create"), count(&log, "delete")), (0, 0));
}

/// Returns a world with one subscription, after the webhook has got another domain.
fn moved() -> World {
    let mut world = ending_after(0);
    world.deps.notifications = BaseUrl::parse("https://new.example/notifications").unwrap();
    world
}

/// Returns a world with one subscription that ends in a hundred minutes.
fn ending() -> World {
    ending_after(4_310 - 100)
}

fn ending_after(minutes: i64) -> World {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.graph.end_in_time();
    world.scheduled();
    assert_eq!(live(&world), 1);
    world.clock.advance(minutes);
    world.log();
    world
}
