//! The keys that renewal mints and encrypts with, as published to the other functions.

use jiff::Timestamp;

use super::{KeyLifetime, Lead, after, certificate, current};
use crate::{
    secrets::{
        ClientStateDocument, ClientStateKeyEntry, DecryptionDocument, DecryptionKeyEntry, TrustedTenants,
    },
    subscription::config::Tenant,
};

/// The content of both secrets, as every function can read it.
#[derive(Clone, Default)]
pub struct PublishedKeys {
    /// The client-state keys and the trusted applications.
    pub client_state: ClientStateDocument,
    /// The certificates with their private keys, and the trusted applications.
    pub decryption: DecryptionDocument,
}

impl PublishedKeys {
    /// Returns the key to mint with: the newest one whose use has begun, or else the one whose use begins first.
    #[must_use]
    pub fn mint_key(&self, now: Timestamp) -> Option<&ClientStateKeyEntry> {
        let current = current(&self.client_state_lives(), now)?;
        self.client_state.keys.iter().find(|key| key.id == current.id)
    }

    /// Returns the dates of the client-state keys.
    #[must_use]
    pub fn client_state_lives(&self) -> Vec<KeyLifetime<'_>> {
        self.client_state.keys.iter().map(KeyLifetime::from).collect()
    }

    /// Returns the current certificate of a tenant, with its private key.
    #[must_use]
    pub fn certificate(&self, tenant: &Tenant, now: Timestamp) -> Option<&DecryptionKeyEntry> {
        let current = current(&self.certificate_lives(tenant), now)?;
        self.decryption.keys.iter().find(|key| key.id == current.id)
    }

    /// Returns the dates of a tenant's certificates.
    #[must_use]
    pub fn certificate_lives(&self, tenant: &Tenant) -> Vec<KeyLifetime<'_>> {
        let own = certificate::of(&self.decryption.keys, tenant.certificate_owner());
        own.map(KeyLifetime::from).collect()
    }

    /// Returns when subscriptions of a tenant may be created; nothing if the tenant is not published, because its
    /// notifications would be rejected.
    #[must_use]
    pub fn usable_from(&self, tenant: &Tenant, now: Timestamp) -> Option<Timestamp> {
        // Decryption has to trust the tenant as well, or it would retry the items in vain.
        find(&self.decryption.trusted, tenant)?;
        let trusted = find(&self.client_state.trusted, tenant)?;
        let key = KeyLifetime::from(self.mint_key(now)?);
        Some(trusted.from.map_or(key.use_from, |from| from.max(key.use_from)))
    }

    /// Returns whether a tenant was published so recently that at most its first runs can have created subscriptions.
    #[must_use]
    pub fn is_new(&self, tenant: &Tenant, lead: &Lead, now: Timestamp) -> bool {
        let (keys, odd) = (&self.client_state.keys, &self.client_state.odd.keys);
        let is_recent = |at: Timestamp| after(at, lead.key) >= now;
        let trusted = find(&self.client_state.trusted, tenant);
        // A key that cannot be read may be an old one, and so may those of a document that could not be read.
        let are_all_recent =
            !keys.is_empty() && odd.is_empty() && keys.iter().all(|key| is_recent(key.created_at));
        are_all_recent || trusted.is_some_and(|trusted| trusted.from.is_some_and(is_recent))
    }

    /// Returns whether a tenant was published by a run that began at `begun`, beside others that were published before.
    #[must_use]
    pub fn was_added(&self, tenant: &Tenant, lead: &Lead, begun: Timestamp) -> bool {
        let from = find(&self.client_state.trusted, tenant).and_then(|trusted| trusted.from);
        from.is_some_and(|from| from >= after(begun, lead.application))
    }
}

/// Returns the group of trusted tenants that a tenant belongs to.
fn find<'a>(trusted: &'a [TrustedTenants], tenant: &Tenant) -> Option<&'a TrustedTenants> {
    trusted.iter().find(|group| {
        let is_application = group.client_id == tenant.application.client_id && group.cloud == tenant.cloud;
        is_application && group.tenants.contains(&tenant.application.tenant_id)
    })
}
