//! The subscriptions that Graph holds, and the lists of its directory.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use reqwest::Request;

use super::{
    chance::Chance,
    faults::Faults,
    ledger::{End, Ledger},
    limits::Limits,
    microsoft::not_found,
    organisation::Organisation,
};
use graph_simulator::{
    GraphError, Registered,
    subscription::{self, Owner},
};

/// All that Graph knows, and what happens to it.
pub(super) struct State {
    pub(super) chance: Chance,
    pub(super) faults: Faults,
    pub(super) limits: Limits,
    pub(super) ledger: Ledger,
    applications: BTreeMap<Application, Held>,
    /// The ends of all subscriptions.
    ends: BTreeSet<(Timestamp, Application, u64)>,
    /// The bodies of the directory's lists.
    directory: BTreeMap<(String, String), String>,
    next: u64,
}

/// A tenant id and a client id.
pub(super) type Application = (String, String);

/// The subscriptions of an application.
#[derive(Default)]
struct Held {
    live: BTreeMap<u64, Live>,
    by_id: BTreeMap<String, u64>,
    by_resource: BTreeMap<String, u64>,
}

pub(super) struct Live {
    subscription: Registered,
    /// As a list shows it.
    pub(super) shown: String,
}

impl State {
    pub(super) fn new(organisation: &Organisation, faults: Faults, chance: Chance) -> Self {
        let body = |ids: &Vec<String>| {
            let objects: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
            format!(r#"{{"value":[{}]}}"#, objects.join(","))
        };
        let directory = organisation.directory.iter();
        Self {
            chance,
            faults,
            limits: Limits::default(),
            ledger: Ledger::default(),
            applications: BTreeMap::new(),
            ends: BTreeSet::new(),
            directory: directory.map(|(place, ids)| (place.clone(), body(ids))).collect(),
            next: 0,
        }
    }

    /// Ends what has lived for its time.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some((end, application, number)) =
            self.ends.first().filter(|(end, ..)| *end <= now).cloned()
        {
            self.end(&application, number, End::Lapsed, end);
        }
    }

    /// Returns the live subscriptions.
    pub(super) fn live(&self) -> impl Iterator<Item = (&Application, &Registered)> {
        self.applications.iter().flat_map(|(application, held)| {
            held.live
                .values()
                .map(move |live| (application, &live.subscription))
        })
    }

    /// Returns the body of a list of the directory.
    pub(super) fn objects(&self, tenant_id: &str, path: String) -> Result<String, GraphError> {
        let found = self.directory.get(&(tenant_id.to_owned(), path));
        found.cloned().ok_or_else(|| not_found("the list"))
    }

    /// Removes one of the subscriptions by chance, as Graph does, and returns it.
    pub(super) fn remove_one(&mut self, now: Timestamp) -> Option<Registered> {
        let (application, number, subscription) = self.any()?;
        self.end(&application, number, End::Removed, now);
        Some(subscription)
    }

    /// Returns one of the subscriptions by chance.
    pub(super) fn any(&mut self) -> Option<(Application, u64, Registered)> {
        let count: usize = self.applications.values().map(|held| held.live.len()).sum();
        let mut index = usize::try_from(self.chance.below(u64::try_from(count).ok()?)).ok()?;
        for (application, held) in &self.applications {
            if let Some((number, live)) = held.live.iter().nth(index) {
                return Some((application.clone(), *number, live.subscription.clone()));
            }
            index -= held.live.len();
        }
        None
    }

    pub(super) fn page(&self, caller: &Application, request: &Request) -> String {
        let token = request.url().query_pairs().find(|(name, _)| name == "$skiptoken");
        let first = token
            .and_then(|(_, token)| token.parse::<u64>().ok())
            .unwrap_or_default();
        let mut body = String::with_capacity(PAGE * 700);
        body.push_str(r#"{"value":["#);
        let mut rest = self
            .applications
            .get(caller)
            .map(|held| held.live.range(first..))
            .into_iter()
            .flatten();
        let mut next = None;
        for (index, (number, live)) in rest.by_ref().enumerate() {
            if index == PAGE {
                next = Some(number);
                break;
            }
            if index > 0 {
                body.push(',');
            }
            body.push_str(&live.shown);
        }
        body.push(']');
        if let Some(next) = next {
            let mut link = request.url().clone();
            link.set_query(Some(&format!("$skiptoken={next}")));
            body.extend([r#","@odata.nextLink":""#, link.as_str(), "\""]);
        }
        body.push('}');
        body
    }

    pub(super) fn create(
        &mut self,
        caller: &Application,
        body: &[u8],
        beta: bool,
        now: Timestamp,
    ) -> Result<String, GraphError> {
        let (tenant_id, client_id) = caller;
        let mut new = subscription::create(body, beta, Owner { tenant_id, client_id }, now)?;
        let held = self.applications.entry(caller.clone()).or_default();
        let key = resource(&new);
        if let Some(existing) = held
            .by_resource
            .get(&key)
            .and_then(|number| held.live.get(number))
        {
            let error = existing.subscription.conflict(&new);
            return Err(error.unwrap_or_else(|| not_found("room for a second one")));
        }
        new.id = self.chance.guid();
        new.patched_at = Some(now);
        self.next += 1;
        let number = self.next;
        held.by_id.insert(new.id.clone(), number);
        held.by_resource.insert(key, number);
        self.ends.insert((new.expires_at, caller.clone(), number));
        let shown = new.show(false).to_string();
        self.ledger.created(&new, now);
        let live = Live {
            subscription: new,
            shown: shown.clone(),
        };
        held.live.insert(number, live);
        Ok(shown)
    }

    pub(super) fn update(
        &mut self,
        caller: &Application,
        id: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<String, GraphError> {
        let (number, before) = self.find(caller, id)?;
        let before = before.subscription.clone();
        let after = subscription::update(&before, body, now)?;
        self.ledger.renewed(&before, now);
        self.ends.remove(&(before.expires_at, caller.clone(), number));
        self.ends.insert((after.expires_at, caller.clone(), number));
        let shown = after.show(false).to_string();
        let live = Live {
            subscription: after,
            shown: shown.clone(),
        };
        if let Some(held) = self.applications.get_mut(caller) {
            held.live.insert(number, live);
        }
        Ok(shown)
    }

    pub(super) fn find(&self, caller: &Application, id: &str) -> Result<(u64, &Live), GraphError> {
        let held = self
            .applications
            .get(caller)
            .ok_or_else(|| not_found("the subscription"))?;
        let found = held
            .by_id
            .get(id)
            .and_then(|number| Some((*number, held.live.get(number)?)));
        found.ok_or_else(|| not_found("the subscription"))
    }

    pub(super) fn end(&mut self, application: &Application, number: u64, why: End, now: Timestamp) {
        let Some(held) = self.applications.get_mut(application) else {
            return;
        };
        let Some(Live { subscription, .. }) = held.live.remove(&number) else {
            return;
        };
        held.by_id.remove(&subscription.id);
        held.by_resource.remove(&resource(&subscription));
        self.ends
            .remove(&(subscription.expires_at, application.clone(), number));
        self.ledger.ended(&subscription, why, now);
    }
}

/// Returns what Graph allows one subscription of.
fn resource(subscription: &Registered) -> String {
    subscription.resource.to_lowercase()
}

/// Subscriptions on one page of a list.
const PAGE: usize = 100;
