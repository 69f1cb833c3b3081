//! Lists of Graph's that can be read by time, with items in them.

use std::collections::{BTreeMap, BTreeSet};

use graph_simulator::{Item, Post, Registered, Simulator};
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
        let is_mail = self.name == WITH_EQUAL_IDS;
        json!({"resource": self.resource, "changeType": self.changes, "immutableIds": is_mail})
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

/// A change, by item and type of its event.
pub type Change = (String, String);

/// Makes changes of a list; returns the items and the types of their events.
pub fn change(simulator: &Simulator, tenant_id: &str, list: List, count: i64) -> Vec<(Item, String)> {
    let now = simulator.now();
    let changes: Vec<_> = (0..count).map(|number| item(list, number, now)).collect();
    for (item, _) in &changes {
        simulator.put_item(tenant_id, list.resource, item.clone());
    }
    changes
}

/// Returns changes by item and type.
pub fn named(changes: &[(Item, String)]) -> BTreeSet<Change> {
    let names = changes.iter().map(|(item, kind)| (item.id.clone(), kind.clone()));
    names.collect()
}

/// Returns the POSTs with the notifications of four changes of five. Those of a drive name no item, so there are none.
pub fn posts(list: List, subscription: &Registered, changes: &[(Item, String)]) -> Vec<Post> {
    let sent = changes.iter().enumerate().filter(|(number, _)| number % 5 != 0);
    let sent: Vec<_> = sent.map(|(_, change)| change).collect();
    if list.name == WITHOUT_NAMES {
        return Vec::new();
    }
    sent.chunks(ITEMS_PER_POST)
        .map(|sent| post(subscription, sent))
        .collect()
}

fn post(subscription: &Registered, sent: &[&(Item, String)]) -> Post {
    let mut post = Post::new();
    for (number, (item, kind)) in sent.iter().enumerate() {
        let is_new = kind.ends_with("Created");
        let etag = item.etag.clone();
        post = post
            .basic(subscription, if is_new { "created" } else { "updated" })
            .about(&item.id);
        post = post.edit(number, move |item| {
            if item["resourceData"].get("@odata.etag").is_some() {
                item["resourceData"]["@odata.etag"] = json!(etag);
            }
        });
    }
    post
}

/// Returns the ids of the events about each change, by item and type.
pub fn ids_by_change<'a>(events: impl IntoIterator<Item = &'a Value>) -> BTreeMap<Change, BTreeSet<String>> {
    let mut by_change: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for event in events
        .into_iter()
        .filter(|event| event["data"]["changeType"].is_string())
    {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        let change = (entity(&text("subject")), text("type"));
        by_change.entry(change).or_default().insert(text("id"));
    }
    by_change
}

/// Returns the events of a list in groups, in each of which every change has one id: all together where notifications have
/// the versions that the list shows, or else the live ones and those that were read.
pub fn by_source<'a>(list: List, events: impl IntoIterator<Item = &'a Value>) -> Vec<Vec<&'a Value>> {
    let of_list = |event: &&Value| event["subscription"] == list.name;
    let is_live = |event: &&Value| event["data"]["proof"] != "read";
    let events = events.into_iter().filter(of_list);
    if list.name == WITH_EQUAL_IDS {
        return vec![events.collect()];
    }
    let (live, read) = events.partition(is_live);
    vec![live, read]
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

/// The list of which notifications and reading have the same version, and so the same ids.
const WITH_EQUAL_IDS: &str = "mail";

/// The list whose notifications name no item.
const WITHOUT_NAMES: &str = "drive";

/// How many items travel together.
const ITEMS_PER_POST: usize = 20;
