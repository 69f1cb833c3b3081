//! A resource of any type.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Alert, CallRecord, Channel, ChatMessage, Contact, Conversation, DriveItem, Event, Group, ListItem,
    Message, Presence, Team, User,
};

/// A resource in the model of its type.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Resource {
    /// A team.
    Team(Box<Team>),
    /// A channel.
    Channel(Box<Channel>),
    /// A message in a channel or chat.
    ChatMessage(Box<ChatMessage>),
    /// The presence of a user.
    Presence(Box<Presence>),
    /// A mail message.
    Message(Box<Message>),
    /// An event in a calendar.
    Event(Box<Event>),
    /// A contact.
    Contact(Box<Contact>),
    /// A user.
    User(Box<User>),
    /// A group.
    Group(Box<Group>),
    /// A conversation of a group.
    Conversation(Box<Conversation>),
    /// A file or folder.
    DriveItem(Box<DriveItem>),
    /// An item of a list.
    ListItem(Box<ListItem>),
    /// A security alert.
    Alert(Box<Alert>),
    /// A call that has ended.
    CallRecord(Box<CallRecord>),
    /// A resource without a model.
    Other(Map<String, Value>),
}

impl Resource {
    /// Parses `json` as the model of `entity`, a name in the spelling of [`crate::entity::name`].
    ///
    /// # Errors
    ///
    /// Returns an error if `json` is not an object.
    pub fn read(entity: &str, json: &str) -> serde_json::Result<Self> {
        Ok(match entity {
            "team" => Self::Team(serde_json::from_str(json)?),
            "channel" => Self::Channel(serde_json::from_str(json)?),
            "chatMessage" => Self::ChatMessage(serde_json::from_str(json)?),
            "presence" => Self::Presence(serde_json::from_str(json)?),
            "message" => Self::Message(serde_json::from_str(json)?),
            "event" => Self::Event(serde_json::from_str(json)?),
            "contact" => Self::Contact(serde_json::from_str(json)?),
            "user" => Self::User(serde_json::from_str(json)?),
            "group" => Self::Group(serde_json::from_str(json)?),
            "conversation" => Self::Conversation(serde_json::from_str(json)?),
            "driveItem" => Self::DriveItem(serde_json::from_str(json)?),
            "listItem" => Self::ListItem(serde_json::from_str(json)?),
            "alert" => Self::Alert(serde_json::from_str(json)?),
            "callRecord" => Self::CallRecord(serde_json::from_str(json)?),
            _ => Self::Other(serde_json::from_str(json)?),
        })
    }
}
