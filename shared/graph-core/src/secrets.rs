//! The documents that renewal writes to Secrets Manager and the other functions read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::config::Cloud;

/// The content of ClientStateSecret: the keys under which client states are minted and verified.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct ClientStateDocument {
    /// The keys, one or more per (tenant, application).
    #[serde(default)]
    pub keys: Vec<ClientStateKeyEntry>,
}

/// One client-state key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientStateKeyEntry {
    /// The key's id, at most 8 characters, part of every client state minted with it.
    pub id: String,
    /// 32 bytes, in standard base64.
    pub key: String,
    /// The Microsoft Entra tenant that the key belongs to.
    pub tenant_id: String,
    /// The application (client) id that the key belongs to.
    pub client_id: String,
    /// When the key was made.
    pub created_at: Timestamp,
    /// From when on new subscriptions use the key; no webhook can be unaware of it by then.
    pub mint_from: Timestamp,
}

impl Drop for ClientStateKeyEntry {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// The content of DecryptionSecret: private keys, and the applications whose validation tokens count.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct DecryptionDocument {
    /// The keys, newest last.
    #[serde(default)]
    pub keys: Vec<DecryptionKeyEntry>,
    /// The (tenant, application, cloud) triples that items may come for.
    #[serde(default)]
    pub tenants: Vec<TrustedTenant>,
}

/// One private key with its certificate.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecryptionKeyEntry {
    /// The `encryptionCertificateId` that Graph returns in each item.
    pub id: String,
    /// The RSA private key as PKCS#8 PEM.
    pub private_key: String,
    /// The certificate as base64 (standard alphabet) of its DER form, as Graph takes it.
    pub certificate: String,
    /// When the key was made.
    pub created_at: Timestamp,
}

impl Drop for DecryptionKeyEntry {
    fn drop(&mut self) {
        self.private_key.zeroize();
    }
}

/// An application in a tenant whose notifications are expected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustedTenant {
    /// The Microsoft Entra tenant.
    pub tenant_id: String,
    /// The application (client) id, the audience of validation tokens.
    pub client_id: String,
    /// The Microsoft cloud that the tenant lives in.
    pub cloud: Cloud,
}
