//! A Microsoft cloud's login service: the keys that validation tokens are signed with.
//!
//! Keys roll without notice (Microsoft identity platform, *signing key rollover*), so they are fetched again in the
//! course of normal use about hourly, and when a token names a key that is not among them. The second is held to a
//! floor, because anyone who gets that far can name a key. When the service is down, the last good set stays in use for
//! a day.

mod refresh;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use graph_core::notification::tokens::{Authority, SigningKeys};
use jiff::Timestamp;
use reqwest::{Client, ClientBuilder, Url, redirect};
use serde::Deserialize;
use tokio::sync::Mutex;
use tracing::warn;

pub use self::refresh::RefreshPolicy;
use self::refresh::{Ask, Step};
use crate::{BoxError, http::Direct, telemetry::causes};

/// The signing keys cannot be had at present; trying later may help.
#[derive(Debug, thiserror::Error)]
#[error("signing keys are unavailable")]
pub struct Unavailable(#[source] BoxError);

/// What asking for the keys again, because of one that is not known, has led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// There are other keys than the ones tried: the token may hold now.
    Changed(Arc<SigningKeys>),
    /// The keys have just been fetched and are the ones tried: the token's key does not exist.
    Same,
    /// It is too early to ask again. The keys tried are those of `fetched_at`: a token that had come by then names a
    /// key that does not exist, one that came later is to be tried again later.
    NotYet {
        /// When the keys were fetched.
        fetched_at: Timestamp,
    },
}

/// The signing keys of one cloud, shared by all who need them.
pub struct SigningKeyCache<F = HttpDocuments> {
    documents: F,
    authority: Authority,
    endpoint: Option<String>,
    policy: RefreshPolicy,
    state: Mutex<State>,
}

impl<F: FetchDocument> SigningKeyCache<F> {
    /// Creates an empty cache for the keys of `authority`; nothing is fetched yet.
    ///
    /// `endpoint` is a base URL that takes the place of scheme and host in calls, and in nothing else.
    pub fn new(documents: F, authority: Authority, endpoint: Option<&str>) -> Self {
        Self {
            documents,
            authority,
            endpoint: endpoint
                .filter(|base| !base.is_empty())
                .map(|base| base.trim_end_matches('/').to_owned()),
            policy: RefreshPolicy::default(),
            state: Mutex::default(),
        }
    }

    /// Sets when keys are fetched again.
    #[must_use]
    pub fn with_policy(self, policy: RefreshPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Returns the authority whose keys these are.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Returns the keys, fetching them when there are none or when it is time to.
    ///
    /// # Errors
    ///
    /// There are no keys that are fresh enough to be used, and none can be fetched.
    pub async fn keys(&self, now: Timestamp) -> Result<Arc<SigningKeys>, Unavailable> {
        // Held while keys are fetched: those who wait find them instead of fetching them as well.
        let mut state = self.state.lock().await;
        match state.next(Ask::Normal, now, &self.policy) {
            Step::Use => state.current(),
            Step::Fail => Err(Unavailable("an attempt has just failed".into())),
            Step::Refresh => match self.fetch(&mut state, now).await {
                Ok(keys) => Ok(keys),
                Err(Unavailable(_)) => state.current(),
            },
            Step::Fetch => self.fetch(&mut state, now).await,
        }
    }

    /// Asks for the keys again because a token names one that is not among `tried`.
    ///
    /// # Errors
    ///
    /// The keys cannot be fetched; `tried` may be out of date.
    pub async fn refresh_for_unknown_kid(
        &self,
        tried: &SigningKeys,
        now: Timestamp,
    ) -> Result<Refreshed, Unavailable> {
        let mut state = self.state.lock().await;
        // Another invocation has fetched keys since `tried` was taken.
        if let Some(held) = state.keys.as_ref().filter(|held| *held.keys != *tried) {
            return Ok(Refreshed::Changed(Arc::clone(&held.keys)));
        }
        match state.next(Ask::UnknownKey, now, &self.policy) {
            Step::Refresh | Step::Fetch => {
                let fresh = self.fetch(&mut state, now).await?;
                Ok(if *fresh == *tried {
                    Refreshed::Same
                } else {
                    Refreshed::Changed(fresh)
                })
            }
            Step::Use | Step::Fail => match &state.keys {
                Some(held) => Ok(Refreshed::NotYet {
                    fetched_at: held.fetched_at,
                }),
                None => Err(Unavailable("an attempt has just failed".into())),
            },
        }
    }

    /// Fetches the keys and keeps them if they are good; a failure leaves the last ones in place, and is logged once.
    async fn fetch(&self, state: &mut State, now: Timestamp) -> Result<Arc<SigningKeys>, Unavailable> {
        // Before the attempt, so that one which fails counts as well.
        state.attempted_at = Some(now);
        let keys = self.fetch_keys().await;
        let keys = Arc::new(keys.map_err(|error| {
            let (cloud, error_text) = (self.authority.cloud, causes(&*error));
            warn!(
                ?cloud,
                error = error_text,
                "Signing keys of {cloud:?} cannot be fetched: {error_text}"
            );
            Unavailable(error)
        })?);
        state.keys = Some(Held {
            keys: Arc::clone(&keys),
            fetched_at: now,
        });
        Ok(keys)
    }

    /// Fetches the cloud's metadata and the keys that it points to.
    async fn fetch_keys(&self) -> Result<SigningKeys, BoxError> {
        let metadata = self
            .documents
            .fetch(self.locate(&self.authority.metadata_url())?)
            .await?;
        let metadata: Metadata = serde_json::from_slice(&metadata)?;
        let document = self.documents.fetch(self.locate(&metadata.jwks_uri)?).await?;
        let keys = SigningKeys::parse(&document)?.with_issuer(metadata.issuer.as_deref());
        // An empty list in place of good keys would reject every token until the next refresh.
        if keys.is_empty() {
            return Err("no signing key is listed".into());
        }
        Ok(keys)
    }

    /// Returns where to call for `url`: there, by TLS only, or below the endpoint that takes its host's place.
    fn locate(&self, url: &str) -> Result<Url, BoxError> {
        let url = Url::parse(url)?;
        if let Some(base) = &self.endpoint {
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            return Ok(Url::parse(&format!("{base}{}{query}", url.path()))?);
        }
        if url.scheme() != "https" {
            return Err("signing keys are not behind https".into());
        }
        Ok(url)
    }
}

/// What is held of a cloud's keys.
#[derive(Default)]
struct State {
    keys: Option<Held>,
    attempted_at: Option<Timestamp>,
}

/// Keys and their age.
struct Held {
    keys: Arc<SigningKeys>,
    fetched_at: Timestamp,
}

impl State {
    /// Returns what to do for `ask`.
    fn next(&self, ask: Ask, now: Timestamp, policy: &RefreshPolicy) -> Step {
        let fetched_at = self.keys.as_ref().map(|held| held.fetched_at);
        refresh::next(ask, fetched_at, self.attempted_at, now, policy)
    }

    /// Returns the keys held.
    fn current(&self) -> Result<Arc<SigningKeys>, Unavailable> {
        let held = self
            .keys
            .as_ref()
            .ok_or_else(|| Unavailable("there are none".into()))?;
        Ok(Arc::clone(&held.keys))
    }
}

/// The members of the `OpenID` metadata that count (`OpenID` Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Metadata {
    jwks_uri: String,
    issuer: Option<String>,
}

/// A way to fetch a document.
pub trait FetchDocument {
    /// Fetches the document at `url`.
    fn fetch(&self, url: Url) -> impl Future<Output = Result<Vec<u8>, BoxError>> + Send;
}

/// Documents over HTTP, of at most 4 MiB and within five seconds.
#[derive(Clone, Debug)]
pub struct HttpDocuments {
    client: Client,
    direct: Direct,
}

impl HttpDocuments {
    /// Creates a client of its own: short timeouts, and no redirects, which could lead anywhere.
    ///
    /// # Errors
    ///
    /// The machine's TLS configuration cannot be used.
    pub fn new() -> Result<Self, BoxError> {
        Ok(Self {
            client: builder().build()?,
            direct: Direct::default(),
        })
    }
}

/// Returns what both kinds of client are built with.
fn builder() -> ClientBuilder {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .redirect(redirect::Policy::none())
}

impl FetchDocument for HttpDocuments {
    async fn fetch(&self, url: Url) -> Result<Vec<u8>, BoxError> {
        let client = self.direct.instead_of(&self.client, &url, builder)?;
        let mut response = client.get(url).send().await?;
        if !response.status().is_success() {
            return Err(format!("login service answered {}", response.status().as_u16()).into());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_DOCUMENT_BYTES {
                return Err("document is too large".into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a call may take in all.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);

/// The largest document that is read; a thousand keys with their certificates fit.
const MAX_DOCUMENT_BYTES: usize = 4 * 1024 * 1024;
