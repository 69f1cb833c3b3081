//! What is secret: the type of a secret text, and the documents that renewal writes to Secrets Manager and the other functions
//! read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::{
    application::{Application, Guid},
    cloud::Cloud,
};

mod text;

pub use self::text::Secret;

/// The content of ClientStateSecret: the key under which client states are minted and verified, a second one while it is
/// replaced, and the applications that are trusted.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct ClientStateDocument {
    /// The keys, newest last.
    #[serde(default)]
    pub keys: Vec<ClientStateKeyEntry>,
    /// The applications that items may come for.
    #[serde(default)]
    pub trusted: Vec<TrustedTenants>,
}

/// One client-state key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientStateKeyEntry {
    /// The key's id, at most 8 characters, part of every client state minted with it.
    pub id: String,
    /// 32 bytes, in standard base64.
    pub key: String,
    /// When the key was made.
    pub created_at: Timestamp,
    /// What renewal notes about the key's beginning and end.
    #[serde(default, skip_serializing_if = "KeyLife::is_blank")]
    pub life: KeyLife,
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
    /// The applications that items may come for.
    #[serde(default)]
    pub trusted: Vec<TrustedTenants>,
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
    /// The tenant that the key is for, where it is for one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_for_tenant: Option<Guid>,
    /// When the key was made.
    pub created_at: Timestamp,
    /// What renewal notes about the key's beginning and end.
    #[serde(default, skip_serializing_if = "KeyLife::is_blank")]
    pub life: KeyLife,
}

impl Drop for DecryptionKeyEntry {
    fn drop(&mut self) {
        self.private_key.zeroize();
    }
}

/// What renewal notes about a key while it puts a newer one in its place. The other functions do not look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyLife {
    /// From when on a key is given to Graph, where that is not at once; no instance of the other functions can be unaware
    /// of it by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_from: Option<Timestamp>,
    /// By when subscriptions have to have left the key, where a person has asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retire_by: Option<Timestamp>,
    /// Since when no subscription names the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unnamed_since: Option<Timestamp>,
}

impl KeyLife {
    /// Returns whether nothing is noted.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        *self == Self::default()
    }
}

/// The tenants in which an application is trusted. Together, as thousands of them have to fit into a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustedTenants {
    /// The application (client) id.
    pub client_id: Guid,
    /// The Microsoft cloud that the tenants live in.
    pub cloud: Cloud,
    /// From when on no instance of the webhook can be unaware of them, where they have just been added.
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

/// An application in a tenant whose notifications are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrustedTenant {
    /// The application, which is the audience of validation tokens, and the tenant.
    #[serde(flatten)]
    pub application: Application,
    /// The Microsoft cloud that the tenant lives in.
    pub cloud: Cloud,
}
