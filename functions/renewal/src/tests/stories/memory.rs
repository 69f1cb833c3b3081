//! What a process remembers, and what a new one knows of the runs before it.

use super::*;

#[test]
fn a_new_process_makes_the_changes_that_an_earlier_one_could_not() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(20)))]));
    world.scheduled();
    world.clock.advance(10);
    world.scheduled();
    let mut changed = mail(users(20));
    changed["changeType"] = json!("created,updated");
    let config = organisations(1, &[(0, "mail", changed)]).to_string();
    world.documents.set(Document::Config, &config);
    world.graph.quirk(Quirk::BlocksHandshakes);
    world.clock.advance(10);
    world.scheduled();
    world.graph.heal();
    // Past the pause after failed handshakes.
    world.clock.advance(60);
    let world = world.restarted();
    let report = world.scheduled();
    assert_eq!(report["counts"], json!({"replace": 20}), "{report:#}");
}

/// A run manages more steps than a parameter can name.
#[test]
fn what_two_runs_leave_counts_in_one_process_and_in_two() {
    for restarts in [false, true] {
        let mut world = world(&organisations(1, &[(0, "mail", mail(users(1)))]));
        world.scheduled();
        world.clock.advance(60);
        let config = organisations(1, &[(0, "mail", mail(users(500)))]).to_string();
        world.documents.set(Document::Config, &config);
        let mut left_twice = Vec::new();
        for _ in 0..2 {
            if restarts {
                world = world.restarted();
            }
            let before = live(&world);
            left_twice.extend(short_run(&world).values(Metric::LeftOverTwice));
            assert!(live(&world) - before > 100, "{}", live(&world));
        }
        let left = i64::try_from(500 - live(&world)).unwrap();
        let [0, twice] = left_twice[..] else {
            panic!("{left_twice:?}")
        };
        assert!(twice > 0 && (restarts || twice >= left), "{twice} of {left}");
    }
}

#[test]
fn what_another_process_has_done_since_is_not_left_twice() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(1)))]));
    world.scheduled();
    world.clock.advance(60);
    let config = organisations(1, &[(0, "mail", mail(users(500)))]).to_string();
    world.documents.set(Document::Config, &config);
    short_run(&world);
    let before: Vec<String> = world.graph.all().into_iter().map(|one| one.id).collect();
    world.graph.heal();
    world.another_process().scheduled();
    assert_eq!(live(&world), 500);
    for one in world.graph.all().iter().filter(|one| !before.contains(&one.id)) {
        world.graph.remove(&one.id);
    }
    world.clock.advance(10);
    assert_eq!(short_run(&world).values(Metric::LeftOverTwice), [0]);
    assert!(live(&world) < 500);
}

#[test]
fn what_a_run_leaves_comes_first_in_the_next() {
    let set = |world: &World, first: usize| {
        let config = organisations(1, &[(0, "mail", mail(users(400).split_off(first)))]);
        world.documents.set(Document::Config, &config.to_string());
    };
    let world = world(&organisations(1, &[(0, "mail", mail(users(1)))]));
    world.scheduled();
    world.clock.advance(60);
    for first in [100, 0] {
        set(&world, first);
        short_run(&world);
    }
    let is_missing = |user: &String| {
        let resource = format!("/users/{user}/messages");
        !world
            .graph
            .all()
            .iter()
            .any(|one| one.resource.as_ref() == Some(&resource))
    };
    let missing: Vec<String> = users(400).into_iter().filter(is_missing).collect();
    let newcomers = users(100);
    assert!(
        !missing.is_empty() && missing.iter().all(|user| newcomers.contains(user)),
        "{missing:?}"
    );
}

/// The stored state may have no room for what a run leaves.
#[test]
fn slow_failures_that_sort_first_keep_no_others_waiting() {
    let mut world = world(&organisations(1, &[(0, "mail", mail(users(1)))]));
    world.scheduled();
    world.clock.advance(60);
    let config = organisations(1, &[(0, "mail", mail(users(500)))]).to_string();
    world.documents.set(Document::Config, &config);
    for tens in 0..30 {
        world
            .graph
            .fail(&format!("create /users/u00{tens:02}"), unavailable());
    }
    for _ in 0..6 {
        world = world.restarted();
        short_run(&world);
        let mut state: Value = serde_json::from_str(&world.documents.state()).unwrap();
        let one = state["leftOver"]
            .as_str()
            .unwrap_or_default()
            .get(..4)
            .map(str::to_owned);
        state["leftOver"] = json!(one.unwrap_or_default());
        world.documents.set_state(state.to_string());
    }
    assert!(live(&world) > 150, "{}", live(&world));
}

/// Makes a run that has no time for more than 200 creations.
fn short_run(world: &World) -> Metrics {
    world.graph.delay("create", 8);
    let (event, mut metrics) = (json!({"source": "aws.scheduler"}), Metrics::default());
    let deadline = world.clock.now() + jiff::SignedDuration::from_secs(25);
    let run = crate::handle(event, deadline, &world.deps, &mut metrics);
    world.clock.run(run).unwrap();
    world.clock.advance(10);
    metrics
}

#[test]
fn a_gap_begins_when_graph_last_showed_the_subscription() {
    let world = world(&organisations(1, &[(0, "chats", chats())]));
    world.scheduled();
    world.clock.advance(24 * 60);
    world.scheduled();
    let shown_at = world.clock.now();
    world.graph.hide("id-1");
    world.graph.fail("get id-1", unavailable());
    world.clock.advance(10);
    runs_for(&world, 120);
    assert!(world.told().is_empty());
    world.graph.remove("id-1");
    world.graph.heal();
    world.scheduled();
    let told = world.told();
    let from: jiff::Timestamp = told[0]["data"]["lostFrom"].as_str().unwrap().parse().unwrap();
    // Graph may still have retried what it accepted four hours before.
    let before = shown_at.duration_since(from);
    // A renewal in between may have shown it as well.
    assert!(before >= jiff::SignedDuration::from_hours(3), "{told:?}");
}

#[test]
fn all_subscriptions_that_a_list_leaves_out_are_asked_for_in_turn() {
    let world = world(&organisations(1, &[(0, "mail", mail(users(150)))]));
    world.scheduled();
    (1..=150).for_each(|number| world.graph.hide(&format!("id-{number}")));
    world.log();
    for _ in 0..2 {
        world.clock.advance(10);
        world.scheduled();
    }
    let log = world.log();
    let asked: std::collections::BTreeSet<_> = log.iter().filter(|line| line.starts_with("get ")).collect();
    assert_eq!(asked.len(), 150);
    assert_eq!(count(&log, "create"), 0);
}

#[test]
fn a_new_process_believes_only_the_second_list_without_a_sharepoint_subscription() {
    let list = json!({"resource": "/sites/s1/lists/l1", "changeType": "updated"});
    let world = world(&organisations(1, &[(0, "list", list), (0, "chats", chats())]));
    world.graph.quirk(Quirk::TakesTwice);
    world.scheduled();
    world.clock.advance(10);
    world.scheduled();
    let ids = |world: &World| world.graph.all().len();
    for hidden in ["id-1", "id-2"] {
        world.graph.hide(hidden);
    }
    world.clock.advance(10);
    let world = world.restarted();
    world.scheduled();
    assert_eq!(
        ids(&world),
        3,
        "a second one of the chats does no harm: Graph refuses it"
    );
    assert_eq!(world.told().len(), 1);
    world.clock.advance(10);
    let world = world.restarted();
    world.scheduled();
    assert_eq!(ids(&world), 4);
}

#[test]
fn what_an_entry_newly_asks_for_in_a_tenant_is_new() {
    let of = |tenant: &str| {
        let mut config = organisations(2, &[(0, "mail", mail(users(3))), (1, "chats", chats())]);
        config["subscriptions"]["mail"]["tenant"] = json!(tenant);
        config
    };
    for (tenant, expected) in [("*", 7), ("t01", 4)] {
        let world = world(&of("t00"));
        world.scheduled();
        world.clock.advance(60);
        world.scheduled();
        world.documents.set(Document::Config, &of(tenant).to_string());
        world.clock.advance(60);
        let world = world.restarted();
        let report = world.scheduled();
        assert_eq!(live(&world), expected, "{report:#}");
        assert_eq!(world.told(), Vec::<Value>::new());
    }
}

#[test]
fn a_tenant_that_loses_much_makes_nobody_elses_new_user_look_lost() {
    let of = |count: usize| {
        let mut other = mail(users(count));
        other["resource"] = json!("/users/{id}/events");
        organisations(2, &[(0, "mail", mail(users(80))), (1, "events", other)])
    };
    let world = world(&of(2));
    world.scheduled();
    world.clock.advance(60);
    let of_mail = |one: &Subscription| one.resource.as_deref().unwrap().ends_with("messages");
    for one in world.graph.all().iter().filter(|one| of_mail(one)) {
        world.graph.remove(&one.id);
    }
    world.graph.fail("create", forbidden());
    world.scheduled();
    world.graph.heal();
    world.documents.set(Document::Config, &of(3).to_string());
    world.clock.advance(60);
    let world = world.restarted();
    let report = world.scheduled();
    assert_eq!(live(&world), 83, "{report:#}");
    let told = world.told();
    let of_events = |told: &&Value| told["subscription"].as_str().unwrap().starts_with("events");
    assert_eq!((told.len(), told.iter().filter(of_events).count()), (80, 0));
}

#[test]
fn a_stored_state_that_is_no_json_counts_as_unknown() {
    for text in ["", "null", "{\"version\":", "[]"] {
        let world = world(&organisations(1, &[(0, "mail", mail(users(10)))]));
        world.scheduled();
        let world = world.restarted();
        world.documents.set_state(text.to_owned());
        // What no brake holds would be deleted.
        let fewer = organisations(1, &[(0, "mail", mail(users(6)))]).to_string();
        world.documents.set(Document::Config, &fewer);
        world.clock.advance(10);
        let mut metrics = Metrics::default();
        let run = world.handle(json!({"source": "aws.scheduler"}), &mut metrics);
        let report = world.clock.run(run).unwrap();
        let problems = report["problems"].to_string();
        assert!(problems.contains("StateParameter"), "{report:#}");
        assert_eq!(report["failed"], json!(1), "{report:#}");
        let report = next_run(&world);
        assert_eq!(
            report["failed"],
            json!(0),
            "the run has stored a new one: {report:#}"
        );
        assert_eq!(world.told(), Vec::<Value>::new());
    }
}

#[test]
fn a_stored_state_that_is_no_json_forgets_no_departed_tenant() {
    let two = [
        (0, "chats", chats()),
        (1, "mail", mail(users(2))),
        (2, "mail-2", mail(users(3))),
    ];
    let mut world = world(&organisations(3, &two));
    world.graph.end_in_time();
    world.scheduled();
    // Two versions later, only the stored state names the version that has the tenant.
    let mut mistaken = organisations(2, &two[..2]);
    mistaken["subscriptions"]["chats"]["changeTypo"] = json!("created");
    for number in 0..3 {
        mistaken["subscriptions"]["chats"]["changeType"] = json!(["created", "updated", "deleted"][number]);
        world.documents.set(Document::Config, &mistaken.to_string());
        world.clock.advance(10);
        world.scheduled();
    }
    world.documents.set_state("{".to_owned());
    let right = organisations(2, &two[..2]).to_string();
    world.documents.set(Document::Config, &right);
    for _ in 0..2 {
        world = world.restarted();
        world.clock.advance(10);
        let report = world.scheduled();
        assert_eq!(removals::trusted(&world), 3, "{report:#}");
        assert_eq!(world.documents.state(), "{", "{report:#}");
        assert!(
            report["problems"].to_string().contains("StateParameter"),
            "{report:#}"
        );
    }
}

#[test]
fn a_mailbox_that_may_have_had_a_subscription_is_no_skipped_one() {
    for text in [
        "[Status Code: Forbidden; Reason: Access to OData is disabled.]",
        "Status Code: 429; Reason: Resource 'SubscriptionCountReached' has reached limit of '1000'.",
    ] {
        let world = world(&organisations(1, &[(0, "mail", mail(users(2)))]));
        world.scheduled();
        world.documents.forget_state();
        world.graph.remove("id-1");
        let refusal = Reply::refusal(403, "ExtensionError", text);
        world.graph.fail("create", refusal);
        // Nobody knows what existed.
        world.clock.advance(60);
        let report = world.restarted().scheduled();
        assert_eq!(
            (&report["failed"], &report["skipped"]),
            (&json!(1), &json!(0)),
            "{report:#}"
        );
    }
}
