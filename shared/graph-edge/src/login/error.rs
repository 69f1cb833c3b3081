//! What the token endpoint refuses, and what that means (Microsoft identity platform, *error codes*).

use std::fmt;

use reqwest::StatusCode;
use serde::Deserialize;

use crate::{BoxError, http::Answer};

/// Why there is no access token. The text never holds what was sent, nor the description that came back.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// This kind of credential is not supported yet.
    #[error("credential of kind {0} is not supported yet")]
    UnsupportedCredential(&'static str),
    /// The credential is wrong or has expired.
    #[error("application's credential is wrong or has expired{0}")]
    InvalidClient(Cause),
    /// A person has to sign in again.
    #[error("sign-in has expired or was revoked{0}")]
    InvalidGrant(Cause),
    /// A person has to consent.
    #[error("consent or an interactive sign-in is required{0}")]
    InteractionRequired(Cause),
    /// The tenant, the application or its permissions are not set up as the configuration says.
    #[error("tenant or application is not set up for this request{0}")]
    Configuration(Cause),
    /// The endpoint does not answer, or not now.
    #[error("microsoft entra is unavailable{0}")]
    Unavailable(Cause, #[source] Option<BoxError>),
    /// The endpoint's answer is not what is documented.
    #[error("answer of the token endpoint is malformed")]
    Malformed,
}

impl LoginError {
    /// Reads a refusal. Only the field `error` decides: Microsoft changes codes and texts.
    pub(super) fn from_answer(answer: &Answer) -> Self {
        let body: Body = serde_json::from_slice(&answer.body).unwrap_or_default();
        let cause = body.cause();
        let is_down = answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS;
        match body.error.as_str() {
            "temporarily_unavailable" | "server_error" => Self::Unavailable(cause, None),
            _ if is_down => Self::Unavailable(cause, None),
            "invalid_client" => Self::InvalidClient(cause),
            "invalid_grant" => Self::InvalidGrant(cause),
            "interaction_required" | "consent_required" => Self::InteractionRequired(cause),
            "" => Self::Malformed,
            _ => Self::Configuration(cause),
        }
    }
}

/// What Microsoft's support and documentation ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The code, such as `AADSTS7000215`.
    pub code: Option<String>,
    /// The id of the request in Microsoft's logs.
    pub correlation_id: Option<String>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, &self.correlation_id) {
            (Some(code), Some(id)) => write!(f, " ({code}, correlation id {id})"),
            (Some(code), None) => write!(f, " ({code})"),
            (None, Some(id)) => write!(f, " (correlation id {id})"),
            (None, None) => Ok(()),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    error: String,
    error_codes: Vec<u64>,
    correlation_id: String,
}

impl Body {
    fn cause(&self) -> Cause {
        let id = Some(&self.correlation_id).filter(|id| id.len() == 36);
        let id = id.filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'));
        Cause {
            code: self.error_codes.first().map(|code| format!("AADSTS{code}")),
            correlation_id: id.cloned(),
        }
    }
}
