//! The signing keys of the simulated authority, as its discovery endpoints publish them.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::Sha256;

use super::der::{self, CannotSign};
use super::options::TokenVersion;

/// One key of the authority.
#[derive(Clone)]
pub(crate) struct AuthorityKey {
    /// The private key.
    private: RsaPrivateKey,
    /// The certificate in DER form.
    certificate: Vec<u8>,
    /// The key id, which is also `x5t`, the certificate's thumbprint, as in Entra.
    pub(crate) kid: String,
    /// The only tenant that the key may vouch for; absent for a key for all tenants.
    only_for: Option<&'static str>,
}

impl AuthorityKey {
    /// Returns the authority's key number `index`. All simulators of a process share their keys.
    fn new(index: usize, only_for: Option<&'static str>) -> Result<Self, CannotSign> {
        let private = Pool::key(index)?;
        let certificate = der::self_signed(&private, "accounts.accesscontrol.windows.net")?;
        let thumbprint =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate);
        let kid = BASE64_URL_SAFE_NO_PAD.encode(thumbprint);
        Ok(Self {
            private,
            certificate,
            kid,
            only_for,
        })
    }

    /// Signs with RS256.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
        let key = SigningKey::<Sha256>::new(self.private.clone());
        Ok(key.try_sign(message).map_err(|_| CannotSign)?.to_vec())
    }

    /// Returns the public key as a JWK, without the members about its use.
    pub(crate) fn jwk(&self) -> Value {
        let public = self.private.as_public_key();
        json!({
            "kty": "RSA",
            "n": BASE64_URL_SAFE_NO_PAD.encode(public.n_bytes()),
            "e": BASE64_URL_SAFE_NO_PAD.encode(public.e_bytes()),
        })
    }

    /// Returns the modulus, which an attacker may use as an HMAC key.
    pub(crate) fn modulus(&self) -> Vec<u8> {
        self.private.as_public_key().n_bytes().into_vec()
    }

    /// Returns the JWK as the discovery endpoint of `version` publishes it for `tenant`.
    fn published(&self, tenant: &str, version: TokenVersion) -> Value {
        let vouches_for = self.only_for.unwrap_or(if is_multi_tenant(tenant) {
            "{tenantid}"
        } else {
            tenant
        });
        let mut jwk = self.jwk();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("use".to_owned(), json!("sig"));
            members.insert("kid".to_owned(), json!(self.kid));
            members.insert("x5t".to_owned(), json!(self.kid));
            members.insert(
                "x5c".to_owned(),
                json!([BASE64_STANDARD.encode(&self.certificate)]),
            );
            members.insert("issuer".to_owned(), json!(issuer(vouches_for, version)));
        }
        jwk
    }
}

/// The keys of the authority.
#[derive(Clone)]
pub(crate) struct Authority {
    keys: Vec<AuthorityKey>,
    /// The consumer tenant's key. It is published, and not valid for other tenants.
    consumers: AuthorityKey,
    /// A key that is never published.
    outsider: AuthorityKey,
    /// The number of the next key.
    next: usize,
}

impl Authority {
    /// Returns an authority with several keys.
    ///
    /// # Errors
    ///
    /// A key cannot be generated.
    pub(crate) fn new() -> Result<Self, CannotSign> {
        Ok(Self {
            keys: vec![AuthorityKey::new(0, None)?, AuthorityKey::new(1, None)?],
            consumers: AuthorityKey::new(2, Some(CONSUMERS))?,
            outsider: AuthorityKey::new(3, None)?,
            next: 4,
        })
    }

    /// Returns the key that signs now.
    pub(crate) fn current(&self) -> &AuthorityKey {
        self.keys.last().unwrap_or(&self.outsider)
    }

    /// Returns the published key that is valid for consumers only.
    pub(crate) fn consumers(&self) -> &AuthorityKey {
        &self.consumers
    }

    /// Returns the key that is never published.
    pub(crate) fn outsider(&self) -> &AuthorityKey {
        &self.outsider
    }

    /// Uses a new key, and withdraws the oldest.
    ///
    /// # Errors
    ///
    /// A key cannot be generated.
    pub(crate) fn rotate(&mut self) -> Result<(), CannotSign> {
        self.keys.push(AuthorityKey::new(self.next, None)?);
        self.keys.remove(0);
        self.next = self.next.saturating_add(1);
        Ok(())
    }

    /// Returns the JSON Web Key Set that is published for `tenant` (or `common`).
    pub(crate) fn key_set(&self, tenant: &str, version: TokenVersion) -> Value {
        let consumers = is_multi_tenant(tenant).then_some(&self.consumers);
        let keys: Vec<Value> = consumers
            .into_iter()
            .chain(&self.keys)
            .map(|key| key.published(tenant, version))
            .collect();
        json!({ "keys": keys })
    }
}

/// Returns the issuer of a tenant's tokens, which is always that of the real global cloud.
pub(crate) fn issuer(tenant: &str, version: TokenVersion) -> String {
    match version {
        TokenVersion::V1 => format!("https://sts.windows.net/{tenant}/"),
        TokenVersion::V2 => format!("https://login.microsoftonline.com/{tenant}/v2.0"),
    }
}

/// Returns whether a name in place of the tenant in a login URL stands for many tenants.
pub(crate) fn is_multi_tenant(tenant: &str) -> bool {
    ["common", "organizations", "consumers"].contains(&tenant)
}

/// RSA keys of 2048 bits, generated on first use and kept, because generating one takes a good part of a second.
pub(crate) struct Pool;

impl Pool {
    /// Returns the key of a number, which stays the same for the life of the process.
    ///
    /// # Errors
    ///
    /// The key cannot be generated.
    pub(crate) fn key(index: usize) -> Result<RsaPrivateKey, CannotSign> {
        static KEYS: Mutex<Vec<RsaPrivateKey>> = Mutex::new(Vec::new());
        let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
        while keys.len() <= index {
            keys.push(RsaPrivateKey::new(&mut UnwrapErr(SysRng), 2048).map_err(|_| CannotSign)?);
        }
        keys.get(index).cloned().ok_or(CannotSign)
    }
}

/// The tenant of personal Microsoft accounts.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_key_set_names_an_issuer_for_each_key() {
        let set = Authority::new().unwrap().key_set("common", TokenVersion::V2);

        let issuers: Vec<&str> = set["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["issuer"].as_str().unwrap())
            .collect();
        assert_eq!(
            issuers,
            [
                "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
                "https://login.microsoftonline.com/{tenantid}/v2.0",
                "https://login.microsoftonline.com/{tenantid}/v2.0",
            ]
        );
    }

    #[test]
    fn rotation_publishes_a_new_key_and_withdraws_the_oldest() {
        let mut authority = Authority::new().unwrap();
        let before = kids(&authority);

        authority.rotate().unwrap();

        let after = kids(&authority);
        assert_eq!(after.len(), before.len());
        assert!(after.contains(&before[1]) && !after.contains(&before[0]));
        assert_eq!(after[1], authority.current().kid);
        assert!(!before.contains(&after[1]));
    }

    fn kids(authority: &Authority) -> Vec<String> {
        let set = authority.key_set("11111111-2222-3333-4444-555555555555", TokenVersion::V1);
        set["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect()
    }
}
