//! The kinds of notifications, and the configuration that asks for them.

use serde_json::{Map, Value, json};

use graph_simulator::{App, TokenVersion};

/// A subscription, and the one notification that the demo sends to it.
#[derive(Debug, PartialEq, Eq)]
pub struct Case {
    /// Name in the configuration.
    pub name: &'static str,
    /// Resource.
    pub resource: &'static str,
    /// Change types to subscribe to.
    pub subscribed: &'static str,
    /// Change type of the notification.
    pub change_type: &'static str,
    /// Whether the notification carries the resource, encrypted.
    pub rich: bool,
    /// Type of the event that is to come out.
    pub event_type: &'static str,
}

/// Everything that the two introductions to change notifications name (Microsoft Graph, *Use the Microsoft Graph API to
/// get change notifications* and *Get change notifications for teams and channels*).
///
/// With the real Graph a few of them take more than an app's own credential, `presence` and `conversation` among them.
pub const CASES: [Case; 14] = [
    rich(
        "team-messages",
        "/teams/getAllMessages",
        "created,updated",
        "created",
        "Microsoft.Graph.ChatMessageCreated",
    ),
    rich(
        "presence",
        "/communications/presences/00000000-0000-0000-0000-00000000000a",
        "updated",
        "updated",
        "Microsoft.Graph.PresenceUpdated",
    ),
    rich(
        "teams",
        "/teams",
        "created,updated,deleted",
        "updated",
        "Microsoft.Graph.TeamUpdated",
    ),
    rich(
        "channels",
        "/teams/getAllChannels",
        "created,updated,deleted",
        "created",
        "Microsoft.Graph.ChannelCreated",
    ),
    basic(
        "mail",
        "/users/00000000-0000-0000-0000-00000000000a/messages",
        "created,updated",
        "created",
        "Microsoft.Graph.MessageCreated",
    ),
    basic(
        "calendar",
        "/users/00000000-0000-0000-0000-00000000000a/events",
        "created,updated",
        "updated",
        "Microsoft.Graph.EventUpdated",
    ),
    basic(
        "contacts",
        "/users/00000000-0000-0000-0000-00000000000a/contacts",
        "created,updated",
        "created",
        "Microsoft.Graph.ContactCreated",
    ),
    basic(
        "users",
        "/users",
        "updated,deleted",
        "updated",
        "Microsoft.Graph.UserUpdated",
    ),
    basic(
        "groups",
        "/groups",
        "updated,deleted",
        "deleted",
        "Microsoft.Graph.GroupDeleted",
    ),
    basic(
        "conversations",
        "/groups/00000000-0000-0000-0000-00000000000b/conversations",
        "created",
        "created",
        "Microsoft.Graph.ConversationCreated",
    ),
    basic(
        "drive",
        "/users/00000000-0000-0000-0000-00000000000a/drive/root",
        "updated",
        "updated",
        "Microsoft.Graph.DriveItemUpdated",
    ),
    basic(
        "list",
        "/sites/contoso.sharepoint.com,00000000-0000-0000-0000-00000000000c,00000000-0000-0000-0000-00000000000d/lists/00000000-0000-0000-0000-00000000000e",
        "updated",
        "updated",
        "Microsoft.Graph.ListItemUpdated",
    ),
    basic(
        "alerts",
        "/security/alerts?$filter=status eq 'newAlert'",
        "created,updated",
        "created",
        "Microsoft.Graph.AlertCreated",
    ),
    basic(
        "calls",
        "/communications/callRecords",
        "created",
        "created",
        "Microsoft.Graph.CallRecordCreated",
    ),
];

/// Returns the app registration that the simulator knows.
#[must_use]
pub fn app() -> App {
    App {
        tenant_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
        client_secret: "not-a-secret-outside-the-simulator".to_owned(),
        token_version: TokenVersion::V2,
    }
}

/// Returns the content of ConfigSecret.
#[must_use]
pub fn config() -> Value {
    let app = app();
    let subscription = |case: &Case| {
        let mut entry = json!({ "tenant": "demo", "resource": case.resource, "changeType": case.subscribed });
        if let (true, Some(entry)) = (case.rich, entry.as_object_mut()) {
            entry.insert("includeResourceData".to_owned(), Value::Bool(true));
        }
        (case.name.to_owned(), entry)
    };
    let subscriptions: Map<String, Value> = CASES.iter().map(subscription).collect();
    json!({
        "tenants": {
            "demo": {
                "tenantId": app.tenant_id,
                "clientId": app.client_id,
                "credential": { "clientSecret": app.client_secret },
            }
        },
        "subscriptions": subscriptions,
    })
}

/// A notification with resource data.
const fn rich(
    name: &'static str,
    resource: &'static str,
    subscribed: &'static str,
    change_type: &'static str,
    event_type: &'static str,
) -> Case {
    Case {
        name,
        resource,
        subscribed,
        change_type,
        rich: true,
        event_type,
    }
}

/// A notification without resource data.
const fn basic(
    name: &'static str,
    resource: &'static str,
    subscribed: &'static str,
    change_type: &'static str,
    event_type: &'static str,
) -> Case {
    Case {
        rich: false,
        ..rich(name, resource, subscribed, change_type, event_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_of_the_demo_is_without_errors() {
        let (config, problems) =
            graph_core::subscription::config::Config::parse(&config().to_string()).unwrap();
        assert!(config.whole, "{problems:#?}");
        assert_eq!(config.subscriptions.len(), CASES.len());
    }
}
