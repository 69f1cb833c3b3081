//! The memory of the simulator.

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

/// The memory and the HTTP client, shared by all tasks.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// The client for handshakes and deliveries. It follows no redirect and uses no proxy.
    pub(crate) client: reqwest::Client,
}

impl Shared {
    /// Creates the memory for the options.
    ///
    /// # Errors
    ///
    /// A signing key cannot be generated.
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
            list_lag: SignedDuration::ZERO,
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
    /// The settings, some of which can change.
    pub(crate) options: Options,
    /// How far the simulator's clock is ahead of the real one.
    pub(crate) clock_offset: SignedDuration,
    /// The subscriptions of all apps.
    pub(crate) subscriptions: Subscriptions,
    /// The issued access tokens.
    pub(crate) access_tokens: BTreeMap<String, AccessToken>,
    /// The valid refresh tokens, with their apps.
    pub(crate) refresh_tokens: BTreeMap<String, App>,
    /// The ids of subscriptions that lists leave out.
    pub(crate) unlisted: BTreeSet<String>,
    /// The credentials of apps besides their secrets.
    pub(crate) trusted: Vec<Trusted>,
    /// The keys of the token authority.
    pub(crate) authority: Authority,
    /// The received requests, without those to the controls.
    pub(crate) requests: Vec<LoggedRequest>,
    /// The faults to inject.
    pub(crate) faults: Vec<Fault>,
    /// The POSTs that were sent or tried.
    pub(crate) deliveries: Vec<PostReport>,
    /// The violations of the ten-minute rule.
    pub(crate) violations: Vec<String>,
    /// The users, teams and groups.
    pub(crate) directory: Directory,
    /// The items that can be read.
    pub(crate) items: Items,
    /// When each chat and channel was last read.
    pub(crate) read_at: BTreeMap<String, Timestamp>,
    /// How long after a change lists show it.
    pub(crate) list_lag: SignedDuration,
    /// The ids or resources of subscriptions whose change notifications are lost.
    pub(crate) losing: BTreeSet<String>,
}

impl State {
    /// Returns the current time of the simulator.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now()
            .saturating_add(self.clock_offset)
            .unwrap_or(Timestamp::MAX)
    }

    /// Removes expired subscriptions.
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

    /// Issues an access token for an app.
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

    /// Returns the fault that hits the request, if any, and counts it.
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

/// The owner of an access token.
#[derive(Debug, Clone)]
pub(crate) struct AccessToken {
    /// The tenant.
    pub(crate) tenant_id: String,
    /// The app.
    pub(crate) client_id: String,
    /// When it expires.
    pub(crate) expires_at: Timestamp,
}

/// A request to the simulated Graph or its login endpoint.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedRequest {
    /// Method.
    pub method: String,
    /// Path.
    pub path: String,
    /// The query, not decoded; empty if absent.
    pub query: String,
    /// The body as text. The body of a token request is left out, because it contains credentials.
    pub body: String,
    /// The status of the answer.
    pub status: u16,
    /// The caller's `client-request-id`; empty if absent.
    pub client_request_id: String,
    /// When it was answered, by the simulator's clock.
    pub at: Timestamp,
}

/// A fault: an answer that replaces the real one for the next requests of a kind.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The method; empty means any.
    pub method: String,
    /// The beginning of the path and query, such as `/v1.0/subscriptions`.
    pub path_prefix: String,
    /// How many requests it hits.
    pub times: usize,
    /// The status of the answer.
    pub status: u16,
    /// The JSON body of the answer; an error in Graph's form if absent.
    pub body: Option<Value>,
    /// The `Retry-After` header in seconds.
    pub retry_after: Option<u64>,
    /// Further headers of the answer. A name may occur more than once.
    pub headers: Vec<(String, String)>,
    /// The pause before the answer.
    pub delay: Duration,
    /// Whether the request is carried out nevertheless, so that only its answer is lost.
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

    /// Sets how many requests it hits.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Adds a `Retry-After` header.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Sets the pause before the answer.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Carries the request out, and answers with the fault nevertheless.
    #[must_use]
    pub fn carried_out(mut self) -> Self {
        self.carried_out = true;
        self
    }

    /// Returns whether the fault hits the request.
    fn hits(&self, method: &str, path: &str) -> bool {
        let method_fits = self.method.is_empty() || self.method.eq_ignore_ascii_case(method);
        self.times > 0 && method_fits && path.starts_with(&self.path_prefix)
    }
}
