//! Requests to the token endpoint, and its grants.

use std::time::Duration;

use graph_core::{
    application::Application,
    secrets::Secret,
    subscription::{
        assertion::SigningCertificate,
        config::{Credential, Tenant},
    },
};
use jiff::Timestamp;
use serde::Deserialize;
use tracing::warn;

use super::{
    Ports, TokenProvider,
    error::{Cause, LoginError},
    identity::WebIdentity,
};
use crate::{
    BoxError,
    clock::Clock,
    http::{self, Answer},
};

/// The grant of the endpoint.
#[derive(Debug, Deserialize)]
pub(super) struct Granted {
    pub(super) access_token: Secret<String>,
    /// The successor of the refresh token in the request.
    pub(super) refresh_token: Option<Secret<String>>,
    #[serde(deserialize_with = "seconds")]
    pub(super) expires_in: i64,
}

impl<P: Ports> TokenProvider<P> {
    /// Requests a token, with a user's refresh token or for the application itself.
    pub(super) async fn redeem(
        &self,
        tenant: &Tenant,
        refresh_token: Option<&Secret<String>>,
    ) -> Result<Granted, LoginError> {
        let mut attempt = 1;
        loop {
            // A new assertion for each attempt: Entra accepts an assertion once.
            let proof = self.proof(tenant).await?;
            let (error, retry_after) = match self.send(tenant, refresh_token, &proof).await {
                Ok(answer) if answer.status.is_success() => {
                    return serde_json::from_slice(&answer.body).map_err(|_| LoginError::Malformed);
                }
                Ok(answer) => (
                    LoginError::from_answer(&answer, &tenant.credential),
                    answer.retry_after(self.clock.now()),
                ),
                Err(error) => (LoginError::Unavailable(Cause::default(), Some(error)), None),
            };
            // Microsoft Entra blocks applications that repeat a refused request.
            if !matches!(error, LoginError::Unavailable(..)) {
                return Err(error);
            }
            let Some(pause) = self.backoff.pause(attempt, retry_after) else {
                return Err(error);
            };
            self.clock.sleep(pause).await;
            attempt += 1;
        }
    }

    /// Returns the application's proof of identity.
    async fn proof(&self, tenant: &Tenant) -> Result<Proof, LoginError> {
        match &tenant.credential {
            Credential::ClientSecret { client_secret } => Ok(Proof::Secret(client_secret.clone())),
            Credential::RefreshToken { client_secret, .. } => {
                Ok(client_secret.clone().map_or(Proof::None, Proof::Secret))
            }
            Credential::Certificate {
                private_key,
                certificate,
            } => sign(tenant, private_key, certificate, self.clock.now()),
            Credential::WebIdentity => {
                let audience = tenant.cloud.exchange_audience();
                let token = self.web_identity.token(audience).await?;
                Ok(Proof::Assertion(token))
            }
        }
    }

    async fn send(
        &self,
        tenant: &Tenant,
        refresh_token: Option<&Secret<String>>,
        proof: &Proof,
    ) -> Result<Answer, BoxError> {
        let scope = format!("https://{}/.default", tenant.cloud.graph_host());
        let [tenant_id, client_id] =
            [tenant.application.tenant_id, tenant.application.client_id].map(|id| id.to_string());
        let mut form = vec![("client_id", client_id.as_str())];
        match refresh_token {
            // Without a scope, the token is for what was granted at the sign-in (RFC 6749, section 6). `.default` works
            // for work accounts only.
            Some(token) => form.extend([
                ("grant_type", "refresh_token"),
                ("refresh_token", token.expose().as_str()),
            ]),
            None => form.extend([("grant_type", "client_credentials"), ("scope", &scope)]),
        }
        match proof {
            Proof::None => {}
            Proof::Secret(secret) => form.push(("client_secret", secret.expose())),
            Proof::Assertion(assertion) => form.extend([
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", assertion.expose()),
            ]),
        }
        let base = match &self.base {
            Some(base) => base.clone(),
            None => http::endpoint(&format!("https://{}", tenant.cloud.login_host()))?,
        };
        let url = http::join(&base, &[&tenant_id, "oauth2", "v2.0", "token"]);
        let request = self.http.client()?.post(url).timeout(TIMEOUT).form(&form);
        self.http.send(request, MAX_BYTES).await
    }
}

/// An application's proof of its identity.
enum Proof {
    /// None: a public client.
    None,
    /// Its client secret.
    Secret(Secret<String>),
    /// A signed assertion, its own or that of another issuer.
    Assertion(Secret<String>),
}

/// Signs an assertion.
fn sign(
    tenant: &Tenant,
    private_key: &Secret<String>,
    certificate: &Secret<String>,
    now: Timestamp,
) -> Result<Proof, LoginError> {
    let Application { tenant_id, client_id } = tenant.application;
    let certificate = SigningCertificate::parse(private_key.expose(), certificate.expose())?;
    if certificate.expires_at() <= now {
        warn!(
            tenant.id = %tenant_id,
            "Certificate of application {client_id} in tenant {tenant_id} has expired; \
             create a new one and write it into ConfigSecret"
        );
    }
    // An expired certificate is still used: the clock of this machine may be wrong, and Entra decides.
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|_| graph_core::subscription::assertion::NotSigned)?;
    // Always the real cloud's endpoint, even if requests go to a local one: Entra compares the audience with its own
    // address.
    let audience = format!(
        "https://{}/{tenant_id}/oauth2/v2.0/token",
        tenant.cloud.login_host()
    );
    Ok(Proof::Assertion(
        certificate.assertion(client_id, &audience, id, now)?,
    ))
}

/// Parses seconds, which Entra's v1.0 endpoint sends as text.
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

/// The type of all client assertions (RFC 7523, section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const TIMEOUT: Duration = Duration::from_secs(15);

const MAX_BYTES: usize = 256 * 1024;
