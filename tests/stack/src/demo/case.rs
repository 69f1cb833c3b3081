//! The kinds of notifications, and the configuration that subscribes to them.

use serde_json::{Map, Value, json};

use graph_simulator::{App, TokenVersion};

/// A subscription, and the notification that the demo sends to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// The name in the configuration.
    pub name: &'static str,
    /// The resource.
    pub resource: &'static str,
    /// The change types of the subscription.
    pub subscribed: &'static str,
    /// The change type of the notification.
    pub change_type: &'static str,
    /// Whether the notification carries resource data.
    pub rich: bool,
    /// Whether a signed-in user creates it: Graph does not accept it from an application alone.
    pub delegated: bool,
    /// How the change reaches the stack.
    pub transport: Transport,
    /// The type of the expected event.
    pub event_type: &'static str,
}

/// How a change reaches the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// By a notification that is complete.
    Sent,
    /// By a notification whose content the reader fetches.
    Fetched,
    /// By the reader, after Graph lost the notification and sent `missed`.
    Lost,
}

/// All resources in the two introductions to change notifications (Microsoft Graph, *Use the Microsoft Graph API to get
/// change notifications* and *Get change notifications for teams and channels*).
pub const CASES: [Case; 14] = [
    rich(
        "team-messages",
        "/teams/getAllMessages",
        "created,updated",
        "created",
        "Microsoft.Graph.ChatMessageCreated",
    ),
    delegated(rich(
        "presence",
        "/communications/presences/00000000-0000-0000-0000-00000000000a",
        "updated",
        "updated",
        "Microsoft.Graph.PresenceUpdated",
    )),
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
    with_transport(
        Transport::Lost,
        basic(
            "mail",
            "/users/00000000-0000-0000-0000-00000000000a/messages",
            "created,updated",
            "created",
            "Microsoft.Graph.MessageCreated",
        ),
    ),
    with_transport(
        Transport::Fetched,
        basic(
            "calendar",
            "/users/00000000-0000-0000-0000-00000000000a/events",
            "created,updated",
            "updated",
            "Microsoft.Graph.EventUpdated",
        ),
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
    delegated(basic(
        "conversations",
        "/groups/00000000-0000-0000-0000-00000000000b/conversations",
        "created",
        "created",
        "Microsoft.Graph.ConversationCreated",
    )),
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

/// Returns the app registration that subscribes for itself.
#[must_use]
pub fn app() -> App {
    App {
        tenant_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
        client_secret: "not-a-secret-outside-the-simulator".to_owned(),
        token_version: TokenVersion::V2,
    }
}

/// Returns the app registration that a user has signed in to.
#[must_use]
pub fn signed_in_app() -> App {
    App {
        client_id: "66666666-7777-8888-9999-000000000001".to_owned(),
        ..app()
    }
}

/// Returns the content of ConfigSecret, with the refresh token of a signed-in user.
#[must_use]
pub fn config(refresh_token: &str) -> Value {
    let (app, signed_in) = (app(), signed_in_app());
    let subscription = |case: &Case| {
        let tenant = if case.delegated { "demo-user" } else { "demo" };
        let mut entry = json!({ "tenant": tenant, "resource": case.resource, "changeType": case.subscribed });
        if let (true, Some(entry)) = (case.rich, entry.as_object_mut()) {
            entry.insert("includeResourceData".to_owned(), Value::Bool(true));
        }
        if let (Transport::Fetched, Some(entry)) = (case.transport, entry.as_object_mut()) {
            entry.insert("fetchContent".to_owned(), Value::Bool(true));
        }
        // Without it, moves are unseen, and a gap is never complete.
        if let (Transport::Lost, Some(entry)) = (case.transport, entry.as_object_mut()) {
            entry.insert("immutableIds".to_owned(), Value::Bool(true));
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
            },
            "demo-user": {
                "tenantId": signed_in.tenant_id,
                "clientId": signed_in.client_id,
                "credential": { "refreshToken": refresh_token },
            },
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
        delegated: false,
        transport: Transport::Sent,
        event_type,
    }
}

/// Returns the case with another way.
const fn with_transport(transport: Transport, case: Case) -> Case {
    Case { transport, ..case }
}

/// Returns the case for a subscription of a signed-in user.
const fn delegated(case: Case) -> Case {
    Case {
        delegated: true,
        ..case
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
            graph_core::subscription::config::Config::parse(&config("refresh-token").to_string()).unwrap();
        assert!(config.whole, "{problems:#?}");
        assert_eq!(config.subscriptions.len(), CASES.len());
    }

    /// Renewal warns about subscriptions that the real Graph would refuse, so the demo may cause no warning.
    #[test]
    fn nothing_is_subscribed_to_with_a_credential_that_graph_would_refuse() {
        let (_, problems) =
            graph_core::subscription::config::Config::parse(&config("refresh-token").to_string()).unwrap();
        let signed_in: Vec<_> = problems
            .iter()
            .filter(|one| one.message.contains("signed-in"))
            .collect();
        assert!(signed_in.is_empty(), "{signed_in:?}");
    }
}
