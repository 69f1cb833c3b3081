//! The check of one validation token.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::TokenError;
use super::authority::{Authority, is_template, issuer_of};
use super::signing_keys::{SigningKey, SigningKeys};
use crate::{application::Application, secrets::TrustedTenant};

/// Checks that `token`, whose length the caller has limited, vouches for the `expected` tenant and application.
pub(super) fn verify(
    token: &str,
    expected: &TrustedTenant,
    keys: &SigningKeys,
    authority: &Authority,
    now: Timestamp,
) -> Result<(), TokenError> {
    let token = Token::parse(token).ok_or(TokenError::Rejected)?;
    let issuers = Issuers::new(authority, keys);
    if !token.claims.hold(expected, authority, &issuers, now) {
        return Err(TokenError::Rejected);
    }
    // Only after the claims hold: anybody can name an unknown key, and each such token would have the keys fetched.
    let candidates = keys.find(&token.key_id).ok_or(TokenError::UnknownKey)?;
    candidates
        .iter()
        .any(|key| issuers.may_sign(key, &token.claims) && token.is_signed_by(key))
        .then_some(())
        .ok_or(TokenError::Rejected)
}

/// Decodes the JSON in one part of a token.
pub(super) fn decode_part<T: DeserializeOwned>(part: &str) -> Option<T> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&json).ok()
}

/// A token that has the right form; its signature is not verified yet.
struct Token<'a> {
    key_id: String,
    claims: Claims,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    /// Parses a compact JWS (RFC 7515, section 7.1) whose header is one that we accept.
    fn parse(token: &'a str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        Some(Self {
            key_id: decode_part::<Header>(header)?.key_id()?,
            claims: decode_part(payload)?,
            signed,
            signature,
        })
    }

    /// Returns whether `key` made the signature, by RS256 and no other algorithm.
    fn is_signed_by(&self, key: &SigningKey) -> bool {
        // RS256 is fixed here, whatever the header says: a header that chose the algorithm could choose none.
        let Ok(signature) = BASE64_URL_SAFE_NO_PAD.decode(self.signature) else {
            return false;
        };
        let key = RsaPublicKeyComponents {
            n: &key.modulus,
            e: &key.exponent,
        };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, self.signed.as_bytes(), &signature)
            .is_ok()
    }
}

/// The members of a header, each of them once.
struct Header(BTreeMap<String, Value>);

impl Header {
    /// Returns the id of the signing key, unless the header asks for anything but RS256 with a key of the issuer's.
    fn key_id(&self) -> Option<String> {
        // Before `alg` is looked at: each of these changes what the signature is over, or who made it.
        if REFUSED_MEMBERS.iter().any(|name| self.0.contains_key(*name)) {
            return None;
        }
        if self.text("alg")? != "RS256" {
            return None;
        }
        self.text("kid").filter(|id| !id.is_empty()).map(str::to_owned)
    }

    /// Returns the member `name` if it is a string.
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersOnce).map(Self)
    }
}

/// Reads a JSON object in which no name comes twice (RFC 7515, section 4).
struct MembersOnce;

impl<'de> Visitor<'de> for MembersOnce {
    type Value = BTreeMap<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            if members.insert(name, value).is_some() {
                return Err(de::Error::custom("member comes twice"));
            }
        }
        Ok(members)
    }
}

/// The claims that count, each of them once (Microsoft identity platform, *access token claims reference*).
#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    tid: String,
    ver: String,
    nbf: i64,
    exp: i64,
    appid: Option<String>,
    azp: Option<String>,
}

impl Claims {
    /// Returns whether the claims are those of a current token for `expected` by the publisher of notifications.
    fn hold(
        &self,
        expected: &TrustedTenant,
        authority: &Authority,
        issuers: &Issuers<'_>,
        now: Timestamp,
    ) -> bool {
        let (caller, issuer) = match self.ver.as_str() {
            "1.0" => (&self.appid, Some(issuers.v1)),
            "2.0" => (&self.azp, issuers.v2),
            _ => return false,
        };
        let Application { tenant_id, client_id } = expected.application;
        self.are_current(now)
            && client_id.is(&self.aud)
            && tenant_id.is(&self.tid)
            && issuer.is_some_and(|template| self.iss == issuer_of(template, &self.tid))
            && caller
                .as_ref()
                .is_some_and(|caller| authority.publisher.is(caller))
    }

    /// Returns whether the token is valid at `now` (RFC 7519, sections 4.1.4 and 4.1.5).
    fn are_current(&self, now: Timestamp) -> bool {
        let now = now.as_second();
        self.nbf.saturating_sub(LEEWAY_SECONDS) <= now && now < self.exp.saturating_add(LEEWAY_SECONDS)
    }
}

/// The issuers of a cloud's tokens, each with `{tenantid}` in the tenant's place.
struct Issuers<'a> {
    v1: &'a str,
    v2: Option<&'a str>,
}

impl<'a> Issuers<'a> {
    /// Returns those of `authority`, completed by what the cloud's metadata names.
    fn new(authority: &'a Authority, keys: &'a SigningKeys) -> Self {
        Self {
            v1: &authority.issuer_v1,
            v2: authority.issuer_v2.as_deref().or(keys.issuer()),
        }
    }

    /// Returns whether `key` is one for the issuer of `claims`.
    ///
    /// A key for any tenant names one form of the issuer, but signs tokens of both versions; a key for one tenant
    /// signs for exactly the issuer that it names (Microsoft identity platform, *access tokens*, "validate the
    /// signing key issuer").
    fn may_sign(&self, key: &SigningKey, claims: &Claims) -> bool {
        match key.issuer.as_deref() {
            None => true,
            Some(template) if is_template(template) => template == self.v1 || Some(template) == self.v2,
            Some(issuer) => issuer == claims.iss,
        }
    }
}

/// Members of a header that bring a key or change how the token is to be read (RFC 7515, section 4.1; RFC 7797).
const REFUSED_MEMBERS: [&str; 6] = ["b64", "crit", "jku", "jwk", "x5c", "x5u"];

/// How far the clocks of the issuer and of this machine may be apart.
const LEEWAY_SECONDS: i64 = 300;
