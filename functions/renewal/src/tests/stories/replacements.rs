//! A replacement that fails half-way leaves what was there.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
};

use graph_edge::testing::Woken;

use super::*;

#[test]
fn a_blocked_handshake_deletes_nothing_of_a_changed_entry() {
    let (world, mut entry) = with_mail(40);
    entry["changeType"] = json!("created,updated");
    world.documents.set(Document::Config, &of_mail(&entry));
    world.graph.quirk(Quirk::BlocksHandshakes);
    for _ in 0..3 {
        let report = next_run(&world);
        assert_eq!(report["failed"], json!(40), "{report:#}");
    }
    runs_for(&world, 150);
    assert_eq!((live(&world), count(&world.log(), "delete")), (40, 0));
    world.graph.heal();
    next_run(&world);
    assert_eq!((live(&world), changed(&world)), (40, 40));
}

#[test]
fn one_failed_handshake_stops_no_other_replacement() {
    let (world, mut entry) = with_mail(200);
    entry["changeType"] = json!("created,updated");
    world.documents.set(Document::Config, &of_mail(&entry));
    // It fails while the others are under way, and the last of them are not yet begun.
    world.graph.fail("create /users/u00000/", blocked());
    world.graph.delay("create /users/u00000/", 0);
    world.graph.delay("create", 40);
    let report = next_run(&world);
    assert_eq!((live(&world), changed(&world)), (200, 199), "{report:#}");
}

#[test]
fn two_failed_handshakes_with_others_between_stop_no_replacement() {
    let (world, mut entry) = with_mail(300);
    entry["changeType"] = json!("created,updated");
    world.documents.set(Document::Config, &of_mail(&entry));
    for user in ["u00000", "u00150"] {
        let call = format!("create /users/{user}/");
        world.graph.fail(&call, blocked());
        world.graph.delay(&call, 0);
    }
    world.graph.delay("create", 40);
    let report = next_run(&world);
    assert_eq!((live(&world), changed(&world)), (300, 298), "{report:#}");
}

#[test]
fn a_blocked_handshake_is_tried_a_few_times_in_a_run() {
    let (world, mut entry) = with_mail(200);
    entry["changeType"] = json!("created,updated");
    world.documents.set(Document::Config, &of_mail(&entry));
    world.graph.quirk(Quirk::BlocksHandshakes);
    next_run(&world);
    // As many as are under way until two have failed, each with the client's own tries.
    let tries = count(&world.log(), "create");
    assert!(tries <= (64 + 2) * 4, "{tries}");
}

#[test]
fn an_expired_subscription_waits_for_no_handshake_of_others() {
    let (world, _) = with_mail(200);
    world.clock.advance(10);
    let past = world.clock.now() - jiff::SignedDuration::from_hours(1);
    for one in world.graph.all() {
        world
            .graph
            .change(&one.id, |one| one.expiration_date_time = Some(past));
    }
    world.graph.fail("create /users/u0000", blocked());
    // Graph still counts those that have expired, so that each is deleted before its successor is created.
    world.graph.fail("create /users/u0001", blocked());
    let report = next_run(&world);
    assert_eq!(live(&world), 180, "{report:#}");
}

#[test]
fn without_second_subscriptions_a_blocked_handshake_costs_two_at_most() {
    let (world, _) = with_mail(40);
    world.clock.run(world.invoke(json!({"rotate": "keys"}))).unwrap();
    world.clock.advance(24 * 60);
    let old = world.graph.all();
    world.graph.quirk(Quirk::BlocksHandshakes);
    world.log();
    let report = next_run(&world);
    let lost = 40 - live(&world);
    assert!((1..=2).contains(&lost), "{lost}: {report:#}");
    // What is gone is not counted as there.
    let many = &report["forEach"][0];
    assert_eq!(many["counts"].get("replace"), None, "{many:#}");
    let metrics = world.clock.run(world.counted(json!({"source": "aws.scheduler"})));
    assert_eq!(
        metrics.values(Metric::SubscriptionsMissing),
        [i64::try_from(lost).unwrap()]
    );
    runs_for(&world, 150);
    assert_eq!(40 - live(&world), lost, "later runs lose no more");
    world.graph.heal();
    runs_for(&world, 20);
    assert_eq!(live(&world), 40);
    let key = |one: &Subscription| {
        let url = one.notification_url.clone().unwrap();
        url.split("&k=").nth(1).unwrap().to_owned()
    };
    let old: Vec<String> = old.iter().map(key).collect();
    for one in world.graph.all() {
        assert!(!old.contains(&key(&one)), "{:?}", one.notification_url);
    }
}

#[test]
fn a_replacement_that_fails_for_days_lets_nothing_lapse() {
    let (world, mut entry) = with_mail(3);
    world.graph.end_in_time();
    entry["changeType"] = json!("created,updated");
    world.documents.set(Document::Config, &of_mail(&entry));
    world.graph.fail("create", forbidden());
    for _ in 0..(14 * 24) {
        let report = next_run(&world);
        world.clock.advance(50);
        assert_eq!((live(&world), &report["failed"]), (3, &json!(3)), "{report:#}");
    }
    assert_eq!(world.told(), Vec::<Value>::new());
}

#[test]
fn nothing_is_deleted_for_a_successor_without_time_for_it() {
    let (world, _) = with_mail(3);
    world.clock.run(world.invoke(json!({"rotate": "keys"}))).unwrap();
    world.clock.advance(24 * 60);
    world.graph.delay("create", 58);
    let deadline = world.clock.now() + jiff::SignedDuration::from_secs(100);
    let event = json!({"source": "aws.scheduler"});
    let report = world.clock.run(world.invoke_until(deadline, event)).unwrap();
    assert_eq!(
        (live(&world), &report["unfinished"]),
        (3, &json!(3)),
        "{report:#}"
    );
}

#[test]
fn a_run_killed_after_the_successor_leaves_one_subscription() {
    let (world, mut entry) = with_mail(1);
    entry["changeType"] = json!("created,updated");
    world.documents.set(Document::Config, &of_mail(&entry));
    kill_after(&world, "create");
    assert_eq!(live(&world), 2);
    let world = world.restarted();
    world.scheduled();
    let all = world.graph.all();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].change_type.as_deref(), Some("created,updated"));
    assert_eq!(
        world.told(),
        Vec::<Value>::new(),
        "the old one lived until the end"
    );
}

#[test]
fn a_run_killed_between_deletion_and_creation_is_made_up_for() {
    let (world, _) = with_mail(1);
    world.clock.run(world.invoke(json!({"rotate": "keys"}))).unwrap();
    world.clock.advance(24 * 60);
    kill_after(&world, "delete");
    assert_eq!(live(&world), 0);
    let world = world.restarted();
    world.scheduled();
    assert_eq!((live(&world), world.told().len()), (1, 1));
}

/// Returns a world with `count` subscriptions of one entry, and the entry.
fn with_mail(count: usize) -> (World, Value) {
    let entry = mail(users(count));
    let world = world(&serde_json::from_str(&of_mail(&entry)).unwrap());
    world.scheduled();
    assert_eq!(live(&world), count);
    world.log();
    (world, entry)
}

/// Returns how many subscriptions have the change types of the changed entry.
fn changed(world: &World) -> usize {
    let all = world.graph.all();
    all.iter()
        .filter(|one| one.change_type.as_deref() == Some("created,updated"))
        .count()
}

fn of_mail(entry: &Value) -> String {
    organisations(1, &[(0, "mail", entry.clone())]).to_string()
}

/// Ends a scheduled run as soon as Graph has been asked for `call`.
fn kill_after(world: &World, call: &str) {
    world.log();
    let mut metrics = Metrics::default();
    let mut run = pin!(world.handle(json!({"source": "aws.scheduler"}), &mut metrics));
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut log = Vec::new();
    while count(&log, call) == 0 {
        assert!(run.as_mut().poll(&mut context).is_pending(), "{log:?}");
        if !woken.take() {
            world.clock.skip();
        }
        log.extend(world.log());
    }
}

#[test]
fn a_key_that_was_published_after_a_run_began_costs_no_subscription() {
    for is_hidden in [false, true] {
        let mut world = world(&organisations(1, &[(0, "chats", chats())]));
        world.scheduled();
        // Past the end of the access token.
        world.clock.advance(60);
        if is_hidden {
            world.graph.hide("id-1");
            world = world.restarted();
        }
        world.graph.delay("login", 5);
        // Meanwhile another run replaces the subscription by one under a new key.
        let another_run = async {
            world.clock.sleep(std::time::Duration::from_secs(2)).await;
            let mut document = world.documents.json(Document::ClientState);
            let mut key = document["keys"][0].clone();
            let old = format!("k={}", key["id"].as_str().unwrap());
            key["id"] = json!("22222222");
            document["keys"].as_array_mut().unwrap().push(key);
            world.documents.set(Document::ClientState, &document.to_string());
            world.graph.change("id-1", |one| {
                one.notification_url = one
                    .notification_url
                    .as_ref()
                    .map(|url| url.replace(&old, "k=22222222"));
            });
        };
        let mut metrics = Metrics::default();
        let run = world.handle(json!({"source": "aws.scheduler"}), &mut metrics);
        let (report, ()) = world.clock.run(futures_util::future::join(run, another_run));
        let report = report.unwrap();
        let ids: Vec<String> = world.graph.all().into_iter().map(|one| one.id).collect();
        assert_eq!(
            (ids, &report["failed"]),
            (vec!["id-1".to_owned()], &json!(0)),
            "{report:#}"
        );
        assert_eq!(world.told(), Vec::<Value>::new());
        assert_eq!(metrics.values(Metric::SubscriptionsWithoutKey), [0; 0]);
    }
}
