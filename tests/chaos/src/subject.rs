//! The subscribed resources, and the configuration of them.

use graph_simulator::{App, Registered, TokenVersion};
use serde_json::{Value, json};

/// A subscription that changes are sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Channel messages, encrypted.
    TeamMessages,
    /// Channels, encrypted.
    Channels,
    /// The calendar of a user. Its change types are configured now this way, now that way.
    Calendar,
    /// The contacts of a user, subscribed to by a signed-in user.
    Contacts,
    /// The channel messages of another tenant, encrypted. The resource is written as that of the first tenant.
    PartnerMessages,
    /// The contacts of a user of another tenant. The resource is written as that of the first tenant.
    PartnerContacts,
    /// The mail of one of many users, who come and go.
    Mail(u8),
}

impl Subject {
    /// All of them, with the most users there can be.
    pub fn all() -> Vec<Self> {
        let steady = [
            Self::TeamMessages,
            Self::Channels,
            Self::Calendar,
            Self::Contacts,
            Self::PartnerMessages,
            Self::PartnerContacts,
        ];
        steady.into_iter().chain((0..MAX_USERS).map(Self::Mail)).collect()
    }

    /// Returns the name in the configuration.
    pub fn name(self) -> String {
        match self {
            Self::TeamMessages => "team-messages".to_owned(),
            Self::Channels => "channels".to_owned(),
            Self::Calendar => "calendar".to_owned(),
            Self::Contacts => "contacts".to_owned(),
            Self::PartnerMessages => "partner-messages".to_owned(),
            Self::PartnerContacts => "partner-contacts".to_owned(),
            Self::Mail(user) => format!("mail/{}", id_of_user(user)),
        }
    }

    /// Returns the resource.
    pub fn resource(self) -> String {
        match self {
            Self::TeamMessages | Self::PartnerMessages => "/teams/getAllMessages".to_owned(),
            Self::Channels => "/teams/getAllChannels".to_owned(),
            Self::Calendar => format!("/users/{}/events", id_of_user(MAX_USERS)),
            Self::Contacts | Self::PartnerContacts => format!("/users/{}/contacts", id_of_user(MAX_USERS)),
            Self::Mail(user) => format!("/users/{}/messages", id_of_user(user)),
        }
    }

    /// Returns the change types that a version of the configuration asks for.
    pub fn change_types(self, version: u32) -> &'static str {
        match self {
            Self::TeamMessages => "created,updated",
            Self::Calendar if version % 4 < 2 => "created,updated",
            Self::Channels | Self::Calendar => "created,updated,deleted",
            Self::Contacts | Self::PartnerMessages | Self::PartnerContacts | Self::Mail(_) => "created",
        }
    }

    /// Tells whether changes carry the resource, encrypted.
    pub fn is_rich(self) -> bool {
        matches!(self, Self::TeamMessages | Self::Channels | Self::PartnerMessages)
    }

    /// Returns how changes that were lost can be read.
    pub fn list(self) -> Option<List> {
        match self {
            Self::TeamMessages | Self::PartnerMessages => Some(List::Teams),
            Self::Calendar | Self::PartnerContacts | Self::Mail(_) => Some(List::Outlook),
            // A list of all channels has no times, and the reader does not sign in as a user.
            Self::Channels | Self::Contacts => None,
        }
    }

    /// Returns the collection that shows a change in Graph, if there is one.
    pub fn collection(self, number: u32) -> Option<String> {
        Some(match self.list()? {
            List::Outlook => self.resource(),
            List::Teams => format!("/teams/{}/channels/19:chaos@thread.tacv2/messages", team(number)),
        })
    }

    /// Tells whether every configuration of a run asks for it.
    pub fn is_steady(self) -> bool {
        !matches!(self, Self::Mail(user) if user >= MIN_USERS)
    }

    /// Returns the app registration that subscribes to it.
    pub fn app(self) -> App {
        match self {
            Self::Contacts => signed_in_app(),
            Self::PartnerMessages | Self::PartnerContacts => partner_app(),
            Self::TeamMessages | Self::Channels | Self::Calendar | Self::Mail(_) => app(),
        }
    }

    /// Tells whether a subscription is one to this.
    pub fn is_of(self, one: &Registered) -> bool {
        let app = self.app();
        (&one.resource, &one.tenant_id, &one.client_id) == (&self.resource(), &app.tenant_id, &app.client_id)
    }
}

/// A kind of list by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// A folder of Outlook. A change that is read has the id of its notification.
    Outlook,
    /// The messages of each team. A change that is read has an id of its own, as Graph's notifications have no version.
    Teams,
}

/// The teams of both tenants.
pub const TEAMS: [&str; 2] = [
    "b0000000-0000-4000-8000-000000000000",
    "b0000000-0000-4000-8000-000000000001",
];

/// Returns the team in which a message is.
pub fn team(number: u32) -> &'static str {
    let [even, odd] = TEAMS;
    if number.is_multiple_of(2) { even } else { odd }
}

/// Returns the app registration that subscribes by itself.
pub fn app() -> App {
    App {
        tenant_id: "11111111-2222-4333-8444-555555555555".to_owned(),
        client_id: "66666666-7777-4888-8999-000000000000".to_owned(),
        client_secret: "chaos-client-secret-d2f1a7".to_owned(),
        token_version: TokenVersion::V2,
    }
}

/// Returns the app registration in which a user has signed in.
pub fn signed_in_app() -> App {
    App {
        client_id: "66666666-7777-4888-8999-000000000001".to_owned(),
        client_secret: "chaos-client-secret-93be04".to_owned(),
        ..app()
    }
}

/// Returns the app registration in the other tenant.
pub fn partner_app() -> App {
    App {
        tenant_id: "22222222-3333-4444-8555-666666666666".to_owned(),
        client_id: "66666666-7777-4888-8999-000000000002".to_owned(),
        client_secret: "chaos-client-secret-5c60e2".to_owned(),
        token_version: TokenVersion::V1,
    }
}

/// Returns all app registrations.
pub fn apps() -> [App; 3] {
    [app(), signed_in_app(), partner_app()]
}

/// Returns a version of the configuration. Users come and go from one to the next, the change types of the calendar, which
/// make another subscription, change with every second one, and the lifetime of contacts with every third.
pub fn config(version: u32, refresh_token: &str) -> Value {
    let [app, signed_in, partner] = apps();
    let users: Vec<String> = users(version).map(id_of_user).collect();
    let types = |subject: Subject| subject.change_types(version);
    let minutes = if version % 3 == 2 { 600 } else { 1_200 };
    json!({
        "tenants": {
            "chaos": {
                "tenantId": app.tenant_id,
                "clientId": app.client_id,
                "credential": { "clientSecret": app.client_secret },
            },
            "signed-in": {
                "tenantId": signed_in.tenant_id,
                "clientId": signed_in.client_id,
                "credential": { "refreshToken": refresh_token, "clientSecret": signed_in.client_secret },
            },
            "partner": {
                "tenantId": partner.tenant_id,
                "clientId": partner.client_id,
                "credential": { "clientSecret": partner.client_secret },
            },
        },
        "subscriptions": {
            "team-messages": {
                "tenant": "chaos", "resource": Subject::TeamMessages.resource(),
                "changeType": types(Subject::TeamMessages), "includeResourceData": true,
            },
            "channels": {
                "tenant": "chaos", "resource": Subject::Channels.resource(),
                "changeType": types(Subject::Channels), "includeResourceData": true,
            },
            "calendar": {
                "tenant": "chaos", "resource": Subject::Calendar.resource(), "changeType": types(Subject::Calendar),
            },
            "contacts": {
                "tenant": "signed-in", "resource": Subject::Contacts.resource(),
                "changeType": types(Subject::Contacts), "expirationMinutes": minutes,
            },
            "partner-messages": {
                "tenant": "partner", "resource": Subject::PartnerMessages.resource(),
                "changeType": types(Subject::PartnerMessages), "includeResourceData": true,
            },
            "partner-contacts": {
                "tenant": "partner", "resource": Subject::PartnerContacts.resource(),
                "changeType": types(Subject::PartnerContacts),
            },
            "mail": {
                "tenant": "chaos", "resource": "/users/{id}/messages",
                "changeType": types(Subject::Mail(0)), "forEach": users, "immutableIds": true,
            },
        },
    })
}

/// Returns the subscriptions of a version of the configuration.
pub fn wanted(version: u32) -> Vec<Subject> {
    let present = |subject: &Subject| match subject {
        Subject::Mail(user) => users(version).any(|one| one == *user),
        _ => true,
    };
    Subject::all().into_iter().filter(present).collect()
}

/// Returns the users whose mail a version of the configuration asks for.
fn users(version: u32) -> impl Iterator<Item = u8> {
    let steps = u32::from(MAX_USERS - MIN_USERS) + 1;
    let count = u32::from(MIN_USERS) + version % steps;
    (0..MAX_USERS).filter(move |user| u32::from(*user) < count)
}

fn id_of_user(user: u8) -> String {
    format!("a0000000-0000-4000-8000-0000000000{user:02x}")
}

/// Users whose mail is always subscribed to.
const MIN_USERS: u8 = 4;

/// Users whose mail is subscribed to at times.
const MAX_USERS: u8 = 8;

/// Returns a live subscription, for tests.
#[cfg(test)]
pub fn registered(subject: Subject, version: u32, expires_at: jiff::Timestamp) -> Registered {
    let app = subject.app();
    Registered {
        id: subject.name(),
        tenant_id: app.tenant_id,
        client_id: app.client_id,
        resource: subject.resource(),
        change_type: subject.change_types(version).to_owned(),
        notification_url: String::new(),
        lifecycle_notification_url: None,
        client_state: None,
        include_resource_data: false,
        encryption_certificate: None,
        encryption_certificate_id: None,
        latest_supported_tls_version: "v1_2".to_owned(),
        notification_url_app_id: None,
        notification_query_options: None,
        expires_at,
        patched_at: None,
        reauthorized_at: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_steady_subject_is_in_every_configuration_and_others_are_in_some() {
        let texts: Vec<String> = (0..12).map(|version| config(version, "t").to_string()).collect();
        for subject in Subject::all() {
            let place = subject.name();
            let place = place.split_once('/').map_or(place.as_str(), |(_, id)| id);
            let holding = texts
                .iter()
                .filter(|text| text.contains(&format!("\"{place}\"")))
                .count();
            assert_eq!(
                holding == texts.len(),
                subject.is_steady(),
                "{subject:?}: {holding}"
            );
            let wanting = (0..12)
                .filter(|version| wanted(*version).contains(&subject))
                .count();
            assert_eq!(holding, wanting, "{subject:?}");
            assert!(holding > 0, "{subject:?}");
        }
    }

    #[test]
    fn each_configuration_differs_from_the_one_before() {
        let texts: BTreeSet<String> = (0..12).map(|version| config(version, "t").to_string()).collect();
        assert!(texts.len() > 8, "{}", texts.len());
        for version in 0..12 {
            assert_ne!(config(version, "t"), config(version + 1, "t"), "{version}");
        }
    }

    #[test]
    fn two_tenants_subscribe_to_the_same_resources() {
        for (one, other) in [
            (Subject::TeamMessages, Subject::PartnerMessages),
            (Subject::Contacts, Subject::PartnerContacts),
        ] {
            assert_eq!(one.resource(), other.resource());
            assert_ne!(one.app().tenant_id, other.app().tenant_id);
        }
    }
}
