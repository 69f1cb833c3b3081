//! Doubles of what renewal talks to. They share a log, so that the order of what it does can be seen.

use std::{
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use getrandom::SysRng;
use graph_core::{
    catalogue::Version,
    config::{ForEach, Tenant},
    plan::{Policy, rotation::Rotation},
    secret::Secret,
    subscription::{
        NewSubscription, Origin, Subscription, SubscriptionUpdate, same_change_types, same_resource,
    },
};
use graph_edge::{
    graph::{GraphError, GraphErrorKind},
    metrics::Sheet,
    secrets::{SecretError, Versioned},
    testing::{FakeQueue, FakeSecrets},
};
use jiff::Timestamp;
use rand_core::UnwrapErr;
use serde_json::Value;

use crate::{
    Deps, Error, Memory, handle,
    ports::{Clock, Document, Documents, Graph},
};

pub(super) type Log = Arc<Mutex<Vec<String>>>;

/// All doubles together.
pub(super) type World = Deps<FakeDocuments, FakeGraph, FakeClock, FakeQueue, UnwrapErr<SysRng>>;

pub(super) const NOW: &str = "2026-11-22T10:00:00Z";

/// Returns a world in which nothing has been done yet, with `config` in ConfigSecret.
pub(super) fn world(config: &Value) -> World {
    let log = Log::default();
    let documents = FakeDocuments {
        log: log.clone(),
        ..FakeDocuments::default()
    };
    documents.set(Document::Config, &config.to_string());
    Deps {
        documents,
        graph: FakeGraph {
            log: log.clone(),
            ..FakeGraph::default()
        },
        clock: FakeClock {
            now: Mutex::new(NOW.parse().unwrap()),
            log,
        },
        failed_queue: FakeQueue::default(),
        delivery_queue: FakeQueue::default(),
        rng: Mutex::new(UnwrapErr(SysRng)),
        notifications: Origin::parse("https://our.example/notifications").unwrap(),
        lifecycle: Origin::parse("https://our.example/lifecycle").unwrap(),
        policy: Policy::default(),
        rotation: Rotation::default(),
        memory: Memory::default(),
    }
}

impl World {
    pub(super) async fn run(&self) -> Value {
        self.invoke(serde_json::json!({})).await.unwrap()
    }

    pub(super) async fn invoke(&self, event: Value) -> Result<Value, Error> {
        let deadline = self.clock.now() + jiff::SignedDuration::from_mins(15);
        self.invoke_until(deadline, event).await
    }

    /// Invokes, whatever comes of it, and returns what was counted.
    pub(super) async fn counted(&self, event: Value) -> Sheet {
        let (deadline, mut sheet) = (
            self.clock.now() + jiff::SignedDuration::from_mins(15),
            Sheet::default(),
        );
        drop(handle(event, deadline, self, &mut sheet).await);
        sheet
    }

    pub(super) async fn invoke_until(&self, deadline: Timestamp, event: Value) -> Result<Value, Error> {
        handle(event, deadline, self, &mut Sheet::default()).await
    }

    /// Returns the events that consumers were sent.
    pub(super) fn told(&self) -> Vec<Value> {
        let stored = self.delivery_queue.stored();
        stored
            .iter()
            .map(|message| serde_json::from_str(&message.body).unwrap())
            .collect()
    }

    /// Returns what was done since the last look.
    pub(super) fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.graph.log.lock().unwrap())
    }
}

#[derive(Default)]
pub(super) struct FakeDocuments {
    log: Log,
    secrets: FakeSecrets,
    /// What another run writes just before us.
    pub(super) rival: Mutex<Option<(Document, String)>>,
    pub(super) is_down: Mutex<bool>,
}

impl FakeDocuments {
    pub(super) fn set(&self, document: Document, text: &str) {
        self.secrets.set(&format!("{document:?}"), text);
    }

    pub(super) fn json(&self, document: Document) -> Value {
        self.text(document)
            .map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    }

    pub(super) fn text(&self, document: Document) -> Option<String> {
        self.secrets.text(&format!("{document:?}"))
    }
}

impl Documents for FakeDocuments {
    async fn read(&self, document: Document) -> Result<Option<Versioned>, SecretError> {
        turn().await;
        if *self.is_down.lock().unwrap() {
            return Err(SecretError::Unavailable("down".into()));
        }
        Ok(self.secrets.read(&format!("{document:?}")))
    }

    async fn write(
        &self,
        document: Document,
        text: &Secret<String>,
        based_on: Option<&str>,
    ) -> Result<(), SecretError> {
        turn().await;
        let name = format!("{document:?}");
        let rival = self
            .rival
            .lock()
            .unwrap()
            .take_if(|(rivals, _)| *rivals == document);
        if let Some((_, text)) = rival {
            self.secrets.write(&name, &text, based_on).unwrap();
        }
        self.secrets.write(&name, text.expose(), based_on)?;
        self.log.lock().unwrap().push(format!("write {document:?}"));
        Ok(())
    }
}

/// Lets others have their turn before a call.
async fn turn() {
    let mut is_over = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Subscriptions by tenant, with Graph's rule that one combination has one subscription.
#[derive(Default)]
pub(super) struct FakeGraph {
    log: Log,
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
    /// Makes every call fail whose line in the log starts with `call`.
    pub(super) fn fail(&self, call: &str, kind: fn() -> GraphErrorKind) {
        self.state.lock().unwrap().failures.push((call.to_owned(), kind));
    }

    pub(super) fn heal(&self) {
        self.state.lock().unwrap().failures.clear();
    }

    pub(super) fn add(&self, tenant: &str, subscription: Subscription) {
        self.state
            .lock()
            .unwrap()
            .subscriptions
            .push((tenant.to_owned(), subscription));
    }

    /// Sets when every user has last signed in.
    pub(super) fn sign_in(&self, at: Timestamp) {
        self.state.lock().unwrap().signed_in_at = Some(at);
    }

    /// Goes on from where `other` is.
    pub(super) fn resume(&self, other: &Self) {
        let (mut state, other) = (self.state.lock().unwrap(), other.state.lock().unwrap());
        state.subscriptions.clone_from(&other.subscriptions);
        state.bodies.clone_from(&other.bodies);
    }

    /// Sets the objects that every entry for many stands for.
    pub(super) fn set_objects(&self, ids: &[&str]) {
        self.state.lock().unwrap().objects = ids.iter().map(|id| (*id).to_owned()).collect();
    }

    /// Leaves a subscription out of lists, as Graph does with what was created after the list was made.
    pub(super) fn hide(&self, id: &str) {
        self.state.lock().unwrap().hidden.push(id.to_owned());
    }

    /// Ends a subscription at the moment of its renewal.
    pub(super) fn vanish_on_update(&self, id: &str) {
        self.state.lock().unwrap().vanishing.push(id.to_owned());
    }

    pub(super) fn remove(&self, id: &str) {
        self.state
            .lock()
            .unwrap()
            .subscriptions
            .retain(|(_, subscription)| subscription.id != id);
    }

    pub(super) fn change(&self, id: &str, change: impl Fn(&mut Subscription)) {
        let mut state = self.state.lock().unwrap();
        state
            .subscriptions
            .iter_mut()
            .filter(|(_, one)| one.id == id)
            .for_each(|(_, one)| change(one));
    }

    pub(super) fn all(&self) -> Vec<Subscription> {
        self.state
            .lock()
            .unwrap()
            .subscriptions
            .iter()
            .map(|(_, subscription)| subscription.clone())
            .collect()
    }

    /// Returns the bodies of all creations and renewals.
    pub(super) fn bodies(&self) -> Vec<Value> {
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

/// A clock in which time passes only by sleeping.
pub(super) struct FakeClock {
    pub(super) now: Mutex<Timestamp>,
    log: Log,
}

impl FakeClock {
    pub(super) fn advance(&self, minutes: i64) {
        *self.now.lock().unwrap() += jiff::SignedDuration::from_mins(minutes);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        *self.now.lock().unwrap() += duration;
        self.log
            .lock()
            .unwrap()
            .push(format!("sleep {} s", duration.as_secs()));
    }
}
