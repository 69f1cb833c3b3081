//! What renewal needs from the outside, and who provides it.

use std::future::ready;

pub use graph_edge::clock::Clock;
use graph_edge::{
    BoxError,
    clock::SystemClock,
    graph::GraphClient,
    login::{Sts, WebIdentity},
    parameter::Parameter,
    secrets::{SecretError, StoredSecret, Versioned, VersionedSecret},
    sqs::{Queue, SqsQueue},
};

/// What renewal talks to: the real services, or doubles of them.
pub trait Ports {
    /// The configuration and the keys.
    type Documents: Documents;
    /// The time.
    type Clock: Clock + Sync;
    /// Where the refresh tokens of signed-in users are kept.
    type RefreshTokens: VersionedSecret + Sync;
    /// Who vouches for the role that the function runs as.
    type WebIdentity: WebIdentity + Sync;
    /// Where messages and events go.
    type Queue: Queue;
}

/// The client of Microsoft Graph. Doubles take the place of its transport and not of the client, so that whatever runs
/// over them has its pauses, retries and limits too.
pub type Client<P> = GraphClient<<P as Ports>::Clock, <P as Ports>::RefreshTokens, <P as Ports>::WebIdentity>;

/// The real services.
#[derive(Clone, Copy, Debug)]
pub struct Live;

impl Ports for Live {
    type Documents = StoredDocuments;
    type Clock = SystemClock;
    type RefreshTokens = StoredSecret;
    type WebIdentity = Sts;
    type Queue = SqsQueue;
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

/// The documents that renewal reads and writes.
pub trait Documents {
    /// A secret that holds a document.
    type Secret: VersionedSecret;

    /// Returns the secret that holds a document.
    fn secret(&self, document: Document) -> Self::Secret;

    /// Returns the version of `ConfigSecret` before the current one, or nothing when there is none.
    fn read_previous(&self) -> impl Future<Output = Result<Option<Versioned>, SecretError>> + Send;

    /// Returns what is stored of the last look at all subscriptions.
    fn read_state(&self) -> impl Future<Output = Result<String, BoxError>> + Send {
        ready(Ok(String::new()))
    }

    /// Stores it.
    fn write_state(&self, _: &str) -> impl Future<Output = Result<(), BoxError>> + Send {
        ready(Ok(()))
    }
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

    async fn read_state(&self) -> Result<String, BoxError> {
        self.state.read().await
    }

    async fn write_state(&self, text: &str) -> Result<(), BoxError> {
        self.state.write(text).await
    }
}
