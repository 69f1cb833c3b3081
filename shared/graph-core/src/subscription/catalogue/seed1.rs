//! The resources of *Use the Microsoft Graph API to get change notifications* (2020), with today's figures.

use graph_events::Change::{Created, Updated};

use super::row::{
    CUD, Changes, DIRECTORY, FILES, GLOBAL_ONLY, LifecycleUrl, Listed, OUTLOOK, Row, Select, TEAMS, UPDATED,
};

/// The rows, in the order of the page.
pub(super) const ROWS: &[Row] = &[
    Row {
        key: "message.all",
        patterns: &["/users/{id}/messages"],
        entity: "message",
        delegated: &["Mail.ReadBasic", "Mail.Read"],
        personal: &["Mail.ReadBasic", "Mail.Read"],
        application: &["Mail.ReadBasic", "Mail.Read"],
        ..OUTLOOK
    },
    Row {
        key: "message.folder",
        patterns: &["/users/{id}/mailFolders/{id}/messages"],
        entity: "message",
        delegated: &["Mail.ReadBasic", "Mail.Read"],
        personal: &["Mail.ReadBasic", "Mail.Read"],
        application: &["Mail.ReadBasic", "Mail.Read"],
        ..OUTLOOK
    },
    Row {
        key: "event.all",
        patterns: &["/users/{id}/events"],
        entity: "event",
        delegated: &["Calendars.Read"],
        personal: &["Calendars.Read"],
        application: &["Calendars.Read"],
        ..OUTLOOK
    },
    Row {
        key: "contact.all",
        patterns: &["/users/{id}/contacts"],
        entity: "contact",
        delegated: &["Contacts.Read"],
        personal: &["Contacts.Read"],
        application: &["Contacts.Read"],
        ..OUTLOOK
    },
    Row {
        key: "user.all",
        patterns: &["/users"],
        entity: "user",
        delegated: &["User.Read.All"],
        application: &["User.Read.All"],
        ..DIRECTORY
    },
    Row {
        key: "user.one",
        patterns: &["/users/{id}"],
        entity: "user",
        delegated: &["User.Read.All"],
        application: &["User.Read.All"],
        ..DIRECTORY
    },
    Row {
        key: "group.all",
        patterns: &["/groups"],
        entity: "group",
        delegated: &["Group.Read.All"],
        application: &["Group.Read.All"],
        ..DIRECTORY
    },
    Row {
        key: "group.one",
        patterns: &["/groups/{id}"],
        entity: "group",
        delegated: &["Group.Read.All"],
        application: &["Group.Read.All"],
        ..DIRECTORY
    },
    Row {
        key: "group.owners",
        patterns: &["/groups/{id}/owners"],
        entity: "group",
        changes: Changes::Unconfirmed,
        delegated: &["Group.Read.All"],
        application: &["Group.Read.All"],
        ..DIRECTORY
    },
    Row {
        key: "group.members",
        patterns: &["/groups/{id}/members"],
        entity: "group",
        changes: Changes::Unconfirmed,
        delegated: &["Group.Read.All"],
        application: &["Group.Read.All"],
        ..DIRECTORY
    },
    Row {
        key: "conversation",
        patterns: &["/groups/{id}/conversations"],
        entity: "conversation",
        changes: Changes::Unconfirmed,
        minutes: 4_230,
        minutes_rich: 4_230,
        delegated: &["Group.Read.All"],
        ..DIRECTORY
    },
    // OneDrive for Business takes the root only; personal OneDrive takes the root and any folder (next row).
    Row {
        key: "driveItem.root",
        patterns: &["/drives/{id}/root", "/users/{id}/drive/root"],
        entity: "driveItem",
        delegated: &["Files.Read.All"],
        personal: &["Files.Read"],
        application: &["Files.Read.All"],
        ..FILES
    },
    // How a folder is written is not documented; these are the two usual ways to address one.
    Row {
        key: "driveItem.folder",
        patterns: &["/users/{id}/drive/items/{id}", "/users/{id}/drive/root:/{*}"],
        entity: "driveItem",
        personal: &["Files.Read"],
        ..FILES
    },
    Row {
        key: "list",
        patterns: &["/sites/{id}/lists/{id}"],
        entity: "listItem",
        delegated: &["Sites.Read.All"],
        application: &["Sites.Read.All"],
        ..FILES
    },
    Row {
        key: "alert.one",
        patterns: &["/security/alerts/{id}"],
        entity: "alert",
        changes: Changes::Unconfirmed,
        minutes: 43_200,
        minutes_rich: 43_200,
        delegated: &["SecurityEvents.ReadWrite.All"],
        application: &["SecurityEvents.ReadWrite.All"],
        ..DIRECTORY
    },
    Row {
        key: "alert.filtered",
        patterns: &["/security/alerts?$filter={condition}"],
        entity: "alert",
        changes: Changes::Unconfirmed,
        minutes: 43_200,
        minutes_rich: 43_200,
        delegated: &["SecurityEvents.ReadWrite.All"],
        application: &["SecurityEvents.ReadWrite.All"],
        ..DIRECTORY
    },
    Row {
        key: "callRecord",
        patterns: &["/communications/callRecords"],
        entity: "callRecord",
        changes: Changes::Known(&[Created, Updated]),
        minutes: 4_230,
        minutes_rich: 4_230,
        lifecycle: LifecycleUrl::Unconfirmed,
        application: &["CallRecords.Read.All"],
        source: "changenotifications-for-callrecords",
        ..DIRECTORY
    },
    Row {
        key: "chatMessage.allChannels",
        patterns: &["/teams/getAllMessages"],
        application: &["ChannelMessage.Read.All"],
        ..CHAT_MESSAGE
    },
    Row {
        key: "chatMessage.channel",
        patterns: &["/teams/{id}/channels/{id}/messages"],
        delegated: &["ChannelMessage.Read.All"],
        application: &["ChannelMessage.Read.Group*", "ChannelMessage.Read.All"],
        ..CHAT_MESSAGE
    },
    Row {
        key: "chatMessage.allChats",
        patterns: &["/chats/getAllMessages"],
        application: &["Chat.Read.All"],
        ..CHAT_MESSAGE
    },
    Row {
        key: "chatMessage.chat",
        patterns: &["/chats/{id}/messages"],
        delegated: &["Chat.Read", "Chat.ReadWrite"],
        application: &["ChatMessage.Read.Chat*", "Chat.Read.All"],
        ..CHAT_MESSAGE
    },
    Row {
        key: "presence.one",
        patterns: &["/communications/presences/{id}"],
        ..PRESENCE
    },
    Row {
        key: "presence.many",
        patterns: &["/communications/presences?$filter=id in ({ids})"],
        ..PRESENCE
    },
];

/// What the rows of chat messages have in common.
const CHAT_MESSAGE: Row = Row {
    listed: Listed::S1,
    entity: "chatMessage",
    changes: CUD,
    select: Select::Refused,
    source: "teams-changenotifications-chatmessage",
    ..TEAMS
};

/// What the rows of presence have in common.
const PRESENCE: Row = Row {
    listed: Listed::S1,
    entity: "presence",
    changes: UPDATED,
    select: Select::Refused,
    minutes: 60,
    minutes_rich: 60,
    delegated: &["Presence.Read.All"],
    clouds: GLOBAL_ONLY,
    source: "changenotifications-for-presence",
    ..TEAMS
};
