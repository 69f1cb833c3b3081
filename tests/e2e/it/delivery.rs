//! Every notification becomes one unchanged event.

use std::collections::BTreeSet;

use graph_simulator::{LifecycleEvent, Post, TokenVersion, Wrong};
use serde_json::{Value, json};

use crate::world::{Tenant, send, simulator};

#[tokio::test]
async fn one_flipped_bit_of_three_fails_alone() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("three")).await;
    let subscription = tenant.subscription("/teams/getAllMessages");
    let post = Post::new()
        .change(&subscription, "created")
        .change(&subscription, "created");
    let report = send(post.change(&subscription, "created").wrong(1, Wrong::FlippedBit)).await;
    assert!(report.delivered(), "{report:?}");
    assert_eq!(tenant.failures(1).await, ["ContentRejected"]);
    let arrived: BTreeSet<_> = tenant
        .events(2)
        .await
        .iter()
        .map(|event| event["data"]["resource"].to_string())
        .collect();
    let good = [0, 2].map(|index| report.items().nth(index).unwrap().item["resource"].to_string());
    assert_eq!(arrived, good.into());
}

#[tokio::test]
async fn the_same_item_twice_has_the_same_id() {
    let tenant = Tenant::subscribe(TokenVersion::V1, team_messages("twice")).await;
    let subscription = tenant.subscription("/teams/getAllMessages");
    let report = send(Post::new().change(&subscription, "updated").duplicate(0)).await;
    assert!(report.delivered());
    simulator().resend(&report.posts[0]).await.unwrap();
    let ids: BTreeSet<_> = tenant
        .events(4)
        .await
        .iter()
        .map(|event| event["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 1);
}

/// Nothing in these items tells two changes apart.
#[tokio::test]
async fn a_drive_or_message_that_changes_twice_makes_two_events() {
    let entries = json!({
        "drive-twice": {"resource": "/drives/b!x/root", "changeType": "updated"},
        "edited": {"resource": "/teams/getAllMessages", "changeType": "updated"},
    });
    let tenant = Tenant::subscribe(TokenVersion::V2, entries).await;
    for resource in ["/drives/b!x/root", "/teams/getAllMessages"] {
        let subscription = tenant.subscription(resource);
        for _ in 0..2 {
            let post = Post::new().basic(&subscription, "updated");
            assert!(send(post.wrong(0, Wrong::NullResourceData)).await.delivered());
        }
    }
    let events = tenant.events(4).await;
    let ids: BTreeSet<_> = events.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), 4, "{events:#?}");
}

#[tokio::test]
async fn odd_spellings_arrive() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("spellings")).await;
    let subscription = tenant.subscription("/teams/getAllMessages");
    let post = Post::new()
        .change(&subscription, "created")
        .wrong(0, Wrong::OddCasing)
        .wrong(0, Wrong::ByteOrderMark);
    assert!(send(post).await.delivered());
    assert_eq!(
        tenant.events(1).await[0]["type"],
        "Microsoft.Graph.ChatMessageCreated"
    );
}

#[tokio::test]
async fn content_passes_byte_for_byte() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("bytes")).await;
    let subscription = tenant.subscription("/teams/getAllMessages");
    let content = r#"{"z":1.10,"a":12345678901234567890123,"z":"\u0041ü", "e":1E5}"#;
    assert!(
        send(Post::new().change(&subscription, "created").content(content))
            .await
            .delivered()
    );
    let event = &tenant.event_bodies(1).await[0];
    assert!(event.contains(&format!(r#""content":{content}"#)), "{event}");
}

#[tokio::test]
async fn an_item_larger_than_a_message_arrives_without_its_content() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("large")).await;
    let subscription = tenant.subscription("/teams/getAllMessages");
    let content = json!({"id": "1", "body": "x".repeat(1_000_000)}).to_string();
    assert!(
        send(Post::new().change(&subscription, "created").content(content))
            .await
            .delivered()
    );
    let event = &tenant.events(1).await[0];
    assert_eq!(event["data"]["contentOmitted"], true);
    assert!(event["data"].get("content").is_none());
}

#[tokio::test]
async fn items_of_two_tenants_arrive_under_their_own_names() {
    let first = Tenant::subscribe(TokenVersion::V1, team_messages("one")).await;
    let second = Tenant::subscribe(TokenVersion::V2, team_messages("two")).await;
    let [a, b] = [&first, &second].map(|tenant| tenant.subscription("/teams/getAllMessages"));
    assert!(
        send(Post::new().change(&a, "created").change(&b, "created"))
            .await
            .delivered()
    );
    for (tenant, name) in [(&first, "one"), (&second, "two")] {
        let event = &tenant.events(1).await[0];
        let source = format!(
            "/tenants/{}/applications/{}",
            tenant.app.tenant_id, tenant.app.client_id
        );
        assert_eq!(
            (&event["source"], &event["subscription"]),
            (&json!(source), &json!(name))
        );
    }
}

#[tokio::test]
async fn lifecycle_and_change_items_in_one_post_go_their_own_ways() {
    let tenant = Tenant::subscribe(TokenVersion::V2, team_messages("mixed")).await;
    let subscription = tenant.subscription("/teams/getAllMessages");
    let post = Post::new().change(&subscription, "created");
    assert!(
        send(post.lifecycle(&subscription, LifecycleEvent::Missed))
            .await
            .delivered()
    );
    for kind in ["ChatMessageCreated", "SubscriptionMissed"] {
        let events = tenant
            .events_with(&format!(r#""type":"Microsoft.Graph.{kind}""#), 1)
            .await;
        assert_eq!(events.len(), 1, "{kind}");
    }
}

/// A configuration with one subscription to the messages of all teams.
pub fn team_messages(name: &str) -> Value {
    json!({name: {"resource": "/teams/getAllMessages", "changeType": "created,updated,deleted", "includeResourceData": true}})
}
