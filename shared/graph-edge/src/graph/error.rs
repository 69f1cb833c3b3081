//! Refusals of Microsoft Graph (Microsoft Graph, *error responses and resource types*).

use std::{fmt, time::Duration};

use graph_core::subscription::printable::printable;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::Value;

use crate::{BoxError, http::Answer, login::LoginError};

mod text;

/// A failed call to Microsoft Graph.
#[derive(Debug)]
pub struct GraphError {
    /// What it means.
    pub kind: GraphErrorKind,
    /// Graph's own code, such as `ExtensionError`.
    pub code: Option<String>,
    /// The id of the request in Microsoft's logs.
    pub request_id: Option<String>,
    /// Whether an earlier try of the same call had no answer of Graph's, which may have carried it out.
    pub is_repeated: bool,
}

/// The meaning of a failed call. A message is Graph's own text, for reports only: no other module decides by it.
#[derive(Debug, thiserror::Error)]
pub enum GraphErrorKind {
    /// No access token is available.
    #[error("no access token")]
    Login(#[from] LoginError),
    /// Too many calls, by this application or by others.
    #[error("microsoft graph is throttling")]
    Throttled {
        /// How long Graph asks to wait.
        retry_after: Option<Duration>,
    },
    /// The same combination of resource and change types already has a subscription.
    #[error("such a subscription already exists")]
    Conflict {
        /// The id of that subscription, if Graph's text names it.
        existing: Option<String>,
        /// Graph's text.
        message: String,
    },
    /// The subscription, or the resource to watch, does not exist.
    #[error("not found")]
    NotFound {
        /// Graph's text.
        message: String,
    },
    /// The handshake with the notification URLs failed.
    #[error("microsoft graph could not validate the notification url")]
    HandshakeFailed {
        /// Graph's text.
        message: String,
    },
    /// The requested expiry is too late.
    #[error("microsoft graph rejected the lifetime as too long")]
    TooLong {
        /// The longest lifetime that Graph grants, in minutes.
        minutes: u32,
        /// Graph's text.
        message: String,
    },
    /// Graph refuses the request as invalid.
    #[error("microsoft graph refused the request as invalid")]
    Validation {
        /// Graph's text.
        message: String,
    },
    /// Graph answers with a status that it does not document, such as a redirect.
    #[error("microsoft graph answered with status {status}")]
    Unexpected {
        /// The status.
        status: u16,
        /// Graph's text.
        message: String,
    },
    /// A permission is missing, or a quota is exhausted.
    #[error("microsoft graph forbids the request")]
    Forbidden {
        /// Graph's text.
        message: String,
    },
    /// Graph refuses the token, even a new one.
    #[error("microsoft graph does not accept the access token")]
    Unauthorized {
        /// Graph's text.
        message: String,
    },
    /// Graph cannot be reached, or has an internal failure.
    #[error("microsoft graph is unavailable")]
    Unavailable {
        /// The cause, if Graph did not answer.
        source: Option<BoxError>,
    },
    /// The time for the call is over.
    #[error("no time was left")]
    OutOfTime,
    /// Graph's answer does not have the documented form.
    #[error("answer of microsoft graph is malformed")]
    Malformed,
    /// A list has no end: a link leads back, or there are more pages or items than plausible.
    #[error("list of microsoft graph does not end")]
    Endless,
}

/// The cause of a refusal (Microsoft Graph, *change notifications overview*, limits, and *error responses*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A permission is missing, by Graph's text.
    Permission,
    /// The quota of subscriptions is exhausted. Graph may count a subscription for hours after its deletion.
    Quota,
    /// The mailbox has its maximum of subscriptions, of all applications together.
    Mailbox,
    /// A Conditional Access policy of the tenant demands more of the user or the application.
    ConditionalAccess,
    /// An access policy of Exchange blocks the application for the mailbox.
    ExchangePolicy,
    /// The resource belongs to another tenant than the token.
    OtherTenant,
    /// The object has no mailbox that Graph can reach: a guest, an unlicensed user, or one on premises.
    NoMailbox,
    /// Graph does not give the cause.
    Unknown,
}

impl Refused {
    /// Returns whether nobody who operates this stack can cure the refusal, because its cause is the object.
    #[must_use]
    pub fn is_of_object(self) -> bool {
        matches!(
            self,
            Self::Mailbox | Self::ExchangePolicy | Self::OtherTenant | Self::NoMailbox
        )
    }
}

impl GraphErrorKind {
    /// Returns whether the same call may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            // The webhook may just have been starting.
            Self::Throttled { .. } | Self::HandshakeFailed { .. } => true,
            // A call that timed out is not repeated: it has cost its whole time already.
            Self::Unavailable { source } => !source.as_deref().is_some_and(is_timeout),
            _ => false,
        }
    }

    /// Returns whether every other call would fail as well now.
    pub fn is_transient_for_all(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. } | Self::Unavailable { .. } | Self::Login(_) | Self::OutOfTime
        )
    }

    /// Returns whether Graph would refuse the same call again, though it may accept a new subscription.
    pub fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::Validation { .. }
                | Self::Unexpected { .. }
                | Self::Unauthorized { .. }
                | Self::TooLong { .. }
        )
    }

    /// Returns whether the application stays locked out until a person acts.
    pub fn is_lockout(&self) -> bool {
        match self {
            Self::Login(error) => error.is_refusal(),
            Self::Unauthorized { .. } | Self::Forbidden { .. } => true,
            _ => false,
        }
    }

    /// Returns the cause of a refusal, from Graph's text; nothing for other failures.
    pub fn refused(&self) -> Option<Refused> {
        match self {
            Self::Forbidden { message } => Some(text::forbidden(message)),
            Self::NotFound { message } if text::has_no_mailbox(message) => Some(Refused::NoMailbox),
            _ => None,
        }
    }

    /// Returns Graph's text.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Conflict { message, .. }
            | Self::NotFound { message }
            | Self::HandshakeFailed { message }
            | Self::TooLong { message, .. }
            | Self::Validation { message }
            | Self::Unexpected { message, .. }
            | Self::Forbidden { message }
            | Self::Unauthorized { message } => Some(message)
                .filter(|message| !message.is_empty())
                .map(String::as_str),
            Self::Login(_)
            | Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::OutOfTime
            | Self::Malformed
            | Self::Endless => None,
        }
    }
}

impl GraphError {
    /// Returns an error without Graph's code and request id.
    pub fn of(kind: GraphErrorKind) -> Self {
        Self {
            kind,
            code: None,
            request_id: None,
            is_repeated: false,
        }
    }

    /// Reads a refusal that arrived at `now`.
    pub(super) fn from_answer(answer: &Answer, now: Timestamp) -> Self {
        let body = text::without_mark(&answer.body);
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = body.get("error").unwrap_or(&Value::Null);
        let member = |of: &Value, name: &str| of.get(name).map(text::shown).filter(|text| !text.is_empty());
        // Graph's services spell this member in both ways.
        let inner = ["innerError", "innererror"];
        let request_id = inner
            .iter()
            .find_map(|inner| member(error.get(inner)?, "request-id"));
        Self {
            kind: kind(answer, &member(error, "message").unwrap_or_default(), now),
            code: member(error, "code").map(|code| printable(&code, 80)),
            request_id: request_id
                .map(|id| printable(&id, 80))
                .or_else(|| self::request_id(answer)),
            is_repeated: false,
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

/// Returns the request id from the headers of Graph's answer.
pub(super) fn request_id(answer: &Answer) -> Option<String> {
    answer.header("request-id").map(|id| printable(id, 80))
}

/// Returns the meaning of an answer: by its text where a workload wraps its own status in another one, otherwise by the
/// status.
fn kind(answer: &Answer, text: &str, now: Timestamp) -> GraphErrorKind {
    let message = printable(text, 500);
    let says = |words: &str| text.contains(words);
    // Comes inside a 429, but is the quota of a mailbox: waiting does not help.
    if says("SubscriptionCountReached") {
        return GraphErrorKind::Forbidden { message };
    }
    // A workload's own 404, wrapped in another status.
    if says("Status Code: NotFound") {
        return GraphErrorKind::NotFound { message };
    }
    // A failure of Microsoft's own, with any status.
    if says("There was an error processing a storage extension") {
        return GraphErrorKind::Unavailable { source: None };
    }
    match answer.status {
        StatusCode::UNAUTHORIZED => GraphErrorKind::Unauthorized { message },
        StatusCode::FORBIDDEN => GraphErrorKind::Forbidden { message },
        StatusCode::NOT_FOUND | StatusCode::GONE => GraphErrorKind::NotFound { message },
        StatusCode::CONFLICT => GraphErrorKind::Conflict {
            existing: text::subscription_id(text),
            message,
        },
        StatusCode::TOO_MANY_REQUESTS => GraphErrorKind::Throttled {
            retry_after: answer.retry_after(now),
        },
        // Both have been seen to pass by themselves.
        StatusCode::REQUEST_TIMEOUT | StatusCode::LOCKED => GraphErrorKind::Unavailable { source: None },
        status if status.is_server_error() => GraphErrorKind::Unavailable { source: None },
        status if status.is_client_error() => {
            // Only the text tells the kinds of a 400 apart.
            if let Some(minutes) = text::longest(text) {
                GraphErrorKind::TooLong { minutes, message }
            } else if says("Subscription validation request") {
                GraphErrorKind::HandshakeFailed { message }
            } else {
                GraphErrorKind::Validation { message }
            }
        }
        status => GraphErrorKind::Unexpected {
            status: status.as_u16(),
            message,
        },
    }
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
