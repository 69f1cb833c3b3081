//! The subscriptions, with indexes for every way in which they are looked up.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::rules::Resource;
use super::subscription::Registered;

/// Subscriptions in the order of their creation.
#[derive(Debug, Default)]
pub struct Subscriptions {
    all: BTreeMap<u64, Registered>,
    /// By id, in lower case.
    by_id: BTreeMap<String, u64>,
    /// By the canonical form of the resource.
    by_resource: BTreeMap<String, BTreeSet<u64>>,
    ends: BTreeSet<(Timestamp, u64)>,
    next: u64,
}

impl Subscriptions {
    /// Adds a subscription.
    pub fn insert(&mut self, new: Registered) {
        let number = self.next;
        self.next = number.saturating_add(1);
        self.by_id.insert(new.id.to_ascii_lowercase(), number);
        self.by_resource
            .entry(canonical(&new.resource))
            .or_default()
            .insert(number);
        self.ends.insert((new.expires_at, number));
        self.all.insert(number, new);
    }

    /// Replaces the subscription with the same id, and returns whether it exists. The resource does not change.
    pub fn replace(&mut self, one: Registered) -> bool {
        let number = self.by_id.get(&one.id.to_ascii_lowercase()).copied();
        let Some((number, place)) = number.and_then(|number| Some((number, self.all.get_mut(&number)?)))
        else {
            return false;
        };
        self.ends.remove(&(place.expires_at, number));
        self.ends.insert((one.expires_at, number));
        *place = one;
        true
    }

    /// Removes a subscription.
    pub fn remove(&mut self, id: &str) -> Option<Registered> {
        let number = self.by_id.get(&id.to_ascii_lowercase()).copied()?;
        self.take(number)
    }

    /// Removes the expired subscriptions and returns them, the earliest first.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Registered> {
        let mut expired = Vec::new();
        while let Some((_, number)) = self.ends.first().copied().filter(|(end, _)| *end <= now) {
            expired.extend(self.take(number));
        }
        expired
    }

    /// Finds a subscription by its id.
    pub fn get(&self, id: &str) -> Option<&Registered> {
        self.all.get(self.by_id.get(&id.to_ascii_lowercase())?)
    }

    /// Returns the subscriptions that watch a resource, in any spelling.
    pub fn watching(&self, resource: &str) -> impl Iterator<Item = &Registered> {
        let numbers = self.by_resource.get(&canonical(resource));
        numbers
            .into_iter()
            .flatten()
            .filter_map(|number| self.all.get(number))
    }

    /// Returns the subscriptions that were created after the one with this number, with their numbers; without a
    /// number, all.
    pub fn after(&self, number: Option<u64>) -> impl Iterator<Item = (u64, &Registered)> {
        let first = number.map_or(0, |number| number.saturating_add(1));
        self.all.range(first..).map(|(number, one)| (*number, one))
    }

    fn take(&mut self, number: u64) -> Option<Registered> {
        let one = self.all.remove(&number)?;
        self.ends.remove(&(one.expires_at, number));
        self.by_id.remove(&one.id.to_ascii_lowercase());
        let resource = canonical(&one.resource);
        if let Some(numbers) = self.by_resource.get_mut(&resource) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.by_resource.remove(&resource);
            }
        }
        Some(one)
    }
}

/// Returns a form that is equal for all spellings of a resource; empty if it is not a resource.
fn canonical(resource: &str) -> String {
    Resource::parse(resource)
        .map(|parsed| parsed.canonical())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_live_subscriptions_are_found() {
        let mut store = Subscriptions::default();
        for (id, resource, end) in [
            ("A", "/users/1/messages", 10),
            ("B", "/groups", 20),
            ("C", "/groups", 30),
        ] {
            store.insert(one(id, resource, end));
        }
        assert_eq!(store.get("a").map(|one| one.id.as_str()), Some("A"));
        assert_eq!(watching(&store, "Users('1')/messages"), ["A"]);
        assert_eq!(watching(&store, "groups"), ["B", "C"]);
        assert_eq!(store.after(Some(0)).count(), 2);

        assert!(store.replace(one("b", "/groups", 40)));
        assert!(!store.replace(one("D", "/groups", 40)));
        store.expire(at(20));
        assert_eq!(
            watching(&store, "groups"),
            ["b", "C"],
            "the end of B is another one now"
        );
        assert!(store.get("A").is_none() && watching(&store, "users/1/messages").is_empty());

        assert!(store.remove("c").is_some() && store.remove("c").is_none());
        store.expire(at(40));
        assert!(store.all.is_empty() && store.by_id.is_empty());
        assert!(store.by_resource.is_empty() && store.ends.is_empty());
    }

    #[test]
    fn a_place_is_not_given_twice() {
        let mut store = Subscriptions::default();
        store.insert(one("A", "/groups", 10));
        store.remove("A");
        store.insert(one("B", "/groups", 10));
        assert_eq!(
            store.after(Some(0)).count(),
            1,
            "a list goes on behind the one that is gone"
        );
    }

    fn watching<'a>(store: &'a Subscriptions, resource: &str) -> Vec<&'a str> {
        store.watching(resource).map(|one| one.id.as_str()).collect()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn one(id: &str, resource: &str, end: i64) -> Registered {
        let owner = super::super::subscription::Owner {
            tenant_id: "t",
            client_id: "c",
        };
        let body = serde_json::json!({
            "changeType": "updated", "resource": "/groups", "notificationUrl": "https://h.test/n",
            "expirationDateTime": "1970-01-02T00:00:00Z",
        });
        let body = body.to_string();
        let new = super::super::subscription::create(body.as_bytes(), false, owner, at(0)).unwrap();
        Registered {
            id: id.to_owned(),
            resource: resource.to_owned(),
            expires_at: at(end),
            ..new
        }
    }
}
