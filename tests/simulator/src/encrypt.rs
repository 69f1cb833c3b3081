//! The encryption of resource data by the sender.
//!
//! Microsoft Graph, *Set up change notifications that include resource data*. On purpose, this code shares nothing with
//! the receiving side, not even a cryptographic crate for the same step: RSA uses the `rsa` crate, AES, HMAC and the
//! digest use `aws-lc-rs`, and the certificate is parsed by `x509-parser`.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::{digest, hmac, iv};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{Oaep, RsaPublicKey};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;
use x509_parser::prelude::FromDer as _;

use super::random;

/// A registered certificate.
#[derive(Debug, Clone)]
pub(crate) struct EncryptionCertificate {
    key: RsaPublicKey,
    thumbprint: String,
}

impl EncryptionCertificate {
    /// Parses the value of `encryptionCertificate`: base64 of the DER form of an X.509 certificate with an RSA key.
    ///
    /// # Errors
    ///
    /// Returns the end of the message "Certificate validation error: ..".
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let der = BASE64_STANDARD.decode(text).map_err(|_| NOT_A_CERTIFICATE)?;
        let (rest, parsed) =
            x509_parser::certificate::X509Certificate::from_der(&der).map_err(|_| NOT_A_CERTIFICATE)?;
        if !rest.is_empty() {
            return Err(NOT_A_CERTIFICATE);
        }
        let key = RsaPublicKey::from_public_key_der(parsed.public_key().raw).map_err(|_| NOT_RSA)?;
        if !(2048..=4096).contains(&key.n().bits()) {
            return Err(WRONG_SIZE);
        }
        let thumbprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &der);
        Ok(Self {
            key,
            thumbprint: random::to_hex(thumbprint.as_ref()).to_uppercase(),
        })
    }

    /// Encrypts a resource for the owner of the certificate, and returns the value of `encryptedContent`.
    ///
    /// # Errors
    ///
    /// A primitive fails.
    pub(crate) fn seal(&self, plaintext: &[u8], id: &str, recipe: Recipe) -> Result<Value, CannotEncrypt> {
        let random_bytes = random::bytes::<32>();
        let key = random_bytes.get(..recipe.key_length).ok_or(CannotEncrypt)?;
        let ciphertext = encrypt(key, plaintext)?;
        let mac_key = if recipe.wrong_mac {
            &random::bytes::<32>()[..]
        } else {
            key
        };
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, mac_key), &ciphertext);
        let mut rng = UnwrapErr(SysRng);
        let data_key = if recipe.oaep_sha256 {
            self.key.encrypt(&mut rng, Oaep::<Sha256>::new(), key)
        } else {
            self.key.encrypt(&mut rng, Oaep::<Sha1>::new(), key)
        }
        .map_err(|_| CannotEncrypt)?;
        Ok(json!({
            "data": BASE64_STANDARD.encode(ciphertext),
            "dataSignature": BASE64_STANDARD.encode(signature),
            "dataKey": BASE64_STANDARD.encode(data_key),
            "encryptionCertificateId": id,
            "encryptionCertificateThumbprint": self.thumbprint,
        }))
    }
}

/// How to encrypt. The default is the documented way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    /// The length of the symmetric key in bytes.
    pub(crate) key_length: usize,
    /// Whether OAEP uses SHA-256 in place of SHA-1.
    pub(crate) oaep_sha256: bool,
    /// Whether the signature uses another key than the encryption.
    pub(crate) wrong_mac: bool,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            key_length: 32,
            oaep_sha256: false,
            wrong_mac: false,
        }
    }
}

/// A cryptographic primitive failed.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("cannot encrypt")]
pub(crate) struct CannotEncrypt;

/// Encrypts with AES-CBC and PKCS#7 padding. The first 16 bytes of the key are the initialisation vector.
fn encrypt(key: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CannotEncrypt> {
    let algorithm = if key.len() == 16 { &AES_128 } else { &AES_256 };
    let vector: &[u8; 16] = key.first_chunk().ok_or(CannotEncrypt)?;
    let unbound = UnboundCipherKey::new(algorithm, key).map_err(|_| CannotEncrypt)?;
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(unbound).map_err(|_| CannotEncrypt)?;
    let mut buffer = plaintext.to_vec();
    cipher
        .less_safe_encrypt(
            &mut buffer,
            EncryptionContext::Iv128(iv::FixedLength::from(vector)),
        )
        .map_err(|_| CannotEncrypt)?;
    Ok(buffer)
}

const NOT_A_CERTIFICATE: &str = "Cannot find the requested object.";
const NOT_RSA: &str = "The certificate's public key must be an RSA key.";
const WRONG_SIZE: &str = "The certificate's RSA key must have between 2048 and 4096 bits.";

#[cfg(test)]
pub(crate) mod tests {
    use aws_lc_rs::cipher::{DecryptionContext, PaddedBlockDecryptingKey};
    use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey};
    use rsa::RsaPrivateKey;
    use rsa::pkcs8::EncodePrivateKey as _;

    use super::super::{der, keys::Pool};
    use super::*;

    #[test]
    fn encrypted_content_decrypts_by_the_documented_steps() {
        let (certificate, private) = pair();

        let sealed = certificate
            .seal(br#"{"id":"1"}"#, "c-1", Recipe::default())
            .unwrap();

        assert_eq!(open(&private, &sealed), Some(br#"{"id":"1"}"#.to_vec()));
        assert_eq!(sealed["encryptionCertificateId"], "c-1");
    }

    #[test]
    fn each_item_has_a_key_of_its_own() {
        let (certificate, _) = pair();

        let first = certificate.seal(b"{}", "c", Recipe::default()).unwrap();
        let second = certificate.seal(b"{}", "c", Recipe::default()).unwrap();

        assert_ne!(first["data"], second["data"]);
    }

    #[test]
    fn the_wrong_recipes_do_not_open() {
        let (certificate, private) = pair();
        let recipes = [
            Recipe {
                wrong_mac: true,
                ..Recipe::default()
            },
            Recipe {
                oaep_sha256: true,
                ..Recipe::default()
            },
        ];
        for recipe in recipes {
            let sealed = certificate.seal(b"{}", "c", recipe).unwrap();
            assert_eq!(open(&private, &sealed), None, "{recipe:?}");
        }
    }

    #[test]
    fn certificates_with_short_keys_or_junk_are_refused() {
        let short = RsaPrivateKey::new(&mut UnwrapErr(SysRng), 1024).unwrap();
        let short = BASE64_STANDARD.encode(der::self_signed(&short, "short").unwrap());
        let der = der::self_signed(&Pool::key(0).unwrap(), "good").unwrap();
        let good = BASE64_STANDARD.encode(&der);
        let longer = BASE64_STANDARD.encode([der.as_slice(), b"\n"].concat());

        assert!(EncryptionCertificate::parse(&good).is_ok());
        assert_eq!(EncryptionCertificate::parse(&short).unwrap_err(), WRONG_SIZE);
        for junk in ["-----BEGIN", "AAAA", &format!("{good}\n"), &longer] {
            assert_eq!(
                EncryptionCertificate::parse(junk).unwrap_err(),
                NOT_A_CERTIFICATE,
                "{junk}"
            );
        }
    }

    fn pair() -> (EncryptionCertificate, RsaPrivateKey) {
        let private = Pool::key(0).unwrap();
        let der = der::self_signed(&private, "subscriber").unwrap();
        (
            EncryptionCertificate::parse(&BASE64_STANDARD.encode(der)).unwrap(),
            private,
        )
    }

    /// Decrypts as a receiver does, with aws-lc-rs.
    pub(crate) fn open(private: &RsaPrivateKey, sealed: &Value) -> Option<Vec<u8>> {
        let field = |name: &str| BASE64_STANDARD.decode(sealed[name].as_str()?).ok();
        let pkcs8 = private.to_pkcs8_der().unwrap();
        let private = PrivateDecryptingKey::from_pkcs8(pkcs8.as_bytes()).unwrap();
        let private = OaepPrivateDecryptingKey::new(private).unwrap();
        let mut buffer = vec![0; private.min_output_size()];
        let key = private
            .decrypt(&OAEP_SHA1_MGF1SHA1, &field("dataKey")?, &mut buffer, None)
            .ok()?;
        let mut data = field("data")?;
        hmac::verify(
            &hmac::Key::new(hmac::HMAC_SHA256, key),
            &data,
            &field("dataSignature")?,
        )
        .ok()?;
        let vector: [u8; 16] = key[..16].try_into().unwrap();
        let cipher = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, key).ok()?).unwrap();
        let context = DecryptionContext::Iv128(iv::FixedLength::from(&vector));
        Some(cipher.decrypt(&mut data, context).unwrap().to_vec())
    }
}
