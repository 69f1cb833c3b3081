//! The settings of a simulator.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The settings of a simulator.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on the loopback interface; 0 means a free one.
    pub port: u16,
    /// Whether to serve https, with an authority that is created for this simulator.
    pub tls: bool,
    /// The app registrations that can get access tokens.
    pub apps: Vec<App>,
    /// Where public origins are really reached: `https://host` and a base URL, as in curl's `--connect-to`.
    pub resolve: BTreeMap<String, String>,
    /// How many subscriptions a page of a list has.
    pub page_size: usize,
    /// The factor on the pauses between delivery attempts; 1 is Microsoft's pace.
    pub retry_scale: f64,
    /// After how many attempts a POST is given up.
    pub max_attempts: usize,
    /// The timeout of the first delivery attempt.
    pub first_timeout: Duration,
    /// The timeout of each later attempt.
    pub retry_timeout: Duration,
    /// The timeout of the validation request.
    pub handshake_timeout: Duration,
    /// The lifetime of an access token, in seconds.
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
    /// The tenant (GUID).
    pub tenant_id: String,
    /// The application (client) id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
    /// The version of the validation tokens, which `requestedAccessTokenVersion` in the app registration decides.
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

/// The version of Microsoft Entra's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenVersion {
    /// `ver` 1.0: the publisher is in `appid`, the issuer is `https://sts.windows.net/{tid}/`.
    V1,
    /// `ver` 2.0: the publisher is in `azp`, the issuer is `https://login.microsoftonline.com/{tid}/v2.0`.
    #[default]
    V2,
}
