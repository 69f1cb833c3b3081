//! The public keys that a Microsoft cloud signs tokens with.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::authority::is_template;

/// A cloud's signing keys by their ids, as its JWKS document lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SigningKeys {
    keys: BTreeMap<String, Vec<SigningKey>>,
    issuer: Option<String>,
}

/// The document is not a JWKS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signing keys are malformed")]
pub struct MalformedKeys;

impl SigningKeys {
    /// Parses a JWKS document; entries that are not RSA signing keys of 2,048 to 8,192 bits are left out.
    ///
    /// # Errors
    ///
    /// The document is not JSON, or has no list of keys.
    pub fn parse(jwks: &[u8]) -> Result<Self, MalformedKeys> {
        let document: Document = serde_json::from_slice(jwks).map_err(|_| MalformedKeys)?;
        let mut keys = BTreeMap::<String, Vec<SigningKey>>::new();
        for entry in document.keys.into_iter().take(MAX_KEYS) {
            if let Some((id, key)) = SigningKey::parse(entry) {
                keys.entry(id).or_default().push(key);
            }
        }
        Ok(Self { keys, issuer: None })
    }

    /// Adds the issuer that the cloud's metadata names, if it is one for any tenant.
    ///
    /// It counts only in a cloud whose issuer is not set otherwise.
    #[must_use]
    pub fn with_issuer(self, issuer: Option<&str>) -> Self {
        let issuer = issuer
            .filter(|issuer| issuer.starts_with("https://") && is_template(issuer))
            .map(str::to_owned);
        Self { issuer, ..self }
    }

    /// Returns the issuer for any tenant that the cloud's metadata names.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Returns whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns whether there is a key with this id.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.keys.contains_key(id)
    }

    /// Returns the keys with this id; more than one only if the document lists the id more than once.
    pub(super) fn find(&self, id: &str) -> Option<&[SigningKey]> {
        self.keys.get(id).map(Vec::as_slice)
    }
}

/// One public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SigningKey {
    /// The modulus, most significant byte first, without leading zeros.
    pub(super) modulus: Vec<u8>,
    /// The exponent, likewise.
    pub(super) exponent: Vec<u8>,
    /// The one issuer, or the template of the issuers, that the key signs for.
    pub(super) issuer: Option<String>,
}

impl SigningKey {
    /// Returns the key and its id, if `entry` is an RSA key for RS256 signatures.
    fn parse(entry: Value) -> Option<(String, Self)> {
        let jwk: Jwk = serde_json::from_value(entry).ok()?;
        let fits = jwk.kty == "RSA"
            && jwk.usage.is_none_or(|usage| usage == "sig")
            && jwk.alg.is_none_or(|alg| alg == "RS256")
            && !jwk.kid.is_empty();
        if !fits {
            return None;
        }
        let key = Self {
            modulus: decode_uint(&jwk.n)?,
            exponent: decode_uint(&jwk.e)?,
            issuer: jwk.issuer,
        };
        (MIN_BITS..=MAX_BITS)
            .contains(&bits(&key.modulus))
            .then_some((jwk.kid, key))
    }
}

/// Decodes a `Base64urlUInt` (RFC 7518, section 2).
fn decode_uint(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let start = bytes.iter().position(|byte| *byte != 0)?;
    bytes.get(start..).map(<[u8]>::to_vec)
}

/// Returns how many bits a number without leading zero bytes has.
fn bits(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |byte| byte.leading_zeros());
    (number.len() * 8).saturating_sub(usize::try_from(unused).unwrap_or(0))
}

/// A JWKS document (RFC 7517, section 5).
#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// The members of a JWK that count (RFC 7517, section 4, and `issuer`, which is Microsoft's).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    kid: String,
    n: String,
    e: String,
    issuer: Option<String>,
}

/// The smallest modulus that is accepted (RFC 7518, section 3.3).
const MIN_BITS: usize = 2048;

/// The largest modulus that is verified with.
const MAX_BITS: usize = 8192;

/// How many entries of a document are read (Microsoft identity platform, *signing key rollover*: up to 1,000).
const MAX_KEYS: usize = 1000;
