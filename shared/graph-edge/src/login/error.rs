//! Refusals of the token endpoint, and their meaning (Microsoft identity platform, *error codes*).

use std::fmt;

use graph_core::subscription::{
    assertion::{NotSigned, UnusableCertificate},
    config::Credential,
};
use reqwest::StatusCode;
use serde_json::Value;

use super::identity::IdentityError;
use crate::{BoxError, http::Answer, secrets::SecretError};

/// Why there is no access token, and what a person has to do. The text never contains the request or the description in
/// the answer.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The credential is wrong or has expired.
    #[error("{}{}", .0.wrong(), .0.cause)]
    InvalidClient(Refusal),
    /// A person has to sign in again.
    #[error(
        "sign-in has expired or was revoked; sign in to the application again as the same user, and write the new \
         refresh token into ConfigSecret{}", .0.cause
    )]
    InvalidGrant(Refusal),
    /// A person has to consent.
    #[error("{}{}", .0.credential.consent(), .0.cause)]
    InteractionRequired(Refusal),
    /// The tenant, the application or its permissions do not match the configuration.
    #[error("{}{}", .0.not_set_up(), .0.cause)]
    Configuration(Refusal),
    /// The endpoint does not answer, or asks to retry later.
    #[error("microsoft entra is unavailable{0}")]
    Unavailable(Cause, #[source] Option<BoxError>),
    /// The endpoint's answer does not have the documented form.
    #[error("answer of the token endpoint is malformed")]
    Malformed,
    /// The certificate and its private key cannot be used.
    #[error("application's certificate cannot be used")]
    Certificate(#[from] UnusableCertificate),
    /// The private key cannot sign.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// AWS issues no web identity token for the role.
    #[error("no token of the AWS role")]
    Identity(#[from] IdentityError),
    /// The stored refresh tokens cannot be read, and no other one is valid.
    #[error("refresh tokens cannot be read")]
    RefreshTokens(#[from] RefreshTokenError),
}

/// Why refresh tokens cannot be read or stored.
#[derive(Debug, thiserror::Error)]
pub enum RefreshTokenError {
    /// The document has content that renewal did not write. It is not overwritten.
    #[error(
        "RefreshTokenSecret is malformed; write {{}} into it, sign in to the application again, \
         and write the new refresh token into ConfigSecret"
    )]
    Malformed,
    /// The document has no room for another sign-in, or for a longer token.
    #[error(
        "RefreshTokenSecret is full; remove tenants with a refreshToken from ConfigSecret, or give them another credential"
    )]
    Full,
    /// The document cannot be read or written.
    #[error("RefreshTokenSecret cannot be read or written")]
    Unavailable(#[from] SecretError),
}

impl LoginError {
    /// Reads a refusal. Only the field `error` decides, because Microsoft changes codes and texts.
    pub(super) fn from_answer(answer: &Answer, credential: &Credential) -> Self {
        let body = Body::read(&answer.body);
        let is_down = answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS;
        let refusal = Refusal {
            credential: credential.into(),
            cause: body.cause(),
        };
        match body.error.as_str() {
            // By their name, whatever the status: both mean an outage.
            "temporarily_unavailable" | "server_error" => Self::Unavailable(refusal.cause, None),
            _ if is_down => Self::Unavailable(refusal.cause, None),
            "invalid_client" => Self::InvalidClient(refusal),
            "invalid_grant" => Self::InvalidGrant(refusal),
            "interaction_required" | "consent_required" => Self::InteractionRequired(refusal),
            "" => Self::Malformed,
            _ => Self::Configuration(refusal),
        }
    }

    /// Returns whether the error lasts until a person acts.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.lasting().is_some()
    }

    /// Returns a copy of an error that the next callers would get as well; nothing for others. While Entra does not answer, each
    /// of them would wait for as long as the first one.
    pub(super) fn held(&self) -> Option<Self> {
        match self {
            Self::Unavailable(cause, _) => Some(Self::Unavailable(cause.clone(), None)),
            other => other.lasting(),
        }
    }

    /// Returns a copy of an error that lasts until a person acts, and nothing for others.
    pub(super) fn lasting(&self) -> Option<Self> {
        match self {
            Self::InvalidClient(refusal) => Some(Self::InvalidClient(refusal.clone())),
            Self::InvalidGrant(refusal) => Some(Self::InvalidGrant(refusal.clone())),
            Self::InteractionRequired(refusal) => Some(Self::InteractionRequired(refusal.clone())),
            Self::Configuration(refusal) => Some(Self::Configuration(refusal.clone())),
            Self::Certificate(unusable) => Some(Self::Certificate(*unusable)),
            Self::Unavailable(..)
            | Self::Malformed
            | Self::NotSigned(_)
            | Self::Identity(_)
            | Self::RefreshTokens(_) => None,
        }
    }
}

/// A refusal by Microsoft Entra.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of credential in the request.
    pub credential: CredentialKind,
    /// Entra's code and request id.
    pub cause: Cause,
}

impl Refusal {
    /// Returns what a person has to do about a wrong credential. Entra's code only makes the advice more specific.
    fn wrong(&self) -> &'static str {
        let has_secret = !matches!(self.credential, CredentialKind::RefreshToken);
        let advice = self.advice().filter(|_| has_secret);
        advice.unwrap_or_else(|| self.credential.wrong())
    }

    /// Returns what a person has to do if the request does not fit the tenant or the application.
    fn not_set_up(&self) -> &'static str {
        let advice = self.advice();
        advice.unwrap_or_else(|| self.credential.not_set_up())
    }

    /// Returns the advice for Entra's code, if it has one.
    fn advice(&self) -> Option<&'static str> {
        let code = self.cause.code.as_deref();
        let advice = ADVICE.iter().find(|(known, _)| Some(*known) == code);
        advice.map(|(_, advice)| *advice)
    }
}

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A client secret.
    ClientSecret,
    /// A certificate.
    Certificate,
    /// A refresh token alone.
    RefreshToken,
    /// A refresh token with a client secret.
    RefreshTokenAndSecret,
    /// A web identity token of an AWS role.
    WebIdentity,
}

impl From<&Credential> for CredentialKind {
    fn from(credential: &Credential) -> Self {
        match credential {
            Credential::ClientSecret { .. } => Self::ClientSecret,
            Credential::Certificate { .. } => Self::Certificate,
            Credential::RefreshToken { client_secret, .. } if client_secret.is_some() => {
                Self::RefreshTokenAndSecret
            }
            Credential::RefreshToken { .. } => Self::RefreshToken,
            Credential::WebIdentity => Self::WebIdentity,
        }
    }
}

impl CredentialKind {
    /// Returns what a person has to do about a wrong credential.
    fn wrong(self) -> &'static str {
        match self {
            Self::ClientSecret | Self::RefreshTokenAndSecret => {
                "client secret is wrong or has expired; create a new one in the app registration, and write its value \
                 (not its id) into ConfigSecret"
            }
            Self::Certificate => {
                "certificate is not in the app registration, or has expired; upload the certificate in ConfigSecret, or write a \
                 valid one"
            }
            Self::RefreshToken => {
                "application needs a credential in addition to the user's; write its `clientSecret` beside `refreshToken` into \
                 ConfigSecret, or allow public client flows in the app registration"
            }
            Self::WebIdentity => FEDERATION,
        }
    }

    /// Returns what a person has to do about a missing consent.
    fn consent(self) -> &'static str {
        match self {
            Self::ClientSecret | Self::Certificate | Self::WebIdentity => {
                "consent is missing; have an administrator grant the application's permissions in this tenant"
            }
            Self::RefreshToken | Self::RefreshTokenAndSecret => {
                "user has to sign in again or to consent; sign in to the application again as the same user, and \
                 write the new refresh token into ConfigSecret"
            }
        }
    }

    /// Returns what a person has to do if the request does not fit the tenant or the application.
    fn not_set_up(self) -> &'static str {
        match self {
            // Entra may report a missing federated credential as an invalid request.
            Self::WebIdentity => FEDERATION,
            Self::ClientSecret | Self::Certificate | Self::RefreshToken | Self::RefreshTokenAndSecret => {
                "tenant or application is not set up for this; compare `tenantId`, `clientId` and `cloud` with the app \
                 registration, and its permissions and consents"
            }
        }
    }
}

/// The advice for codes that are more specific than their error (Microsoft identity platform, *error codes*).
const ADVICE: &[(&str, &str)] = &[
    (
        "AADSTS7000222",
        "client secret has expired; create a new one in the app registration, and write its value (not its id) into \
         ConfigSecret",
    ),
    ("AADSTS7000229", NO_SERVICE_PRINCIPAL),
    ("AADSTS650052", NO_SERVICE_PRINCIPAL),
    ("AADSTS700016", NO_SERVICE_PRINCIPAL),
    (
        "AADSTS700025",
        "application is a public client, which has no secret; remove `clientSecret` from the credential in ConfigSecret",
    ),
    (
        "AADSTS90002",
        "tenant does not exist in this cloud; correct `tenantId` or `cloud` in ConfigSecret",
    ),
];

const NO_SERVICE_PRINCIPAL: &str = "application is not known in the tenant; have an administrator of the tenant consent to \
                                    it, or correct `tenantId` in ConfigSecret";

/// The advice about a refused web identity token.
const FEDERATION: &str = "no federated credential of the application matches the AWS role; compare its issuer, subject \
                          (the ARN of the function's role) and audience, which must match exactly, and wait some \
                          minutes after a change";

/// The details that Microsoft's support asks for.
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

/// The content of an answer. A member of an unexpected form counts as absent.
struct Body {
    error: String,
    error_codes: Vec<u64>,
    correlation_id: String,
}

impl Body {
    fn read(bytes: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let text = |name: &str| {
            body.get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let codes = body.get("error_codes").and_then(Value::as_array);
        Self {
            error: text("error"),
            error_codes: codes.into_iter().flatten().filter_map(Value::as_u64).collect(),
            correlation_id: text("correlation_id"),
        }
    }

    /// Returns the request id and the last code, which is the most specific one.
    fn cause(&self) -> Cause {
        // Checked, because the text comes from outside and is logged.
        let id = Some(&self.correlation_id).filter(|id| id.len() == 36);
        let id = id.filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'));
        Cause {
            code: self.error_codes.last().map(|code| format!("AADSTS{code}")),
            correlation_id: id.cloned(),
        }
    }
}
