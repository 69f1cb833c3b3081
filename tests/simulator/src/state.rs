//! What the simulator remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::der::CannotSign;
use super::directory::Directory;
use super::items::Items;
use super::keys::Authority;
use super::login::Trusted;
use super::options::{App, Options};
use super::post::PostReport;
use super::random;
use super::store::Subscriptions;
use super::subscription::Registered;

/// The simulator's memory and its HTTP client, shared by all its tasks.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Client for handshakes and deliveries: follows no redirect, uses no proxy.
    pub(crate) client: reqwest::Client,
}

impl Shared {
    /// Builds the memory from the options.
    ///
    /// # Errors
    ///
    /// No signing key can be made.
    pub(crate) fn new(options: Options, client: reqwest::Client) -> Result<Arc<Self>, CannotSign> {
        let state = State {
            clock_offset: SignedDuration::ZERO,
            subscriptions: Subscriptions::default(),
            access_tokens: BTreeMap::new(),
            refresh_tokens: BTreeMap::new(),
            unlisted: BTreeSet::new(),
            trusted: Vec::new(),
            authority: Authority::new()?,
            requests: Vec::new(),
            faults: Vec::new(),
            deliveries: Vec::new(),
            violations: Vec::new(),
            directory: Directory::default(),
            items: Items::default(),
            read_at: BTreeMap::new(),
            losing: BTreeSet::new(),
            options,
        };
        Ok(Arc::new(Self {
            state: Mutex::new(state),
            client,
        }))
    }

    /// Locks the memory.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The simulator's memory.
pub(crate) struct State {
    /// Settings, some of which change while it runs.
    pub(crate) options: Options,
    /// How far the simulator's clock is ahead.
    pub(crate) clock_offset: SignedDuration,
    /// Subscriptions of all apps.
    pub(crate) subscriptions: Subscriptions,
    /// Access tokens that were handed out.
    pub(crate) access_tokens: BTreeMap<String, AccessToken>,
    /// Refresh tokens that are good, with the app that each belongs to.
    pub(crate) refresh_tokens: BTreeMap<String, App>,
    /// Ids of subscriptions that lists leave out.
    pub(crate) unlisted: BTreeSet<String>,
    /// What apps may prove themselves with besides their secrets.
    pub(crate) trusted: Vec<Trusted>,
    /// Keys of the token authority.
    pub(crate) authority: Authority,
    /// Requests that arrived, without those to the simulator's own controls.
    pub(crate) requests: Vec<LoggedRequest>,
    /// Faults to inject.
    pub(crate) faults: Vec<Fault>,
    /// POSTs that were sent, or tried.
    pub(crate) deliveries: Vec<PostReport>,
    /// Breaches of the ten-minute rule.
    pub(crate) violations: Vec<String>,
    /// Users, teams and groups.
    pub(crate) directory: Directory,
    /// What can be read.
    pub(crate) items: Items,
    /// When each chat and channel was read last.
    pub(crate) read_at: BTreeMap<String, Timestamp>,
    /// Ids or resources of subscriptions whose change notifications get lost.
    pub(crate) losing: BTreeSet<String>,
}

impl State {
    /// Returns the simulator's present time.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now()
            .saturating_add(self.clock_offset)
            .unwrap_or(Timestamp::MAX)
    }

    /// Forgets the subscriptions whose time has come.
    pub(crate) fn expire(&mut self) {
        let now = self.now();
        self.subscriptions.expire(now);
    }

    /// Finds a live subscription.
    pub(crate) fn subscription(&mut self, id: &str) -> Option<&Registered> {
        self.expire();
        self.subscriptions.get(id)
    }

    /// Finds the app registration of a subscription.
    pub(crate) fn app(&self, tenant_id: &str, client_id: &str) -> Option<&App> {
        self.options
            .apps
            .iter()
            .find(|app| app.tenant_id == tenant_id && app.client_id == client_id)
    }

    /// Hands out an access token for an app.
    pub(crate) fn issue(&mut self, app: &App) -> String {
        let token = random::opaque::<48>();
        let lifetime = SignedDuration::from_secs(self.options.token_seconds);
        let expires_at = self.now().saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        let (tenant_id, client_id) = (app.tenant_id.clone(), app.client_id.clone());
        self.access_tokens.insert(
            token.clone(),
            AccessToken {
                tenant_id,
                client_id,
                expires_at,
            },
        );
        token
    }

    /// Takes the fault that the request runs into, if there is one.
    pub(crate) fn take_fault(&mut self, method: &str, path: &str) -> Option<Fault> {
        let position = self.faults.iter().position(|fault| fault.hits(method, path))?;
        let fault = self.faults.get_mut(position)?;
        fault.times = fault.times.saturating_sub(1);
        let taken = fault.clone();
        if taken.times == 0 {
            self.faults.remove(position);
        }
        Some(taken)
    }
}

/// What an access token stands for.
#[derive(Debug, Clone)]
pub(crate) struct AccessToken {
    /// Tenant.
    pub(crate) tenant_id: String,
    /// App.
    pub(crate) client_id: String,
    /// End of its life.
    pub(crate) expires_at: Timestamp,
}

/// A request that arrived at the simulated Graph or its login endpoint.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedRequest {
    /// Method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Query string, undecoded; empty when there is none.
    pub query: String,
    /// Body as text; that of a token request is left out, it holds credentials.
    pub body: String,
    /// Status of the answer.
    pub status: u16,
    /// The caller's `client-request-id`, or an empty text.
    pub client_request_id: String,
    /// When it was answered, by the simulator's clock.
    pub at: Timestamp,
}

/// A failure to inject: what the next requests of a kind are answered instead of what they asked for.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Method; empty means any.
    pub method: String,
    /// Beginning of the path and its query, as in `/v1.0/subscriptions`.
    pub path_prefix: String,
    /// How many requests it hits.
    pub times: usize,
    /// Status of the answer.
    pub status: u16,
    /// JSON body of the answer; Graph's error form when absent.
    pub body: Option<Value>,
    /// `Retry-After` header in seconds.
    pub retry_after: Option<u64>,
    /// Further headers of the answer; a name may come more than once.
    pub headers: Vec<(String, String)>,
    /// Pause before the answer.
    pub delay: Duration,
    /// Whether the request is carried out all the same, so that only its answer is lost.
    pub carried_out: bool,
}

impl Fault {
    /// Makes the next request to a path fail with a status.
    #[must_use]
    pub fn new(method: &str, path_prefix: &str, status: u16) -> Self {
        Self {
            method: method.to_owned(),
            path_prefix: path_prefix.to_owned(),
            times: 1,
            status,
            body: None,
            retry_after: None,
            headers: Vec::new(),
            delay: Duration::ZERO,
            carried_out: false,
        }
    }

    /// Hits so many requests.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Sends a `Retry-After` header.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Sends a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends this body.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Waits before it answers.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Carries the request out, and answers the failure all the same.
    #[must_use]
    pub fn carried_out(mut self) -> Self {
        self.carried_out = true;
        self
    }

    /// Tells whether the request is one that the fault is meant for.
    fn hits(&self, method: &str, path: &str) -> bool {
        let method_fits = self.method.is_empty() || self.method.eq_ignore_ascii_case(method);
        self.times > 0 && method_fits && path.starts_with(&self.path_prefix)
    }
}
