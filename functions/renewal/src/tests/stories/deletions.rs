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
    for (count, failed) in [(5, 0), (10, 1)] {
        let world = in_group(count);
        world.graph.set_objects(&[]);
        world.clock.advance(10);
        let report = world.scheduled();
        assert_eq!(
            (live(&world), &report["failed"]),
            (count, &json!(failed)),
            "{report:#}"
        );
        set_members(&world, count);
        world.clock.advance(10);
        let report = world.scheduled();
        assert_eq!(
            (live(&world), &report["failed"]),
            (count, &json!(0)),
            "{report:#}"
        );
        assert_eq!(world.told(), Vec::<Value>::new());
    }
}

#[test]
fn who_left_a_group_is_kept_until_a_second_list_says_so() {
    for restarts in [false, true] {
        let mut world = in_group(5);
        for (minutes, members, expected) in [(10, 3, 5), (2, 3, 5), (10, 3, 3), (10, 5, 5)] {
            set_members(&world, members);
            world.clock.advance(minutes);
            if restarts {
                world = world.restarted();
            }
            let report = world.scheduled();
            assert_eq!(
                (live(&world), &report["failed"]),
                (expected, &json!(0)),
                "{report:#}"
            );
        }
        let told = world.told();
        assert_eq!(told.len(), 2, "both were back within a day: {told:#?}");
    }
}

#[test]
fn a_person_need_not_wait_for_a_second_list() {
    for is_edited in [false, true] {
        let world = in_group(5);
        set_members(&world, 3);
        world.clock.advance(10);
        let event = if is_edited {
            let mut entry = group();
            entry["forEach"] = json!({"membersOf": "22222222-1111-1111-1111-111111111111"});
            let config = organisations(1, &[(0, "events", entry)]);
            world.documents.set(Document::Config, &config.to_string());
            json!({"source": "aws.scheduler"})
        } else {
            json!({"confirmDeletions": ["t00"]})
        };
        let report = world.clock.run(world.invoke(event)).unwrap();
        assert_eq!((live(&world), &report["failed"]), (3, &json!(0)), "{report:#}");
    }
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
        let (mut world, entries) = shortened();
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
fn a_lost_state_releases_no_brake() {
    for (restarts, hides) in [(false, false), (true, false), (true, true)] {
        let (world, _) = shortened();
        let mut world = world.restarted();
        if hides {
            *world.documents.hides_state.lock().unwrap() = true;
        } else {
            world.documents.forget_state();
        }
        for _ in 0..3 {
            world.clock.advance(10);
            let report = world.scheduled();
            assert_eq!((live(&world), &report["failed"]), (40, &json!(1)), "{report:#}");
            *world.documents.hides_state.lock().unwrap() = false;
            if restarts {
                world = world.restarted();
            }
        }
    }
}

#[test]
fn an_edited_entry_releases_no_brake_of_another() {
    for case in ["edited", "unreadable", "put back"] {
        let (world, mut entries) = shortened();
        entries[0].2 = mail(users(31));
        world
            .documents
            .set(Document::Config, &organisations(1, &entries).to_string());
        world.clock.advance(10);
        let report = world.scheduled();
        assert_eq!((live(&world), &report["failed"]), (41, &json!(1)), "{report:#}");
        match case {
            "unreadable" => *world.documents.hides_versions.lock().unwrap() = true,
            "put back" => world.documents.fake(Document::Config).move_current("1"),
            _ => {}
        }
        let mut world = world;
        for _ in 0..2 {
            world = world.restarted();
            world.clock.advance(10);
            let report = world.scheduled();
            assert_eq!(
                (live(&world), &report["failed"]),
                (41, &json!(1)),
                "{case}: {report:#}"
            );
        }
    }
}

#[test]
fn a_tenant_whose_deletions_wait_releases_no_brake_of_another() {
    let mut waits = mail(users(20));
    waits["resource"] = json!("/users/{id}/contacts");
    let (group, ids) = (group(), users(10));
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let of = |edits: usize, waiting: usize| {
        let mut events = group.clone();
        events["changeType"] = json!(["created", "created,updated"][edits.min(1)]);
        waits["forEach"] = json!(users(waiting));
        let entries = [(0, "mail", mail(users(30))), (0, "events", events)];
        let entries = [&entries[..], &[(1, "waits", waits.clone())]].concat();
        let mut config = organisations(2 + edits.saturating_sub(1), &entries);
        config["tenants"]["t01"]["clientId"] = json!("dddddddd-0000-0000-0000-000000000000");
        config
    };
    let mut of = of;
    let world = world(&of(0, 20));
    world.graph.set_objects(&ids);
    world.scheduled();
    assert_eq!(live(&world), 60);
    // Of t01, more than half go, and nobody confirms. Then an entry of t00 is edited, and another tenant is added.
    let mut world = world;
    for (edits, short) in [(0, 10), (1, 10), (1, 10), (2, 2)] {
        world.documents.set(Document::Config, &of(edits, 2).to_string());
        world.graph.set_objects(&ids[..short]);
        world.clock.advance(10);
        world = world.restarted();
        let report = world.scheduled();
        assert_eq!(live(&world), 60, "{edits}: {report:#}");
    }
}

#[test]
fn an_edit_that_meets_a_lost_state_waits_for_a_person() {
    for (forgets, made) in [(true, false), (false, true)] {
        let world = world(&organisations(1, &[(0, "mail", mail(users(20)))]));
        world.scheduled();
        let mut changed = mail(users(20));
        changed["changeType"] = json!("created,updated");
        let config = organisations(1, &[(0, "mail", changed)]).to_string();
        world.documents.set(Document::Config, &config);
        if forgets {
            world.documents.forget_state();
        } else {
            *world.documents.hides_state.lock().unwrap() = true;
        }
        world.clock.advance(10);
        let world = world.restarted();
        let report = world.scheduled();
        assert_eq!(
            report["failed"],
            json!(1),
            "nobody knows whether it is an edit: {report:#}"
        );
        *world.documents.hides_state.lock().unwrap() = false;
        world.clock.advance(10);
        let world = world.restarted();
        let report = world.scheduled();
        assert_eq!(report["counts"] == json!({"replace": 20}), made, "{report:#}");
        let report = world
            .clock
            .run(world.invoke(json!({"confirmDeletions": true})))
            .unwrap();
        assert_eq!(report["counts"] == json!({"replace": 20}), !made, "{report:#}");
    }
}

/// Returns a world, after a run, in which 30 mailboxes have subscriptions for messages, and of the 10 members of a group that have
/// them for events, Graph lists two from now on; and its entries.
fn shortened() -> (World, Vec<(usize, &'static str, Value)>) {
    let entries = vec![(0, "mail", mail(users(30))), (0, "events", group())];
    let world = world(&organisations(1, &entries));
    let ids = users(10);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.graph.set_objects(&ids);
    world.scheduled();
    assert_eq!(live(&world), 40);
    world.graph.set_objects(&ids[..2]);
    (world, entries)
}

/// Returns a world after a run with an entry for a group of so many members.
fn in_group(count: usize) -> World {
    let world = world(&organisations(1, &[(0, "events", group())]));
    set_members(&world, count);
    world.scheduled();
    assert_eq!(live(&world), count);
    world
}

fn set_members(world: &World, count: usize) {
    let ids = users(count);
    world
        .graph
        .set_objects(&ids.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Returns an entry for the events of a group's members.
fn group() -> Value {
    let mut entry = mail([]);
    entry["forEach"] = json!({"membersOf": "11111111-1111-1111-1111-111111111111"});
    entry["resource"] = json!("/users/{id}/events");
    entry
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
