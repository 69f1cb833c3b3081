//! What DecryptionSecret says: the private keys, and who may send.

use graph_core::{
    notification::keys::DecryptionKeys,
    secrets::{DecryptionDocument, TrustedTenant, TrustedTenants},
};
use graph_edge::{BoxError, documents, telemetry::printable_id};
use tracing::error;

/// The content of DecryptionSecret, every key parsed.
#[derive(Debug)]
pub struct Trust {
    /// The private keys.
    pub keys: DecryptionKeys,
    tenants: Vec<TrustedTenant>,
}

impl Trust {
    /// Reads DecryptionSecret.
    ///
    /// # Errors
    ///
    /// Returns an error when there is no usable key, so that the secret is soon read again.
    pub fn parse(text: &str) -> Result<Self, BoxError> {
        let document: DecryptionDocument =
            serde_json::from_str(text).map_err(|error| documents::malformed(&error))?;
        let (keys, unusable) = DecryptionKeys::parse(&document);
        for error in unusable {
            let (key, reason) = (printable_id(&error.id), error.source);
            error!(key, %reason, "Private key {key} in DecryptionSecret is not usable: {reason}");
        }
        if keys.is_empty() {
            return Err("no private key in it is usable".into());
        }
        Ok(Self {
            keys,
            tenants: document.trusted.iter().flat_map(TrustedTenants::each).collect(),
        })
    }

    /// Returns the trusted application with these ids.
    pub(crate) fn tenant(&self, tenant_id: &str, client_id: &str) -> Option<&TrustedTenant> {
        let is_it = |tenant: &&TrustedTenant| {
            tenant.tenant_id.eq_ignore_ascii_case(tenant_id)
                && tenant.client_id.eq_ignore_ascii_case(client_id)
        };
        self.tenants.iter().find(is_it)
    }
}
