//! The items that can be read: of mailboxes, channels, chats, drives and other collections.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Simulator, random};

/// An item of a collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// Its version.
    pub etag: String,
    /// When it was created; for a call, when the call began.
    pub created: Timestamp,
    /// When it last changed.
    pub changed: Timestamp,
    /// When it was deleted. Teams and drives show deleted items; Outlook does not.
    #[serde(default)]
    pub deleted: Option<Timestamp>,
    /// Its other members.
    #[serde(default)]
    pub members: Map<String, Value>,
}

impl Item {
    /// Returns a new item that was created at `now`.
    #[must_use]
    pub fn new(id: impl Into<String>, now: Timestamp) -> Self {
        Self {
            id: id.into(),
            etag: random::opaque::<12>(),
            created: now,
            changed: now,
            deleted: None,
            members: Map::new(),
        }
    }

    /// Returns the item with an additional member.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Changes the item at `now`, which gives it a new version.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.changed = now;
        self.etag = random::opaque::<12>();
    }

    /// Returns a member as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }
}

/// All items by tenant and collection, in the order of their creation.
#[derive(Debug, Default)]
pub(crate) struct Items(BTreeMap<(String, String), Vec<Item>>);

impl Items {
    /// Puts an item into a collection, and replaces the one with the same id.
    pub(crate) fn put(&mut self, tenant_id: &str, collection: &str, item: Item) {
        let items = self.0.entry(key(tenant_id, collection)).or_default();
        match items.iter_mut().find(|one| one.id == item.id) {
            Some(one) => *one = item,
            None => items.push(item),
        }
    }

    /// Returns the items of a collection; nothing if it does not exist.
    pub(crate) fn of(&self, tenant_id: &str, collection: &str) -> Option<&[Item]> {
        self.0.get(&key(tenant_id, collection)).map(Vec::as_slice)
    }

    /// Returns the collections below a path, with the rest of their paths.
    pub(crate) fn below<'a>(
        &'a self,
        tenant_id: &str,
        path: &str,
    ) -> impl Iterator<Item = (&'a str, &'a [Item])> {
        let (tenant, path) = key(tenant_id, path);
        let path = format!("{path}/");
        self.0.iter().filter_map(move |((of, collection), items)| {
            let rest = collection.strip_prefix(&path).filter(|_| *of == tenant)?;
            Some((rest, items.as_slice()))
        })
    }

    /// Returns an item.
    pub(crate) fn get_mut(&mut self, tenant_id: &str, collection: &str, id: &str) -> Option<&mut Item> {
        let items = self.0.get_mut(&key(tenant_id, collection))?;
        items.iter_mut().find(|one| one.id == id)
    }

    /// Removes an item and returns it.
    pub(crate) fn take(&mut self, tenant_id: &str, collection: &str, id: &str) -> Option<Item> {
        let items = self.0.get_mut(&key(tenant_id, collection))?;
        let index = items.iter().position(|one| one.id == id)?;
        Some(items.remove(index))
    }
}

fn key(tenant_id: &str, collection: &str) -> (String, String) {
    (tenant_id.to_owned(), collection.trim_matches('/').to_owned())
}

impl Simulator {
    /// Puts an item into a collection, such as `/users/1/messages` or `/drives/2/root`, and replaces the one with the
    /// same id. No notification is sent.
    pub fn put_item(&self, tenant_id: &str, collection: &str, item: Item) {
        self.shared.state().items.put(tenant_id, collection, item);
    }

    /// Changes an item now, and returns it.
    #[must_use]
    pub fn change_item(&self, tenant_id: &str, collection: &str, id: &str) -> Option<Item> {
        let mut state = self.shared.state();
        let now = state.now();
        let item = state.items.get_mut(tenant_id, collection, id)?;
        item.touch(now);
        Some(item.clone())
    }

    /// Deletes an item now, and returns it. Teams and drives still show it, as deleted; Outlook does not.
    #[must_use]
    pub fn delete_item(&self, tenant_id: &str, collection: &str, id: &str) -> Option<Item> {
        let mut state = self.shared.state();
        let now = state.now();
        if collection.trim_start_matches('/').starts_with("users/") {
            return state.items.take(tenant_id, collection, id);
        }
        let item = state.items.get_mut(tenant_id, collection, id)?;
        item.touch(now);
        item.deleted = Some(now);
        Some(item.clone())
    }

    /// Moves an item to another collection of the mailbox, and returns it with its new id. Its times stay as they are: Microsoft
    /// does not document whether a move changes them.
    #[must_use]
    pub fn move_item(&self, tenant_id: &str, from: &str, to: &str, id: &str) -> Option<Item> {
        let mut state = self.shared.state();
        let mut item = state.items.take(tenant_id, from, id)?;
        item.id = random::opaque::<12>();
        state.items.put(tenant_id, to, item.clone());
        Some(item)
    }

    /// Has lists show a change only so long after it happened.
    pub fn delay_lists(&self, lag: SignedDuration) {
        self.shared.state().list_lag = lag;
    }

    /// Starts or stops losing the change notifications of a subscription, named by its id or its resource.
    pub fn lose_notifications(&self, subscription: impl AsRef<str>, is_lost: bool) {
        let mut state = self.shared.state();
        let name = subscription.as_ref().to_owned();
        if is_lost {
            state.losing.insert(name);
        } else {
            state.losing.remove(&name);
        }
    }
}
