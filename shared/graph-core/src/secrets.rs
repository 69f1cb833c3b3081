//! Secrets: the type of a secret text, and the documents that renewal writes to Secrets Manager and the other functions
//! read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::{
    application::{Application, Guid},
    cloud::Cloud,
};

mod document;
mod text;

pub use self::{
    document::{KeyDocument, OddEntries, OddKey},
    text::Secret,
};

/// The content of ClientStateSecret: the key that mints and verifies client states, a second key while it is replaced,
/// and the applications whose items are admitted.
pub type ClientStateDocument = KeyDocument<ClientStateKeyEntry>;

/// One client-state key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientStateKeyEntry {
    /// The key's id, at most 8 characters, part of every client state minted with it.
    pub id: String,
    /// 32 bytes, in standard base64.
    pub key: String,
    /// When the key was created.
    pub created_at: Timestamp,
    /// Renewal's notes about the first and last use of the key.
    #[serde(default, skip_serializing_if = "KeyLife::is_blank")]
    pub life: KeyLife,
}

impl Drop for ClientStateKeyEntry {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// The content of DecryptionSecret: private keys, and the applications whose validation tokens are accepted.
pub type DecryptionDocument = KeyDocument<DecryptionKeyEntry>;

/// One private key with its certificate.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecryptionKeyEntry {
    /// The `encryptionCertificateId` that Graph returns in each item.
    pub id: String,
    /// The RSA private key as PKCS#8 PEM.
    pub private_key: String,
    /// The certificate as base64 (standard alphabet) of its DER form, the form that Graph expects.
    pub certificate: String,
    /// The tenant that alone uses the key; absent for a key that tenants share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_for_tenant: Option<Guid>,
    /// When the key was created.
    pub created_at: Timestamp,
    /// Renewal's notes about the first and last use of the key.
    #[serde(default, skip_serializing_if = "KeyLife::is_blank")]
    pub life: KeyLife,
}

impl Drop for DecryptionKeyEntry {
    fn drop(&mut self) {
        self.private_key.zeroize();
    }
}

/// Renewal's notes about a key while a newer one replaces it. The other functions ignore them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyLife {
    /// When renewal starts to use the key, if not at once. By then, every instance of the other functions has read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_from: Option<Timestamp>,
    /// When the last subscription has to leave the key, if a person asked for its replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retire_by: Option<Timestamp>,
    /// Since when no subscription names the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unnamed_since: Option<Timestamp>,
}

impl KeyLife {
    /// Returns whether renewal has noted nothing.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        *self == Self::default()
    }
}

/// The tenants in which an application is trusted. They are grouped, because thousands have to fit into one secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustedTenants {
    /// The application (client) id.
    pub client_id: Guid,
    /// The Microsoft cloud that the tenants live in.
    pub cloud: Cloud,
    /// When every instance of the webhook knows the tenants; absent unless they were added recently.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The Microsoft Entra tenants.
    pub tenants: Vec<Guid>,
}

impl TrustedTenants {
    /// Returns the tenants one by one.
    pub fn each(&self) -> impl Iterator<Item = TrustedTenant> {
        self.tenants.iter().map(|tenant_id| TrustedTenant {
            application: Application {
                tenant_id: *tenant_id,
                client_id: self.client_id,
            },
            cloud: self.cloud,
        })
    }
}

/// A trusted application in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrustedTenant {
    /// The application, which is the audience of validation tokens, and the tenant.
    #[serde(flatten)]
    pub application: Application,
    /// The Microsoft cloud that the tenant lives in.
    pub cloud: Cloud,
}
