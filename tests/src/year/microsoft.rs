//! Microsoft Graph and its token endpoint in memory: the simulator's rules for subscriptions, behind a request of the
//! real client, with Graph's limits and with faults.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::{self, StatusCode};
use graph_edge::{
    clock::Clock,
    http::carrier::{Carried, Carrier, TimedOut},
};
use jiff::Timestamp;
use reqwest::{Method, Request, Response};

use super::{
    chance::Chance,
    faults::{Fault, Faults},
    ledger::{End, Ledger},
    limits::{Kind, Limits},
    organisation::Organisation,
    time::VirtualClock,
};
use crate::graph::{
    http::GraphError,
    subscription::{self, Owner, Registered},
};

/// Graph, shared by all who talk to it.
#[derive(Clone)]
pub(super) struct Microsoft {
    clock: VirtualClock,
    state: Arc<Mutex<State>>,
}

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

struct Live {
    subscription: Registered,
    /// As a list shows it.
    shown: String,
}

impl Microsoft {
    pub(super) fn new(
        clock: VirtualClock,
        organisation: &Organisation,
        faults: Faults,
        chance: Chance,
    ) -> Self {
        let body = |ids: &Vec<String>| {
            let objects: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
            format!(r#"{{"value":[{}]}}"#, objects.join(","))
        };
        let directory = organisation.directory.iter();
        let state = State {
            chance,
            faults,
            limits: Limits::default(),
            ledger: Ledger::default(),
            applications: BTreeMap::new(),
            ends: BTreeSet::new(),
            directory: directory.map(|(place, ids)| (place.clone(), body(ids))).collect(),
            next: 0,
        };
        Self {
            clock,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Returns the state of this moment.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.expire(self.clock.now());
        state
    }

    async fn answer(&self, request: Request) -> Result<Response, graph_edge::BoxError> {
        let path = request.url().path().to_owned();
        if path.ends_with("/oauth2/v2.0/token") {
            return Ok(grant(&request, &path));
        }
        let Some(caller) = caller(&request) else {
            return Ok(reply(StatusCode::UNAUTHORIZED, None, String::new()));
        };
        let segments: Vec<&str> = path.split('/').filter(|one| !one.is_empty()).collect();
        let (kind, rest) = match segments.as_slice() {
            [_, "subscriptions"] if *request.method() == Method::GET => (Some(Kind::List), None),
            [_, "subscriptions", id] if *request.method() == Method::GET => (Some(Kind::One), Some(*id)),
            [_, "subscriptions", rest @ ..] => (Some(Kind::Write), rest.first().copied()),
            _ => (None, None),
        };
        let timeout = request.timeout().copied().unwrap_or(Duration::from_secs(100));
        let (fault, latency) = self.meet(kind, request.method(), &caller);
        match fault {
            Some(Fault::Throttled(seconds)) => {
                self.clock.sleep(latency).await;
                let body = r#"{"error":{"code":"TooManyRequests","message":"Too many requests."}}"#;
                return Ok(reply(
                    StatusCode::TOO_MANY_REQUESTS,
                    Some(seconds),
                    body.to_owned(),
                ));
            }
            Some(Fault::Unavailable) => {
                self.clock.sleep(latency).await;
                return Ok(reply(StatusCode::SERVICE_UNAVAILABLE, None, String::new()));
            }
            Some(Fault::Silence { carried_out: false }) => {
                self.clock.sleep(timeout).await;
                return Err(TimedOut.into());
            }
            Some(Fault::Handshake) => {
                self.clock.sleep(Duration::from_secs(10)).await;
                let message = "Subscription validation request timed out.";
                return Ok(refuse(&GraphError::new(
                    StatusCode::BAD_REQUEST,
                    "ValidationError",
                    message,
                )));
            }
            Some(Fault::Silence { carried_out: true }) | None => {}
        }
        self.clock.sleep(latency).await;
        let answer = self.carry_out(&request, &caller, kind, rest, &segments);
        if matches!(fault, Some(Fault::Silence { .. })) {
            self.clock.sleep(timeout.saturating_sub(latency)).await;
            return Err(TimedOut.into());
        }
        Ok(answer.unwrap_or_else(|error| refuse(&error)))
    }

    /// Counts a request, and returns what comes in its way and how long its answer takes.
    fn meet(
        &self,
        kind: Option<Kind>,
        method: &Method,
        (tenant_id, client_id): &Application,
    ) -> (Option<Fault>, Duration) {
        let now = self.clock.now();
        let mut state = self.state();
        let state = &mut *state;
        // Two handshakes are part of a creation.
        let latency = if *method == Method::POST {
            state.chance.between(300, 2_000)
        } else {
            state.chance.between(80, 400)
        };
        state.ledger.request(kind, method);
        if let Some(kind) = kind
            && state.limits.count(kind, tenant_id, client_id, now)
        {
            return (Some(Fault::Throttled(10)), latency);
        }
        let fault = state
            .faults
            .strike(*method == Method::POST, now, &mut state.chance);
        state.ledger.fault(fault);
        (fault, latency)
    }

    fn carry_out(
        &self,
        request: &Request,
        caller: &Application,
        kind: Option<Kind>,
        id: Option<&str>,
        segments: &[&str],
    ) -> Result<Response, GraphError> {
        let now = self.clock.now();
        let mut state = self.state();
        let body = request
            .body()
            .and_then(reqwest::Body::as_bytes)
            .unwrap_or_default();
        let ok = |body| Ok(reply(StatusCode::OK, None, body));
        match (request.method(), kind, id) {
            (_, None, _) => {
                let path = segments.get(1..).unwrap_or_default().join("/");
                let found = state.directory.get(&(caller.0.clone(), path));
                ok(found.cloned().ok_or_else(|| not_found("the list"))?)
            }
            (_, Some(Kind::List), _) => ok(state.page(caller, request)),
            (&Method::GET, _, Some(id)) => ok(state.find(caller, id)?.1.shown.clone()),
            (&Method::POST, _, None) => {
                let beta = segments.first() == Some(&"beta");
                let shown = state.create(caller, body, beta, now)?;
                Ok(reply(StatusCode::CREATED, None, shown))
            }
            (&Method::PATCH, _, Some(id)) => ok(state.update(caller, id, body, now)?),
            (&Method::DELETE, _, Some(id)) => {
                let number = state.find(caller, id)?.0;
                state.end(caller, number, End::Deleted, now);
                Ok(reply(StatusCode::NO_CONTENT, None, String::new()))
            }
            _ => Err(not_found("the operation")),
        }
    }
}

impl Carrier for Microsoft {
    fn carry(&self, request: Request) -> Carried<'_> {
        Box::pin(self.answer(request))
    }
}

impl fmt::Debug for Microsoft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Microsoft")
    }
}

impl State {
    fn expire(&mut self, now: Timestamp) {
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

    fn page(&self, caller: &Application, request: &Request) -> String {
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

    fn create(
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

    fn update(
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

    fn find(&self, caller: &Application, id: &str) -> Result<(u64, &Live), GraphError> {
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

    fn end(&mut self, application: &Application, number: u64, why: End, now: Timestamp) {
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

/// Grants an access token, and a user the next refresh token as well.
fn grant(request: &Request, path: &str) -> Response {
    let tenant_id = path.split('/').find(|part| !part.is_empty()).unwrap_or_default();
    let form = request
        .body()
        .and_then(reqwest::Body::as_bytes)
        .unwrap_or_default();
    let form = crate::graph::http::form(&String::from_utf8_lossy(form));
    let client_id = form
        .iter()
        .find(|(name, _)| name == "client_id")
        .map_or("", |(_, id)| id);
    let user = form.iter().any(|(_, value)| value == "refresh_token");
    let more = if user { r#","refresh_token":"next""# } else { "" };
    let body = format!(
        r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{tenant_id}.{client_id}"{more}}}"#
    );
    reply(StatusCode::OK, None, body)
}

/// Returns what Graph allows one subscription of.
fn resource(subscription: &Registered) -> String {
    subscription.resource.to_lowercase()
}

/// Returns who calls, by the access token.
fn caller(request: &Request) -> Option<Application> {
    let token = request.headers().get("authorization")?.to_str().ok()?;
    let (tenant_id, client_id) = token.strip_prefix("Bearer ")?.split_once('.')?;
    Some((tenant_id.to_owned(), client_id.to_owned()))
}

fn not_found(what: &str) -> GraphError {
    GraphError::new(
        StatusCode::NOT_FOUND,
        "ResourceNotFound",
        format!("{what} was not found."),
    )
}

fn refuse(error: &GraphError) -> Response {
    let body = serde_json::json!({"error": {"code": error.code, "message": error.message}});
    reply(error.status, None, body.to_string())
}

fn reply(status: StatusCode, retry_after: Option<u64>, body: String) -> Response {
    let mut answer = http::Response::new(body);
    *answer.status_mut() = status;
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert("retry-after", seconds.into());
    }
    answer.into()
}

/// Subscriptions on one page of a list.
const PAGE: usize = 100;
