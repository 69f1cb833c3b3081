//! Entries and tenants that are removed from the configuration, and stacks that are deleted and created.

use graph_core::subscription::{catalogue, url::StackId};

use super::{
    super::{
        lifecycle::{batch, event},
        windows,
    },
    *,
};

#[test]
fn a_configuration_put_back_to_the_first_document_deletes_nothing() {
    for emptied in ["{\"tenants\":{},\"subscriptions\":{}}", "{}"] {
        let world = world(&organisations(
            2,
            &[(0, "chats", chats()), (1, "mail", mail(users(2)))],
        ));
        world.graph.end_in_time();
        world.scheduled();
        world.documents.set(Document::Config, emptied);
        for _ in 0..(4 * 24) {
            world.clock.advance(60);
            let report = world.scheduled();
            assert_eq!((live(&world), &report["failed"]), (3, &json!(1)), "{report:#}");
            assert!(report["problems"].to_string().contains("confirmDeletions"));
        }
        assert_eq!(trusted(&world), 2, "their notifications are admitted");

        let report = confirmed(&world, "confirmDeletions");
        assert_eq!((live(&world), &report["failed"]), (0, &json!(0)), "{report:#}");
        assert_eq!(trusted(&world), 0);
        assert_eq!(next_run(&world)["failed"], json!(0));
    }
}

#[tokio::test]
async fn events_of_subscriptions_that_are_held_back_are_answered() {
    for (is_emptied, is_new_process) in [(true, false), (true, true), (false, false), (false, true)] {
        let mut world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
        let document = if is_emptied {
            json!({})
        } else {
            // Without a mistake: the brake holds, because no entry is left.
            config(&["a"], &[])
        };
        world.documents.set(Document::Config, &document.to_string());
        world.clock.advance(60);
        world.run().await;
        if is_new_process {
            world = world.restarted();
        }
        world.clock.advance(60);
        world.log();
        let challenge = event("m1", "reauthorizationRequired", "chat", "id-1");
        let missed = event("m2", "missed", "chat", "id-1");
        let records = [challenge, missed].map(|record| windows::received(record, world.clock.now()));
        let answer = world.invoke(batch(&records)).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}), "{is_emptied}");
        assert_eq!(count(&world.log(), "update id-1"), 1, "{is_emptied}");
        assert_eq!(world.told().len(), 1, "{is_emptied}");
    }
}

#[tokio::test]
async fn what_graph_removes_while_it_is_held_back_is_reported_later() {
    let world = prepared(&[("chat", "a", true)]).await;
    let before = world.documents.text(Document::Config).unwrap();
    world.documents.set(Document::Config, "{}");
    world.clock.advance(60);
    world.run().await;
    world.graph.remove("id-1");
    let removed = event("m1", "subscriptionRemoved", "chat", "id-1");
    let removed = windows::received(removed, world.clock.now());
    let answer = world.invoke(batch(&[removed])).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    world.clock.advance(60);
    world.documents.set(Document::Config, &before);
    world.run().await;
    assert_eq!((live(&world), world.told().len()), (1, 1));
}

#[test]
fn a_document_that_was_emptied_twice_is_still_no_wish() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.documents.set(Document::Config, "{}");
    world.documents.set(Document::Config, "{}");
    let report = next_run(&world);
    assert_eq!((live(&world), trusted(&world)), (1, 1), "{report:#}");
    assert_eq!(report["failed"], json!(1));
}

#[test]
fn removing_all_entries_deletes_nothing_without_confirmation() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world
        .documents
        .set(Document::Config, &organisations(1, &[]).to_string());
    let report = next_run(&world);
    assert_eq!((live(&world), &report["failed"]), (1, &json!(1)), "{report:#}");
    let report = confirmed(&world, "confirmDeletions");
    assert_eq!((live(&world), &report["failed"]), (0, &json!(0)), "{report:#}");
    assert_eq!(next_run(&world)["failed"], json!(0));
}

#[test]
fn a_tenant_that_is_taken_out_takes_its_subscriptions_along() {
    let entries = [
        (0, "chats", chats()),
        (1, "mail", mail(users(7))),
        (2, "more", chats()),
    ];
    let world = world(&organisations(3, &entries));
    world.scheduled();
    assert_eq!((live(&world), trusted(&world)), (9, 3));
    let rest = [(0, "chats", chats()), (2, "more", chats())];
    let mut config = organisations(3, &rest);
    config["tenants"].as_object_mut().unwrap().remove("t01");
    world.documents.set(Document::Config, &config.to_string());

    let dry = confirmed(&world, "dryRun");
    assert_eq!(
        (&dry["counts"]["delete"], live(&world)),
        (&json!(7), 9),
        "{dry:#}"
    );
    world.graph.fail("delete id-2", unavailable());
    let report = next_run(&world);
    assert_eq!(
        (live(&world), trusted(&world)),
        (3, 3),
        "one is left, so its credential is kept"
    );
    assert_eq!(report["tenants"][1]["takenOut"], json!(true), "{report:#}");
    world.graph.heal();
    let report = next_run(&world);
    assert_eq!((live(&world), trusted(&world)), (2, 2), "{report:#}");
    world.log();
    let report = next_run(&world);
    assert_eq!(report["tenants"].as_array().unwrap().len(), 2, "{report:#}");
    assert_eq!(report["failed"], json!(0));
}

#[test]
fn a_tenant_without_a_known_credential_is_reported_once() {
    let world = world(&organisations(3, &[(0, "chats", chats()), (1, "more", chats())]));
    world.scheduled();
    let config = organisations(1, &[(0, "chats", chats())]).to_string();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["tenants"]["t02"] = organisations(3, &[])["tenants"]["t02"].clone();
    world.documents.set(Document::Config, &config.to_string());
    world.documents.set(Document::Config, &config.to_string());
    world.documents.forget_state();
    let report = next_run(&world);
    assert_eq!(report["failed"], json!(1), "{report:#}");
    assert!(
        report["problems"].to_string().contains(&tenant_id(1)),
        "{report:#}"
    );
    assert_eq!(trusted(&world), 2);
    assert_eq!(next_run(&world)["failed"], json!(0));
}

#[test]
fn a_tenant_removed_by_the_change_before_last_is_emptied_too() {
    let world = world(&organisations(3, &[(0, "chats", chats()), (1, "more", chats())]));
    world.scheduled();
    let mut config = organisations(3, &[(0, "chats", chats())]);
    config["tenants"].as_object_mut().unwrap().remove("t01");
    for _ in 0..2 {
        world.documents.set(Document::Config, &config.to_string());
    }
    let report = next_run(&world);
    assert_eq!((live(&world), trusted(&world)), (1, 2), "{report:#}");
    assert_eq!(report["failed"], json!(0), "{report:#}");
}

#[test]
fn a_tenant_that_locks_the_application_out_is_let_go() {
    let world = world(&organisations(3, &[(0, "chats", chats()), (1, "more", chats())]));
    world.scheduled();
    let mut config = organisations(3, &[(0, "chats", chats())]);
    config["tenants"].as_object_mut().unwrap().remove("t01");
    world.documents.set(Document::Config, &config.to_string());
    let lists = format!("list {}", &tenant_id(1)[..1]);
    // All tenants in this test begin with the same digit, so all are locked out; the others stay.
    world.graph.fail(&lists, Reply::refusal(403, "Forbidden", "no"));
    world.clock.advance(10);
    let report = next_run(&world);
    let longest = catalogue::longest_minutes().div_ceil(24 * 60);
    let error = report["tenants"][1]["error"].as_str().unwrap();
    assert!(error.contains(&format!("within {longest} days")), "{report:#}");
    assert_eq!(trusted(&world), 2);
}

#[test]
fn all_subscriptions_of_the_stack_go_when_a_person_asks() {
    let world = world(&organisations(
        1,
        &[(0, "chats", chats()), (0, "mail", mail(users(300)))],
    ));
    let other = another_stack(
        &world,
        &[(0, "more", json!({"resource": "/users", "changeType": "updated"}))],
    );
    world.scheduled();
    other.scheduled();
    // An entry with a mistake would otherwise keep its subscriptions.
    let exploded = json!({"resource": "/chats/getAllMessages", "changeType": "exploded"});
    let broken = organisations(1, &[(0, "chats", exploded), (0, "mail", mail(users(300)))]);
    world.documents.set(Document::Config, &broken.to_string());
    let dry = world
        .clock
        .run(world.invoke(json!({"deleteAll": true, "dryRun": true})))
        .unwrap();
    assert_eq!((&dry["counts"]["delete"], live(&world)), (&json!(301), 302));
    let report = confirmed(&world, "deleteAll");
    assert_eq!(live(&world), 1, "{report:#}");
    assert_eq!(report["tenants"][0]["others"], json!(1));
}

#[test]
fn a_new_stack_takes_over_the_subscriptions_of_another_on_request() {
    for is_listed in [true, false] {
        let entries = [(0, "chats", chats()), (0, "mail", mail(users(2)))];
        let left = world(&organisations(1, &entries));
        left.scheduled();
        let theirs = Subscription {
            id: "theirs".to_owned(),
            resource: Some("/groups".to_owned()),
            change_type: Some("updated".to_owned()),
            notification_url: Some("https://other.example/notifications?s=groups".to_owned()),
            expiration_date_time: Some("2026-12-01T00:00:00Z".parse().unwrap()),
            ..Subscription::default()
        };
        left.graph.add(&tenant_id(0), theirs);
        if !is_listed {
            left.graph.hide("id-1");
        }
        let groups = json!({"resource": "/groups", "changeType": "updated"});
        let stack = another_stack(&left, &[entries.to_vec(), vec![(0, "groups", groups)]].concat());
        let report = stack.scheduled();
        assert_eq!((live(&stack), &report["failed"]), (4, &json!(4)), "{report:#}");
        assert!(report.to_string().contains("takeOver"), "{report:#}");

        let report = confirmed(&stack, "takeOver");
        assert_eq!(report["counts"]["replace"], json!(3), "{report:#}");
        assert_eq!(
            report["failed"],
            json!(1),
            "who made the other one is not known: {report:#}"
        );
        let all = stack.graph.all();
        let is_new = |one: &&Subscription| one.notification_url.as_ref().unwrap().contains("?i=second&");
        assert_eq!((all.len(), all.iter().filter(is_new).count()), (4, 3));
        assert_eq!(stack.told().len(), 3, "consumers hear of what may be lost");
    }
}

#[test]
fn thousands_of_superfluous_subscriptions_are_deleted_over_several_runs() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(1_000)))]));
    world.scheduled();
    let fewer = organisations(1, &[(0, "mail", mail(users(700)))]);
    world.documents.set(Document::Config, &fewer.to_string());
    world.clock.advance(10);
    let report = world.scheduled();
    assert_eq!((live(&world), &report["unfinished"]), (800, &json!(100)));
    world.clock.advance(10);
    let report = world.scheduled();
    assert_eq!((live(&world), &report["unfinished"]), (700, &json!(0)));
}

/// Makes a run by hand with one option.
fn confirmed(world: &World, wish: &str) -> Value {
    world.clock.run(world.invoke(json!({wish: true}))).unwrap()
}

/// Returns another stack of the same applications.
fn another_stack(world: &World, entries: &[(usize, &str, Value)]) -> World {
    let mut other = world.beside(&organisations(1, entries));
    other.deps.stack = StackId::parse("second").unwrap();
    other
}

/// Returns how many applications the webhook trusts.
pub(super) fn trusted(world: &World) -> usize {
    let document = world.documents.json(Document::ClientState);
    let groups = document["trusted"].as_array().unwrap();
    groups
        .iter()
        .map(|group| group["tenants"].as_array().unwrap().len())
        .sum()
}

#[test]
fn deletions_that_are_left_over_do_not_engage_the_brake() {
    let mut events = mail(users(30));
    events["resource"] = json!("/users/{id}/events");
    let entry = (0, "mail", mail(users(170)));
    let world = world(&organisations(1, &[entry.clone(), (0, "events", events)]));
    world.scheduled();
    assert_eq!(live(&world), 200);
    let all = world.graph.all();
    let unwanted = all
        .iter()
        .filter(|one| one.resource.as_deref().unwrap().ends_with("events"));
    for one in unwanted.filter(|one| one.id.len() == "id-10".len()).take(10) {
        world.graph.fail(&format!("delete {}", one.id), forbidden());
    }
    let config = organisations(1, &[entry]).to_string();
    world.documents.set(Document::Config, &config);
    world.clock.advance(10);
    next_run(&world);
    assert_eq!(live(&world), 180);
    world.graph.heal();
    let report = next_run(&world);
    assert_eq!(live(&world), 170, "{report:#}");
}
