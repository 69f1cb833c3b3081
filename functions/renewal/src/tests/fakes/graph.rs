//! A double of Microsoft Graph.

use std::sync::Mutex;

use graph_core::subscription::{
    catalogue::Version,
    compare::{same_change_types, same_resource},
    config::{ForEach, Tenant},
    model::{NewSubscription, Subscription, SubscriptionUpdate},
};
use graph_edge::graph::{GraphError, GraphErrorKind};
use jiff::Timestamp;
use serde_json::Value;

use super::{Log, turn};
use crate::ports::Graph;

/// Subscriptions by tenant, with Graph's rule that one combination has one subscription.
#[derive(Default)]
pub(crate) struct FakeGraph {
    pub(super) log: Log,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subscriptions: Vec<(String, Subscription)>,
    hidden: Vec<String>,
    vanishing: Vec<String>,
    bodies: Vec<Value>,
    failures: Vec<(String, fn() -> GraphErrorKind)>,
    objects: Vec<String>,
    signed_in_at: Option<Timestamp>,
    throttled: usize,
}

impl FakeGraph {
    /// Returns one without subscriptions.
    pub(super) fn logging_to(log: Log) -> Self {
        Self {
            log,
            ..Self::default()
        }
    }

    /// Makes every call fail whose line in the log starts with `call`.
    pub(crate) fn fail(&self, call: &str, kind: fn() -> GraphErrorKind) {
        self.state.lock().unwrap().failures.push((call.to_owned(), kind));
    }

    pub(crate) fn heal(&self) {
        self.state.lock().unwrap().failures.clear();
    }

    pub(crate) fn add(&self, tenant: &str, subscription: Subscription) {
        self.state
            .lock()
            .unwrap()
            .subscriptions
            .push((tenant.to_owned(), subscription));
    }

    /// Sets when every user has last signed in.
    pub(crate) fn sign_in(&self, at: Timestamp) {
        self.state.lock().unwrap().signed_in_at = Some(at);
    }

    /// Goes on from where `other` is.
    pub(crate) fn resume(&self, other: &Self) {
        let (mut state, other) = (self.state.lock().unwrap(), other.state.lock().unwrap());
        state.subscriptions.clone_from(&other.subscriptions);
        state.bodies.clone_from(&other.bodies);
    }

    /// Sets the objects that every entry for many stands for.
    pub(crate) fn set_objects(&self, ids: &[&str]) {
        self.state.lock().unwrap().objects = ids.iter().map(|id| (*id).to_owned()).collect();
    }

    /// Leaves a subscription out of lists, as Graph does with what was created after the list was made.
    pub(crate) fn hide(&self, id: &str) {
        self.state.lock().unwrap().hidden.push(id.to_owned());
    }

    /// Ends a subscription at the moment of its renewal.
    pub(crate) fn vanish_on_update(&self, id: &str) {
        self.state.lock().unwrap().vanishing.push(id.to_owned());
    }

    pub(crate) fn remove(&self, id: &str) {
        self.state
            .lock()
            .unwrap()
            .subscriptions
            .retain(|(_, subscription)| subscription.id != id);
    }

    pub(crate) fn change(&self, id: &str, change: impl Fn(&mut Subscription)) {
        let mut state = self.state.lock().unwrap();
        state
            .subscriptions
            .iter_mut()
            .filter(|(_, one)| one.id == id)
            .for_each(|(_, one)| change(one));
    }

    pub(crate) fn all(&self) -> Vec<Subscription> {
        self.state
            .lock()
            .unwrap()
            .subscriptions
            .iter()
            .map(|(_, subscription)| subscription.clone())
            .collect()
    }

    /// Returns the bodies of all creations and renewals.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.state.lock().unwrap().bodies.clone()
    }

    fn call(&self, line: String) -> Result<(), GraphError> {
        let mut state = self.state.lock().unwrap();
        let failure = state
            .failures
            .iter()
            .find(|(call, _)| line.starts_with(call))
            .map(|(_, kind)| kind());
        self.log.lock().unwrap().push(line);
        state.throttled += usize::from(matches!(failure, Some(GraphErrorKind::Throttled { .. })));
        failure.map_or(Ok(()), |kind| Err(GraphError::of(kind)))
    }
}

impl Graph for FakeGraph {
    async fn list(&self, tenant: &Tenant) -> Result<Vec<Subscription>, GraphError> {
        turn().await;
        self.call(format!("list {}", short(tenant)))?;
        let state = self.state.lock().unwrap();
        let own = state
            .subscriptions
            .iter()
            .filter(|(id, _)| *id == tenant.tenant_id);
        Ok(own
            .map(|(_, one)| one.clone())
            .filter(|one| !state.hidden.contains(&one.id))
            .collect())
    }

    async fn objects(&self, _: &Tenant, of: &ForEach) -> Result<Vec<String>, GraphError> {
        turn().await;
        let line = match of {
            ForEach::Ids(ids) => return Ok(ids.clone()),
            ForEach::MembersOf(_) => "members",
            ForEach::AllUsers => "users",
            ForEach::AllTeams => "teams",
        };
        self.call(line.to_owned())?;
        Ok(self.state.lock().unwrap().objects.clone())
    }

    async fn get(&self, _: &Tenant, _: Version, id: &str) -> Result<Subscription, GraphError> {
        turn().await;
        self.call(format!("get {id}"))?;
        self.all()
            .into_iter()
            .find(|subscription| subscription.id == id)
            .ok_or_else(not_found)
    }

    async fn create(
        &self,
        tenant: &Tenant,
        _: Version,
        subscription: &NewSubscription,
    ) -> Result<Subscription, GraphError> {
        turn().await;
        self.call(format!("create {}", subscription.resource))?;
        let mut state = self.state.lock().unwrap();
        state.bodies.push(serde_json::to_value(subscription).unwrap());
        let existing = state.subscriptions.iter().find(|(id, one)| {
            *id == tenant.tenant_id
                && same_resource(one.resource.as_deref().unwrap(), &subscription.resource)
                && same_change_types(one.change_type.as_deref().unwrap(), &subscription.change_type)
        });
        if let Some((_, existing)) = existing {
            return Err(GraphError::of(GraphErrorKind::Conflict {
                existing: Some(existing.id.clone()),
            }));
        }
        let created = Subscription {
            id: format!("id-{}", state.bodies.len()),
            resource: Some(subscription.resource.clone()),
            notification_query_options: subscription.notification_query_options.clone(),
            change_type: Some(subscription.change_type.clone()),
            notification_url: Some(subscription.notification_url.clone()),
            lifecycle_notification_url: Some(subscription.lifecycle_notification_url.clone()),
            expiration_date_time: Some(subscription.expiration_date_time),
            include_resource_data: Some(subscription.include_resource_data),
            ..Subscription::default()
        };
        state
            .subscriptions
            .push((tenant.tenant_id.clone(), created.clone()));
        Ok(created)
    }

    async fn update(
        &self,
        _: &Tenant,
        _: Version,
        id: &str,
        update: &SubscriptionUpdate,
    ) -> Result<Subscription, GraphError> {
        turn().await;
        self.call(format!("update {id}"))?;
        let mut state = self.state.lock().unwrap();
        state.bodies.push(serde_json::to_value(update).unwrap());
        if state.vanishing.iter().any(|vanishing| vanishing == id) {
            state
                .subscriptions
                .retain(|(_, subscription)| subscription.id != id);
        }
        let found = state
            .subscriptions
            .iter_mut()
            .find(|(_, subscription)| subscription.id == id);
        let (_, subscription) = found.ok_or_else(not_found)?;
        subscription.expiration_date_time = Some(update.expiration_date_time);
        if let Some(url) = &update.notification_url {
            subscription.notification_url = Some(url.clone());
        }
        Ok(subscription.clone())
    }

    fn throttled(&self) -> usize {
        std::mem::take(&mut self.state.lock().unwrap().throttled)
    }

    async fn delete(&self, _: &Tenant, _: Version, id: &str) -> Result<(), GraphError> {
        turn().await;
        self.call(format!("delete {id}"))?;
        self.remove(id);
        Ok(())
    }

    async fn signed_in_at(&self, _: &Tenant) -> Option<Timestamp> {
        self.state.lock().unwrap().signed_in_at
    }
}

fn not_found() -> GraphError {
    GraphError::of(GraphErrorKind::NotFound {
        message: String::new(),
    })
}

fn short(tenant: &Tenant) -> &str {
    &tenant.tenant_id[..1]
}
