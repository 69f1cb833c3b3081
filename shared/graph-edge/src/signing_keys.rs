//! A Microsoft cloud's login service: the keys that validation tokens are signed with.
//!
//! Keys roll without notice (Microsoft identity platform, *signing key rollover*), so they are fetched again in the
//! course of normal use about hourly, and when a token names a key that is not among them. The second is held to a
//! floor, because anyone who gets that far can name a key. When the service is down, the last good set stays in use for
//! a day.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use graph_core::notification::tokens::{Authority, SigningKeys};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, ClientBuilder, Url, redirect};
use serde::Deserialize;
use serde_json::Value;
use tracing::warn;

use crate::{
    BoxError,
    cached::{Ask, Cached, RefreshPolicy},
    deadline::Deadline,
    http::Direct,
    telemetry::causes,
};

/// No signing keys are available at present; trying later may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signing keys are unavailable")]
pub struct Unavailable;

/// Signing keys, and when they were fetched.
#[derive(Clone, Debug)]
pub struct FetchedKeys {
    /// The keys.
    pub keys: Arc<SigningKeys>,
    /// When they were fetched: a token that had come by then names one of them, or a key that does not exist.
    pub fetched_at: Timestamp,
}

/// The signing keys of one cloud, shared by all who need them.
pub struct SigningKeyCache<F = HttpDocuments> {
    documents: F,
    authority: Authority,
    endpoint: Option<String>,
    cached: Cached<SigningKeys>,
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
            cached: Cached::new(POLICY),
        }
    }

    /// Returns the authority whose keys these are.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Returns the keys, fetched when there are none or when it is time to. Good keys stay when that fails, or takes more than
    /// a moment.
    ///
    /// # Errors
    ///
    /// There are no keys that are fresh enough to be used, and none can be fetched.
    pub async fn current(&self, now: Timestamp, deadline: Deadline) -> Result<FetchedKeys, Unavailable> {
        self.get(Ask::Normal, now, deadline).await
    }

    /// Returns the keys for a token that names one that is not among them: fetched again, unless that was just tried.
    ///
    /// # Errors
    ///
    /// There are no keys that are fresh enough to be used, and none can be fetched.
    pub async fn renewed(&self, now: Timestamp, deadline: Deadline) -> Result<FetchedKeys, Unavailable> {
        self.get(Ask::Unknown, now, deadline).await
    }

    async fn get(&self, ask: Ask, now: Timestamp, deadline: Deadline) -> Result<FetchedKeys, Unavailable> {
        let fetch = async { self.fetch_keys().await.map_err(|error| causes(&*error)) };
        let report = |problem: &str, has_keys| self.report(problem, has_keys);
        let read = self.cached.get(ask, now, deadline, fetch, report).await;
        let read = read.ok_or(Unavailable)?;
        Ok(FetchedKeys {
            keys: read.value,
            fetched_at: read.at,
        })
    }

    fn report(&self, problem: &str, has_keys: bool) {
        let cloud = self.authority.cloud;
        let consequence = if has_keys {
            "the last good keys stay in use"
        } else {
            "encrypted items wait"
        };
        warn!(
            ?cloud,
            error = problem,
            "Signing keys of {cloud:?} cannot be fetched: {problem}; {consequence}"
        );
    }

    /// Fetches the cloud's metadata and the keys that it points to.
    async fn fetch_keys(&self) -> Result<SigningKeys, BoxError> {
        let metadata = self
            .documents
            .fetch(self.locate(&self.authority.metadata_url())?)
            .await?;
        let metadata: Metadata = serde_json::from_slice(&metadata)?;
        let document = self.documents.fetch(self.locate(&metadata.jwks_uri)?).await?;
        let keys = SigningKeys::parse(&document)?.with_issuer(metadata.issuer.as_str());
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

/// When keys are fetched again: hourly, at most every five minutes, every five seconds without keys; none is used for longer
/// than a day. A login service that hangs holds up nothing that the keys suffice for.
pub(crate) const POLICY: RefreshPolicy = RefreshPolicy {
    refresh_after: SignedDuration::from_hours(1),
    floor: SignedDuration::from_mins(5),
    retry_after: SignedDuration::from_secs(5),
    max_age: SignedDuration::from_hours(24),
    moment: Duration::from_millis(500),
    patience: Duration::from_secs(2),
};

/// The members of the `OpenID` metadata that count (`OpenID` Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Metadata {
    jwks_uri: String,
    /// Of any type: the keys are worth more than their issuer.
    #[serde(default)]
    issuer: Value,
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
