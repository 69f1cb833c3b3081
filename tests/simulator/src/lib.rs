//! A strict simulator of Microsoft Graph's change notifications.
//!
//! It takes subscriptions by the real rules, carries out the validation handshake against the notification URLs, signs
//! and encrypts as Microsoft does, delivers with retries, and can be told to do each of these things wrong. It shares
//! no code with the rest of the project, so that a misreading of the protocol cannot hide in both.
//!
//! What it does not simulate: permissions and licences (every app may subscribe to everything, delegated-only resources
//! included), quotas other than one subscription per Teams resource, throttling other than by [`Fault`], national
//! clouds, and delivery through Event Hubs. Of resources it lists the ids of `/users`, `/teams` and `/groups/{id}/members`, and
//! the [`Item`]s that it is given, as Graph lists them by time.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use graph_simulator::{App, Options, Post, Simulator, TokenVersion};
//!
//! let simulator = Simulator::start(Options {
//!     apps: vec![App {
//!         tenant_id: "11111111-2222-3333-4444-555555555555".to_owned(),
//!         client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
//!         client_secret: "secret".to_owned(),
//!         token_version: TokenVersion::V2,
//!     }],
//!     ..Options::default()
//! })?;
//! simulator.set_resolve("https://notify.test", "http://127.0.0.1:8080");
//! // .. have the program under test get a token and subscribe at simulator.base_url() ..
//! let report = simulator.send(Post::new().change("/teams/getAllMessages", "created")).await?;
//! assert!(report.delivered());
//! # Ok(())
//! # }
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

mod api;
mod checks;
mod compose;
mod control;
mod deliver;
mod der;
mod directory;
mod encrypt;
mod handshake;
mod http;
mod items;
mod keys;
mod lists;
mod login;
mod options;
mod payload;
mod post;
mod random;
mod rules;
mod server;
mod state;
mod store;
pub mod subscription;
mod tls;
mod token;
mod wrong;

#[cfg(test)]
mod tests;

pub use http::{GraphError, form};
pub use items::Item;
pub use options::{App, Options, TokenVersion};
pub use post::{Attempt, DeliveryReport, LifecycleEvent, Post, PostReport, SentItem, Skipped};
pub use state::{Fault, LoggedRequest};
pub use store::Subscriptions;
pub use subscription::Registered;
pub use wrong::Wrong;

use state::Shared;

/// Has cargo compile this package again in another checkout; see `.cargo/config.toml`.
const _: Option<&str> = option_env!("CHECKOUT");

/// A running simulator, on a thread of its own; it stops when it is dropped.
pub struct Simulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    authority: Option<String>,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Starts a simulator on the loopback interface.
    ///
    /// # Errors
    ///
    /// The port is taken, or the thread cannot be started.
    pub fn start(options: Options) -> std::io::Result<Self> {
        server::start(options)
    }

    /// Returns the base URL in place of both `https://graph.microsoft.com` and `https://login.microsoftonline.com`.
    #[must_use]
    pub fn base_url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Returns the certificate of the authority that clients have to trust, in PEM, where the simulator serves https.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Says where a public origin is really reached.
    pub fn set_resolve(&self, origin: &str, base_url: &str) {
        self.shared
            .state()
            .options
            .resolve
            .insert(origin.to_owned(), base_url.to_owned());
    }

    /// Adds an app registration.
    pub fn add_app(&self, app: App) {
        self.shared.state().options.apps.push(app);
    }

    /// Sets the ids of a tenant's users.
    pub fn set_users(&self, tenant_id: &str, ids: &[&str]) {
        let mut state = self.shared.state();
        state
            .directory
            .users
            .insert(tenant_id.to_owned(), directory::owned(ids));
    }

    /// Sets the ids of a tenant's teams.
    pub fn set_teams(&self, tenant_id: &str, ids: &[&str]) {
        let mut state = self.shared.state();
        state
            .directory
            .teams
            .insert(tenant_id.to_owned(), directory::owned(ids));
    }

    /// Sets the ids of the users in a group, whose id is the only one of its kind over all tenants. Besides them the group
    /// has another group and a device in it.
    pub fn set_members(&self, group_id: &str, ids: &[&str]) {
        let mut state = self.shared.state();
        state
            .directory
            .members
            .insert(group_id.to_owned(), directory::owned(ids));
    }

    /// Sets the number of subscriptions on a page of a list.
    pub fn set_page_size(&self, page_size: usize) {
        self.shared.state().options.page_size = page_size;
    }

    /// Returns the live subscriptions in the order of their creation, with their secrets.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<Registered> {
        let mut state = self.shared.state();
        state.expire();
        state
            .subscriptions
            .after(None)
            .map(|(_, one)| one.clone())
            .collect()
    }

    /// Removes a subscription without a word, and tells whether it was there.
    #[must_use]
    pub fn remove(&self, subscription: impl AsRef<str>) -> bool {
        let removed = self.shared.state().subscriptions.remove(subscription.as_ref());
        removed.is_some()
    }

    /// Makes a subscription so much older: it ends that much earlier. Tells whether it was there.
    #[must_use]
    pub fn age(&self, subscription: impl AsRef<str>, by: SignedDuration) -> bool {
        let mut state = self.shared.state();
        let Some(mut one) = state.subscription(subscription.as_ref()).cloned() else {
            return false;
        };
        one.expires_at = one.expires_at.saturating_sub(by).unwrap_or(one.expires_at);
        state.subscriptions.replace(one)
    }

    /// Returns the simulator's present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.state().now()
    }

    /// Puts the simulator's clock forward (or back): subscriptions and access tokens expire.
    pub fn advance(&self, by: SignedDuration) {
        let mut state = self.shared.state();
        state.clock_offset = state.clock_offset.saturating_add(by);
    }

    /// Puts a new signing key in use and withdraws the oldest.
    ///
    /// # Errors
    ///
    /// No key can be made.
    pub fn rotate_keys(&self) -> Result<(), SimulatorError> {
        self.shared
            .state()
            .authority
            .rotate()
            .map_err(|_| SimulatorError::Crypto)
    }

    /// Makes all access tokens invalid, so that the next call of each client is answered 401.
    pub fn revoke_access_tokens(&self) {
        self.shared.state().access_tokens.clear();
    }

    /// Has lists leave out a subscription from now on, as Graph's have been seen to; by its id it is there.
    pub fn unlist(&self, id: &str) {
        self.shared.state().unlisted.insert(id.to_owned());
    }

    /// Hands out a refresh token for an app, as after a sign-in.
    #[must_use]
    pub fn issue_refresh_token(&self, app: &App) -> String {
        let token = random::opaque::<64>();
        self.shared
            .state()
            .refresh_tokens
            .insert(token.clone(), app.clone());
        token
    }

    /// Lets an app prove itself by assertions that it signs with the key of this certificate (DER).
    pub fn trust_certificate(&self, client_id: &str, certificate: &[u8]) {
        self.trust(client_id, certificate, None);
    }

    /// Lets an app prove itself by assertions of another issuer, which signs with the key of this certificate (DER).
    pub fn trust_issuer(&self, client_id: &str, certificate: &[u8], issuer: &str, subject: &str) {
        self.trust(
            client_id,
            certificate,
            Some((issuer.to_owned(), subject.to_owned())),
        );
    }

    /// Adds a credential to an app.
    fn trust(&self, client_id: &str, certificate: &[u8], federated: Option<(String, String)>) {
        let (client_id, certificate) = (client_id.to_owned(), certificate.to_vec());
        self.shared.state().trusted.push(login::Trusted {
            client_id,
            certificate,
            federated,
        });
    }

    /// Makes requests that are still to come fail.
    pub fn fail(&self, fault: Fault) {
        self.shared.state().faults.push(fault);
    }

    /// Returns the requests that arrived, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.state().requests.clone()
    }

    /// Counts the requests with a method whose path begins so.
    #[must_use]
    pub fn count(&self, method: &str, path_prefix: &str) -> usize {
        let state = self.shared.state();
        let fits = |one: &&LoggedRequest| one.method == method && one.path.starts_with(path_prefix);
        state.requests.iter().filter(fits).count()
    }

    /// Returns the breaches of the rule that PATCH and reauthorize are to be ten minutes apart.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.state().violations.clone()
    }

    /// Returns the POSTs that were sent so far, those that were given up included.
    #[must_use]
    pub fn deliveries(&self) -> Vec<PostReport> {
        self.shared.state().deliveries.clone()
    }

    /// Forgets the requests that arrived and the POSTs that were sent, which are kept otherwise for as long as it runs.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.requests.clear();
        state.deliveries.clear();
    }

    /// Sends notifications and waits until they are accepted or given up.
    ///
    /// # Errors
    ///
    /// The post asks for what cannot be built, or the simulator has stopped.
    pub async fn send(&self, post: Post) -> Result<DeliveryReport, SimulatorError> {
        let sending = deliver::send(Arc::clone(&self.shared), post);
        self.runtime
            .spawn(sending)
            .await
            .map_err(|_| SimulatorError::Stopped)?
    }

    /// Sends the body of an earlier POST once more, as Graph does when an answer got lost.
    ///
    /// # Errors
    ///
    /// The simulator has stopped.
    pub async fn resend(&self, earlier: &PostReport) -> Result<PostReport, SimulatorError> {
        let sending = deliver::resend(Arc::clone(&self.shared), earlier.clone());
        self.runtime
            .spawn(sending)
            .await
            .map_err(|_| SimulatorError::Stopped)
    }

    /// Waits for the simulator's thread to end, which it does not by itself.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Why the simulator cannot do what it is told to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulatorError {
    /// Rich notifications need a subscription with resource data.
    #[error("subscription to {0} is not for resource data")]
    NotRich(String),
    /// There is no ready-made payload for the resource.
    #[error("no payload for {0}: give the content")]
    NoPayload(String),
    /// An item is a duplicate of one that does not stand before it.
    #[error("there is no item {0} to duplicate")]
    NoSuchItem(usize),
    /// A cryptographic primitive failed.
    #[error("a cryptographic primitive failed")]
    Crypto,
    /// The simulator has stopped.
    #[error("the simulator has stopped")]
    Stopped,
}

/// How long the simulator's tasks may take to end when it is dropped.
const SHUTDOWN: Duration = Duration::from_millis(100);
