//! Microsoft Entra's token endpoint (Microsoft identity platform, *OAuth 2.0 client credentials flow*).

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use graph_core::{
    config::{Cloud, Credential, Tenant},
    secret::Secret,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use serde::Deserialize;
use tokio::time::sleep;

pub use self::error::{Cause, LoginError};
use crate::{
    BoxError,
    http::{self, Backoff, Http, InvalidEndpoint},
};

mod error;
#[cfg(test)]
mod tests;

/// Fetches access tokens for Microsoft Graph and keeps them until shortly before they expire.
#[derive(Debug, Default)]
pub struct Login {
    http: Http,
    base: Option<Url>,
    backoff: Backoff,
    tokens: Mutex<BTreeMap<Key, Token>>,
}

/// Tenant, application and cloud.
type Key = (String, String, Cloud);

#[derive(Clone, Debug)]
struct Token {
    access_token: Secret<String>,
    stale_at: Timestamp,
}

impl Login {
    /// Returns a client of each cloud's own token endpoint, or of the one at `base`.
    ///
    /// # Errors
    ///
    /// Returns an error when `base` is not an http or https URL.
    pub fn new(http: Http, base: Option<&str>) -> Result<Self, InvalidEndpoint> {
        let base = base.map(http::endpoint).transpose()?;
        Ok(Self {
            http,
            base,
            ..Self::default()
        })
    }

    /// Returns an access token for Microsoft Graph that holds for five minutes at the least.
    ///
    /// # Errors
    ///
    /// Returns an error that says whether to wait or what a person has to repair. It holds no secret.
    pub async fn token(&self, tenant: &Tenant) -> Result<Secret<String>, LoginError> {
        let key = key(tenant);
        // By the wall clock: a monotonic one stands still while Lambda has the process frozen.
        let now = Timestamp::now();
        if let Some(token) = self.tokens().get(&key).filter(|token| token.stale_at > now) {
            return Ok(token.access_token.clone());
        }
        let granted = self.fetch(tenant).await?;
        let lifetime = SignedDuration::from_secs(granted.expires_in).saturating_sub(EARLY);
        let token = Token {
            access_token: granted.access_token,
            stale_at: now.saturating_add(lifetime).unwrap_or(now),
        };
        let access_token = token.access_token.clone();
        self.tokens().insert(key, token);
        Ok(access_token)
    }

    /// Forgets `refused`, so that the next call gets a new token. A newer token stays.
    pub fn forget(&self, tenant: &Tenant, refused: &Secret<String>) {
        let key = key(tenant);
        let mut tokens = self.tokens();
        if tokens
            .get(&key)
            .is_some_and(|token| token.access_token.expose() == refused.expose())
        {
            tokens.remove(&key);
        }
    }

    async fn fetch(&self, tenant: &Tenant) -> Result<Granted, LoginError> {
        let secret = match &tenant.credential {
            Credential::ClientSecret { client_secret } => client_secret,
            Credential::Certificate { .. } => return Err(LoginError::UnsupportedCredential("certificate")),
            Credential::RefreshToken { .. } => return Err(LoginError::UnsupportedCredential("refreshToken")),
            Credential::WebIdentity => return Err(LoginError::UnsupportedCredential("webIdentity")),
        };
        let scope = format!("https://{}/.default", crate::graph::host(tenant.cloud));
        let form = [
            ("client_id", tenant.client_id.as_str()),
            ("scope", &scope),
            ("client_secret", secret.expose()),
            ("grant_type", "client_credentials"),
        ];
        let mut attempt = 1;
        loop {
            let (error, retry_after) = match self.fetch_once(tenant, &form).await {
                Ok(answer) if answer.status.is_success() => {
                    return serde_json::from_slice(&answer.body).map_err(|_| LoginError::Malformed);
                }
                Ok(answer) => (LoginError::from_answer(&answer), answer.retry_after()),
                Err(error) => (LoginError::Unavailable(Cause::default(), Some(error)), None),
            };
            if !matches!(error, LoginError::Unavailable(..)) {
                return Err(error);
            }
            let Some(pause) = self.backoff.pause(attempt, retry_after) else {
                return Err(error);
            };
            sleep(pause).await;
            attempt += 1;
        }
    }

    async fn fetch_once(&self, tenant: &Tenant, form: &[(&str, &str)]) -> Result<http::Answer, BoxError> {
        let base = match &self.base {
            Some(base) => base.clone(),
            None => http::endpoint(&format!("https://{}", host(tenant.cloud)))?,
        };
        let url = http::join(&base, &[&tenant.tenant_id, "oauth2", "v2.0", "token"]);
        let request = self.http.client()?.post(url).timeout(TIMEOUT).form(form);
        http::send(request, MAX_BYTES).await
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Token>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(tenant: &Tenant) -> Key {
    (tenant.tenant_id.clone(), tenant.client_id.clone(), tenant.cloud)
}

/// Returns the host of a cloud's token endpoint (Microsoft Graph, *national cloud deployments*).
fn host(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Global => "login.microsoftonline.com",
        Cloud::Usgov | Cloud::UsgovDod => "login.microsoftonline.us",
        Cloud::China => "login.partner.microsoftonline.cn",
    }
}

/// What the endpoint grants.
#[derive(Deserialize)]
struct Granted {
    access_token: Secret<String>,
    #[serde(deserialize_with = "seconds")]
    expires_in: i64,
}

/// Reads seconds, which the older endpoint wrote as text.
fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Number(i64),
        Text(String),
    }
    match Seconds::deserialize(deserializer)? {
        Seconds::Number(seconds) => Ok(seconds),
        Seconds::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

/// How long before its end a token is given up.
const EARLY: SignedDuration = SignedDuration::from_mins(5);

const TIMEOUT: Duration = Duration::from_secs(15);

const MAX_BYTES: usize = 256 * 1024;
