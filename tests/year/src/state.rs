//! The subscriptions and directory lists of Graph.

use std::collections::{BTreeMap, BTreeSet};

use graph_simulator::{
    GraphError, Registered, Subscriptions,
    subscription::{self, Owner},
};
use jiff::{SignedDuration, Timestamp};
use reqwest::Request;

use super::{
    chance::Chance,
    faults::Faults,
    ledger::{EndCause, Ledger},
    limits::Limits,
    microsoft::not_found,
    organisation::Organisation,
    wrong_lists::WrongLists,
};

/// The state of Graph, with the record of what happens.
pub(super) struct State {
    pub(super) chance: Chance,
    pub(super) faults: Faults,
    pub(super) limits: Limits,
    pub(super) ledger: Ledger,
    /// The subscriptions that no longer exist, and how long each has lived.
    pub(super) lived: Vec<(Registered, SignedDuration)>,
    pub(super) wrong_lists: WrongLists,
    applications: BTreeMap<Application, Subscriptions>,
    /// The ids of tenants that have left.
    gone: BTreeSet<String>,
    /// The bodies of the directory's lists.
    directory: BTreeMap<(String, String), String>,
}

/// A tenant id and a client id.
pub(super) type Application = (String, String);

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
            lived: Vec::new(),
            wrong_lists: WrongLists::default(),
            applications: BTreeMap::new(),
            gone: BTreeSet::new(),
            directory: directory.map(|(place, ids)| (place.clone(), body(ids))).collect(),
        }
    }

    /// Ends expired subscriptions.
    pub(super) fn expire(&mut self, now: Timestamp) {
        for held in self.applications.values_mut() {
            for one in held.expire(now) {
                let age = self.ledger.age(&one, one.expires_at);
                self.lived.push((one.clone(), age));
                if !self.gone.contains(&one.tenant_id) {
                    self.ledger.ended(&one, EndCause::Lapsed, one.expires_at);
                }
            }
        }
    }

    /// Removes a tenant: its subscriptions are no longer wanted.
    pub(super) fn remove_tenant(&mut self, tenant_id: &str, now: Timestamp) {
        self.gone.insert(tenant_id.to_owned());
        self.ledger.forget(tenant_id, now);
    }

    /// Adds a tenant again.
    pub(super) fn add_tenant(&mut self, tenant_id: &str) {
        self.gone.remove(tenant_id);
    }

    /// Returns the live subscriptions of tenants that have not left.
    pub(super) fn live(&self) -> impl Iterator<Item = &Registered> {
        let wanted = self
            .applications
            .iter()
            .filter(|((tenant_id, _), _)| !self.gone.contains(tenant_id));
        wanted.flat_map(|(_, held)| held.after(None).map(|(_, one)| one))
    }

    /// Returns the live subscriptions, also those of tenants that have left.
    pub(super) fn everywhere(&self) -> impl Iterator<Item = &Registered> {
        let held = self.applications.values();
        held.flat_map(|held| held.after(None).map(|(_, one)| one))
    }

    /// Returns all subscriptions that ever existed, and how long each has lived.
    pub(super) fn all(&self, now: Timestamp) -> impl Iterator<Item = (&Registered, SignedDuration)> {
        let held = self.applications.values();
        let alive = held.flat_map(move |held| {
            held.after(None)
                .map(move |(_, one)| (one, self.ledger.age(one, now)))
        });
        alive.chain(self.lived.iter().map(|(one, age)| (one, *age)))
    }

    /// Returns the body of a list of the directory.
    pub(super) fn objects(&self, tenant_id: &str, path: String) -> Result<String, GraphError> {
        let found = self.directory.get(&(tenant_id.to_owned(), path));
        found.cloned().ok_or_else(|| not_found("the list"))
    }

    /// Removes a random subscription, as Graph does, and returns it.
    pub(super) fn remove_any(&mut self, now: Timestamp) -> Option<Registered> {
        let one = self.any()?;
        let owner = (one.tenant_id.clone(), one.client_id.clone());
        self.end(&owner, &one.id, EndCause::Removed, now);
        Some(one)
    }

    /// Returns a random subscription.
    pub(super) fn any(&mut self) -> Option<Registered> {
        let count = self.live().count();
        let index = usize::try_from(self.chance.below(u64::try_from(count).ok()?)).ok()?;
        self.live().nth(index).cloned()
    }

    /// Returns a page of the list, which may be wrong at the moment.
    pub(super) fn page(&self, caller: &Application, request: &Request, now: Timestamp) -> String {
        let token = request.url().query_pairs().find(|(name, _)| name == "$skiptoken");
        let behind = token.and_then(|(_, token)| token.parse::<u64>().ok());
        let mut body = String::with_capacity(PAGE * 700);
        body.push_str(r#"{"value":["#);
        let held = self.applications.get(caller);
        let shown = held
            .into_iter()
            .flat_map(|held| held.after(behind))
            .filter(|(_, one)| self.wrong_lists.shows(caller, one, now));
        let mut last = None;
        for (index, (number, one)) in shown.enumerate() {
            if index == PAGE {
                let mut link = request.url().clone();
                link.set_query(last.map(|last: u64| format!("$skiptoken={last}")).as_deref());
                body.extend([r#"],"@odata.nextLink":""#, link.as_str(), "\"}"]);
                return body;
            }
            if index > 0 {
                body.push(',');
            }
            body.push_str(&one.show(false).to_string());
            last = Some(number);
        }
        body.push_str("]}");
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
        if let Some(error) = held
            .watching(&new.resource)
            .find_map(|existing| existing.conflict(&new))
        {
            return Err(error);
        }
        new.id = self.chance.guid();
        new.patched_at = Some(now);
        let shown = new.show(false).to_string();
        self.ledger.created(&new, now);
        held.insert(new);
        Ok(shown)
    }

    pub(super) fn update(
        &mut self,
        caller: &Application,
        id: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<String, GraphError> {
        let before = self.find(caller, id)?.clone();
        let after = subscription::update(&before, body, now)?;
        self.ledger.renewed(&before, now);
        let shown = after.show(false).to_string();
        if let Some(held) = self.applications.get_mut(caller) {
            held.replace(after);
        }
        Ok(shown)
    }

    pub(super) fn find(&self, caller: &Application, id: &str) -> Result<&Registered, GraphError> {
        let found = self.applications.get(caller).and_then(|held| held.get(id));
        found.ok_or_else(|| not_found("the subscription"))
    }

    pub(super) fn end(&mut self, application: &Application, id: &str, why: EndCause, now: Timestamp) {
        let held = self.applications.get_mut(application);
        let Some(one) = held.and_then(|held| held.remove(id)) else {
            return;
        };
        if !self.gone.contains(&one.tenant_id) {
            self.ledger.ended(&one, why, now);
        }
        let age = self.ledger.age(&one, now);
        self.lived.push((one, age));
    }
}

/// How many subscriptions a page of a list has.
const PAGE: usize = 100;
