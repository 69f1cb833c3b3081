//! Tenants whose application changes, by a typo or on purpose.

use super::{removals::trusted, *};

#[test]
fn a_mistyped_id_deletes_nothing_and_is_corrected_without_a_gap() {
    for (member, id, list) in TYPOS {
        let mut world = world(&right());
        world.graph.end_in_time();
        world.scheduled();
        world.documents.set(Document::Config, &with(member, id));
        world.graph.fail(list, forbidden());
        for _ in 0..(4 * 10) {
            world.clock.advance(6 * 60);
            let report = world.scheduled();
            assert_eq!(live(&world), 4, "{report:#}");
            let problems = report["problems"].to_string();
            assert!(problems.contains("confirmDeletions"), "{report:#}");
        }
        world = world.restarted();
        world.documents.set(Document::Config, &right().to_string());
        next_run(&world);
        let report = next_run(&world);
        assert_eq!((&report["failed"], live(&world)), (&json!(0), 4), "{report:#}");
        assert_eq!(trusted(&world), 2);
        assert_eq!(world.told(), Vec::<Value>::new());
    }
}

#[test]
fn a_mistyped_id_is_survived_though_the_document_changes_again() {
    for (member, id, list) in TYPOS {
        let mut world = world(&right());
        world.graph.end_in_time();
        world.scheduled();
        world.graph.fail(list, forbidden());
        for _ in 0..4 {
            world.documents.set(Document::Config, &with(member, id));
            world.clock.advance(24 * 60);
            world.scheduled();
            world = world.restarted();
        }
        assert_eq!((live(&world), trusted(&world)), (4, 3));
    }
}

#[test]
fn applications_that_wait_after_many_edits_are_all_renewed() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let entries: Vec<_> = names
        .into_iter()
        .enumerate()
        .map(|(number, name)| (number, name, chats()))
        .collect();
    let mut config = organisations(6, &entries);
    let world = world(&config);
    world.graph.end_in_time();
    world.scheduled();
    world.graph.fail("list 9", forbidden());
    for number in 0..5 {
        let other = format!("9000000{number}-0000-0000-0000-000000000000");
        config["tenants"][format!("t{number:02}")]["tenantId"] = json!(other);
        world.documents.set(Document::Config, &config.to_string());
        next_run(&world);
    }
    for _ in 0..(4 * 4) {
        world.clock.advance(6 * 60);
        let report = world.another_process().scheduled();
        assert_eq!((live(&world), trusted(&world)), (6, 11), "{report:#}");
    }
}

#[test]
fn an_application_with_everything_takes_the_place_of_the_earlier_one() {
    let world = world(&right());
    world.scheduled();
    world.clock.advance(60);
    world
        .documents
        .set(Document::Config, &with("clientId", OTHER_APP));
    let report = next_run(&world);
    assert_eq!((&report["failed"], live(&world)), (&json!(0), 4), "{report:#}");
    assert_eq!(report["counts"]["create"], json!(3), "{report:#}");
    assert_eq!(report["counts"]["delete"], json!(3), "{report:#}");
    assert_eq!(trusted(&world), 2);
    let report = next_run(&world);
    assert_eq!(
        (&report["counts"], &report["failed"]),
        (&json!({"keep": 4}), &json!(0))
    );
}

#[test]
fn events_of_an_application_that_waits_for_its_successor_are_answered() {
    let world = world(&right());
    world.scheduled();
    world.clock.advance(60);
    world.graph.fail("list d", forbidden());
    world
        .documents
        .set(Document::Config, &with("clientId", OTHER_APP));
    next_run(&world);
    world.clock.advance(60);
    world.log();
    let records =
        ["reauthorizationRequired", "missed"].map(|kind| storms::event(&world, 1, kind, "chats", "id-1", 0));
    let answer = world
        .clock
        .run(world.invoke(json!({"Records": records})))
        .unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(count(&world.log(), "update id-1"), 1);
    assert_eq!(world.told().len(), 1);
}

#[test]
fn a_state_that_cannot_be_read_once_abandons_no_application() {
    let world = world(&right());
    world.scheduled();
    world.graph.fail("list d", forbidden());
    for _ in 0..2 {
        world
            .documents
            .set(Document::Config, &with("clientId", OTHER_APP));
        next_run(&world);
    }
    *world.documents.hides_state.lock().unwrap() = true;
    next_run(&world);
    assert_eq!(trusted(&world), 3);
    *world.documents.hides_state.lock().unwrap() = false;
    let report = next_run(&world);
    let tenants = report["tenants"].to_string();
    assert!(tenants.contains("t00 (before)"), "{report:#}");
    assert_eq!((live(&world), trusted(&world)), (4, 3));
}

#[test]
fn an_object_without_a_mailbox_keeps_no_application_that_is_locked_out() {
    let world = world(&right());
    world.scheduled();
    world.clock.advance(60);
    world.graph.fail("list d", forbidden());
    world
        .documents
        .set(Document::Config, &with("clientId", OTHER_APP));
    next_run(&world);
    let text = "REST API is not yet supported for this mailbox.";
    let refusal = Reply::refusal(404, "ExtensionError", text);
    world.graph.fail("create /users/u00001", refusal);
    let all = world.graph.all();
    let one = all
        .iter()
        .find(|one| one.resource.as_deref().unwrap().contains("u00001"));
    world.graph.remove(&one.unwrap().id);
    world.documents.set(Document::Config, &right().to_string());
    let report = next_run(&world);
    assert_eq!(trusted(&world), 2, "{report:#}");
}

#[test]
fn an_application_without_one_subscription_leaves_all_to_the_earlier_one() {
    let world = world(&right());
    world.scheduled();
    world.clock.advance(60);
    world.graph.fail("create /chats", forbidden());
    world
        .documents
        .set(Document::Config, &with("clientId", OTHER_APP));
    let report = next_run(&world);
    assert_eq!(live(&world), 6, "{report:#}");
    assert!(report["problems"].to_string().contains(APP), "{report:#}");
    let report = world
        .clock
        .run(world.invoke(json!({"confirmDeletions": ["t00 (before)"]})))
        .unwrap();
    assert_eq!((live(&world), trusted(&world)), (3, 2), "{report:#}");
}

#[test]
fn deletions_in_one_tenant_are_confirmed_for_no_other() {
    let world = world(&right());
    world.scheduled();
    world.clock.advance(60);
    world.graph.fail("list d", forbidden());
    let mut config: Value = serde_json::from_str(&with("clientId", OTHER_APP)).unwrap();
    config["subscriptions"].as_object_mut().unwrap().remove("more");
    world.documents.set(Document::Config, &config.to_string());
    next_run(&world);
    for confirmed in [json!(["t01"]), json!(true)] {
        let report = world
            .clock
            .run(world.invoke(json!({"confirmDeletions": confirmed})))
            .unwrap();
        assert_eq!((live(&world), trusted(&world)), (3, 3), "{report:#}");
        assert!(
            report["problems"].to_string().contains("t00 (before)"),
            "{report:#}"
        );
    }
    let report = world
        .clock
        .run(world.invoke(json!({"confirmDeletions": ["t00"]})))
        .unwrap();
    assert_eq!(live(&world), 3, "{report:#}");
    let report = world
        .clock
        .run(world.invoke(json!({"confirmDeletions": ["t00 (before)", "t0"]})))
        .unwrap();
    assert_eq!((live(&world), trusted(&world)), (0, 2), "{report:#}");
    assert!(
        report["problems"].to_string().contains("confirmDeletions names"),
        "{report:#}"
    );
}

#[test]
fn a_brake_is_released_in_the_named_tenant_only() {
    let of = |count: usize| {
        let mut other = mail(users(count));
        other["resource"] = json!("/users/{id}/events");
        organisations(2, &[(0, "mail", mail(users(count))), (1, "events", other)])
    };
    let world = world(&of(20));
    world.scheduled();
    world.documents.set(Document::Config, &of(5).to_string());
    world.clock.advance(10);
    let report = world.scheduled();
    assert_eq!(live(&world), 40, "{report:#}");
    let problems = report["problems"].to_string().replace('\\', "");
    assert!(
        problems.contains("{\"confirmDeletions\": [\"t01\"]}"),
        "{problems}"
    );
    let confirmed = json!({"confirmDeletions": ["t01"]});
    let report = world.clock.run(world.invoke(confirmed)).unwrap();
    assert_eq!(
        (live(&world), &report["counts"]["delete"]),
        (25, &json!(15)),
        "{report:#}"
    );
}

#[test]
fn another_organisation_is_no_successor_without_confirmation() {
    let world = world(&right());
    world.scheduled();
    world.clock.advance(60);
    world
        .documents
        .set(Document::Config, &with("tenantId", OTHER_TENANT));
    let report = next_run(&world);
    assert_eq!(live(&world), 7, "{report:#}");
    let report = world
        .clock
        .run(world.invoke(json!({"confirmDeletions": ["t00 (before)"]})))
        .unwrap();
    assert_eq!((live(&world), trusted(&world)), (4, 2), "{report:#}");
}

#[test]
fn an_application_that_graph_refuses_once_is_not_abandoned() {
    for (restarts, minutes) in [(false, 60), (true, 60), (true, 2)] {
        let mut world = world(&right());
        world.scheduled();
        world.clock.advance(minutes);
        world
            .documents
            .set(Document::Config, &with("tenantId", OTHER_TENANT));
        if restarts {
            world = world.restarted();
        }
        world.graph.fail("list 0", forbidden());
        next_run(&world);
        world.graph.heal();
        let report = next_run(&world);
        assert_eq!((live(&world), trusted(&world)), (7, 3), "{report:#}");
    }
}

#[test]
fn a_successor_whose_list_of_objects_is_short_takes_nobodys_place() {
    for left in [0, 2] {
        let mut mail = mail([]);
        mail["forEach"] = json!({"membersOf": tenant_id(8)});
        let mut config = organisations(1, &[(0, "chats", chats()), (0, "mail", mail)]);
        let world = world(&config);
        let ids = users(10);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        world.graph.set_objects(&ids);
        world.scheduled();
        world.clock.advance(60);
        world.graph.set_objects(&ids[..left]);
        config["tenants"]["t00"]["clientId"] = json!(OTHER_APP);
        world.documents.set(Document::Config, &config.to_string());
        let report = next_run(&world);
        assert_eq!(live(&world), 11 + 1 + left, "{report:#}");
        assert!(
            report["problems"].to_string().contains("confirmDeletions"),
            "{report:#}"
        );
        world.graph.set_objects(&ids);
        next_run(&world);
        assert_eq!((live(&world), trusted(&world)), (11, 1));
    }
}

#[test]
fn an_entry_that_is_removed_with_the_application_keeps_nobody() {
    let mut config = organisations(1, &[(0, "chats", chats()), (0, "mail", mail(users(10)))]);
    let world = world(&config);
    world.scheduled();
    world.clock.advance(60);
    config["tenants"]["t00"]["clientId"] = json!(OTHER_APP);
    config["subscriptions"].as_object_mut().unwrap().remove("mail");
    world.documents.set(Document::Config, &config.to_string());
    let report = next_run(&world);
    assert_eq!((live(&world), trusted(&world)), (1, 1), "{report:#}");
}

#[test]
fn an_application_that_comes_late_reports_the_gap() {
    let world = world(&right());
    world.scheduled();
    world.clock.advance(60);
    world.graph.fail("list d", forbidden());
    world
        .documents
        .set(Document::Config, &with("clientId", OTHER_APP));
    next_run(&world);
    world
        .clock
        .run(world.invoke(json!({"confirmDeletions": ["t00 (before)"]})))
        .unwrap();
    assert_eq!(live(&world), 1);
    world.clock.advance(60);
    world.graph.heal();
    next_run(&world);
    assert_eq!((live(&world), world.told().len()), (4, 3));
}

fn right() -> Value {
    let entries = [
        (0, "chats", chats()),
        (0, "mail", mail(users(2))),
        (1, "more", chats()),
    ];
    organisations(2, &entries)
}

fn with(member: &str, id: &str) -> String {
    let mut config = right();
    config["tenants"]["t00"][member] = json!(id);
    config.to_string()
}

const OTHER_APP: &str = "dddddddd-0000-0000-0000-000000000000";
const OTHER_TENANT: &str = "90000000-0000-0000-0000-000000000000";

/// A mistyped member, its value, and the line of the list in the log.
const TYPOS: [(&str, &str, &str); 2] = [
    ("tenantId", OTHER_TENANT, "list 9"),
    ("clientId", OTHER_APP, "list d"),
];

#[test]
fn a_tenant_that_does_not_fit_keeps_an_entry_from_no_other() {
    let entries = [(0, "chats", chats()), (1, "more", chats())];
    let mut config = organisations(3, &entries);
    config["subscriptions"]["mail"] =
        json!({"tenant": "*", "resource": "/users/u1/messages", "changeType": "created"});
    config["subscriptions"]["tasks"] =
        json!({"tenant": "*", "resource": "/users/u1/todo/lists/l1/tasks", "changeType": "created"});
    config["subscriptions"]["together"] =
        json!({"tenant": "*", "resource": "/chats/getAllMessages", "changeType": "created"});
    let world = world(&config);
    let report = world.scheduled();
    // The entry for all is the second one for the chats of the first two tenants.
    assert_eq!(live(&world), 2 + 3 + 3 + 1, "{report:#}");
    assert_eq!(report["failed"], json!(2), "{report:#}");
    let problems = report["problems"].to_string();
    assert!(
        problems.contains("`subscriptions.chats`") && problems.contains("`subscriptions.more`"),
        "{problems}"
    );
    let ids = |world: &World| -> Vec<String> { world.graph.all().into_iter().map(|one| one.id).collect() };
    let before = ids(&world);
    let alone = json!({"tenant": "t00", "resource": "/users/u1/messages", "changeType": "created"});
    config["subscriptions"]["alone"] = alone;
    world.documents.set(Document::Config, &config.to_string());
    world.clock.advance(60);
    let report = world.scheduled();
    assert_eq!(ids(&world), before, "nothing of it is deleted: {report:#}");
    assert!(
        report["problems"].to_string().contains("`subscriptions.alone`"),
        "{report:#}"
    );
    config["tenants"].as_object_mut().unwrap().remove("t02");
    // It fits none of the others.
    config["subscriptions"]
        .as_object_mut()
        .unwrap()
        .remove("together");
    world.documents.set(Document::Config, &config.to_string());
    for _ in 0..2 {
        next_run(&world);
    }
    assert_eq!(
        (live(&world), trusted(&world)),
        (6, 2),
        "the others go on as if it had no mistake"
    );
}
