//! Keys and sealed items for tests.
#![expect(clippy::expect_used, reason = "a test that cannot set itself up has failed")]

use std::convert::Infallible;
use std::sync::OnceLock;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use rand_core::{CryptoRng, TryCryptoRng, TryRng};
use rsa::{Oaep, RsaPublicKey};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;
use x509_cert::der::referenced::OwnedToRef;

use crate::certificate;
use crate::secrets::DecryptionKeyEntry;

/// Returns a key of 2,048 bits with the id `test-key`, the same one for the whole process.
///
/// # Panics
///
/// Panics when no key can be made.
pub fn key() -> &'static DecryptionKeyEntry {
    static KEY: OnceLock<DecryptionKeyEntry> = OnceLock::new();
    KEY.get_or_init(|| {
        let now = Timestamp::from_second(1_795_341_600).expect("a time in 2026");
        certificate::generate("test-key", 2048, now, 365, &mut SystemRng).expect("a new key")
    })
}

/// Returns the `encryptedContent` that Graph would send for `plaintext` and the certificate of `entry`.
///
/// # Panics
///
/// Panics when the certificate of `entry` is malformed.
pub fn seal(plaintext: &[u8], entry: &DecryptionKeyEntry, rng: &mut impl CryptoRng) -> Value {
    let mut key = [0; 32];
    rng.fill_bytes(&mut key);
    let ciphertext = encrypt(plaintext, &key);
    let signature = sign(&ciphertext, &key);
    let data_key = wrap(&key, entry, rng);
    assemble(&ciphertext, &signature, &data_key, entry)
}

/// The operating system's random numbers.
#[derive(Clone, Copy, Debug)]
pub struct SystemRng;

impl TryRng for SystemRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        aws_lc_rs::rand::fill(bytes).expect("random numbers");
        Ok(())
    }
}

impl TryCryptoRng for SystemRng {}

/// Returns the public key in the certificate of `entry`.
pub(crate) fn public_key(entry: &DecryptionKeyEntry) -> RsaPublicKey {
    let (_, certificate) = certificate::parse(&entry.certificate).expect("a certificate");
    let key = certificate.tbs_certificate().subject_public_key_info();
    RsaPublicKey::try_from(key.owned_to_ref()).expect("an RSA key")
}

/// Encrypts a symmetric key for the certificate of `entry`, as Graph does.
///
/// # Panics
///
/// Panics when the certificate of `entry` is malformed.
pub fn wrap(key: &[u8; 32], entry: &DecryptionKeyEntry, rng: &mut impl CryptoRng) -> Vec<u8> {
    let key = public_key(entry).encrypt(rng, Oaep::<Sha1>::new(), key);
    key.expect("a key that fits")
}

/// Encrypts as Graph does: AES-256-CBC with PKCS#7 padding, the vector taken from the key.
///
/// # Panics
///
/// Never: a vector is half as long as a key.
pub fn encrypt(plaintext: &[u8], key: &[u8; 32]) -> Vec<u8> {
    let iv = key.first_chunk::<16>().expect("16 of 32 bytes");
    cbc::Encryptor::<aes::Aes256>::new(key.into(), iv.into()).encrypt_padded_vec::<Pkcs7>(plaintext)
}

/// Signs as Graph does: HMAC-SHA256 under the whole key.
///
/// # Panics
///
/// Never: a key may have any length.
pub fn sign(message: &[u8], key: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

/// Puts the parts of an item together.
///
/// # Panics
///
/// Panics when the certificate of `entry` is malformed.
pub fn assemble(ciphertext: &[u8], signature: &[u8], data_key: &[u8], entry: &DecryptionKeyEntry) -> Value {
    let (der, _) = certificate::parse(&entry.certificate).expect("a certificate");
    json!({
        "data": STANDARD.encode(ciphertext),
        "dataSignature": STANDARD.encode(signature),
        "dataKey": STANDARD.encode(data_key),
        "encryptionCertificateId": entry.id,
        "encryptionCertificateThumbprint": certificate::thumbprint(&der),
    })
}
