//! The deployed function creates, keeps and recreates subscriptions.

use graph_simulator::{LifecycleEvent, Post, TokenVersion};
use serde_json::{Value, json};

use crate::{
    delivery::team_messages,
    world::{Tenant, eventually, renew, renew_alone, send, simulator},
};

#[tokio::test]
async fn a_dry_run_changes_nothing_and_a_second_run_keeps_everything() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("second-run")).await;
    let before = tenant.subscriptions();
    for event in [json!({"dryRun": true}), json!({})] {
        renew(&event).await;
        let after = tenant.subscriptions();
        assert_eq!(ids(&before), ids(&after));
        assert_eq!(before[0].expires_at, after[0].expires_at);
    }
}

#[tokio::test]
async fn a_missing_subscription_is_created_again_but_not_by_a_dry_run() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("gone")).await;
    let before = tenant.subscription("/teams/getAllMessages");
    // Each run covers all tenants, so one of another test would create the subscription too early.
    let remove = || assert!(simulator().remove(&before));
    let left = renew_alone(remove, &json!({"dryRun": true}), || tenant.subscriptions()).await;
    assert!(left.is_empty());
    renew(&json!({})).await;
    let after = tenant.subscription("/teams/getAllMessages");
    assert_ne!(before.id, after.id);
    assert!(send(Post::new().change(&after, "created")).await.delivered());
    eventually("the notification", || {
        tenant.arrived_for(&after.id).into_iter().next()
    })
    .await;
}

#[tokio::test]
async fn consumers_get_an_event_about_a_silently_removed_subscription() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("silent")).await;
    // A process knows of the subscription once it has made or listed it, and Lambda chooses among the processes that the
    // tests have started, two of them at once.
    let is_told = |report: &Value| {
        let lines = report["subscriptions"].as_array().unwrap();
        lines
            .iter()
            .any(|line| line["name"] == "silent" && !line["lost"].is_null())
    };
    let mut after = tenant.subscription("/teams/getAllMessages");
    let mut successors = Vec::new();
    for _ in 0..5 {
        assert!(simulator().remove(&after));
        let before = after;
        let report = renew(&json!({})).await;
        after = tenant.subscription("/teams/getAllMessages");
        assert_ne!(before.id, after.id);
        successors.push(after.id.clone());
        if is_told(&report) {
            break;
        }
    }
    let event = tenant.events(1).await.remove(0);
    assert_eq!(event["type"], "Microsoft.Graph.SubscriptionRecreated");
    assert_eq!(event["subscription"], "silent");
    // Another test's run can be the one that finds it missing.
    let successor = event["data"]["newSubscriptionId"].as_str().unwrap();
    assert!(successors.iter().any(|id| id == successor), "{event}");
}

#[tokio::test]
async fn a_subscription_url_holds_the_state_for_the_next_run() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("carries")).await;
    let subscription = tenant.subscription("/teams/getAllMessages");
    let url = &subscription.notification_url;
    assert!(
        url.starts_with("https://graph-notifications.test/notifications?i=") && url.contains("&s=carries&k="),
        "{url}"
    );
    assert!(
        url.contains(&format!(
            "&c={}",
            subscription.encryption_certificate_id.as_deref().unwrap()
        )),
        "{url}"
    );
    let lifecycle = subscription.lifecycle_notification_url.as_deref().unwrap();
    assert!(
        lifecycle.starts_with("https://graph-notifications.test/lifecycle?i=")
            && lifecycle.contains("&s=carries&k="),
        "{lifecycle}"
    );
    assert!(
        subscription
            .client_state
            .as_deref()
            .unwrap()
            .starts_with("carries.")
    );
}

#[tokio::test]
async fn a_subscription_that_graph_removed_is_created_again_before_the_schedule() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("removed")).await;
    let before = tenant.subscription("/teams/getAllMessages");
    assert!(
        send(Post::new().lifecycle(&before, LifecycleEvent::SubscriptionRemoved))
            .await
            .delivered()
    );
    let is_new = || tenant.subscriptions().into_iter().find(|one| one.id != before.id);
    eventually("the new subscription", is_new).await;
}

fn ids(subscriptions: &[graph_simulator::Registered]) -> Vec<&str> {
    subscriptions.iter().map(AsRef::as_ref).collect()
}
