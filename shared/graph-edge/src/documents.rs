//! Parsed documents from Secrets Manager, cached and read again when they may have changed.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tracing::warn;

pub use crate::secrets::Source;
use crate::{BoxError, deadline::Deadline, telemetry::causes};

mod client_state;

pub use self::client_state::client_state_keys;

/// How long a document is used before it is read again.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// How long a document is used at the least, whatever a caller meets that it does not know. Whoever writes a document waits
/// for longer than this before anybody can meet what is new in it.
pub const FLOOR: SignedDuration = SignedDuration::from_secs(30);

/// How long to wait after a document could not be read and there is none.
const PAUSE_WITHOUT: SignedDuration = SignedDuration::from_secs(1);

/// How long a newer document is waited for while there is a good one.
const MOMENT: Duration = Duration::from_millis(500);

/// A document that is parsed once for each time that it is read.
pub struct CachedDocument<S, T> {
    source: S,
    parse: fn(&str) -> Result<T, BoxError>,
    held: Mutex<Held<T>>,
}

struct Held<T> {
    /// The last good document, and when it was read.
    document: Option<(Arc<T>, Timestamp)>,
    tried_at: Timestamp,
}

/// A document for a caller that met something it does not know.
#[derive(Debug, PartialEq, Eq)]
pub struct Renewed<T> {
    /// The document.
    pub document: Arc<T>,
    /// Whether what it does not hold is not there: it was read at most [`FLOOR`] ago. Else it may be of before.
    pub is_conclusive: bool,
}

impl<S: Source, T> CachedDocument<S, T> {
    /// Returns the document of `source`, to be read on first use.
    pub fn new(source: S, parse: fn(&str) -> Result<T, BoxError>) -> Self {
        Self {
            source,
            parse,
            held: Mutex::new(Held {
                document: None,
                tried_at: Timestamp::MIN,
            }),
        }
    }

    /// Returns the document, read again when it is over [`LIFETIME`] old. When that fails, or takes more than a moment, the
    /// last good one stays.
    ///
    /// # Errors
    ///
    /// Returns an error when there is no document yet.
    pub async fn current(&self, now: Timestamp, deadline: Deadline) -> Result<Arc<T>, NoDocument> {
        let renewed = self.read(now, LIFETIME, deadline, Some(MOMENT)).await?;
        Ok(renewed.document)
    }

    /// Returns the document for a caller that met something it does not know, read again when it is over [`FLOOR`] old,
    /// so that forged input cannot cause a call each time.
    ///
    /// # Errors
    ///
    /// Returns an error when there is no document yet.
    pub async fn renewed(&self, now: Timestamp, deadline: Deadline) -> Result<Renewed<T>, NoDocument> {
        self.read(now, FLOOR, deadline, None).await
    }

    async fn read(
        &self,
        now: Timestamp,
        lifetime: SignedDuration,
        deadline: Deadline,
        moment: Option<Duration>,
    ) -> Result<Renewed<T>, NoDocument> {
        let mut held = deadline.within(self.held.lock()).await.map_err(|_| NoDocument)?;
        let has_document = held.document.is_some();
        let lifetime = if has_document { lifetime } else { PAUSE_WITHOUT };
        if now.duration_since(held.tried_at) >= lifetime {
            held.tried_at = now;
            let moment = moment.filter(|_| has_document);
            let deadline = moment.map_or(deadline, |moment| deadline.at_most(moment));
            match self.fetch(deadline).await {
                Ok(document) => held.document = Some((Arc::new(document), now)),
                Err(problem) => self.report(&problem, has_document),
            }
        }
        let (document, read_at) = held.document.as_ref().ok_or(NoDocument)?;
        Ok(Renewed {
            document: Arc::clone(document),
            is_conclusive: now.duration_since(*read_at) <= FLOOR,
        })
    }

    /// Reads the document, or returns in words why there is none.
    async fn fetch(&self, deadline: Deadline) -> Result<T, String> {
        // Boxed, as it runs rarely: each caller's future would hold that of the SDK, which is large and nested very deep.
        match deadline.within(Box::pin(self.source.read())).await {
            Ok(Ok(Some(version))) => (self.parse)(version.text.expose())
                .map_err(|error| format!("holds no valid document: {error}")),
            Ok(Ok(None)) => Err("has no value yet; the first run of renewal writes it".to_owned()),
            Ok(Err(error)) => Err(format!("cannot be read: {}", causes(&error))),
            Err(late) => Err(format!("cannot be read: {late}")),
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

/// There is no document: none has been written yet, or it cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("secret has no usable document yet")]
pub struct NoDocument;

#[cfg(test)]
mod tests;
