//! Every resource that Microsoft's pages on change notifications for teams and channels and for the rest began with.

use graph_simulator::{Post, TokenVersion};
use serde_json::{Value, json};

use crate::world::{Tenant, eventually, send};

/// What is subscribed to (`{id}` stands for a GUID), what happens, the event's type, and whether the resource is sent.
const RESOURCES: &[(&str, &str, &str, bool)] = &[
    ("/users/{id}/messages", "created", "MessageCreated", false),
    (
        "/users/{id}/mailFolders('inbox')/messages",
        "updated",
        "MessageUpdated",
        false,
    ),
    ("/users/{id}/events", "deleted", "EventDeleted", false),
    ("/users/{id}/contacts", "created", "ContactCreated", false),
    ("/users", "updated", "UserUpdated", false),
    ("/users/{id}", "deleted", "UserDeleted", false),
    ("/groups", "updated", "GroupUpdated", false),
    ("/groups/{id}", "deleted", "GroupDeleted", false),
    ("/groups/{id}/owners", "updated", "GroupUpdated", false),
    ("/groups/{id}/members", "updated", "GroupUpdated", false),
    (
        "groups/{id}/conversations",
        "created",
        "ConversationCreated",
        false,
    ),
    ("/users/{id}/drive/root", "updated", "DriveItemUpdated", false),
    ("/drives/{id}/root", "updated", "DriveItemUpdated", false),
    ("/sites/{id}/lists/{id}", "updated", "ListItemUpdated", false),
    ("/security/alerts/{id}", "updated", "AlertUpdated", false),
    (
        "/security/alerts?$filter=status eq 'New'",
        "updated",
        "AlertUpdated",
        false,
    ),
    (
        "/communications/callRecords",
        "created",
        "CallRecordCreated",
        false,
    ),
    ("/teams/getAllMessages", "created", "ChatMessageCreated", true),
    (
        "/teams/{id}/channels/19:a@thread.tacv2/messages",
        "updated",
        "ChatMessageUpdated",
        true,
    ),
    ("/chats/getAllMessages", "deleted", "ChatMessageDeleted", true),
    (
        "/chats/19:b@thread.v2/messages",
        "created",
        "ChatMessageCreated",
        true,
    ),
    (
        "/communications/presences/{id}",
        "updated",
        "PresenceUpdated",
        true,
    ),
    (
        "/communications/presences?$filter=id in ('{id}')",
        "updated",
        "PresenceUpdated",
        true,
    ),
    ("/teams", "created", "TeamCreated", true),
    ("/teams/{id}", "updated", "TeamUpdated", true),
    ("/teams/getAllChannels", "updated", "ChannelUpdated", true),
    ("/teams/{id}/channels", "deleted", "ChannelDeleted", true),
];

#[tokio::test]
async fn every_resource_arrives_as_its_event() {
    // Graph allows one subscription to presence for whoever has signed in.
    let (of_many, others): (Vec<_>, Vec<_>) = RESOURCES
        .iter()
        .partition(|(resource, ..)| resource.contains("?$filter=id in"));
    for (name, resources) in [("resource", others), ("of-many", of_many)] {
        let entries = resources
            .iter()
            .enumerate()
            .map(|(index, (resource, change_type, _, is_rich))| {
                let resource = with_id(resource);
                let entry =
                    json!({"resource": resource, "changeType": change_type, "includeResourceData": is_rich});
                (format!("{name}-{index}"), entry)
            });
        let tenant = Tenant::subscribe(TokenVersion::V2, Value::Object(entries.collect())).await;
        for (resource, change_type, event_type, is_rich) in resources {
            arrives(&tenant, &with_id(resource), change_type, event_type, is_rich).await;
        }
    }
}

async fn arrives(tenant: &Tenant, resource: &str, change_type: &str, event_type: &str, is_rich: bool) {
    let subscription = tenant.subscription(resource);
    let report = send(Post::new().change(&subscription, change_type)).await;
    assert!(report.delivered(), "{resource}: {report:?}");
    let sent = report.items().next().unwrap();
    assert_eq!(sent.content.is_some(), is_rich, "{resource}");
    let first = || tenant.arrived_for(&subscription.id).into_iter().next();
    let event = eventually(&format!("the event of {resource}"), first).await;
    let value: Value = serde_json::from_str(&event).unwrap();
    let data = &value["data"];
    assert_eq!(
        value["type"],
        format!("Microsoft.Graph.{event_type}"),
        "{resource}"
    );
    assert_eq!(data["resource"], sent.item["resource"], "{resource}");
    assert_eq!(
        data.get("resourceData"),
        sent.item.get("resourceData"),
        "{resource}"
    );
    match &sent.content {
        Some(content) => assert!(
            event.contains(&format!(r#""content":{content}"#)),
            "{resource}: {event}"
        ),
        None => assert!(data.get("content").is_none(), "{resource}: {event}"),
    }
}

fn with_id(resource: &str) -> String {
    resource.replace("{id}", "5b2b7a5c-2c0e-4d64-8f6f-6f0ac1f2a001")
}
