//! Client state: proof, without storage, that an item comes from a subscription of ours.
//!
//! A client state reads `{name}.{keyId}.{mac}`. The name is the subscription's; the key id names a key that belongs to
//! one application in one tenant; the mac is HMAC-SHA256 under that key over a versioned encoding of the name, the
//! tenant and the application, so that none of them can be swapped for another. Graph sends the client state back in
//! every item and never shows it to anyone else (Microsoft Graph, *subscription resource type*).

use std::{collections::BTreeMap, fmt};

use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secrets::{ClientStateDocument, ClientStateKeyEntry};

/// The most characters that Graph keeps of a client state (Microsoft Graph, *subscription resource type*).
pub const MAX_LENGTH: usize = 128;

/// The number of bytes of a client-state key.
pub const KEY_LENGTH: usize = 32;

/// The keys that client states are verified with, by key id.
#[derive(Default)]
pub struct ClientStateKeys(BTreeMap<String, ClientStateKey>);

impl ClientStateKeys {
    /// Returns the keys of `document` and the ids of those that are not usable.
    pub fn parse(document: &ClientStateDocument) -> (Self, Vec<String>) {
        let mut keys = BTreeMap::new();
        let mut unusable = Vec::new();
        for entry in &document.keys {
            match ClientStateKey::parse(entry) {
                Ok(key) => drop(keys.insert(entry.id.clone(), key)),
                Err(InvalidKey) => unusable.push(entry.id.clone()),
            }
        }
        (Self(keys), unusable)
    }

    /// Returns whether there is no key at all, so that nothing can be verified.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what `candidate` proves about the item that carries it and claims to be for `tenant_id`.
    ///
    /// The look-up by key id and every early return depend on the candidate alone; the mac, the only secret, is
    /// compared in constant time. Nothing is allocated before it holds.
    ///
    /// # Errors
    ///
    /// Returns the reason for which the item is not admitted.
    pub fn verify(&self, candidate: Option<&str>, tenant_id: Option<&str>) -> Result<Proven, Refused> {
        let candidate = candidate.ok_or(Refused::NoClientState)?;
        if candidate.len() > MAX_LENGTH {
            return Err(Refused::TooLong);
        }
        let (name, key_id, mac) = split(candidate).ok_or(Refused::WrongClientState)?;
        let mac = decode(mac).ok_or(Refused::WrongClientState)?;
        let key = self.0.get(key_id).ok_or(Refused::UnknownKey)?;
        key.mac(name)
            .verify_slice(&mac)
            .map_err(|_| Refused::WrongClientState)?;
        if tenant_id.is_some_and(|tenant_id| !tenant_id.eq_ignore_ascii_case(&key.tenant_id)) {
            return Err(Refused::OtherTenant);
        }
        Ok(Proven {
            subscription: name.to_owned(),
            tenant_id: key.tenant_id.clone(),
            client_id: key.client_id.clone(),
        })
    }
}

impl fmt::Debug for ClientStateKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a valid client state proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The subscription's name: its key in the configuration, with `/` and an object id for one of many.
    pub subscription: String,
    /// The tenant that the subscription was made in.
    pub tenant_id: String,
    /// The application that made the subscription.
    pub client_id: String,
}

/// Why an item is not admitted. For counting; a caller never learns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refused {
    /// There is none.
    #[error("item has no client state")]
    NoClientState,
    /// The key id is not known (yet).
    #[error("client state names an unknown key")]
    UnknownKey,
    /// Over [`MAX_LENGTH`], which Graph never sends back.
    #[error("client state is too long")]
    TooLong,
    /// Not of our form, or the mac does not hold.
    #[error("client state is not ours")]
    WrongClientState,
    /// The client state was made for a subscription in another tenant.
    #[error("client state belongs to another tenant")]
    OtherTenant,
}

/// Returns the client state for a new subscription called `name`.
///
/// # Errors
///
/// Returns an error when the key is not usable or the client state would be longer than [`MAX_LENGTH`].
pub fn mint(key: &ClientStateKeyEntry, name: &str) -> Result<String, MintError> {
    let mac = ClientStateKey::parse(key)?.mac(name).finalize().into_bytes();
    let client_state = format!("{name}.{}.{}", key.id, BASE64_URL_SAFE_NO_PAD.encode(mac));
    if client_state.len() > MAX_LENGTH {
        return Err(MintError::TooLong);
    }
    Ok(client_state)
}

/// Why a client state cannot be minted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The key is not 32 bytes of base64, or its id is not 1 to 8 letters and digits.
    #[error("client-state key is not usable")]
    Key(#[from] InvalidKey),
    /// The name leaves no room for the proof.
    #[error("subscription name is too long for a client state")]
    TooLong,
}

/// A key that is not 32 bytes of base64, or whose id is not 1 to 8 letters and digits.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("key is not 32 bytes of base64 under an id of 1 to 8 letters and digits")]
pub struct InvalidKey;

/// A client-state key, ready for use.
struct ClientStateKey {
    keyed: Hmac<Sha256>,
    tenant_id: String,
    client_id: String,
    /// What the mac covers behind the name: tenant and application in lower case, each behind its length.
    owner: Vec<u8>,
}

impl ClientStateKey {
    fn parse(entry: &ClientStateKeyEntry) -> Result<Self, InvalidKey> {
        let id_is_valid =
            (1..=8).contains(&entry.id.len()) && entry.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let secret = Zeroizing::new(BASE64_STANDARD.decode(&entry.key).map_err(|_| InvalidKey)?);
        if !id_is_valid || secret.len() != KEY_LENGTH {
            return Err(InvalidKey);
        }
        Ok(Self {
            keyed: Hmac::new_from_slice(&secret).map_err(|_| InvalidKey)?,
            tenant_id: entry.tenant_id.clone(),
            client_id: entry.client_id.clone(),
            owner: [&entry.tenant_id, &entry.client_id]
                .into_iter()
                .flat_map(|id| [length(id).as_slice(), id.to_ascii_lowercase().as_bytes()].concat())
                .collect(),
        })
    }

    /// Returns the mac over the version, the name, the tenant and the application, each behind its length.
    fn mac(&self, name: &str) -> Hmac<Sha256> {
        self.keyed
            .clone()
            .chain_update(DOMAIN)
            .chain_update(length(name))
            .chain_update(name)
            .chain_update(&self.owner)
    }
}

/// Returns the length of `text` as it stands before the text under a mac.
fn length(text: &str) -> [u8; 8] {
    u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes()
}

/// Decodes a mac, which has 32 bytes.
fn decode(mac: &str) -> Option<[u8; 32]> {
    // The decoder wants room for whole groups of three.
    let mut bytes = [0; 33];
    let length = BASE64_URL_SAFE_NO_PAD.decode_slice(mac, &mut bytes).ok()?;
    bytes.get(..length)?.try_into().ok()
}

/// Splits a client state into name, key id and mac. Only the last two parts are free of dots.
fn split(candidate: &str) -> Option<(&str, &str, &str)> {
    let (rest, mac) = candidate.rsplit_once('.')?;
    let (name, key_id) = rest.rsplit_once('.')?;
    Some((name, key_id, mac))
}

/// Separates this use of a key from every other, and this encoding from later ones.
const DOMAIN: &[u8] = b"graph change notifications, client state, version 1\0";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TENANT_A: &str = "aaaaaaaa-0000-0000-0000-000000000000";
    const TENANT_B: &str = "bbbbbbbb-0000-0000-0000-000000000000";

    /// Subscriptions carry client states for as long as they live, so their form can never change by accident.
    #[test]
    fn a_client_state_of_before_still_counts() {
        let client_state = mint(&key("k1", 1, TENANT_A), "team-messages").unwrap();
        assert_eq!(
            client_state,
            "team-messages.k1.fQKx_6hfW9qcNFR1bnudVdyNVkk-1YkTGAcBVVainyw"
        );
    }

    #[test]
    fn a_minted_client_state_proves_name_tenant_and_application() {
        let client_state = mint(&key("k1", 1, TENANT_A), "team-messages").unwrap();
        let proven = keys().verify(Some(&client_state), Some(TENANT_A)).unwrap();
        assert_eq!(proven.subscription, "team-messages");
        assert_eq!(proven.tenant_id, TENANT_A);
        assert_eq!(proven.client_id, "app");
    }

    #[test]
    fn the_tenant_of_an_item_may_be_missing_or_in_upper_case() {
        let client_state = mint(&key("k1", 1, TENANT_A), "team-messages").unwrap();
        assert!(keys().verify(Some(&client_state), None).is_ok());
        assert!(
            keys()
                .verify(Some(&client_state), Some(&TENANT_A.to_uppercase()))
                .is_ok()
        );
    }

    #[test]
    fn a_rotated_key_verifies_beside_the_old_one() {
        for id in ["k1", "k2"] {
            let seed = if id == "k1" { 1 } else { 2 };
            let client_state = mint(&key(id, seed, TENANT_A), "mail/4f").unwrap();
            assert!(keys().verify(Some(&client_state), Some(TENANT_A)).is_ok(), "{id}");
        }
    }

    #[test]
    fn every_way_to_be_wrong_is_refused() {
        let genuine = mint(&key("k1", 1, TENANT_A), "team-messages").unwrap();
        let (_, tail) = genuine.split_once('.').unwrap();
        let cases: &[(&str, Option<String>, Option<&str>, Refused)] = &[
            ("absent", None, None, Refused::NoClientState),
            ("empty", Some(String::new()), None, Refused::WrongClientState),
            (
                "the text null",
                Some("null".into()),
                None,
                Refused::WrongClientState,
            ),
            (
                "no mac",
                Some("team-messages.k1.".into()),
                None,
                Refused::WrongClientState,
            ),
            (
                "other name",
                Some(format!("mail.{tail}")),
                None,
                Refused::WrongClientState,
            ),
            (
                "short mac",
                Some(genuine[..genuine.len() - 4].into()),
                None,
                Refused::WrongClientState,
            ),
            (
                "other key",
                Some(genuine.replace(".k1.", ".k2.")),
                None,
                Refused::WrongClientState,
            ),
            (
                "unknown key",
                Some(genuine.replace(".k1.", ".k9.")),
                None,
                Refused::UnknownKey,
            ),
            (
                "other tenant",
                Some(genuine.clone()),
                Some(TENANT_B),
                Refused::OtherTenant,
            ),
            (
                "too long",
                Some(format!("{}{genuine}", "a".repeat(128))),
                None,
                Refused::TooLong,
            ),
        ];
        for (case, candidate, tenant, expected) in cases {
            assert_eq!(
                keys().verify(candidate.as_deref(), *tenant),
                Err(*expected),
                "{case}"
            );
        }
    }

    #[test]
    fn a_key_of_the_same_bytes_in_another_tenant_makes_another_client_state() {
        let a = mint(&key("k1", 1, TENANT_A), "mail").unwrap();
        let b = mint(&key("k1", 1, TENANT_B), "mail").unwrap();
        assert_ne!(a, b);
    }

    #[test]
    fn a_name_that_leaves_no_room_is_not_minted() {
        assert_eq!(
            mint(&key("k1", 1, TENANT_A), &"n".repeat(90)),
            Err(MintError::TooLong)
        );
    }

    #[test]
    fn an_unusable_key_is_reported_and_the_others_live() {
        let mut document = document();
        document.keys[0].key = "c2hvcnQ=".to_owned();
        let (keys, unusable) = ClientStateKeys::parse(&document);
        assert_eq!(unusable, ["k1"]);
        let client_state = mint(&key("k2", 2, TENANT_A), "mail").unwrap();
        assert!(keys.verify(Some(&client_state), None).is_ok());
    }

    #[test]
    fn keys_print_their_ids_only() {
        assert_eq!(format!("{:?}", keys()), r#"{"k1", "k2"}"#);
    }

    proptest! {
        #[test]
        fn no_other_text_is_a_client_state(text in ".{0,140}", tenant in proptest::option::of(".{0,40}")) {
            prop_assert!(keys().verify(Some(&text), tenant.as_deref()).is_err());
        }

        #[test]
        fn a_changed_character_is_refused(at in 0usize..60, with in "[a-zA-Z0-9._-]") {
            let genuine = mint(&key("k1", 1, TENANT_A), "team-messages").unwrap();
            let at = at % genuine.len();
            let mut changed = genuine.clone();
            changed.replace_range(at..=at, &with);
            prop_assume!(changed != genuine);
            prop_assert!(keys().verify(Some(&changed), None).is_err());
        }
    }

    fn keys() -> ClientStateKeys {
        ClientStateKeys::parse(&document()).0
    }

    fn document() -> ClientStateDocument {
        ClientStateDocument {
            keys: vec![key("k1", 1, TENANT_A), key("k2", 2, TENANT_A)],
        }
    }

    fn key(id: &str, seed: u8, tenant_id: &str) -> ClientStateKeyEntry {
        ClientStateKeyEntry {
            id: id.to_owned(),
            key: BASE64_STANDARD.encode([seed; KEY_LENGTH]),
            tenant_id: tenant_id.to_owned(),
            client_id: "app".to_owned(),
            created_at: "2026-11-22T10:00:00Z".parse().unwrap(),
            mint_from: "2026-11-22T10:00:00Z".parse().unwrap(),
            life: crate::secrets::KeyLife::default(),
        }
    }
}
