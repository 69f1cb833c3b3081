//! Lists of Graph's that can be read by time, with items in them.

use graph_simulator::Item;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A list, and what is known of reading it.
#[derive(Clone, Copy)]
pub struct List {
    pub name: &'static str,
    pub resource: &'static str,
    changes: &'static str,
    entity: &'static str,
    pub unseen: &'static [&'static str],
}

impl List {
    pub fn entry(&self) -> Value {
        json!({"resource": self.resource, "changeType": self.changes})
    }
}

/// Returns an item that changed at a time, and the type of its event. Every other one was there before, but all calls are
/// new: a later version of a record does not show when the record was created, so it comes out as both.
pub fn item(list: List, number: i64, changed: Timestamp) -> (Item, String) {
    let is_new = number % 2 == 0 || list.name == "calls";
    let made = if is_new {
        changed
    } else {
        changed - SignedDuration::from_hours(30)
    };
    let mut item = Item::new(format!("{}-{number}", list.name), made);
    item.changed = changed;
    if list.name == "calls" {
        item = call(item, changed);
    }
    let change = if is_new { "Created" } else { "Updated" };
    (item, format!("Microsoft.Graph.{}{change}", list.entity))
}

/// A record of a call: it comes when the call is over, and has a version.
fn call(item: Item, now: Timestamp) -> Item {
    Item {
        created: now - SignedDuration::from_hours(1),
        ..item.with("version", json!(1))
    }
}

/// Returns the id that a path ends with.
pub fn entity(path: &str) -> String {
    let path = path.trim_end_matches("')");
    path.rsplit(['/', '\'']).next().unwrap_or_default().to_owned()
}

pub const LISTS: [List; 5] = [
    List {
        name: "mail",
        resource: "/users/aaaaaaaa-0000-4000-8000-00000000cafe/messages",
        changes: "created,updated",
        entity: "Message",
        unseen: &[],
    },
    List {
        name: "channel",
        resource: "/teams/aaaaaaaa-0000-4000-8000-00000000beef/channels/19:cafe@thread.tacv2/messages",
        changes: "created,updated,deleted",
        entity: "ChatMessage",
        unseen: &[],
    },
    List {
        name: "chat",
        resource: "/chats/19:beef@thread.v2/messages",
        changes: "created,updated,deleted",
        entity: "ChatMessage",
        unseen: &[],
    },
    List {
        name: "calls",
        resource: "/communications/callRecords",
        changes: "created,updated",
        entity: "CallRecord",
        unseen: &[],
    },
    List {
        name: "drive",
        resource: "/drives/b!cafe/root",
        changes: "updated",
        entity: "DriveItem",
        unseen: &["deleted"],
    },
];
