//! What renewal needs from the outside, and who provides it.

use std::future::ready;

use graph_core::secrets::Secret;
pub use graph_edge::clock::Clock;
use graph_edge::{
    BoxError,
    clock::SystemClock,
    graph::GraphClient,
    login::{RefreshTokenSecret, RefreshTokens, Sts, WebIdentity},
    parameter::Parameter,
    secrets::{SecretError, SecretStore, Versioned},
    sqs::{Queue, SqsQueue},
};

/// What renewal talks to: the real services, or doubles of them.
pub trait Ports {
    /// The configuration and the keys.
    type Documents: Documents;
    /// The time.
    type Clock: Clock + Sync;
    /// Where the refresh tokens of signed-in users are kept.
    type RefreshTokens: RefreshTokens + Sync;
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
    type RefreshTokens = RefreshTokenSecret;
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
    /// Returns the current version, or nothing when none has been written yet.
    fn read(&self, document: Document)
    -> impl Future<Output = Result<Option<Versioned>, SecretError>> + Send;

    /// Returns the version before the current one, or nothing when there is none.
    fn read_previous(
        &self,
        document: Document,
    ) -> impl Future<Output = Result<Option<Versioned>, SecretError>> + Send;

    /// Writes a new version, unless another writer was faster than this one since it read `based_on`.
    fn write(
        &self,
        document: Document,
        text: &Secret<String>,
        based_on: Option<&str>,
    ) -> impl Future<Output = Result<(), SecretError>> + Send;

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
    /// Where they are.
    pub store: SecretStore,
    /// The ARN of `ConfigSecret`.
    pub config_arn: String,
    /// The ARN of `ClientStateSecret`.
    pub client_state_arn: String,
    /// The ARN of `DecryptionSecret`.
    pub decryption_arn: String,
    /// `StateParameter`.
    pub state: Parameter,
}

impl StoredDocuments {
    fn arn(&self, document: Document) -> &str {
        match document {
            Document::Config => &self.config_arn,
            Document::ClientState => &self.client_state_arn,
            Document::Decryption => &self.decryption_arn,
        }
    }
}

impl Documents for StoredDocuments {
    async fn read(&self, document: Document) -> Result<Option<Versioned>, SecretError> {
        self.store.read(self.arn(document)).await
    }

    async fn read_state(&self) -> Result<String, BoxError> {
        self.state.read().await
    }

    async fn write_state(&self, text: &str) -> Result<(), BoxError> {
        self.state.write(text).await
    }

    async fn read_previous(&self, document: Document) -> Result<Option<Versioned>, SecretError> {
        self.store.read_previous(self.arn(document)).await
    }

    async fn write(
        &self,
        document: Document,
        text: &Secret<String>,
        based_on: Option<&str>,
    ) -> Result<(), SecretError> {
        self.store
            .write(self.arn(document), text.expose(), based_on)
            .await
    }
}
