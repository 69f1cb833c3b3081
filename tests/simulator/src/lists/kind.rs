//! The kinds of lists, and what each supports and shows.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::filter::Term;
use super::page::Options;
use crate::items::Item;

/// A kind of list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Mail, events and contacts.
    Outlook,
    /// `/teams/{id}/channels/{id}/messages/delta`.
    ChannelDelta,
    /// `/teams/{id}/channels/{id}/messages/{id}/replies`.
    Replies,
    /// `/teams/{id}/channels/getAllMessages`.
    Team,
    /// `/chats/{id}/messages`.
    Chat,
    /// `/users/{id}/chats/getAllMessages`.
    User,
    /// `/communications/callRecords`.
    Calls,
    /// `/drives/{id}/root/delta`.
    Drive,
    /// Recordings and transcripts of an organizer's meetings, between the times of the request.
    Meetings(Timestamp, Timestamp),
    /// A user's conversations with Copilot.
    Interactions,
    /// The tasks of a list.
    Tasks,
    /// The lists of Shifts, without a filter.
    Shifts,
}

/// The order of a list.
pub(super) enum Order {
    Ascending,
    Descending,
    /// The newest item first.
    Newest,
}

impl Kind {
    /// Returns the list at a path, and its collection.
    pub(super) fn of(path: &[&str]) -> Option<(Self, String)> {
        let all = || path.join("/");
        Some(match path {
            ["teams", team, "channels", channel, "messages", "delta"] => (
                Self::ChannelDelta,
                format!("teams/{team}/channels/{channel}/messages"),
            ),
            ["teams", _, "channels", _, "messages", _, "replies"] => (Self::Replies, all()),
            ["teams", team, "channels", "getAllMessages"] => (Self::Team, format!("teams/{team}/channels")),
            ["users", _, "chats", "getAllMessages"] => (Self::User, all()),
            ["drives", drive, "root", "delta"] => (Self::Drive, format!("drives/{drive}/root")),
            ["users", user, "onlineMeetings", function] => {
                let (name, rest) = function.split_once('(')?;
                let (from, until) = times(rest.strip_suffix(')')?, user)?;
                (
                    Self::Meetings(from, until),
                    format!("users/{user}/onlineMeetings/{name}"),
                )
            }
            [
                "copilot",
                "users",
                _,
                "interactionHistory",
                "getAllEnterpriseInteractions",
            ] => (Self::Interactions, all()),
            ["users", _, "todo", "lists", _, "tasks"] => (Self::Tasks, all()),
            ["teams", _, "schedule", _] => (Self::Shifts, all()),
            _ => match Self::of_collection(path)? {
                (Self::ChannelDelta | Self::Drive, _) => return None,
                list => list,
            },
        })
    }

    /// Returns the kind and the name of a collection whose items can be read one by one.
    pub(super) fn of_collection(path: &[&str]) -> Option<(Self, String)> {
        let kind = match path {
            ["users", _, "messages" | "events" | "contacts"]
            | ["users", _, "mailFolders", _, "messages"]
            | ["users", _, "contactFolders", _, "contacts"] => Self::Outlook,
            ["teams", _, "channels", _, "messages"] => Self::ChannelDelta,
            ["chats", _, "messages"] => Self::Chat,
            ["communications", "callRecords"] => Self::Calls,
            ["drives", drive, "items"] => return Some((Self::Drive, format!("drives/{drive}/root"))),
            _ => return None,
        };
        Some((kind, path.join("/")))
    }

    /// Returns whether the pages of a list count items from its beginning.
    pub(super) fn skips(self) -> bool {
        matches!(self, Self::Outlook | Self::Tasks)
    }

    pub(super) fn is_delta(self) -> bool {
        matches!(self, Self::ChannelDelta | Self::Drive)
    }

    pub(super) fn most_on_a_page(self) -> usize {
        match self {
            Self::Outlook | Self::Tasks | Self::Shifts => 1_000,
            Self::ChannelDelta | Self::Replies | Self::Team | Self::Chat | Self::User => 50,
            Self::Interactions => 100,
            Self::Calls | Self::Drive | Self::Meetings(..) => 60,
        }
    }

    pub(super) fn usual_on_a_page(self) -> usize {
        match self {
            Self::Outlook | Self::Tasks => 10,
            Self::ChannelDelta | Self::Team | Self::Chat | Self::User => 20,
            other => other.most_on_a_page(),
        }
    }

    /// Returns how far back a list goes.
    pub(super) fn horizon(self) -> SignedDuration {
        let days = match self {
            Self::ChannelDelta => 240,
            Self::Calls => 30,
            Self::Drive => 60,
            _ => 3_650,
        };
        SignedDuration::from_hours(days * 24)
    }

    /// Returns whether the list supports a comparison.
    pub(super) fn takes(self, term: &Term<'_>) -> bool {
        let (property, operator) = (term.property, term.operator);
        match self {
            Self::Outlook | Self::Tasks => property != "deletedDateTime",
            // No other comparison is supported (Microsoft Graph, *chatMessage: delta*).
            Self::ChannelDelta => (property, operator) == ("lastModifiedDateTime", "gt"),
            Self::Team | Self::Chat | Self::User => {
                ["lastModifiedDateTime", "createdDateTime"].contains(&property)
                    && ["gt", "lt"].contains(&operator)
            }
            Self::Calls => property == "startDateTime" && ["ge", "lt"].contains(&operator),
            Self::Interactions => property == "createdDateTime" && ["gt", "lt"].contains(&operator),
            Self::Replies | Self::Drive | Self::Meetings(..) | Self::Shifts => false,
        }
    }

    /// Returns whether an item fits a comparison.
    pub(super) fn fits(self, term: &Term<'_>, item: &Item) -> bool {
        // Outlook compares whole seconds.
        let time = |time| if self.skips() { to_second(time) } else { time };
        match term.property {
            "lastModifiedDateTime" => term.fits(time(item.changed)).unwrap_or_default(),
            "createdDateTime" | "startDateTime" => term.fits(time(item.created)).unwrap_or_default(),
            other => {
                let value = item.members.get(other).map(Value::to_string).unwrap_or_default();
                value.replace('"', "'") == term.value
            }
        }
    }

    /// Returns the order of a list; nothing for an order that it does not support.
    pub(super) fn order(self, options: &Options) -> Option<Order> {
        let order = options.order.as_deref();
        Some(match (self, order) {
            (Self::Outlook | Self::Tasks, None) => Order::Newest,
            (Self::Outlook | Self::Tasks, Some("lastModifiedDateTime" | "lastModifiedDateTime asc")) => {
                Order::Ascending
            }
            (Self::Chat, None | Some("lastModifiedDateTime desc")) => Order::Descending,
            (_, None) => Order::Ascending,
            (_, Some(_)) => return None,
        })
    }

    /// Returns an item as the list shows it.
    pub(super) fn shown(self, item: &Item, collection: &str) -> Value {
        let segments: Vec<&str> = collection.split('/').collect();
        let deleted = || json!(item.deleted.map(|at| self.written(at)));
        let created = json!(self.written(item.created));
        let mut shown = item.members.clone();
        let mut set = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        set("id", json!(item.id));
        set("lastModifiedDateTime", json!(self.written(item.changed)));
        let begun = if self == Self::Calls {
            "startDateTime"
        } else {
            "createdDateTime"
        };
        set(begun, created);
        match (self, &*segments) {
            (Self::Outlook | Self::Tasks | Self::Shifts, _) => set("@odata.etag", json!(item.etag)),
            (Self::ChannelDelta | Self::Replies | Self::Team, ["teams", team, "channels", channel, ..]) => {
                set("channelIdentity", json!({"teamId": team, "channelId": channel}));
                set("etag", json!(item.etag));
                set("deletedDateTime", deleted());
            }
            (Self::Chat | Self::User, ["chats", chat, ..]) => {
                set("chatId", json!(chat));
                set("etag", json!(item.etag));
                set("deletedDateTime", deleted());
            }
            (Self::Drive, ["drives", drive, ..]) => {
                set("eTag", json!(item.etag));
                set("parentReference", json!({"driveId": drive, "id": "root"}));
                let facet = if item.deleted.is_some() { "deleted" } else { "file" };
                set(facet, json!({}));
                if item.deleted.is_some() {
                    // Which members a deleted item keeps is not documented.
                    for name in ["eTag", "createdDateTime", "lastModifiedDateTime"] {
                        shown.remove(name);
                    }
                }
            }
            _ => {}
        }
        Value::Object(shown)
    }

    /// Returns a time in the form of the service.
    fn written(self, time: Timestamp) -> String {
        if self.skips() {
            time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        } else {
            time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
        }
    }
}

fn to_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Reads the arguments of a function of meetings, which have to name the user in the path.
fn times(arguments: &str, user: &str) -> Option<(Timestamp, Timestamp)> {
    let (mut organizer, mut from, mut until) = (None, None, Some(Timestamp::MAX));
    for argument in arguments.split(',') {
        match argument.split_once('=')? {
            ("meetingOrganizerUserId", id) => organizer = Some(id.trim_matches('\'')),
            ("startDateTime", time) => from = time.parse().ok(),
            ("endDateTime", time) => until = time.parse().ok(),
            _ => return None,
        }
    }
    organizer.filter(|organizer| *organizer == user)?;
    Some((from?, until?))
}
