//! What renewal needs from the outside, and who provides it.

use graph_core::{
    secret::Secret,
    subscription::{
        catalogue::Version,
        config::{ForEach, Tenant},
        model::{NewSubscription, Subscription, SubscriptionUpdate},
    },
};
pub use graph_edge::clock::Clock;
use graph_edge::{
    graph::{GraphClient, GraphError, Listed},
    login::{RefreshTokens, WebIdentity},
    secrets::{SecretError, SecretStore, Versioned},
};
use jiff::Timestamp;

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
}

/// The subscriptions of an application in a tenant.
pub trait Graph {
    /// Returns all of them.
    fn list(&self, tenant: &Tenant) -> impl Future<Output = Result<Listed, GraphError>> + Send;

    /// Returns the ids of the objects that an entry stands for.
    fn objects(
        &self,
        tenant: &Tenant,
        of: &ForEach,
    ) -> impl Future<Output = Result<Vec<String>, GraphError>> + Send;

    /// Returns one.
    fn get(
        &self,
        tenant: &Tenant,
        version: Version,
        id: &str,
    ) -> impl Future<Output = Result<Subscription, GraphError>> + Send;

    /// Creates one.
    fn create(
        &self,
        tenant: &Tenant,
        version: Version,
        subscription: &NewSubscription,
    ) -> impl Future<Output = Result<Subscription, GraphError>> + Send;

    /// Renews one.
    fn update(
        &self,
        tenant: &Tenant,
        version: Version,
        id: &str,
        update: &SubscriptionUpdate,
    ) -> impl Future<Output = Result<Subscription, GraphError>> + Send;

    /// Returns how many calls have been throttled since this was last asked.
    fn throttled(&self) -> usize;

    /// Deletes one; one that is gone counts as deleted.
    fn delete(
        &self,
        tenant: &Tenant,
        version: Version,
        id: &str,
    ) -> impl Future<Output = Result<(), GraphError>> + Send;

    /// Returns when the newest refresh token of the tenant's user was obtained, where there is one.
    fn signed_in_at(&self, tenant: &Tenant) -> impl Future<Output = Option<Timestamp>> + Send;
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

impl<C, T, I> Graph for GraphClient<C, T, I>
where
    C: Clock + Sync,
    T: RefreshTokens + Sync,
    I: WebIdentity + Sync,
{
    async fn list(&self, tenant: &Tenant) -> Result<Listed, GraphError> {
        self.list(tenant).await
    }

    async fn objects(&self, tenant: &Tenant, of: &ForEach) -> Result<Vec<String>, GraphError> {
        self.objects(tenant, of).await
    }

    async fn get(&self, tenant: &Tenant, version: Version, id: &str) -> Result<Subscription, GraphError> {
        self.get(tenant, version, id).await
    }

    async fn create(
        &self,
        tenant: &Tenant,
        version: Version,
        subscription: &NewSubscription,
    ) -> Result<Subscription, GraphError> {
        self.create(tenant, version, subscription).await
    }

    async fn update(
        &self,
        tenant: &Tenant,
        version: Version,
        id: &str,
        update: &SubscriptionUpdate,
    ) -> Result<Subscription, GraphError> {
        self.update(tenant, version, id, update).await
    }

    fn throttled(&self) -> usize {
        self.throttled()
    }

    async fn delete(&self, tenant: &Tenant, version: Version, id: &str) -> Result<(), GraphError> {
        self.delete(tenant, version, id).await
    }

    async fn signed_in_at(&self, tenant: &Tenant) -> Option<Timestamp> {
        self.login().signed_in_at(tenant).await
    }
}
