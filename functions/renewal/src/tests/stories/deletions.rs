//! Causes of deleted subscriptions.

use super::*;

#[test]
fn an_emptied_configuration_deletes_nothing_until_a_person_confirms() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(10)))]));
    world.scheduled();
    world
        .documents
        .set(Document::Config, &organisations(1, &[]).to_string());
    world.clock.advance(10);
    let report = world.scheduled();
    assert_eq!(live(&world), 10, "{report:#}");
    assert_ne!(report["failed"], json!(0));
    assert!(
        report["problems"].to_string().contains("confirmDeletions"),
        "{report:#}"
    );
    let report = world
        .clock
        .run(world.invoke(json!({"confirmDeletions": true})))
        .unwrap();
    assert_eq!((live(&world), &report["failed"]), (0, &json!(0)), "{report:#}");
}

#[test]
fn subscriptions_held_by_the_deletion_guard_are_still_renewed() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(2)))]));
    world.graph.end_in_time();
    world.scheduled();
    world
        .documents
        .set(Document::Config, &organisations(1, &[]).to_string());
    runs_for(&world, 8 * 24 * 60);
    assert_eq!(live(&world), 2);
}

#[test]
fn urls_that_graph_shows_without_their_query_delete_nothing() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(10)))]));
    world.scheduled();
    let before = world.graph.all();
    world.graph.quirk(Quirk::DropsQueries);
    for _ in 0..3 {
        next_run(&world);
    }
    let after = world.graph.all();
    assert!(
        before
            .iter()
            .all(|one| after.iter().any(|other| other.id == one.id)),
        "{after:?}"
    );
}

#[test]
fn a_group_that_is_empty_of_a_sudden_loses_nobody() {
    let mut entry = mail([]);
    entry["forEach"] = json!({"membersOf": "11111111-1111-1111-1111-111111111111"});
    let world = world(&organisations(1, &[(0, "mail", entry)]));
    let ids = users(10);
    world
        .graph
        .set_objects(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    world.scheduled();
    world.graph.set_objects(&[]);
    world.clock.advance(10);
    let report = world.scheduled();
    assert_eq!(live(&world), 10, "{report:#}");
}

#[test]
fn lifecycle_urls_without_their_query_replace_nothing_in_a_new_process() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(10)))]));
    world.scheduled();
    let before = ids(&world);
    for id in &before {
        world.graph.change(id, |one| {
            one.lifecycle_notification_url = Some("https://our.example/lifecycle".to_owned());
        });
    }
    let world = world.restarted();
    for _ in 0..3 {
        next_run(&world);
    }
    assert_eq!(ids(&world), before);
}

#[test]
fn urls_without_their_query_let_nothing_lapse_in_a_new_process() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.graph.end_in_time();
    world.scheduled();
    let before = ids(&world);
    let world = world.restarted();
    world.graph.quirk(Quirk::DropsQueries);
    runs_for(&world, 4 * 24 * 60);
    assert_eq!((ids(&world), live(&world)), (before, 1));
}

#[test]
fn an_emptied_group_in_a_large_tenant_loses_nobody() {
    let mut group = mail([]);
    group["forEach"] = json!({"membersOf": "11111111-1111-1111-1111-111111111111"});
    group["resource"] = json!("/users/{id}/events");
    let entries = [(0, "mail", mail(users(100))), (0, "events", group)];
    let world = world(&organisations(1, &entries));
    let ids = users(10);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.graph.set_objects(&ids);
    world.scheduled();
    assert_eq!(live(&world), 110);
    world.graph.set_objects(&ids[..2]);
    world.clock.advance(10);
    let report = world.scheduled();
    assert_eq!((live(&world), &report["failed"]), (110, &json!(1)), "{report:#}");
}

#[test]
fn another_tenants_change_releases_no_brake() {
    for (restarts, forgets) in [(false, false), (true, false), (true, true)] {
        let mut group = mail([]);
        group["forEach"] = json!({"membersOf": "11111111-1111-1111-1111-111111111111"});
        group["resource"] = json!("/users/{id}/events");
        let entries = [(0, "mail", mail(users(30))), (0, "events", group)];
        let mut world = world(&organisations(1, &entries));
        let ids = users(10);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        world.graph.set_objects(&ids);
        world.scheduled();
        world.graph.set_objects(&ids[..2]);
        // One version after the other: the tenant's own part is the one that runs have used.
        for count in [2, 3] {
            world
                .documents
                .set(Document::Config, &organisations(count, &entries).to_string());
            world.clock.advance(10);
            if restarts {
                world = world.restarted();
            }
            if forgets {
                world.documents.forget_state();
            }
            let report = world.scheduled();
            assert_eq!((live(&world), &report["failed"]), (40, &json!(1)), "{report:#}");
        }
    }
}

#[test]
fn an_edited_entry_releases_no_brake_of_another() {
    let mut group = mail([]);
    group["forEach"] = json!({"membersOf": "11111111-1111-1111-1111-111111111111"});
    group["resource"] = json!("/users/{id}/events");
    let of = |count: usize| {
        organisations(
            1,
            &[(0, "mail", mail(users(count))), (0, "events", group.clone())],
        )
    };
    let world = world(&of(30));
    let ids = users(10);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.graph.set_objects(&ids);
    world.scheduled();
    world.graph.set_objects(&ids[..2]);
    world.documents.set(Document::Config, &of(31).to_string());
    world.clock.advance(10);
    let report = world.scheduled();
    assert_eq!((live(&world), &report["failed"]), (41, &json!(1)), "{report:#}");
    let mut world = world;
    for _ in 0..2 {
        world = world.restarted();
        world.clock.advance(10);
        let report = world.scheduled();
        assert_eq!((live(&world), &report["failed"]), (41, &json!(1)), "{report:#}");
    }
}

#[test]
fn an_edit_that_meets_an_unread_state_is_made_later() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(20)))]));
    world.scheduled();
    let mut changed = mail(users(20));
    changed["changeType"] = json!("created,updated");
    let config = organisations(1, &[(0, "mail", changed)]).to_string();
    world.documents.set(Document::Config, &config);
    world.documents.forget_state();
    world.clock.advance(10);
    let world = world.restarted();
    let report = world.scheduled();
    assert_eq!(
        report["failed"],
        json!(1),
        "nobody knows whether it is an edit: {report:#}"
    );
    world.clock.advance(10);
    let report = world.restarted().scheduled();
    assert_eq!(report["counts"], json!({"replace": 20}), "{report:#}");
}

fn ids(world: &World) -> Vec<String> {
    world.graph.all().into_iter().map(|one| one.id).collect()
}

#[test]
fn a_few_that_go_are_deleted_without_a_question() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(40)))]));
    world.scheduled();
    world.documents.set(
        Document::Config,
        &organisations(1, &[(0, "mail", mail(users(35)))]).to_string(),
    );
    world.clock.advance(10);
    world.scheduled();
    assert_eq!(live(&world), 35);
}
