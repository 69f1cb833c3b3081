//! Parsed documents from Secrets Manager, cached and read again when they may have changed.

use std::sync::Arc;

use graph_core::secret::Secret;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tracing::warn;

use crate::{
    BoxError,
    secrets::{SecretError, SecretStore},
    telemetry::causes,
};

/// How long a document is used before it is read again.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// How long a document is used at the least, whatever a caller meets that it does not know.
pub const FLOOR: SignedDuration = SignedDuration::from_secs(30);

/// How long to wait after a document could not be read and there is none.
const PAUSE_WITHOUT: SignedDuration = SignedDuration::from_secs(1);

/// Where the text of a document comes from.
pub trait Source {
    /// Returns the text, or nothing when none has been written yet.
    fn read(&self) -> impl Future<Output = Result<Option<Secret<String>>, SecretError>> + Send;
}

/// A secret as the source of a document.
#[derive(Clone, Debug)]
pub struct SecretSource {
    /// The store that holds the secret.
    pub store: SecretStore,
    /// The secret's ARN.
    pub secret_arn: String,
}

impl Source for SecretSource {
    async fn read(&self) -> Result<Option<Secret<String>>, SecretError> {
        Ok(self
            .store
            .read(&self.secret_arn)
            .await?
            .map(|version| version.text))
    }
}

/// A document that is parsed once for each time that it is read.
pub struct CachedDocument<S, T> {
    source: S,
    parse: fn(&str) -> Result<T, BoxError>,
    held: Mutex<Held<T>>,
}

struct Held<T> {
    document: Option<Arc<T>>,
    tried_at: Timestamp,
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

    /// Returns the document, read again when it is over [`LIFETIME`] old. When that fails the last good one stays.
    ///
    /// # Errors
    ///
    /// Returns an error when there is no document yet.
    pub async fn current(&self, now: Timestamp) -> Result<Arc<T>, NoDocument> {
        self.read(now, LIFETIME).await
    }

    /// Returns the document for a caller that met something it does not know, read again when it is over [`FLOOR`] old,
    /// so that forged input cannot cause a call each time.
    ///
    /// # Errors
    ///
    /// Returns an error when there is no document yet.
    pub async fn renewed(&self, now: Timestamp) -> Result<Arc<T>, NoDocument> {
        self.read(now, FLOOR).await
    }

    async fn read(&self, now: Timestamp, lifetime: SignedDuration) -> Result<Arc<T>, NoDocument> {
        let mut held = self.held.lock().await;
        let lifetime = if held.document.is_some() {
            lifetime
        } else {
            PAUSE_WITHOUT
        };
        if now.duration_since(held.tried_at) >= lifetime {
            held.tried_at = now;
            match self.source.read().await {
                Ok(Some(text)) => match (self.parse)(text.expose()) {
                    Ok(document) => held.document = Some(Arc::new(document)),
                    Err(error) => warn!(%error, "Secret holds no valid document; keeping the last good one"),
                },
                Ok(None) => warn!("Secret has no value yet; the first run of renewal writes it"),
                Err(error) => {
                    warn!(
                        error = causes(&error),
                        "Secret cannot be read; keeping the last good document"
                    );
                }
            }
        }
        held.document.clone().ok_or(NoDocument)
    }
}

/// There is no document: none has been written yet, or it cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("secret has no usable document yet")]
pub struct NoDocument;

#[cfg(test)]
mod tests {
    use std::sync::Mutex as Lock;

    use super::*;

    #[tokio::test]
    async fn a_document_is_read_once_for_its_lifetime() {
        let cache = cache(&["1", "2"]);
        assert_eq!(*cache.current(at(0)).await.unwrap(), 1);
        assert_eq!(*cache.current(at(299)).await.unwrap(), 1);
        assert_eq!(*cache.current(at(300)).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn what_is_not_known_reads_again_no_more_often_than_the_floor() {
        let cache = cache(&["1", "2", "3"]);
        assert_eq!(*cache.current(at(0)).await.unwrap(), 1);
        assert_eq!(*cache.renewed(at(29)).await.unwrap(), 1);
        assert_eq!(*cache.renewed(at(30)).await.unwrap(), 2);
        assert_eq!(*cache.renewed(at(31)).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn the_last_good_document_stays_when_reading_fails() {
        for broken in ["unavailable", "unwritten", "not a number"] {
            let cache = cache(&["1", broken]);
            assert_eq!(*cache.current(at(0)).await.unwrap(), 1);
            assert_eq!(*cache.current(at(300)).await.unwrap(), 1, "{broken}");
        }
    }

    #[tokio::test]
    async fn no_document_is_an_error_until_there_is_one() {
        let cache = cache(&["unwritten", "1"]);
        assert_eq!(cache.current(at(0)).await, Err(NoDocument));
        assert_eq!(*cache.current(at(1)).await.unwrap(), 1);
    }

    struct FakeSource(Lock<Vec<&'static str>>);

    impl Source for FakeSource {
        async fn read(&self) -> Result<Option<Secret<String>>, SecretError> {
            match self.0.lock().unwrap().remove(0) {
                "unavailable" => Err(SecretError::Unavailable("down".into())),
                "unwritten" => Ok(None),
                text => Ok(Some(Secret::new(text.to_owned()))),
            }
        }
    }

    fn cache(texts: &[&'static str]) -> CachedDocument<FakeSource, u8> {
        CachedDocument::new(FakeSource(Lock::new(texts.to_vec())), |text| Ok(text.parse()?))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }
}
