//! Parsed documents from Secrets Manager, cached and read again when they may have changed.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tracing::{error, warn};

use crate::{
    BoxError,
    cached::{Ask, Cached, Read, RefreshPolicy},
    deadline::Deadline,
    secrets::Source,
    telemetry::causes,
};

mod client_state;

pub use self::client_state::{Unopened, client_state_keys};

/// How long a document is used before it is read again.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// How long a document is used at the least, whatever a caller meets that it does not know. Whoever writes a document waits
/// for longer than this before anybody can meet what is new in it.
pub const FLOOR: SignedDuration = SignedDuration::from_secs(30);

/// When documents are read again.
const POLICY: RefreshPolicy = RefreshPolicy {
    refresh_after: LIFETIME,
    floor: FLOOR,
    retry_after: SignedDuration::from_secs(1),
    max_age: MAX_AGE,
    moment: Duration::from_millis(500),
    patience: Duration::from_secs(2),
};

/// How long a document is trusted while no newer one can be read: a key that was replaced because it leaked, and a tenant that
/// was removed, must not be accepted for longer. Secrets Manager was never down for nearly as long.
pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

/// A document that is parsed once for each time that it is read.
pub struct CachedDocument<S, T> {
    source: S,
    parse: fn(&str) -> Result<T, BoxError>,
    cached: Cached<T>,
}

/// A document for a caller that met something it does not know.
#[derive(Debug, PartialEq, Eq)]
pub struct Renewed<T> {
    /// The document.
    pub document: Arc<T>,
    /// Whether what it does not hold is not there: it was read at most [`FLOOR`] ago. Else it may be of before.
    pub is_conclusive: bool,
    /// When it was read.
    pub read_at: Timestamp,
}

impl<S: Source, T> CachedDocument<S, T> {
    /// Returns the document of `source`, to be read on first use.
    pub fn new(source: S, parse: fn(&str) -> Result<T, BoxError>) -> Self {
        Self {
            source,
            parse,
            cached: Cached::new(POLICY),
        }
    }

    /// Returns the document, read again when it is over [`LIFETIME`] old. When that fails, or takes more than a moment, the
    /// last good one stays, until it is over [`MAX_AGE`] old.
    ///
    /// # Errors
    ///
    /// Returns an error when there is no document, or one that is too old to be trusted.
    pub async fn current(&self, now: Timestamp, deadline: Deadline) -> Result<Arc<T>, NoDocument> {
        Ok(self.read(Ask::Normal, now, deadline).await?.value)
    }

    /// Returns the document for a caller that met something it does not know, read again when it is over [`FLOOR`] old,
    /// so that forged input cannot cause a call each time.
    ///
    /// # Errors
    ///
    /// Returns an error when there is no document, or one that is too old to be trusted.
    pub async fn renewed(&self, now: Timestamp, deadline: Deadline) -> Result<Renewed<T>, NoDocument> {
        let read = self.read(Ask::Unknown, now, deadline).await?;
        Ok(Renewed {
            document: read.value,
            is_conclusive: now.duration_since(read.at) <= FLOOR,
            read_at: read.at,
        })
    }

    async fn read(&self, ask: Ask, now: Timestamp, deadline: Deadline) -> Result<Read<T>, NoDocument> {
        let report = |problem: &str, has_document| self.report(problem, has_document);
        let read = self.cached.get(ask, now, deadline, self.fetch(), report).await;
        read.ok_or(NoDocument)
    }

    /// Reads the document, or returns in words why there is none.
    async fn fetch(&self) -> Result<T, String> {
        match self.source.read().await {
            Ok(Some(version)) => (self.parse)(version.text.expose())
                .map_err(|error| format!("holds no valid document: {error}")),
            Ok(None) => Err("has no value yet; the first run of renewal writes it".to_owned()),
            Err(error) => Err(format!("cannot be read: {}", causes(&error))),
        }
    }

    fn report(&self, problem: &str, has_document: bool) {
        let secret = self.source.name();
        let consequence = if has_document {
            "the last good document stays in use"
        } else {
            "no document is available"
        };
        warn!(secret, problem, "Secret {secret} {problem}; {consequence}");
    }
}

/// Returns the error for a text that is not a document of its form. It says where, and nothing of the text.
pub fn malformed(error: &serde_json::Error) -> BoxError {
    format!(
        "not of the documented form at line {}, column {}",
        error.line(),
        error.column()
    )
    .into()
}

/// Logs which entries of a secret cannot be used, the first ten of them. The others are used.
pub fn report_unusable(secret: &str, entries: impl Iterator<Item = String>) {
    let entries: Vec<String> = entries.collect();
    if entries.is_empty() {
        return;
    }
    let count = entries.len();
    let named = entries.iter().take(MAX_NAMES).map(String::as_str);
    let named = named.collect::<Vec<_>>().join(", ");
    error!(
        secret,
        entries = named,
        "{count} entries of {secret} cannot be used: {named}; what depends on them waits. Correct them, or put an older version of the secret back"
    );
}

/// How many entries a log line names.
const MAX_NAMES: usize = 10;

/// There is no document: none has been written yet, or it cannot be read and the last good one is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("secret has no usable document")]
pub struct NoDocument;

#[cfg(test)]
mod tests;
