//! The services that renewal uses, and their implementations.

use std::{future::ready, time::Duration};

use graph_core::subscription::plan::StoredState;
pub use graph_edge::clock::Clock;
use graph_edge::{
    BoxError,
    clock::SystemClock,
    deadline::Deadline,
    login::{self, Sts},
    parameter::{Parameter, Stored},
    secrets::{SecretError, StoredSecret, Versioned, VersionedSecret},
    sqs::{Queue, SqsQueue},
};

/// The services that renewal uses: the real ones, or doubles.
///
/// Doubles replace the transport of the client of Microsoft Graph and not the client, so that tests include its pauses,
/// retries and limits.
pub trait Ports: login::Ports {
    /// The configuration and the keys.
    type Documents: Documents;
    /// The queue for messages and events.
    type Queue: Queue;
}

/// The real services.
#[derive(Clone, Copy, Debug)]
pub struct Live;

impl Ports for Live {
    type Documents = StoredDocuments;
    type Queue = SqsQueue;
}

impl login::Ports for Live {
    type Clock = SystemClock;
    type RefreshTokens = StoredSecret;
    type WebIdentity = Sts;
}

/// A document in Secrets Manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    /// `ConfigSecret`, which a person writes.
    Config,
    /// `ClientStateSecret`, which renewal writes.
    ClientState,
    /// `DecryptionSecret`, which renewal writes.
    Decryption,
}

/// The store of the documents that renewal reads and writes.
pub trait Documents {
    /// A secret that holds a document.
    type Secret: VersionedSecret;

    /// Returns the secret that holds a document.
    fn secret(&self, document: Document) -> Self::Secret;

    /// Returns the version of `ConfigSecret` before the current one, or nothing if there is none.
    fn read_previous(&self) -> impl Future<Output = Result<Option<Versioned>, SecretError>> + Send;

    /// Returns the version of `ConfigSecret` with this id, or nothing if it is no longer kept.
    fn read_version(&self, _: &str) -> impl Future<Output = Result<Option<Versioned>, SecretError>> + Send {
        ready(Ok(None))
    }

    /// Returns the stored summary of the last run over everything.
    fn read_state(&self, _: Deadline) -> impl Future<Output = Result<Stored, BoxError>> + Send {
        ready(Ok(Stored::default()))
    }

    /// Returns an earlier version of the summary; an error where it is not kept.
    fn read_earlier_state(
        &self,
        _: u64,
        _: Deadline,
    ) -> impl Future<Output = Result<Stored, BoxError>> + Send {
        ready(Err("earlier versions are not kept".into()))
    }

    /// Stores the summary of a run over everything, and returns its version.
    fn write_state(&self, _: &str, _: Deadline) -> impl Future<Output = Result<u64, BoxError>> + Send {
        ready(Ok(1))
    }
}

/// Returns the stored summary with its version.
pub(crate) async fn read_state(
    documents: &impl Documents,
    deadline: Deadline,
) -> Result<(StoredState, u64), BoxError> {
    let stored = documents.read_state(deadline).await?;
    Ok((StoredState::parse(&stored.value)?, stored.version))
}

/// The documents in Secrets Manager.
#[derive(Clone, Debug)]
pub struct StoredDocuments {
    /// `ConfigSecret`.
    pub config: StoredSecret,
    /// `ClientStateSecret`.
    pub client_state: StoredSecret,
    /// `DecryptionSecret`.
    pub decryption: StoredSecret,
    /// `StateParameter`.
    pub state: Parameter,
}

impl Documents for StoredDocuments {
    type Secret = StoredSecret;

    fn secret(&self, document: Document) -> StoredSecret {
        match document {
            Document::Config => self.config.clone(),
            Document::ClientState => self.client_state.clone(),
            Document::Decryption => self.decryption.clone(),
        }
    }

    async fn read_previous(&self) -> Result<Option<Versioned>, SecretError> {
        self.config.read_previous().await
    }

    async fn read_version(&self, version_id: &str) -> Result<Option<Versioned>, SecretError> {
        self.config.read_version(version_id).await
    }

    async fn read_state(&self, deadline: Deadline) -> Result<Stored, BoxError> {
        self.state.read(deadline).await
    }

    async fn read_earlier_state(&self, version: u64, deadline: Deadline) -> Result<Stored, BoxError> {
        self.state.read_version(version, deadline).await
    }

    async fn write_state(&self, text: &str, deadline: Deadline) -> Result<u64, BoxError> {
        self.state.write(text, deadline).await
    }
}

/// How long reading and storing the summary may take where nothing else sets a limit.
pub(crate) const STATE_WITHIN: Duration = Duration::from_secs(10);
