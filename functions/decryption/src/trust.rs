//! What DecryptionSecret says: the private keys, and who may send.

use graph_core::{
    application::Application,
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
        documents::report_unusable("DecryptionSecret", document.odd.names());
        let (keys, unusable) = DecryptionKeys::parse(&document);
        for error in unusable {
            let (key, reason) = (printable_id(&error.id), error.source);
            error!(key, %reason, "Private key {key} in DecryptionSecret is not usable: {reason}");
        }
        if keys.is_empty() {
            return Err("it has no usable private key".into());
        }
        Ok(Self {
            keys,
            tenants: document.trusted.iter().flat_map(TrustedTenants::each).collect(),
        })
    }

    /// Returns what is trusted of an application.
    pub(crate) fn tenant(&self, application: Application) -> Option<&TrustedTenant> {
        self.tenants
            .iter()
            .find(|tenant| tenant.application == application)
    }
}
