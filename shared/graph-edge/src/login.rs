//! The client of Microsoft Entra's token endpoint (Microsoft identity platform, *OAuth 2.0 client credentials flow* and
//! *Refresh tokens*).

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use graph_core::{
    application::Application,
    cloud::Cloud,
    secrets::Secret,
    subscription::config::{Credential, Tenant},
};
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use sha2::{Digest, Sha256};

use self::request::Granted;
pub use self::{
    error::{Cause, CredentialKind, LoginError, RefreshTokenError, Refusal},
    identity::{IdentityError, Sts, WebIdentity},
    refresh::NoRefreshTokens,
};
use crate::{
    clock::Clock,
    http::{self, Backoff, Http, InvalidEndpoint},
    secrets::VersionedSecret,
};

mod error;
mod identity;
mod refresh;
mod request;
#[cfg(test)]
mod tests;

/// The services that a token provider uses: the real ones, or doubles.
pub trait Ports {
    /// The clock.
    type Clock: Clock + Sync;
    /// The store of the refresh tokens of signed-in users.
    type RefreshTokens: VersionedSecret + Sync;
    /// The service that issues web identity tokens for the function's role.
    type WebIdentity: WebIdentity + Sync;
}

/// Requests access tokens for Microsoft Graph, and caches them until shortly before they expire.
#[derive(Debug)]
pub struct TokenProvider<P: Ports> {
    http: Http,
    base: Option<Url>,
    backoff: Backoff,
    refresh_tokens: P::RefreshTokens,
    web_identity: P::WebIdentity,
    slots: Mutex<BTreeMap<Key, Arc<Slot>>>,
    clock: P::Clock,
}

/// Application, cloud, and a digest of the credential: a corrected credential is tried at once, and users never share
/// tokens.
type Key = (Application, Cloud, [u8; 32]);

/// The cached answer for a key.
#[derive(Debug, Default)]
struct Slot {
    known: Mutex<Known>,
    /// Held during a request, so that other callers wait for its answer.
    asking: tokio::sync::Mutex<()>,
    /// The newest refresh token of a user, for the case that the stored one cannot be read.
    newest: Mutex<Option<Secret<String>>>,
    /// Why the last refresh token could not be stored.
    unstored: Mutex<Option<RefreshTokenError>>,
}

/// The last answer.
#[derive(Debug, Default)]
enum Known {
    #[default]
    Nothing,
    Token {
        access_token: Secret<String>,
        stale_at: Timestamp,
    },
    Failure {
        error: LoginError,
        until: Timestamp,
    },
}

impl<P: Ports> TokenProvider<P> {
    /// Returns a client for each cloud's own token endpoint, or for the server at `base`.
    ///
    /// # Errors
    ///
    /// Returns an error when `base` is not an http or https URL.
    pub fn new(
        http: Http,
        base: Option<&str>,
        refresh_tokens: P::RefreshTokens,
        web_identity: P::WebIdentity,
        clock: P::Clock,
    ) -> Result<Self, InvalidEndpoint> {
        Ok(Self {
            http,
            base: base.map(http::endpoint).transpose()?,
            backoff: Backoff::default(),
            refresh_tokens,
            web_identity,
            slots: Mutex::default(),
            clock,
        })
    }

    /// Returns the clock.
    pub(crate) fn clock(&self) -> &P::Clock {
        &self.clock
    }

    /// Forgets `refused`, so that the next call requests a new token. A newer token stays.
    pub fn forget(&self, tenant: &Tenant, refused: &Secret<String>) {
        let slot = self.slot(tenant);
        let mut known = slot.known();
        // Many calls may be refused with the same token; the first of them has already requested a new one.
        if matches!(&*known, Known::Token { access_token, .. } if access_token.expose() == refused.expose()) {
            *known = Known::Nothing;
        }
    }

    /// Returns an access token for Microsoft Graph that is valid for at least five minutes.
    ///
    /// # Errors
    ///
    /// Returns an error that says whether to wait, or what a person has to repair. It contains no secret. A failure
    /// is repeated for a few seconds without a request: Microsoft Entra blocks applications that ask in a loop, and while it does
    /// not answer, one caller waits and not one after the other.
    pub async fn token(&self, tenant: &Tenant) -> Result<Secret<String>, LoginError> {
        let slot = self.slot(tenant);
        // By the wall clock: a monotonic clock stands still while AWS Lambda freezes the process.
        if let Some(answer) = slot.answer(self.clock.now()) {
            return answer;
        }
        let _asking = slot.asking.lock().await;
        // The previous holder of the lock may have brought an answer for everyone who waited.
        let asked_at = self.clock.now();
        if let Some(answer) = slot.answer(asked_at) {
            return answer;
        }
        let granted = match &tenant.credential {
            Credential::RefreshToken { refresh_token, .. } => self.refresh(tenant, refresh_token).await,
            Credential::ClientSecret { .. } | Credential::Certificate { .. } | Credential::WebIdentity => {
                self.redeem(tenant, None).await
            }
        };
        slot.learn(&granted, asked_at, self.clock.now());
        granted.map(|granted| granted.access_token)
    }

    fn slot(&self, tenant: &Tenant) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key(tenant)).or_default())
    }
}

impl Slot {
    /// Returns the last answer while it is valid.
    fn answer(&self, now: Timestamp) -> Option<Result<Secret<String>, LoginError>> {
        match &*self.known() {
            Known::Token {
                access_token,
                stale_at,
            } if *stale_at > now => Some(Ok(access_token.clone())),
            Known::Failure { error, until } if *until > now => error.held().map(Err),
            Known::Nothing | Known::Token { .. } | Known::Failure { .. } => None,
        }
    }

    /// Caches an answer. A token's lifetime is counted from `asked_at`, because it was issued later; a failure's from
    /// `answered_at`.
    fn learn(&self, answer: &Result<Granted, LoginError>, asked_at: Timestamp, answered_at: Timestamp) {
        *self.known() = match answer {
            Ok(granted) => {
                let lifetime = SignedDuration::from_secs(granted.expires_in).saturating_sub(EARLY);
                Known::Token {
                    access_token: granted.access_token.clone(),
                    stale_at: asked_at.saturating_add(lifetime).unwrap_or(asked_at),
                }
            }
            Err(error) => error.held().map_or(Known::Nothing, |error| Known::Failure {
                error,
                until: answered_at.saturating_add(FAILURE_HOLDS).unwrap_or(answered_at),
            }),
        };
    }

    fn newest(&self) -> MutexGuard<'_, Option<Secret<String>>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unstored(&self) -> MutexGuard<'_, Option<RefreshTokenError>> {
        self.unstored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(tenant: &Tenant) -> Key {
    (tenant.application, tenant.cloud, digest(&tenant.credential))
}

/// Returns a digest that differs for different credentials.
fn digest(credential: &Credential) -> [u8; 32] {
    let none = Secret::new(String::new());
    let (kind, first, second) = match credential {
        Credential::ClientSecret { client_secret } => ("clientSecret", client_secret, &none),
        Credential::Certificate {
            private_key,
            certificate,
        } => ("certificate", private_key, certificate),
        Credential::RefreshToken {
            refresh_token,
            client_secret,
        } => (
            "refreshToken",
            refresh_token,
            client_secret.as_ref().unwrap_or(&none),
        ),
        Credential::WebIdentity => ("webIdentity", &none, &none),
    };
    // Each part is digested first, so that the boundary between parts matters.
    let parts = [kind, first.expose(), second.expose()].map(Sha256::digest);
    let digest = parts.iter().fold(Sha256::new(), Sha256::chain_update);
    digest.finalize().into()
}

/// How long before its expiry a token is no longer used.
const EARLY: SignedDuration = SignedDuration::from_mins(5);

/// How long a failure is cached: long enough for callers that waited for it, too short for a person to notice.
const FAILURE_HOLDS: SignedDuration = SignedDuration::from_secs(10);
