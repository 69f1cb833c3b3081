//! What a simulator is started with.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The settings of a simulator.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port on the loopback interface; 0 takes a free one.
    pub port: u16,
    /// Whether to serve https, under an authority that is made for this simulator.
    pub tls: bool,
    /// App registrations that can get access tokens.
    pub apps: Vec<App>,
    /// Where public origins are really reached: `https://host` to a base URL, as in curl's `--connect-to`.
    pub resolve: BTreeMap<String, String>,
    /// Subscriptions on one page of a list.
    pub page_size: usize,
    /// Factor on the pauses between attempts to deliver; 1 is Microsoft's own pace.
    pub retry_scale: f64,
    /// Attempts to deliver a POST before it is given up.
    pub max_attempts: usize,
    /// How long a URL may take to answer the first attempt to deliver.
    pub first_timeout: Duration,
    /// How long it may take to answer each later one.
    pub retry_timeout: Duration,
    /// How long a URL may take to answer the validation request.
    pub handshake_timeout: Duration,
    /// How long an access token lives, in seconds.
    pub token_seconds: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            tls: false,
            apps: Vec::new(),
            resolve: BTreeMap::new(),
            page_size: 100,
            retry_scale: 1.0,
            // 10 s, doubled each time: the eleventh attempt is the last one within four hours.
            max_attempts: 11,
            first_timeout: Duration::from_secs(3),
            retry_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            token_seconds: 3599,
        }
    }
}

/// An app registration, with a service principal in one tenant.
#[derive(Clone, PartialEq, Eq)]
pub struct App {
    /// Tenant (GUID).
    pub tenant_id: String,
    /// Application (client) id.
    pub client_id: String,
    /// Client secret.
    pub client_secret: String,
    /// Form of the validation tokens, as `requestedAccessTokenVersion` in the app registration decides it.
    pub token_version: TokenVersion,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .field("client_secret", &"[redacted]")
            .field("token_version", &self.token_version)
            .finish()
    }
}

/// Form of Microsoft Entra's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenVersion {
    /// `ver` 1.0: publisher in `appid`, issuer `https://sts.windows.net/{tid}/`.
    V1,
    /// `ver` 2.0: publisher in `azp`, issuer `https://login.microsoftonline.com/{tid}/v2.0`.
    #[default]
    V2,
}
