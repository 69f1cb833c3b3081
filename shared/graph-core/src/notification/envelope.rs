//! Opens encrypted resource data (Microsoft Graph, *change notifications with resource data*).
//!
//! An item carries a symmetric key, encrypted for our certificate, the ciphertext of its resource, and a
//! signature over that ciphertext under the symmetric key. The signature is verified before anything is
//! decrypted, and whatever is wrong with an item, the answer is the same: anything else would help to decrypt
//! or to forge items by trial.
//!
//! The signature is no proof of origin. Whoever has the certificate can make an item that opens, which is why
//! only a [`Trusted`] one does.

mod content;
#[cfg(any(test, feature = "test-util"))]
pub mod test_util;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::LazyLock;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use base64::Engine;
use base64::engine::{Simd, general_purpose::PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::value::RawValue;
use sha2::Sha256;
use zeroize::Zeroizing;

pub use self::content::{EncryptedContent, MalformedContent};
use crate::application::Guid;
use crate::notification::fields::is_readable_object;
use crate::notification::keys::{DecryptionKey, DecryptionKeys};
use crate::notification::tokens::Trusted;

impl Trusted<EncryptedContent<'_>> {
    /// Decrypts the item's resource.
    ///
    /// # Errors
    ///
    /// Fails with [`OpenError::UnknownCertificate`] when the item names a certificate that none of the keys for its
    /// tenant has, and with [`OpenError::Rejected`] when it can never be opened.
    pub fn open(&self, keys: &DecryptionKeys) -> Result<Plaintext, OpenError> {
        open(self.get(), self.tenant_id(), keys)
    }
}

/// A decrypted resource: a JSON object, byte for byte as Graph encrypted it.
pub struct Plaintext(Box<RawValue>);

impl Plaintext {
    /// Returns the JSON text.
    #[must_use]
    pub fn into_json(self) -> Box<RawValue> {
        self.0
    }

    /// Reads decrypted bytes, where they are. White space around the object and a byte order mark are not part of it.
    /// An object that consumers could not read is refused as an item is.
    fn parse(bytes: Vec<u8>) -> Result<Self, Rejected> {
        let mut text = String::from_utf8(bytes).map_err(|_| Rejected)?;
        if text.starts_with(BYTE_ORDER_MARK) {
            text.drain(..BYTE_ORDER_MARK.len_utf8());
        }
        let json = RawValue::from_string(text).map_err(|_| Rejected)?;
        is_readable_object(&json).then_some(Self(json)).ok_or(Rejected)
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plaintext([redacted])")
    }
}

/// Why an item was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The item names a certificate that is not known here, or not yet: a later try may open it.
    #[error("certificate of the item is unknown")]
    UnknownCertificate,
    /// The item is not what Graph sends for our certificates, in a way that is not told.
    #[error("item is rejected")]
    Rejected,
}

impl From<Rejected> for OpenError {
    fn from(Rejected: Rejected) -> Self {
        Self::Rejected
    }
}

/// Finds the item's key and opens it.
///
/// What no key could ever open is rejected first, so that nothing waits for a key in vain.
fn open(
    content: &EncryptedContent<'_>,
    tenant_id: Guid,
    keys: &DecryptionKeys,
) -> Result<Plaintext, OpenError> {
    // Rejected whatever the key, so that an item without a signature does not wait for a certificate.
    let signature = content.data_signature().ok_or(Rejected)?;
    let (id, thumbprint) = (content.certificate_id(), content.thumbprint());
    if id.is_none() && thumbprint.is_none() {
        return Err(OpenError::Rejected);
    }
    // The one failure that may pass: renewal has published a certificate that this process has not read yet.
    let key = keys
        .find(tenant_id, id, thumbprint)
        .ok_or(OpenError::UnknownCertificate)?;
    Ok(decrypt(content, signature, key)?)
}

/// Verifies the signature and decrypts the resource.
fn decrypt(
    content: &EncryptedContent<'_>,
    signature: &str,
    key: &DecryptionKey,
) -> Result<Plaintext, Rejected> {
    // The order is the protection: nothing is decrypted, so no padding is checked, before the signature holds.
    let data_key = SymmetricKey::recover(&content.data_key, key)?;
    let verified = data_key.verify(decode(&content.data)?, &decode(signature)?)?;
    Plaintext::parse(data_key.decrypt(verified)?)
}

/// The key of one item's ciphertext and signature.
struct SymmetricKey(Zeroizing<[u8; 32]>);

impl SymmetricKey {
    /// Decrypts the `dataKey` of an item. A key that is not one of AES-256 is refused.
    fn recover(data_key: &str, key: &DecryptionKey) -> Result<Self, Rejected> {
        let bytes = key.decrypt(&decode(data_key)?).ok_or(Rejected)?;
        let bytes = <&[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| Rejected)?;
        Ok(Self(Zeroizing::new(*bytes)))
    }

    /// Verifies an HMAC-SHA256 over the ciphertext, in constant time.
    fn verify(&self, data: Vec<u8>, signature: &[u8]) -> Result<Verified, Rejected> {
        Hmac::<Sha256>::new_from_slice(self.0.as_slice())
            .map_err(|_| Rejected)?
            .chain_update(&data)
            .verify_slice(signature)
            .map_err(|_| Rejected)?;
        Ok(Verified(data))
    }

    /// Decrypts in place with AES-CBC and PKCS#7 padding; the first 16 bytes of the key are the
    /// initialization vector.
    ///
    /// Data that is empty or no multiple of a block has no valid padding.
    fn decrypt(&self, Verified(mut data): Verified) -> Result<Vec<u8>, Rejected> {
        // Graph's own choice. The key is new for each item, so the vector never comes twice.
        let iv = self.0.first_chunk::<16>().ok_or(Rejected)?;
        let length = cbc::Decryptor::<aes::Aes256>::new((&*self.0).into(), iv.into())
            .decrypt_padded::<Pkcs7>(&mut data)
            .map_err(|_| Rejected)?
            .len();
        data.truncate(length);
        Ok(data)
    }
}

/// A ciphertext whose signature holds. Only such a one is decrypted: the padding of another would tell its
/// plaintext byte by byte.
struct Verified(Vec<u8>);

/// An item is wrong, no matter how.
#[derive(Clone, Copy, Debug)]
struct Rejected;

/// Decodes base64 in the standard alphabet, padded.
fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, Rejected> {
    STANDARD.decode(text).map_err(|_| Rejected)
}

/// The standard alphabet, with the vector instructions of the processor where it has them: the ciphertext is most of an item.
static STANDARD: LazyLock<Simd> = LazyLock::new(|| Simd::standard(PAD));

/// May stand before JSON text, of which it is no part (RFC 8259, section 8.1).
const BYTE_ORDER_MARK: char = '\u{feff}';
