//! The metrics of renewal.

use graph_edge::metrics::{Metric, Metrics};
use serde_json::json;

use super::{
    config,
    fakes::{Quirk, world},
    *,
};

#[tokio::test]
async fn a_run_counts_the_subscriptions_by_their_state_afterwards() {
    let world = world(&config(&["a"], &[("chat", "a", true), ("users", "a", false)]));
    let metrics = world.counted(json!({})).await;
    check(
        &metrics,
        &[
            (Metric::RunSucceeded, 1),
            (Metric::RunFailures, 0),
            (Metric::RunUnfinished, 0),
            (Metric::Created, 2),
            (Metric::SubscriptionsLive, 2),
            (Metric::SubscriptionsMissing, 0),
            (Metric::SubscriptionsInDanger, 0),
        ],
    );
    // The encryption certificate is the only one with a known expiry.
    assert!(metrics.values(Metric::DaysLeft)[0] > 300, "{metrics:?}");
    // Chat messages live for three days, of which ten minutes are not requested.
    assert_eq!(metrics.values(Metric::SoonestExpiryMinutes), [3 * 24 * 60 - 10]);
    assert!(metrics.values(Metric::LeastLeftPercent)[0] > 100);
}

#[tokio::test]
async fn a_subscription_that_cannot_be_renewed_is_overdue_then_missing() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.fail("update", unavailable());
    world.clock.advance(4200);
    let metrics = world.counted(json!({})).await;
    check(
        &metrics,
        &[
            (Metric::RunSucceeded, 1),
            (Metric::RunFailures, 1),
            (Metric::EntriesFailed, 1),
            (Metric::SubscriptionsLive, 1),
            (Metric::SubscriptionsInDanger, 1),
            (Metric::SoonestExpiryMinutes, 3 * 24 * 60 - 11 - 4200),
        ],
    );
    world.graph.fail("create", unavailable());
    world.clock.advance(400);
    let metrics = world.counted(json!({})).await;
    check(
        &metrics,
        &[
            (Metric::SubscriptionsLive, 0),
            (Metric::SubscriptionsMissing, 1),
            (Metric::SubscriptionsInDanger, 0),
        ],
    );
    assert!(metrics.values(Metric::SoonestExpiryMinutes).is_empty());
    world.graph.heal();
    let metrics = world.counted(json!({})).await;
    check(&metrics, &[(Metric::RunSucceeded, 1), (Metric::Created, 1)]);
}

/// The most frequent cause of a lapse: the only client secret has expired, or Graph does not list the subscriptions.
#[tokio::test]
async fn subscriptions_of_an_unlisted_tenant_are_counted_as_remembered() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.counted(json!({})).await;
    world.graph.fail("list", unavailable());
    world.graph.fail("update", unavailable());
    world.clock.advance(60);
    let metrics = world.counted(json!({})).await;
    check(
        &metrics,
        &[
            (Metric::RunFailures, 1),
            (Metric::SubscriptionsLive, 1),
            (Metric::SubscriptionsMissing, 0),
            (Metric::SubscriptionsInDanger, 0),
            (Metric::SubscriptionsDropPercent, 0),
        ],
    );
    world.clock.advance(4140);
    let metrics = world.counted(json!({})).await;
    check(&metrics, &[(Metric::SubscriptionsInDanger, 1)]);
    // A renewal that fails at the end of a subscription's life is followed by a creation.
    world.graph.fail("create", unavailable());
    world.clock.advance(400);
    let metrics = world.counted(json!({})).await;
    check(
        &metrics,
        &[(Metric::SubscriptionsLive, 0), (Metric::SubscriptionsMissing, 1)],
    );
}

#[tokio::test]
async fn what_is_missing_counts_while_the_list_or_the_keys_fail() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    world.clock.advance(10);
    world.graph.remove("id-1");
    world.graph.fail("create", unavailable());
    check(
        &world.counted(json!({})).await,
        &[(Metric::SubscriptionsMissing, 1)],
    );
    for failure in ["list", "login"] {
        world.graph.fail(failure, unavailable());
        let metrics = world.counted(json!({})).await;
        check(
            &metrics,
            &[
                (Metric::SubscriptionsLive, 1),
                (Metric::SubscriptionsMissing, 1),
                (Metric::LeftOverTwice, 0),
            ],
        );
    }
    world.documents.set(Document::Decryption, r#"{"keys": 1}"#);
    check(
        &world.counted(json!({})).await,
        &[(Metric::SubscriptionsLive, 1), (Metric::SubscriptionsMissing, 1)],
    );
}

#[tokio::test]
async fn what_is_missing_counts_while_its_entry_has_a_mistake() {
    let mut config = config(&["a"], &[("chat", "a", true), ("users", "a", false)]);
    let world = world(&config);
    world.graph.fail("create /chats", unavailable());
    world.run().await;
    config["subscriptions"]["chat"]["changeTypes"] = json!("created");
    world.documents.set(Document::Config, &config.to_string());
    for world in [world.another_process(), world] {
        let metrics = world.counted(json!({})).await;
        check(
            &metrics,
            &[(Metric::SubscriptionsLive, 1), (Metric::SubscriptionsMissing, 1)],
        );
    }
}

/// A tenant without consent, say.
#[tokio::test]
async fn a_tenant_that_was_never_listed_silences_no_other() {
    let world = world(&config(
        &["a", "b"],
        &[("chat", "a", true), ("users", "b", false)],
    ));
    world.graph.fail("list b", Reply::refusal(403, "Forbidden", ""));
    world.run().await;
    world.graph.remove("id-1");
    world.graph.fail("create", unavailable());
    let states = |live, missing| {
        [
            (Metric::TenantsFailed, 1),
            (Metric::SubscriptionsLive, live),
            (Metric::SubscriptionsMissing, missing),
            (Metric::SubscriptionsInDanger, 0),
        ]
    };
    check(&world.counted(json!({})).await, &states(0, 1));
    world.graph.heal();
    world.graph.fail("list b", Reply::refusal(403, "Forbidden", ""));
    check(&world.counted(json!({})).await, &states(1, 0));
    check(&world.restarted().counted(json!({})).await, &states(1, 0));
}

/// After a deployment that sets `StateParameter` back, nobody knows that the tenant never had a subscription.
#[tokio::test]
async fn an_unknown_tenant_silences_no_other_longer_than_subscriptions_live() {
    let mut world = world(&config(
        &["a", "b"],
        &[("chat", "a", true), ("users", "b", false)],
    ));
    let refused = || Reply::refusal(403, "Forbidden", "");
    world.graph.fail("list b", refused());
    world.run().await;
    world.clock.advance(60);
    world.documents.set_state("{}".to_owned());
    for (days, expected) in [(0, &[][..]), (1, &[]), (29, &[]), (1, &[0])] {
        world = world.restarted();
        world.graph.fail("list b", refused());
        world.clock.advance(days * 24 * 60);
        world.run().await;
        let metrics = world.counted(json!({})).await;
        assert_eq!(metrics.values(Metric::SubscriptionsMissing), expected, "{days}");
        check(&metrics, &[(Metric::TenantsFailed, 1)]);
    }
}

/// Nobody has listed the tenant before, so a mistake changes nothing about it.
#[tokio::test]
async fn a_mistake_makes_no_tenant_unknown_that_was_never_listed() {
    let entries = [("chat", "a", true), ("users", "b", false)];
    let right = config(&["a", "b"], &entries).to_string();
    let world = world(&config(&["a", "b"], &entries));
    world.graph.fail("list b", Reply::refusal(403, "Forbidden", ""));
    world.run().await;
    world.clock.advance(60);
    world.run().await;
    let wrong = right.replace("\"subscriptions\":{", "\"subscriptions\":{\"wrong\":{},");
    assert_ne!(wrong, right);
    world.documents.set(Document::Config, &wrong);
    let metrics = world.counted(json!({})).await;
    assert_eq!(metrics.values(Metric::SubscriptionsMissing), [0; 0]);
    world.documents.set(Document::Config, &right);
    check(
        &world.counted(json!({})).await,
        &[(Metric::SubscriptionsMissing, 0), (Metric::SubscriptionsLive, 1)],
    );
}

/// The secret ends on Friday evening, and AWS Lambda starts a new process at night.
#[tokio::test]
async fn a_new_process_counts_what_it_cannot_list_as_overdue_then_missing() {
    let mut world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    // The first look of the stack comes before its subscriptions.
    world.run().await;
    let refused = || Reply::new(401, r#"{"error": "invalid_client", "error_codes": [7000222]}"#);
    for (hours, live, missing, in_danger) in [(1, 2, 0, 0), (32, 2, 0, 1), (30, 2, 0, 1), (10, 1, 1, 0)] {
        world = world.restarted();
        world.graph.fail("login", refused());
        world.clock.advance(hours * 60);
        let metrics = world.counted(json!({})).await;
        check(
            &metrics,
            &[
                (Metric::SubscriptionsLive, live),
                (Metric::SubscriptionsMissing, missing),
                (Metric::SubscriptionsInDanger, in_danger),
            ],
        );
    }
}

#[tokio::test]
async fn a_subscription_without_a_visible_expiry_is_not_missing() {
    let mut config = config(&["a"], &[("chat", "a", true)]);
    let world = world(&config);
    world.run().await;
    let world = world.restarted();
    world.graph.quirk(Quirk::HidesEnds);
    // Its entry cannot be read, so nothing renews it.
    config["subscriptions"]["chat"]["changeTypes"] = json!("created");
    world.documents.set(Document::Config, &config.to_string());
    check(
        &world.counted(json!({})).await,
        &[(Metric::SubscriptionsLive, 1), (Metric::SubscriptionsMissing, 0)],
    );
}

#[tokio::test]
async fn the_only_subscription_counts_as_missing_while_the_list_fails() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.graph.remove("id-1");
    world.graph.fail("create", unavailable());
    world.counted(json!({})).await;
    world.graph.fail("list", unavailable());
    check(
        &world.counted(json!({})).await,
        &[(Metric::SubscriptionsMissing, 1)],
    );
}

/// A 0 would end an alarm that is on, and set the one on a drop off.
#[tokio::test]
async fn nothing_is_counted_of_subscriptions_that_nobody_knows() {
    let world = world(&config(&["a"], &[("chat", "a", true)]));
    world.graph.fail("list", unavailable());
    let metrics = world.counted(json!({})).await;
    check(&metrics, &[(Metric::RunSucceeded, 1), (Metric::RunFailures, 1)]);
    for metric in [
        Metric::SubscriptionsLive,
        Metric::SubscriptionsMissing,
        Metric::SubscriptionsInDanger,
        Metric::SubscriptionsDropPercent,
    ] {
        assert_eq!(metrics.values(metric), [0; 0], "{metric:?}");
    }
}

/// The credential of an application is not known any more, but its subscriptions live.
#[tokio::test]
async fn nothing_is_counted_of_an_application_that_no_document_has() {
    let world = world(&config(
        &["a", "b"],
        &[("chat", "a", true), ("users", "b", false)],
    ));
    world.run().await;
    let without_b = config(&["a"], &[("chat", "a", true), ("users", "b", false)]);
    for _ in 0..2 {
        world.documents.set(Document::Config, &without_b.to_string());
    }
    let before = world.documents.state();
    world
        .documents
        .set_state(before.replace("\"version\":\"1\"", "\"version\":\"9\""));
    for _ in 0..2 {
        let metrics = world.counted(json!({})).await;
        check(&metrics, &[(Metric::RunSucceeded, 1)]);
        for metric in [
            Metric::SubscriptionsLive,
            Metric::SubscriptionsMissing,
            Metric::SubscriptionsInDanger,
            Metric::SubscriptionsDropPercent,
        ] {
            assert_eq!(metrics.values(metric), [0; 0], "{metric:?}");
        }
    }
    // What was counted before is still known when the tenant is back.
    world.graph.fail("list b", unavailable());
    let both = config(&["a", "b"], &[("chat", "a", true), ("users", "b", false)]);
    world.documents.set(Document::Config, &both.to_string());
    check(
        &world.restarted().counted(json!({})).await,
        &[(Metric::SubscriptionsLive, 2), (Metric::SubscriptionsMissing, 0)],
    );
}

#[tokio::test]
async fn renewals_and_throttled_calls_are_counted() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(4000);
    let metrics = world.counted(json!({})).await;
    check(&metrics, &[(Metric::Renewed, 1)]);
    world.graph.fail(
        "list",
        Reply::refusal(429, "TooManyRequests", "Too many requests."),
    );
    let metrics = world.counted(json!({})).await;
    check(&metrics, &[(Metric::ThrottledCalls, 4), (Metric::RunFailures, 1)]);
}

#[tokio::test]
async fn a_run_that_could_not_be_made_has_not_succeeded() {
    let world = prepared(&[("chat", "a", true)]).await.restarted();
    *world.documents.is_down.lock().unwrap() = true;
    check(&world.counted(json!({})).await, &[(Metric::RunSucceeded, 0)]);
}

/// Every other metric looks healthy when nothing is configured any more.
#[tokio::test]
async fn subscriptions_that_are_gone_since_the_run_before_are_counted() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    let metrics = world.counted(json!({})).await;
    check(&metrics, &[(Metric::SubscriptionsDropPercent, 0)]);
    world
        .documents
        .set(Document::Config, r#"{"tenants":{},"subscriptions":{}}"#);
    let held = world.counted(json!({})).await;
    check(
        &held,
        &[(Metric::SubscriptionsDropPercent, 0), (Metric::DeletionsHeld, 1)],
    );
    let metrics = world.counted(json!({"confirmDeletions": true})).await;
    check(&metrics, &[(Metric::SubscriptionsDropPercent, 100)]);
    let metrics = world.counted(json!({})).await;
    check(&metrics, &[(Metric::SubscriptionsDropPercent, 0)]);
}

#[tokio::test]
async fn held_deletions_count_though_a_list_fails() {
    for restarts in [false, true] {
        let mut world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
        let before = world.documents.text(Document::Config).unwrap();
        let empty = config(&["a"], &[]).to_string();
        world.documents.set(Document::Config, &empty);
        check(&world.counted(json!({})).await, &[(Metric::DeletionsHeld, 2)]);
        if restarts {
            world = world.restarted();
        }
        world.graph.fail("list", unavailable());
        for _ in 0..2 {
            check(&world.counted(json!({})).await, &[(Metric::DeletionsHeld, 1)]);
        }
        world.graph.heal();
        world.documents.set(Document::Config, &before);
        check(&world.counted(json!({})).await, &[(Metric::DeletionsHeld, 0)]);
    }
}

/// An alarm that one tenant keeps on for weeks says nothing of the next failure.
#[tokio::test]
async fn a_new_failure_counts_once_beside_an_old_one() {
    let world = world(&config(
        &["a", "b"],
        &[("chat", "a", true), ("users", "b", false)],
    ));
    world.graph.fail("list b", Reply::refusal(403, "Forbidden", ""));
    for _ in 0..3 {
        check_new(&world, &[]);
    }
    world.graph.fail("update id-1", unavailable());
    world.clock.advance(500);
    check_new(&world, &[]);
    check_new(&world, &[1]);
    check_new(&world, &[]);
    // It is known to the next process as well.
    let world = world.restarted();
    check_new(&world, &[]);
    check_new(&world, &[]);
    world.graph.heal();
    check_new(&world, &[]);
    world.graph.fail("update id-1", unavailable());
    world.clock.advance(500);
    check_new(&world, &[]);
    check_new(&world, &[1]);
}

#[tokio::test]
async fn a_failure_that_the_next_run_cures_is_never_new() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    for failure in ["list", "login", "list"] {
        world.graph.fail(failure, unavailable());
        check_new(&world, &[]);
        world.graph.heal();
        check_new(&world, &[]);
    }
}

/// Objects that a policy excludes one after the other are not missing: nobody here can change it.
#[tokio::test]
async fn a_slow_loss_adds_up() {
    let ids: Vec<String> = (0..20).map(|number| format!("u{number}")).collect();
    let mut config = config(&["a"], &[]);
    let mut set = |world: &World, count: usize| {
        config["subscriptions"]["mail"] = json!({
            "tenant": "a", "resource": "/users/{id}/messages", "changeType": "created", "forEach": ids[..count],
        });
        world.documents.set(Document::Config, &config.to_string());
    };
    let mut world = world(&json!({"tenants": {}, "subscriptions": {}}));
    for (count, percent) in [(20, 0), (18, 0), (16, 0), (14, 30), (12, 40)] {
        set(&world, count);
        let metrics = world.counted(json!({"confirmDeletions": false})).await;
        check(
            &metrics,
            &[
                (Metric::SubscriptionsLive, i64::try_from(count).unwrap()),
                (Metric::SubscriptionsDropPercent, percent),
            ],
        );
        world = world.restarted();
        world.clock.advance(60);
    }
    world.clock.advance(48 * 60);
    check(
        &world.counted(json!({})).await,
        &[(Metric::SubscriptionsDropPercent, 0)],
    );
}

/// SQS leaves messages that were received three times out of the age of the oldest message: only this metric shows
/// them.
#[tokio::test]
async fn retried_and_failed_lifecycle_notifications_are_counted() {
    let world = prepared(&[("chat", "a", true)]).await;
    world.clock.advance(60);
    world.graph.fail("update", unavailable());
    let records = [
        super::lifecycle::event("m1", "reauthorizationRequired", "chat", "id-1"),
        json!({"messageId": "m2", "eventSource": "aws:sqs", "body": "not json"}),
    ];
    let metrics = world.counted(json!({"Records": records})).await;
    check(
        &metrics,
        &[
            (Metric::LifecycleRetried, 1),
            (Metric::Failed, 1),
            (Metric::FailedSealRejected, 1),
        ],
    );
}

/// Anybody can send the webhook a client state that names an unknown key. Only Graph lists subscriptions.
#[tokio::test]
async fn subscriptions_whose_client_state_key_is_lost_are_counted() {
    let world = prepared(&[("chat", "a", true), ("users", "a", false)]).await;
    let metrics = world.counted(json!({})).await;
    assert_eq!(metrics.values(Metric::SubscriptionsWithoutKey), [0; 0]);
    world.documents.set(Document::ClientState, "{}");
    let metrics = world.counted(json!({})).await;
    check(&metrics, &[(Metric::SubscriptionsWithoutKey, 2)]);
}

#[tokio::test]
async fn a_dry_run_counts_for_nothing() {
    let world = prepared(&[("chat", "a", true)]).await;
    assert_eq!(world.counted(json!({"dryRun": true})).await, Metrics::default());
}

/// Makes a run and checks how many failures are new.
#[track_caller]
fn check_new(world: &World, expected: &[i64]) {
    let mut metrics = Metrics::default();
    let run = world.handle(json!({}), &mut metrics);
    world.clock.run(run).unwrap();
    assert_eq!(metrics.values(Metric::NewFailures), expected, "{metrics:?}");
}

#[track_caller]
fn check(metrics: &Metrics, expected: &[(Metric, i64)]) {
    for (metric, value) in expected {
        assert_eq!(metrics.values(*metric), [*value], "{metric:?} in {metrics:?}");
    }
}
