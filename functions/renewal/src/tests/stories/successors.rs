//! Graph refuses the successors of subscriptions that had to be deleted first.

use super::*;

#[test]
fn of_hundreds_deleted_first_without_successors_two_are_lost() {
    let world = with_retired_key(200);
    refuse_after_deletions(&world);
    let report = next_run(&world);
    assert_eq!(200 - live(&world), 2, "{}", report["failed"]);
    let error = report["forEach"][0]["lines"].to_string();
    assert!(error.contains("deleted first"), "{:#}", report["forEach"][0]);
    let world = world.restarted();
    next_run(&world);
    assert_eq!(200 - live(&world), 2, "a new process risks no more");
    runs_for(&world, 150);
    assert_eq!(200 - live(&world), 2, "later runs risk no more");
}

#[test]
fn lost_subscriptions_come_back_before_others_are_deleted_first() {
    let world = with_retired_key(40);
    let old = ids(&world);
    refuse_after_deletions(&world);
    next_run(&world);
    assert_eq!(live(&world), 38);
    world.graph.heal();
    for _ in 0..3 {
        world.clock.advance(10);
        world.clock.run(world.invoke(json!({}))).unwrap();
    }
    let replaced = ids(&world).iter().filter(|id| !old.contains(id)).count();
    assert_eq!((live(&world), replaced), (40, 40));
}

#[test]
fn a_day_after_two_losses_two_more_may_be_deleted_first() {
    let world = with_retired_key(10);
    refuse_after_deletions(&world);
    for (hours, expected) in [(23, 8), (24, 6)] {
        for _ in 0..hours {
            next_run(&world);
            world.clock.advance(50);
        }
        assert_eq!(live(&world), expected);
    }
}

#[test]
fn a_person_does_not_wait_for_what_earlier_runs_lost() {
    let world = with_retired_key(10);
    let before = world.graph.all();
    refuse_after_deletions(&world);
    next_run(&world);
    let left = ids(&world);
    world.graph.heal();
    for one in before.into_iter().filter(|one| !left.contains(&one.id)) {
        world
            .graph
            .fail(&format!("create {}", one.resource.unwrap()), forbidden());
    }
    let report = world.clock.run(world.invoke(json!({}))).unwrap();
    let replaced = ids(&world).iter().filter(|id| !left.contains(id)).count();
    assert_eq!((live(&world), replaced), (8, 8), "{report:#}");
}

#[test]
fn an_exhausted_quota_deletes_nothing_of_a_changed_entry() {
    let entry = |change_type: &str| {
        let mut entry = mail(users(40));
        entry["changeType"] = json!(change_type);
        organisations(1, &[(0, "mail", entry)])
    };
    let world = world(&entry("created"));
    world.scheduled();
    let changed = entry("created,updated").to_string();
    world.documents.set(Document::Config, &changed);
    let text = "App '1' has reached its limit of '10000' 'CHATS' subscription on tenant 2.";
    world.graph.fail("create", Reply::refusal(403, "Forbidden", text));
    let report = next_run(&world);
    assert_eq!((live(&world), &report["failed"]), (40, &json!(40)));
}

/// Returns a world with `count` subscriptions whose client-state key is to be left, and of which Graph accepts no second
/// one.
fn with_retired_key(count: usize) -> World {
    let world = world(&organisations(1, &[(0, "mail", mail(users(count)))]));
    world.scheduled();
    assert_eq!(live(&world), count);
    world.clock.run(world.invoke(json!({"rotate": "keys"}))).unwrap();
    world.clock.advance(24 * 60);
    world.log();
    world
}

/// Lets Graph name each subscription in answers to creations, as it does for hours after a deletion.
fn refuse_after_deletions(world: &World) {
    for one in world.graph.all() {
        let text = format!(
            "Subscription Id {} already exists for the requested combination",
            one.id
        );
        let call = format!("create {}", one.resource.unwrap());
        world.graph.fail(&call, Reply::refusal(409, "Conflict", &text));
    }
}

fn ids(world: &World) -> Vec<String> {
    world.graph.all().into_iter().map(|one| one.id).collect()
}
