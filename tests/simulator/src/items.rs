//! What can be read: the items of mailboxes, channels, chats, drives and the like.

use std::collections::BTreeMap;

use jiff::Timestamp;
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
    /// When it was made; of a call, when that began.
    pub created: Timestamp,
    /// When it changed last.
    pub changed: Timestamp,
    /// When it was deleted. Outlook shows no such item; Teams and drives do.
    #[serde(default)]
    pub deleted: Option<Timestamp>,
    /// Everything else that it has.
    #[serde(default)]
    pub members: Map<String, Value>,
}

impl Item {
    /// Returns a new item, made at `now`.
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

    /// Returns the item with another member.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Has the item change at `now`; an item that changes has another version.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.changed = now;
        self.etag = random::opaque::<12>();
    }

    /// Returns a member that is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }
}

/// All items, by tenant and collection, in the order of their creation.
#[derive(Debug, Default)]
pub(crate) struct Items(BTreeMap<(String, String), Vec<Item>>);

impl Items {
    /// Puts an item into a collection, in the place of the one with its id.
    pub(crate) fn put(&mut self, tenant_id: &str, collection: &str, item: Item) {
        let items = self.0.entry(key(tenant_id, collection)).or_default();
        match items.iter_mut().find(|one| one.id == item.id) {
            Some(one) => *one = item,
            None => items.push(item),
        }
    }

    /// Returns the items of a collection; nothing where there is none of that name.
    pub(crate) fn of(&self, tenant_id: &str, collection: &str) -> Option<&[Item]> {
        self.0.get(&key(tenant_id, collection)).map(Vec::as_slice)
    }

    /// Returns the collections that lie below a path, with what follows the path.
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

    /// Takes an item away.
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
    /// Puts an item into a collection, such as `/users/1/messages` or `/drives/2/root`, in the place of the one with its id.
    /// No notification is sent.
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

    /// Deletes an item now, and returns it. Outlook shows it no more; Teams and drives show that it is deleted.
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

    /// Loses the change notifications of a subscription, by its id or its resource, from now on or no longer.
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
