//! Signed tokens for tests, here and in other crates.
#![expect(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a helper of tests may panic"
)]

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::secrets::TrustedTenant;

/// A signer of tokens in the place of Microsoft's; there are two, whose keys are made once per process.
pub struct Signer {
    /// The id of the key.
    pub kid: &'static str,
    /// The key as PKCS#8.
    pub pkcs8: Vec<u8>,
    key: RsaPrivateKey,
}

/// The signer whose key is listed.
pub static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::generate("kid-1"));

/// Another signer: one whose key is listed later, or never.
pub static OTHER_SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::generate("kid-2"));

impl Signer {
    fn generate(kid: &'static str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        Self {
            kid,
            pkcs8: pkcs8.as_ref().to_vec(),
            key: RsaPrivateKey::from_pkcs8_der(pkcs8.as_ref()).unwrap(),
        }
    }

    /// Returns the public key as an entry of a JWKS document, with the issuer template of Microsoft's keys.
    #[must_use]
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "n": encode(&self.key.n().to_be_bytes_trimmed_vartime()),
            "e": encode(&self.key.e().to_be_bytes_trimmed_vartime()),
            "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
        })
    }

    /// Returns a JWKS document with this one key.
    #[must_use]
    pub fn jwks(&self) -> Vec<u8> {
        json!({"keys": [self.jwk()]}).to_string().into_bytes()
    }

    /// Returns a token with `claims` and the header of Microsoft's tokens.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        self.token_with_header(&self.header(), claims)
    }

    /// Returns the header of Microsoft's version 2.0 tokens.
    #[must_use]
    pub fn header(&self) -> Value {
        json!({"typ": "JWT", "alg": "RS256", "kid": self.kid})
    }

    /// Returns a token with this header and these claims, signed by RS256 whatever the header says.
    #[must_use]
    pub fn token_with_header(&self, header: &Value, claims: &Value) -> String {
        self.sign(&header.to_string(), &claims.to_string())
    }

    /// Returns a token with the very text of a header and of claims.
    #[must_use]
    pub fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let digest = Sha256::digest(message.as_bytes());
        let signature = self.key.sign(Pkcs1v15Sign::new::<Sha256>(), &digest).unwrap();
        format!("{message}.{}", encode(&signature))
    }
}

/// Returns the claims of a version 1.0 token that vouches for `tenant` in the hour from `now` on.
#[must_use]
pub fn claims_v1(tenant: &TrustedTenant, now: Timestamp) -> Value {
    let mut claims = common_claims(tenant, now);
    claims["ver"] = json!("1.0");
    claims["iss"] = json!(format!(
        "https://sts.windows.net/{}/",
        tenant.application.tenant_id
    ));
    claims["appid"] = json!("0bf30f3b-4a52-48df-9a82-234910c4a086");
    claims["appidacr"] = json!("2");
    claims
}

/// Returns the claims of a version 2.0 token that vouches for `tenant` in the hour from `now` on.
#[must_use]
pub fn claims_v2(tenant: &TrustedTenant, now: Timestamp) -> Value {
    let mut claims = common_claims(tenant, now);
    claims["ver"] = json!("2.0");
    let issuer = format!(
        "https://login.microsoftonline.com/{}/v2.0",
        tenant.application.tenant_id
    );
    claims["iss"] = json!(issuer);
    claims["azp"] = json!("0bf30f3b-4a52-48df-9a82-234910c4a086");
    claims["azpacr"] = json!("2");
    claims
}

fn common_claims(tenant: &TrustedTenant, now: Timestamp) -> Value {
    json!({
        "aud": tenant.application.client_id,
        "tid": tenant.application.tenant_id,
        "iat": now.as_second(),
        "nbf": now.as_second(),
        "exp": now.as_second() + 3600,
        "oid": "3d2f6a4e-8f0a-4c56-9c4e-3f5a0d1f7b21",
        "sub": "3d2f6a4e-8f0a-4c56-9c4e-3f5a0d1f7b21",
    })
}

/// Encodes in base64url without padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
