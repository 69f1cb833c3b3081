//! What the metrics of a new process, and of two processes at a time, say of subscriptions and failures.

use graph_edge::metrics::{Metric, Metrics};
use serde_json::{Value, json};

use super::{config, fakes::world, *};

/// `live` is left out where a parameter cannot hold it.
#[tokio::test]
async fn without_stored_counts_no_failing_tenant_counts_as_healthy() {
    let mut world = looked_at_twice().await;
    edit_state(&world, |state| {
        state.as_object_mut().unwrap().remove("live").unwrap();
    });
    for _ in 0..3 {
        world = world.restarted();
        world.graph.fail("login", secret_ended());
        check_unknown(&world.counted(json!({})).await);
    }
}

/// CloudFormation writes `{}` into the parameter where the tags of a stack change.
#[tokio::test]
async fn a_state_that_was_set_back_makes_no_failing_tenant_healthy() {
    let mut world = looked_at_twice().await;
    world.documents.set_state("{}".to_owned());
    for _ in 0..3 {
        world = world.restarted();
        world.graph.fail("login", secret_ended());
        check_unknown(&world.counted(json!({})).await);
        world.clock.advance(10);
    }
}

/// An administrator of another organisation withdraws a consent.
#[tokio::test]
async fn a_tenant_of_unknown_count_hides_no_loss_of_another() {
    let ids: Vec<String> = (0..10).map(|number| format!("u{number}")).collect();
    let mut config = config(&["a", "b"], &[("users", "b", false)]);
    let mut with = |count: usize| {
        config["subscriptions"]["mail"] = json!({
            "tenant": "a", "resource": "/users/{id}/messages", "changeType": "created", "forEach": ids[..count],
        });
        config.to_string()
    };
    let world = world(&serde_json::from_str(&with(10)).unwrap());
    world.run().await;
    edit_state(&world, |state| state["tenants"] = json!({"b": null}));
    let world = world.restarted();
    world.graph.fail("list b", Reply::refusal(403, "Forbidden", ""));
    world.documents.set(Document::Config, &with(2));
    let metrics = world.counted(json!({"confirmDeletions": true})).await;
    for (metric, values) in [
        (Metric::SubscriptionsDropPercent, &[80][..]),
        (Metric::SubscriptionsMissing, &[]),
        (Metric::SubscriptionsLive, &[]),
    ] {
        assert_eq!(metrics.values(metric), values, "{metric:?} in {metrics:?}");
    }
}

#[tokio::test]
async fn a_tenant_whose_secret_is_repaired_counts_again() {
    let mut world = looked_at_twice().await;
    edit_state(&world, |state| {
        state.as_object_mut().unwrap().remove("live").unwrap();
    });
    world = world.restarted();
    world.graph.fail("login", secret_ended());
    check_unknown(&world.counted(json!({})).await);
    world.graph.heal();
    world.clock.advance(60);
    check_live(&world.counted(json!({})).await, 2, 0);
}

#[tokio::test]
async fn while_the_stored_state_is_unreadable_no_failing_tenant_counts_as_healthy() {
    let mut world = looked_at_twice().await;
    *world.documents.hides_state.lock().unwrap() = true;
    world = world.restarted();
    world.graph.fail("login", secret_ended());
    check_unknown(&world.counted(json!({})).await);
    *world.documents.hides_state.lock().unwrap() = false;
    world = world.restarted();
    world.graph.fail("login", secret_ended());
    // The run that could not read it has left it as it was.
    check_live(&world.counted(json!({})).await, 2, 0);
}

#[tokio::test]
async fn a_failing_tenant_without_a_stored_look_does_not_count_as_healthy() {
    let mut world = looked_at_twice().await;
    edit_state(&world, |state| state["tenants"] = json!({"a": null}));
    for _ in 0..2 {
        world = world.restarted();
        world.graph.fail("login", secret_ended());
        check_unknown(&world.counted(json!({})).await);
    }
}

#[tokio::test]
async fn entries_that_cannot_be_read_do_not_count_as_healthy() {
    let world = looked_at_twice().await;
    let mut config = config(&["a"], &[("chat", "a", true), ("users", "a", false)]);
    for name in ["chat", "users"] {
        config["subscriptions"][name]["changeTypes"] = json!("created");
    }
    world.documents.set(Document::Config, &config.to_string());
    let world = world.restarted();
    world.graph.fail("login", secret_ended());
    check_unknown(&world.counted(json!({})).await);
}

#[tokio::test]
async fn one_unreadable_entry_hides_no_danger_of_another() {
    let world = looked_at_twice().await;
    let mut config = config(&["a"], &[("chat", "a", true), ("users", "a", false)]);
    config["subscriptions"]["users"]["changeTypes"] = json!("created");
    world.documents.set(Document::Config, &config.to_string());
    let world = world.restarted();
    world.graph.fail("login", secret_ended());
    world.clock.advance(33 * 60);
    let metrics = world.counted(json!({})).await;
    assert_eq!(metrics.values(Metric::SubscriptionsInDanger), [1]);
    assert_eq!(metrics.values(Metric::SubscriptionsMissing), [0; 0]);
}

#[tokio::test]
async fn a_missing_entry_with_a_mistake_counts_without_stored_counts_too() {
    let mut config = config(&["a"], &[("chat", "a", true), ("users", "a", false)]);
    let world = world(&config);
    world.graph.fail("create /chats", unavailable());
    world.run().await;
    edit_state(&world, |state| {
        state.as_object_mut().unwrap().remove("live").unwrap();
    });
    config["subscriptions"]["chat"]["changeTypes"] = json!("created");
    world.documents.set(Document::Config, &config.to_string());
    check_live(&world.restarted().counted(json!({})).await, 1, 1);
}

#[tokio::test]
async fn a_missing_subscription_counts_once_beside_a_mistake() {
    let mut config = config(&["a"], &[("chat", "a", true), ("users", "a", false)]);
    let world = world(&config);
    world.graph.fail("create /chats", unavailable());
    world.run().await;
    config["subscriptions"]["users"]["changeTypes"] = json!("created");
    world.documents.set(Document::Config, &config.to_string());
    for failure in ["list", "login"] {
        world.graph.fail(failure, unavailable());
        check_live(&world.counted(json!({})).await, 1, 1);
    }
}

/// AWS Lambda may start a process for each scheduled run.
#[tokio::test]
async fn a_new_failure_counts_where_each_run_is_a_new_process() {
    let mut world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    world.graph.fail("update id-1", unavailable());
    world.clock.advance(4_000);
    for expected in [&[][..], &[1], &[], &[]] {
        world = world.restarted();
        world.graph.fail("update id-1", unavailable());
        check_new(&world, expected).await;
    }
    // One run without it, and it is new again.
    for (fails, expected) in [(false, &[][..]), (true, &[]), (true, &[1]), (true, &[])] {
        world = world.restarted();
        if fails {
            world.graph.fail("list", unavailable());
        }
        check_new(&world, expected).await;
    }
}

/// More objects fail than `StateParameter` has room for.
#[tokio::test]
async fn many_failures_of_one_tenant_hide_no_failure_of_another() {
    let ids: Vec<String> = (0..200).map(|number| format!("u{number}")).collect();
    let mut config = config(&["a", "b"], &[]);
    config["subscriptions"]["mail"] = json!({
        "tenant": "a", "resource": "/users/{id}/messages", "changeType": "created", "forEach": ids,
    });
    let mut world = world(&config);
    world.run().await;
    world.clock.advance(9_000);
    let policy = "[Status Code: Forbidden; Reason: Access to OData is disabled.]";
    // The first failure of the entry, and each time that they become twice as many: 1 to 128.
    for (fails, expected) in [
        (false, &[][..]),
        (false, &[8]),
        (true, &[]),
        (true, &[1]),
        (true, &[]),
    ] {
        world = world.restarted();
        world
            .graph
            .fail("update", Reply::refusal(403, "ExtensionError", policy));
        if fails {
            world.graph.fail("list b", unavailable());
        }
        check_new(&world, expected).await;
    }
}

#[tokio::test]
async fn a_failure_counts_once_for_two_processes() {
    let one = prepared(&[("chat", "a", true)]).await;
    let other = one.another_process();
    one.graph.fail("list", unavailable());
    for (world, expected) in [(&one, &[][..]), (&other, &[1]), (&one, &[]), (&other, &[])] {
        check_new(world, expected).await;
    }
}

#[tokio::test]
async fn what_one_process_confirms_is_no_drop_for_another() {
    let ids: Vec<String> = (0..20).map(|number| format!("u{number}")).collect();
    let mut config = config(&["a"], &[]);
    let mut with = |count: usize| {
        config["subscriptions"]["mail"] = json!({
            "tenant": "a", "resource": "/users/{id}/messages", "changeType": "created", "forEach": ids[..count],
        });
        config.to_string()
    };
    let one = world(&json!({"tenants": {}, "subscriptions": {}}));
    one.documents.set(Document::Config, &with(20));
    one.run().await;
    one.documents.set(Document::Config, &with(8));
    let other = one.another_process();
    other.invoke(json!({"confirmDeletions": true})).await.unwrap();
    let metrics = one.counted(json!({})).await;
    assert_eq!(
        metrics.values(Metric::SubscriptionsDropPercent),
        [0],
        "{metrics:?}"
    );
}

/// Returns a world with two subscriptions that a run has listed: the first look of a stack comes before them.
async fn looked_at_twice() -> World {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    // A young key means that the application never had a subscription.
    world.clock.advance(10);
    world.run().await;
    world
}

fn secret_ended() -> Reply {
    Reply::new(401, r#"{"error": "invalid_client", "error_codes": [7000222]}"#)
}

fn edit_state(world: &World, edit: impl FnOnce(&mut Value)) {
    let mut state = serde_json::from_str(&world.documents.state()).unwrap();
    edit(&mut state);
    world.documents.set_state(state.to_string());
}

/// Checks that no metric ends an alarm about subscriptions: their alarms ignore missing data.
#[track_caller]
fn check_unknown(metrics: &Metrics) {
    for metric in [
        Metric::SubscriptionsLive,
        Metric::SubscriptionsMissing,
        Metric::SubscriptionsInDanger,
        Metric::SubscriptionsDropPercent,
    ] {
        assert_eq!(metrics.values(metric), [0; 0], "{metric:?} in {metrics:?}");
    }
}

#[track_caller]
fn check_live(metrics: &Metrics, live: i64, missing: i64) {
    assert_eq!(metrics.values(Metric::SubscriptionsLive), [live], "{metrics:?}");
    assert_eq!(
        metrics.values(Metric::SubscriptionsMissing),
        [missing],
        "{metrics:?}"
    );
}

/// Makes a run and checks how many failures are new.
async fn check_new(world: &World, expected: &[i64]) {
    let metrics = world.counted(json!({})).await;
    assert_eq!(metrics.values(Metric::NewFailures), expected, "{metrics:?}");
}
