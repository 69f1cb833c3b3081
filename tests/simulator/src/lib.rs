//! A strict simulator of Microsoft Graph's change notifications.
//!
//! It accepts subscriptions by the real rules, makes the validation handshake with notification URLs, signs and
//! encrypts as Microsoft does, delivers with retries, and can do each of these things wrong on request. It shares no
//! code with the rest of the project, so that a misreading of the protocol cannot hide in both.
//!
//! It does not simulate permissions and licences (every app may subscribe to everything, even to delegated-only
//! resources), quotas except one subscription per Teams resource, throttling except by [`Fault`], national clouds, and
//! delivery through Event Hubs. It lists the ids of `/users`, `/teams` and `/groups/{id}/members`, and the [`Item`]s
//! that it is given, as Graph lists them by time.
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
//! // .. the program under test gets a token and subscribes at simulator.base_url() ..
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

/// A running simulator on a thread of its own. It stops when it is dropped.
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

    /// Returns the base URL, which replaces both `https://graph.microsoft.com` and `https://login.microsoftonline.com`.
    #[must_use]
    pub fn base_url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Returns the authority's certificate in PEM, which clients have to trust if the simulator serves https.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Sets the address at which a public origin is really reached.
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

    /// Sets the ids of the users in a group. The group's id is unique over all tenants. Another group and a device are
    /// in the group as well.
    pub fn set_members(&self, group_id: &str, ids: &[&str]) {
        let mut state = self.shared.state();
        state
            .directory
            .members
            .insert(group_id.to_owned(), directory::owned(ids));
    }

    /// Sets how many subscriptions a page of a list has.
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

    /// Removes a subscription without a notification, and returns whether it existed.
    #[must_use]
    pub fn remove(&self, subscription: impl AsRef<str>) -> bool {
        let removed = self.shared.state().subscriptions.remove(subscription.as_ref());
        removed.is_some()
    }

    /// Makes a subscription older by `by`, so that it expires earlier. Returns whether it existed.
    #[must_use]
    pub fn age(&self, subscription: impl AsRef<str>, by: SignedDuration) -> bool {
        let mut state = self.shared.state();
        let Some(mut one) = state.subscription(subscription.as_ref()).cloned() else {
            return false;
        };
        one.expires_at = one.expires_at.saturating_sub(by).unwrap_or(one.expires_at);
        state.subscriptions.replace(one)
    }

    /// Returns the current time of the simulator.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.state().now()
    }

    /// Moves the simulator's clock forward, or back. Subscriptions and access tokens expire by it.
    pub fn advance(&self, by: SignedDuration) {
        let mut state = self.shared.state();
        state.clock_offset = state.clock_offset.saturating_add(by);
    }

    /// Uses a new signing key, and withdraws the oldest.
    ///
    /// # Errors
    ///
    /// A key cannot be generated.
    pub fn rotate_keys(&self) -> Result<(), SimulatorError> {
        self.shared
            .state()
            .authority
            .rotate()
            .map_err(|_| SimulatorError::Crypto)
    }

    /// Returns the access tokens that are valid.
    #[must_use]
    pub fn access_tokens(&self) -> Vec<String> {
        self.shared.state().access_tokens.keys().cloned().collect()
    }

    /// Revokes all access tokens, so that the next call of each client is answered with 401.
    pub fn revoke_access_tokens(&self) {
        self.shared.state().access_tokens.clear();
    }

    /// Leaves a subscription out of lists from now on, as Graph has been seen to do. It can still be read by id.
    pub fn unlist(&self, id: &str) {
        self.shared.state().unlisted.insert(id.to_owned());
    }

    /// Issues a refresh token for an app, as after a sign-in.
    #[must_use]
    pub fn issue_refresh_token(&self, app: &App) -> String {
        let token = random::opaque::<64>();
        self.shared
            .state()
            .refresh_tokens
            .insert(token.clone(), app.clone());
        token
    }

    /// Lets an app authenticate with assertions that are signed with the key of this certificate (DER).
    pub fn trust_certificate(&self, client_id: &str, certificate: &[u8]) {
        self.trust(client_id, certificate, None);
    }

    /// Lets an app authenticate with assertions of another issuer, signed with the key of this certificate (DER).
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

    /// Makes future requests fail.
    pub fn fail(&self, fault: Fault) {
        self.shared.state().faults.push(fault);
    }

    /// Returns the faults that have not hit yet, oldest first.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.state().faults.clone()
    }

    /// Returns the received requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.state().requests.clone()
    }

    /// Returns the number of requests with a method and a beginning of the path.
    #[must_use]
    pub fn count(&self, method: &str, path_prefix: &str) -> usize {
        let state = self.shared.state();
        let fits = |one: &&LoggedRequest| one.method == method && one.path.starts_with(path_prefix);
        state.requests.iter().filter(fits).count()
    }

    /// Returns the violations of the rule that PATCH and reauthorize have to be ten minutes apart.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.state().violations.clone()
    }

    /// Returns the sent POSTs, including those that were given up.
    #[must_use]
    pub fn deliveries(&self) -> Vec<PostReport> {
        self.shared.state().deliveries.clone()
    }

    /// Forgets the received requests and the sent POSTs. Otherwise they are kept as long as the simulator runs.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.requests.clear();
        state.deliveries.clear();
    }

    /// Sends notifications and waits until they are accepted or given up.
    ///
    /// # Errors
    ///
    /// The post asks for something that cannot be built, or the simulator has stopped.
    pub async fn send(&self, post: Post) -> Result<DeliveryReport, SimulatorError> {
        let sending = deliver::send(Arc::clone(&self.shared), post);
        self.runtime
            .spawn(sending)
            .await
            .map_err(|_| SimulatorError::Stopped)?
    }

    /// Sends the body of an earlier POST again, as Graph does after a lost answer.
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

    /// Waits until the simulator's thread ends, which does not happen by itself.
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

/// Why the simulator cannot do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulatorError {
    /// A rich notification needs a subscription with resource data.
    #[error("subscription to {0} is not for resource data")]
    NotRich(String),
    /// The simulator has no payload for the resource.
    #[error("no payload for {0}: give the content")]
    NoPayload(String),
    /// A duplicate names an item that does not come before it.
    #[error("there is no item {0} to duplicate")]
    NoSuchItem(usize),
    /// A cryptographic primitive failed.
    #[error("a cryptographic primitive failed")]
    Crypto,
    /// The simulator has stopped.
    #[error("the simulator has stopped")]
    Stopped,
}

/// The longest wait for the simulator's tasks when it is dropped.
const SHUTDOWN: Duration = Duration::from_millis(100);
