//! Entries with other names than before.

use super::*;

#[test]
fn a_renamed_entry_whose_objects_cannot_be_listed_deletes_nothing() {
    for is_new_process in [false, true] {
        let mut world = with_directory(20);
        let before = ids(&world);
        world.documents.set(Document::Config, &of_all("post"));
        world.graph.fail("users", forbidden());
        for _ in 0..6 {
            let report = next_run(&world);
            assert_eq!(ids(&world), before, "{report:#}");
        }
        if is_new_process {
            world = world.restarted();
        }
        assert_eq!(world.told(), Vec::<Value>::new());
        world.graph.heal();
        let report = next_run(&world);
        assert_eq!(report["counts"]["replace"], json!(20), "{report:#}");
        assert_eq!((live(&world), of_entry(&world, "post")), (50, 20));
        assert_eq!(world.told().len(), 20, "each was deleted first");
    }
}

#[test]
fn the_slow_list_of_a_renamed_entry_is_waited_for() {
    let world = with_directory(20);
    world.documents.set(Document::Config, &of_all("post"));
    // Longer than renewals wait for it.
    world.graph.delay("users", 15);
    let report = next_run(&world);
    assert_eq!((live(&world), of_entry(&world, "post")), (50, 20), "{report:#}");
    assert_eq!(world.told().len(), 20);
}

#[test]
fn a_mistake_elsewhere_lets_no_renamed_entry_delete_what_lives() {
    let world = with_mail();
    let before = ids(&world);
    let mut config = of_users("post");
    config["subscriptions"]["chats"]["changeTypo"] = json!("created");
    world.documents.set(Document::Config, &config.to_string());
    for _ in 0..3 {
        let report = next_run(&world);
        assert_eq!(
            (ids(&world), &report["failed"]),
            (before.clone(), &json!(41)),
            "{report:#}"
        );
        assert!(report.to_string().contains("is not deleted"), "{report:#}");
    }
    world
        .documents
        .set(Document::Config, &of_users("post").to_string());
    next_run(&world);
    assert_eq!((live(&world), of_entry(&world, "post")), (41, 40));
    assert_eq!(world.told().len(), 40);
}

#[test]
fn what_a_list_leaves_out_is_displaced_two_at_a_time() {
    let world = with_mail();
    for id in ids(&world) {
        world.graph.hide(&id);
    }
    world
        .documents
        .set(Document::Config, &of_users("post").to_string());
    let world = world.restarted();
    world.graph.quirk(Quirk::BlocksHandshakes);
    for _ in 0..3 {
        let report = next_run(&world);
        assert!(live(&world) >= 39, "{}: {report:#}", live(&world));
    }
    world.graph.heal();
    runs_for(&world, 120);
    assert_eq!((live(&world), of_entry(&world, "post")), (41, 40));
    assert_eq!(world.told().len(), 40, "each was deleted first");
}

/// Returns a world after one run, with a mailbox for each user of a directory, which has a page for each, and more
/// subscriptions of another entry.
fn with_directory(count: usize) -> World {
    let world = world(&serde_json::from_str(&of_all("mail")).unwrap());
    let users = users(count);
    world.graph.quirk(Quirk::PagesDirectories);
    world
        .graph
        .set_objects(&users.iter().map(String::as_str).collect::<Vec<_>>());
    world.scheduled();
    assert_eq!(live(&world), count + 30);
    world.clock.advance(60);
    world
}

fn of_all(name: &str) -> String {
    let mut all = mail([]);
    all["forEach"] = json!({"users": "all"});
    let mut events = mail(users(30));
    events["resource"] = json!("/users/{id}/events");
    organisations(1, &[(0, name, all), (0, "events", events)]).to_string()
}

/// Returns a world after one run, with forty mailboxes and one more subscription.
fn with_mail() -> World {
    let world = world(&of_users("mail"));
    world.scheduled();
    assert_eq!(live(&world), 41);
    world.clock.advance(60);
    world
}

fn of_users(name: &str) -> Value {
    organisations(1, &[(0, name, mail(users(40))), (0, "chats", chats())])
}

/// Returns how many subscriptions an entry has.
fn of_entry(world: &World, entry: &str) -> usize {
    let all = world.graph.all();
    let is_of_entry = |one: &&Subscription| {
        let url = one.notification_url.as_deref().unwrap_or_default();
        url.contains(&format!("&s={entry}/")) || url.contains(&format!("&s={entry}%2F"))
    };
    all.iter().filter(is_of_entry).count()
}

fn ids(world: &World) -> Vec<String> {
    world.graph.all().into_iter().map(|one| one.id).collect()
}
