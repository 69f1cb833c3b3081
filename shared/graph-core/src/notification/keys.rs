//! The private keys that open resource data, parsed once and then looked up for every item.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use rsa::pkcs8::SecretDocument;
use x509_cert::der::Encode;
use zeroize::Zeroizing;

use crate::application::Guid;
use crate::certificate;
use crate::secrets::{DecryptionDocument, DecryptionKeyEntry};

/// The private keys of an installation, old ones included as long as items may name them.
#[derive(Debug, Default)]
pub struct DecryptionKeys(Vec<DecryptionKey>);

impl DecryptionKeys {
    /// Returns the keys of `document` that are usable, and an error for each that is not.
    #[must_use]
    pub fn parse(document: &DecryptionDocument) -> (Self, Vec<KeyError>) {
        let mut keys = Vec::with_capacity(document.keys.len());
        let mut errors = Vec::new();
        for entry in &document.keys {
            match DecryptionKey::parse(entry) {
                Ok(key) => keys.push(key),
                Err(source) => errors.push(KeyError {
                    id: entry.id.clone(),
                    source,
                }),
            }
        }
        (Self(keys), errors)
    }

    /// Returns the key that an item of a tenant names: by the id of its certificate, or else by the certificate's SHA-1
    /// thumbprint in any letter case. A key that is for another tenant alone is not known to this one.
    ///
    /// Where several keys fit, the newest is returned.
    #[must_use]
    pub fn find(
        &self,
        tenant_id: Guid,
        certificate_id: Option<&str>,
        thumbprint: Option<&str>,
    ) -> Option<&DecryptionKey> {
        let keys = || self.0.iter().filter(|key| key.is_for(tenant_id));
        let by_id = |id| keys().rfind(|key| key.id == id);
        let by_thumbprint =
            |thumbprint: &str| keys().rfind(|key| key.thumbprint.eq_ignore_ascii_case(thumbprint));
        certificate_id
            .and_then(by_id)
            .or_else(|| thumbprint.and_then(by_thumbprint))
    }

    /// Returns whether there is no usable key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of usable keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// One private key; the operation with it runs on `aws-lc-rs`, in constant time.
pub struct DecryptionKey {
    id: String,
    thumbprint: String,
    only_for_tenant: Option<Guid>,
    key: OaepPrivateDecryptingKey,
}

impl DecryptionKey {
    /// Returns the `encryptionCertificateId` of the key's certificate.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the thumbprint of the key's certificate.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    fn is_for(&self, tenant_id: Guid) -> bool {
        self.only_for_tenant.is_none_or(|owner| owner == tenant_id)
    }

    /// Decrypts `ciphertext` with RSA-OAEP, SHA-1 for both of its hashes and an empty label (Microsoft Graph,
    /// *change notifications with resource data*: `RSA/ECB/OAEPWithSHA1AndMGF1Padding`).
    ///
    /// Nothing tells why there is no plaintext. A ciphertext that is not as long as the key is one of the
    /// reasons.
    pub(crate) fn decrypt(&self, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut plaintext = Zeroizing::new(vec![0; self.key.min_output_size()]);
        let length = self
            .key
            .decrypt(&OAEP_SHA1_MGF1SHA1, ciphertext, &mut plaintext, None)
            .ok()?
            .len();
        plaintext.truncate(length);
        Some(plaintext)
    }

    /// Reads a key and its certificate, and checks that they belong together.
    fn parse(entry: &DecryptionKeyEntry) -> Result<Self, Unusable> {
        if entry.id.is_empty() {
            return Err(Unusable::NoId);
        }
        let private = private_key(&entry.private_key)?;
        let (der, certificate) = certificate::parse(&entry.certificate).map_err(|_| Unusable::Certificate)?;
        let certified = certificate
            .tbs_certificate()
            .subject_public_key_info()
            .to_der()
            .map_err(|_| Unusable::Certificate)?;
        let public: PublicKeyX509Der<'_> = private.public_key().as_der().map_err(|_| Unusable::PrivateKey)?;
        if public.as_ref() != certified.as_slice() {
            return Err(Unusable::Mismatch);
        }
        Ok(Self {
            id: entry.id.clone(),
            thumbprint: certificate::thumbprint(&der),
            only_for_tenant: entry.only_for_tenant,
            key: OaepPrivateDecryptingKey::new(private).map_err(|_| Unusable::PrivateKey)?,
        })
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecryptionKey")
            .field("id", &self.id)
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}

/// A key that cannot be used. Says which one, and nothing of what it holds.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("decryption key {id:?} is unusable")]
pub struct KeyError {
    /// The id of the key.
    pub id: String,
    /// What is wrong with it.
    pub source: Unusable,
}

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Items could not name the key.
    #[error("id is empty")]
    NoId,
    /// The private key is not an RSA key of at least 2,048 bits in PKCS#8 PEM form.
    #[error("private key is malformed")]
    PrivateKey,
    /// The certificate is not base64 of an X.509 certificate in DER form.
    #[error("certificate is malformed")]
    Certificate,
    /// The certificate is another key's.
    #[error("certificate does not belong to the private key")]
    Mismatch,
}

/// Reads a private key in PKCS#8 PEM form.
fn private_key(pem: &str) -> Result<PrivateDecryptingKey, Unusable> {
    let (label, der) = SecretDocument::from_pem(pem).map_err(|_| Unusable::PrivateKey)?;
    if label != "PRIVATE KEY" {
        return Err(Unusable::PrivateKey);
    }
    PrivateDecryptingKey::from_pkcs8(der.as_bytes()).map_err(|_| Unusable::PrivateKey)
}

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;
