//! Client assertions: the signed tokens that an application sends in place of a client secret (Microsoft identity
//! platform, *Certificate credentials* and *Workload identity federation*).

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::application::Guid;
use crate::certificate;
use crate::secrets::Secret;

mod pem;
#[cfg(test)]
mod tests;

/// A certificate with its private key, with which an application proves its identity.
///
/// It is not one of the certificates that Microsoft Graph encrypts resource data with.
pub struct SigningCertificate {
    key: KeyPair,
    thumbprint: String,
    expires_at: Timestamp,
}

impl SigningCertificate {
    /// Reads an RSA key, as PKCS#8 or PKCS#1 PEM, and its certificate, as PEM.
    ///
    /// The text may have lost its line breaks or have them escaped twice, may contain other text around the blocks, and
    /// may contain several certificates, of which the one for the key is found: that is how copied files end up in a
    /// JSON document.
    ///
    /// # Errors
    ///
    /// Returns advice for a person. It quotes neither text.
    pub fn parse(private_key: &str, certificates: &str) -> Result<Self, UnusableCertificate> {
        let key = pem::private_key(private_key)?;
        let mut is_any = false;
        for certificate in pem::certificates(certificates) {
            // A malformed block beside the right certificate does no harm.
            let Ok((der, parsed)) = certificate::parse(&certificate) else {
                continue;
            };
            is_any = true;
            let certified = &parsed
                .tbs_certificate()
                .subject_public_key_info()
                .subject_public_key;
            // A file often holds the issuer's certificates as well; only the key's own is accepted by Microsoft Entra.
            if certified.raw_bytes() == key.public_key().as_ref() {
                return Ok(Self {
                    key,
                    thumbprint: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(der)),
                    expires_at: certificate::expires_at(&certificate)
                        .map_err(|_| UnusableCertificate::Certificate)?,
                });
            }
        }
        Err(if is_any {
            UnusableCertificate::Mismatch
        } else {
            UnusableCertificate::Certificate
        })
    }

    /// Returns when the certificate stops being valid. Microsoft Entra accepts no assertion after that.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Returns a signed assertion of the application `client_id` for the token endpoint `audience`, valid for ten
    /// minutes. `id` is sixteen random bytes, new for each assertion.
    ///
    /// # Errors
    ///
    /// Fails when the key cannot sign.
    pub fn assertion(
        &self,
        client_id: Guid,
        audience: &str,
        id: [u8; 16],
        now: Timestamp,
    ) -> Result<Secret<String>, NotSigned> {
        // PS256 with the SHA-256 thumbprint is what Microsoft recommends.
        let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint });
        let issued_at = now.as_second();
        let claims = json!({
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": Guid::random(id),
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at.saturating_add(LIFETIME.as_secs()),
        });
        let parts = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = parts.join(".");
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PSS_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .map_err(|_| NotSigned)?;
        Ok(Secret::new(format!(
            "{message}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(signature)
        )))
    }
}

impl fmt::Debug for SigningCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningCertificate")
            .field("thumbprint", &self.thumbprint)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why a private key and its certificate cannot be used. Never contains parts of either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusableCertificate {
    /// The text has no private key.
    PrivateKey,
    /// The private key needs a passphrase.
    Encrypted,
    /// The private key is not an RSA key.
    NotRsa,
    /// The private key has fewer bits than Microsoft Entra accepts.
    TooSmall,
    /// The text has no certificate.
    Certificate,
    /// The certificate belongs to another key.
    Mismatch,
}

impl UnusableCertificate {
    /// Returns the credential's field that has to be corrected.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::PrivateKey | Self::Encrypted | Self::NotRsa | Self::TooSmall => "privateKey",
            Self::Certificate | Self::Mismatch => "certificate",
        }
    }

    /// Returns what is wrong with the field, and what to write.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::PrivateKey => {
                "is not a private key in PEM; write the file's whole text, its BEGIN and END lines included"
            }
            Self::Encrypted => {
                "is encrypted; write it without its passphrase, as `openssl pkey -in FILE` prints it"
            }
            Self::NotRsa => "is not an RSA key, which Microsoft Entra needs; create an RSA key of 2048 bits",
            Self::TooSmall => "has fewer than 2048 bits; create a new key and certificate",
            Self::Certificate => {
                "is not a certificate in PEM; write the file's whole text, its BEGIN and END lines included"
            }
            Self::Mismatch => "does not belong to `privateKey`; write the certificate of this key",
        }
    }
}

impl fmt::Display for UnusableCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field(), self.message())
    }
}

impl std::error::Error for UnusableCertificate {}

/// The key cannot sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("client assertion cannot be signed")]
pub struct NotSigned;

/// How long an assertion is valid.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
