//! What Microsoft Graph refuses (Microsoft Graph, *error responses and resource types*).

use std::{fmt, time::Duration};

use reqwest::StatusCode;
use serde::Deserialize;

use crate::{BoxError, http::Answer, login::LoginError};

/// A call to Microsoft Graph that did not succeed.
#[derive(Debug)]
pub struct GraphError {
    /// What it means.
    pub kind: GraphErrorKind,
    /// Graph's own code, such as `ExtensionError`.
    pub code: Option<String>,
    /// The id of the request in Microsoft's logs.
    pub request_id: Option<String>,
}

/// What the failure of a call means. A message is Graph's own text: for a report, never for a decision elsewhere.
#[derive(Debug, thiserror::Error)]
pub enum GraphErrorKind {
    /// There is no access token.
    #[error("no access token")]
    Login(#[from] LoginError),
    /// Too many calls, from us or from anyone.
    #[error("microsoft graph is throttling")]
    Throttled {
        /// How long to wait.
        retry_after: Option<Duration>,
    },
    /// The same combination of resource and change types has a subscription.
    #[error("there is such a subscription already")]
    Conflict {
        /// Its id, where Graph's text names it.
        existing: Option<String>,
    },
    /// There is no such subscription, or what it is to watch does not exist.
    #[error("not found")]
    NotFound {
        /// Graph's text.
        message: String,
    },
    /// The handshake with our URLs failed.
    #[error("microsoft graph could not validate our notification url")]
    HandshakeFailed {
        /// Graph's text.
        message: String,
    },
    /// Graph does not take the request.
    #[error("microsoft graph refused the request as invalid")]
    Validation {
        /// Graph's text.
        message: String,
    },
    /// A permission is missing, or a quota is used up.
    #[error("microsoft graph forbids the request")]
    Forbidden {
        /// Graph's text.
        message: String,
    },
    /// The token does not count, even a new one.
    #[error("microsoft graph does not accept the access token")]
    Unauthorized {
        /// Graph's text.
        message: String,
    },
    /// Graph cannot be reached or has a failure of its own.
    #[error("microsoft graph is unavailable")]
    Unavailable {
        /// What failed, where it was not Graph that said so.
        source: Option<BoxError>,
    },
    /// Graph's answer is not what is documented.
    #[error("answer of microsoft graph is malformed")]
    Malformed,
}

/// What stands behind a 403 (Microsoft Graph, *change notifications overview*, limits, and *error responses*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A permission is missing, as far as can be told.
    Permission,
    /// A number of subscriptions that Graph allows is used up. It may count one for hours after it is gone.
    Quota,
    /// A mailbox has as many subscriptions as it may have, of all applications together.
    Mailbox,
    /// A policy of the tenant wants more of the user or the application.
    ConditionalAccess,
}

impl GraphErrorKind {
    /// Returns whether the same call may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            // Our function may just have been starting.
            Self::Throttled { .. } | Self::HandshakeFailed { .. } => true,
            Self::Unavailable { source } => !source.as_deref().is_some_and(is_timeout),
            Self::Login(_)
            | Self::Conflict { .. }
            | Self::NotFound { .. }
            | Self::Validation { .. }
            | Self::Forbidden { .. }
            | Self::Unauthorized { .. }
            | Self::Malformed => false,
        }
    }

    /// Returns what stands behind a 403, by Graph's own text; nothing for other failures.
    pub fn refused(&self) -> Option<Refused> {
        let Self::Forbidden { message } = self else {
            return None;
        };
        let message = message.to_ascii_lowercase();
        let says = |word: &&str| message.contains(*word);
        Some(if says(&"subscriptioncountreached") {
            Refused::Mailbox
        } else if ["reached", "limit", "quota", "exceed"].iter().any(says) {
            Refused::Quota
        } else if ["insufficient_claims", "conditional access", "claims challenge"]
            .iter()
            .any(says)
        {
            Refused::ConditionalAccess
        } else {
            Refused::Permission
        })
    }

    /// Returns Graph's own text.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::NotFound { message }
            | Self::HandshakeFailed { message }
            | Self::Validation { message }
            | Self::Forbidden { message }
            | Self::Unauthorized { message } => Some(message)
                .filter(|message| !message.is_empty())
                .map(String::as_str),
            Self::Login(_)
            | Self::Throttled { .. }
            | Self::Conflict { .. }
            | Self::Unavailable { .. }
            | Self::Malformed => None,
        }
    }
}

impl GraphError {
    /// Returns an error that Graph did not tell us.
    pub fn of(kind: GraphErrorKind) -> Self {
        Self {
            kind,
            code: None,
            request_id: None,
        }
    }

    /// Reads a refusal.
    pub(super) fn from_answer(answer: &Answer) -> Self {
        let body: Body = serde_json::from_slice(&answer.body).unwrap_or_default();
        let kind = kind(answer, &body.error.message);
        let code = Some(plain(&body.error.code, 80)).filter(|code| !code.is_empty());
        let told = body
            .error
            .inner
            .and_then(|inner| inner.request_id)
            .map(|id| plain(&id, 80));
        Self {
            kind,
            code,
            request_id: told.or_else(|| request_id(answer)),
        }
    }
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for GraphError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

/// Returns the id that Graph's answer carries in its head.
pub(super) fn request_id(answer: &Answer) -> Option<String> {
    answer.header("request-id").map(|id| plain(id, 80))
}

/// Reads the status first, then the text where workloads wrap a status of their own in another one.
fn kind(answer: &Answer, text: &str) -> GraphErrorKind {
    let message = plain(text, 500);
    let says = |words: &str| text.contains(words);
    if says("SubscriptionCountReached") {
        return GraphErrorKind::Forbidden { message };
    }
    if says("Status Code: NotFound") {
        return GraphErrorKind::NotFound { message };
    }
    if says("There was an error processing a storage extension") {
        return GraphErrorKind::Unavailable { source: None };
    }
    match answer.status {
        StatusCode::UNAUTHORIZED => GraphErrorKind::Unauthorized { message },
        StatusCode::FORBIDDEN => GraphErrorKind::Forbidden { message },
        StatusCode::NOT_FOUND | StatusCode::GONE => GraphErrorKind::NotFound { message },
        StatusCode::CONFLICT => GraphErrorKind::Conflict {
            existing: existing(text),
        },
        StatusCode::TOO_MANY_REQUESTS => GraphErrorKind::Throttled {
            retry_after: answer.retry_after(),
        },
        status if status.is_server_error() => GraphErrorKind::Unavailable { source: None },
        status if status.is_client_error() && says("Subscription validation request") => {
            GraphErrorKind::HandshakeFailed { message }
        }
        status if status.is_client_error() => GraphErrorKind::Validation { message },
        _ => GraphErrorKind::Malformed,
    }
}

/// Returns the id of the subscription that a text names, which is a GUID as far as is known.
fn existing(text: &str) -> Option<String> {
    let named = || text.split_once("Subscription Id ")?.1.split_whitespace().next();
    first_guid(text).or_else(|| named().map(str::to_owned))
}

/// Returns the first GUID in `text`.
fn first_guid(text: &str) -> Option<String> {
    let is_guid = |word: &&str| {
        let groups: Vec<&str> = word.split('-').collect();
        groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
            && groups
                .iter()
                .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    text.split(|character: char| character != '-' && !character.is_ascii_alphanumeric())
        .find(is_guid)
        .map(str::to_owned)
}

/// Returns `text` without control characters, cut to `length` characters.
fn plain(text: &str, length: usize) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(length)
        .collect()
}

fn is_timeout(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    #[cfg(feature = "test-util")]
    if error.is::<crate::http::transport::TimedOut>() {
        return true;
    }
    error
        .downcast_ref::<reqwest::Error>()
        .is_some_and(reqwest::Error::is_timeout)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    error: Inner,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Inner {
    code: String,
    message: String,
    #[serde(rename = "innerError", alias = "innererror")]
    inner: Option<Innermost>,
}

#[derive(Deserialize)]
struct Innermost {
    #[serde(rename = "request-id", default)]
    request_id: Option<String>,
}
