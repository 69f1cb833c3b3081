//! What Graph sends comes out, once and unchanged.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::graph::{LifecycleEvent, Post, TokenVersion, Wrong};

use crate::world::{Tenant, eventually, send, simulator};

#[tokio::test]
async fn every_resource_of_the_seeds_arrives_as_its_event() {
    let rich = [
        ("/teams/getAllMessages", "created", "ChatMessageCreated"),
        (
            "/teams/fbe2bf47-16c8-47cf-b4a5-4b9b187c508b/channels/19:a@thread.tacv2/messages",
            "updated",
            "ChatMessageUpdated",
        ),
        ("/chats/getAllMessages", "deleted", "ChatMessageDeleted"),
        (
            "/communications/presences/5b2b7a5c-2c0e-4d64-8f6f-6f0ac1f2a001",
            "updated",
            "PresenceUpdated",
        ),
        ("/teams", "created", "TeamCreated"),
        ("/teams/getAllChannels", "updated", "ChannelUpdated"),
    ];
    let basic = [
        (
            "/users/5b2b7a5c-2c0e-4d64-8f6f-6f0ac1f2a001/messages",
            "created",
            "MessageCreated",
        ),
        (
            "/users/5b2b7a5c-2c0e-4d64-8f6f-6f0ac1f2a001/mailFolders('inbox')/messages",
            "updated",
            "MessageUpdated",
        ),
        (
            "/users/5b2b7a5c-2c0e-4d64-8f6f-6f0ac1f2a001/events",
            "deleted",
            "EventDeleted",
        ),
        (
            "/users/5b2b7a5c-2c0e-4d64-8f6f-6f0ac1f2a001/contacts",
            "created",
            "ContactCreated",
        ),
        ("/users", "updated", "UserUpdated"),
        ("/groups", "updated", "GroupUpdated"),
        (
            "/groups/5b2b7a5c-2c0e-4d64-8f6f-6f0ac1f2a002/conversations",
            "created",
            "ConversationCreated",
        ),
        (
            "/users/5b2b7a5c-2c0e-4d64-8f6f-6f0ac1f2a001/drive/root",
            "updated",
            "DriveItemUpdated",
        ),
        (
            "/sites/5b2b7a5c-2c0e-4d64-8f6f-6f0ac1f2a003/lists/5b2b7a5c-2c0e-4d64-8f6f-6f0ac1f2a004",
            "updated",
            "ListItemUpdated",
        ),
        (
            "/security/alerts?$filter=status eq 'New'",
            "updated",
            "AlertUpdated",
        ),
        ("/communications/callRecords", "created", "CallRecordCreated"),
    ];
    let entry = |index: usize, (resource, change_type, _): &(&str, &str, &str), is_rich: bool| {
        let entry = json!({"resource": resource, "changeType": change_type, "includeResourceData": is_rich});
        (
            format!("seed-{}-{index}", if is_rich { "rich" } else { "basic" }),
            entry,
        )
    };
    let entries = rich
        .iter()
        .enumerate()
        .map(|(index, row)| entry(index, row, true));
    let entries = entries.chain(
        basic
            .iter()
            .enumerate()
            .map(|(index, row)| entry(index, row, false)),
    );
    let tenant = Tenant::subscribe(TokenVersion::V2, entries.collect()).await;

    for (resource, change_type, event_type) in rich.iter().chain(&basic) {
        let subscription = tenant.subscription(resource);
        let report = send(Post::new().change(&subscription, change_type)).await;
        assert!(report.delivered(), "{resource}: {report:?}");
        let sent = report.items().next().unwrap();
        let event = eventually(&format!("the event of {resource}"), || {
            let events = tenant.arrived_for(&subscription.id);
            events.into_iter().next()
        })
        .await;
        let value: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(
            value["type"],
            format!("Microsoft.Graph.{event_type}"),
            "{resource}"
        );
        assert_eq!(value["data"]["resource"], sent.item["resource"], "{resource}");
        assert_eq!(
            value["data"].get("resourceData"),
            sent.item.get("resourceData"),
            "{resource}"
        );
        match &sent.content {
            Some(content) => assert!(
                event.contains(&format!(r#""content":{content}"#)),
                "{resource}: {event}"
            ),
            None => assert!(value["data"].get("content").is_none(), "{resource}: {event}"),
        }
    }
}

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
async fn an_item_larger_than_a_message_arrives_without_its_content_and_says_so() {
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
async fn what_comes_from_two_tenants_arrives_under_their_own_names() {
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
    let mut types: Vec<_> = tenant
        .events(2)
        .await
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    types.sort_by_key(ToString::to_string);
    assert_eq!(
        types,
        [
            "Microsoft.Graph.ChatMessageCreated",
            "Microsoft.Graph.SubscriptionMissed"
        ]
    );
}

/// A configuration with one subscription to the messages of all teams.
pub fn team_messages(name: &str) -> Value {
    json!({name: {"resource": "/teams/getAllMessages", "changeType": "created,updated,deleted", "includeResourceData": true}})
}
