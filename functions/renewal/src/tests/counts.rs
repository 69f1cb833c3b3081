//! The metrics of renewal.

use graph_edge::metrics::{Metric, Metrics};
use serde_json::json;

use super::{config, fakes::world, *};

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
    let metrics = world.counted(json!({})).await;
    assert_eq!(
        metrics.values(Metric::SubscriptionsMissing),
        [0; 0],
        "{metrics:?}"
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
    let world = prepared(&[("chat", "a", true)]).await;
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
    assert_eq!(metrics.values(Metric::SubscriptionsDropPercent), [0; 0]);
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

#[tokio::test]
async fn a_dry_run_counts_for_nothing() {
    let world = prepared(&[("chat", "a", true)]).await;
    assert_eq!(world.counted(json!({"dryRun": true})).await, Metrics::default());
}

#[track_caller]
fn check(metrics: &Metrics, expected: &[(Metric, i64)]) {
    for (metric, value) in expected {
        assert_eq!(metrics.values(*metric), [*value], "{metric:?} in {metrics:?}");
    }
}
