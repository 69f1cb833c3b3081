//! Client state: proof, without storage, that an item comes from a subscription of this stack.
//!
//! A client state reads `{name}.{t}.{keyId}.{mac}`. The name is the subscription's; `t` is a short hash of tenant and
//! application, looked up in the list of trusted applications; the key id names the one key of the stack, or the second
//! while it is replaced. The mac is HMAC-SHA256 under that key over a versioned encoding of the name, the tenant, the
//! application and whether resource data was asked for, so that none of them can be swapped for another. Graph sends the
//! client state back in every item and never shows it to anyone else (Microsoft Graph, *subscription resource type*).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    application::Application,
    secrets::{ClientStateDocument, ClientStateKeyEntry, OddEntries, TrustedTenants},
};

#[cfg(any(test, feature = "test-util"))]
pub mod test_util;
#[cfg(test)]
mod tests;

/// The most characters that Graph keeps of a client state (Microsoft Graph, *subscription resource type*).
pub const MAX_LENGTH: usize = 128;

/// The most characters of a name: what the hash of the application, the longest key id, the mac and the dots leave.
pub const MAX_NAME: usize = MAX_LENGTH - TAG_LENGTH - MAX_ID - MAC_LENGTH - 3;

/// The number of bytes of a client-state key.
pub const KEY_LENGTH: usize = 32;

/// What client states are verified with: the keys by id, and the trusted applications by their hash.
#[derive(Default)]
pub struct ClientStateKeys {
    keys: BTreeMap<String, Key>,
    applications: BTreeMap<String, Vec<KnownApplication>>,
    unusable: Unusable,
}

impl ClientStateKeys {
    /// Returns the keys of `document` and the ids of those that are not usable.
    pub fn parse(document: &ClientStateDocument) -> (Self, Vec<String>) {
        let mut parsed = Self {
            unusable: Unusable::of(&document.odd),
            ..Self::default()
        };
        let mut unusable = Vec::new();
        for (place, entry) in document.keys.iter().enumerate() {
            match Key::parse(entry, place) {
                Ok(key) => drop(parsed.keys.insert(entry.id.clone(), key)),
                Err(InvalidKey) => unusable.push(entry.id.clone()),
            }
        }
        for trusted in document.trusted.iter().flat_map(TrustedTenants::each) {
            let application = KnownApplication::new(trusted.application);
            // Two applications may have the same hash: the mac tells them apart.
            let same = parsed.applications.entry(application.tag()).or_default();
            same.push(application);
        }
        parsed.unusable.keys.extend(unusable.iter().cloned());
        (parsed, unusable)
    }

    /// Returns whether there is no key at all, so that nothing can be verified.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the newest key that every function knows by `now`, with its id; any, where there is none such.
    pub(super) fn newest(&self, now: Timestamp) -> Option<(&str, Hmac<Sha256>)> {
        let keys = self.keys.iter();
        let (id, key) = keys.max_by_key(|(_, key)| (key.use_from <= Some(now), key.place))?;
        Some((id, key.keyed.clone()))
    }

    /// Returns the key with an id.
    pub(super) fn keyed(&self, id: &str) -> Result<Hmac<Sha256>, NoSuchKey> {
        Ok(self.key(id)?.keyed.clone())
    }

    fn key(&self, id: &str) -> Result<&Key, NoSuchKey> {
        self.keys.get(id).ok_or_else(|| {
            if self.unusable.has_key(id) {
                NoSuchKey::Unusable
            } else {
                NoSuchKey::Unknown
            }
        })
    }

    /// Returns what `candidate` proves about the item that carries it.
    ///
    /// The look-ups and every early return depend on the candidate alone; the mac, the only secret, is compared in
    /// constant time. How many comparisons are made tells no more than whether resource data was asked for.
    ///
    /// # Errors
    ///
    /// Returns the reason for which the item is not admitted.
    pub fn verify(&self, candidate: Option<&str>) -> Result<Proof, Refused> {
        let candidate = candidate.ok_or(Refused::NoClientState)?;
        if candidate.len() > MAX_LENGTH {
            return Err(Refused::TooLong);
        }
        let parts = Parts::split(candidate).ok_or(Refused::WrongClientState)?;
        let key = self.key(parts.key_id).map_err(Refused::from)?;
        let applications = self.applications.get(parts.tag).ok_or({
            if self.unusable.has_application {
                Refused::UnusableEntry
            } else {
                Refused::UnknownApplication
            }
        })?;
        let fitting = |known: &KnownApplication| Some((known.application, key.fits(known, &parts)?));
        let (application, includes_resource_data) = applications
            .iter()
            .find_map(fitting)
            .ok_or(Refused::WrongClientState)?;
        Ok(Proof {
            proven: Proven {
                subscription: parts.name.to_owned(),
                application,
            },
            includes_resource_data,
        })
    }
}

impl fmt::Debug for ClientStateKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

/// What the document holds and nobody can use. An item that may be of it is not refused for good: it waits until somebody
/// corrects the entry.
#[derive(Default)]
struct Unusable {
    /// The ids of keys.
    keys: BTreeSet<String>,
    /// Whether there is a key without a readable id: it may be any.
    has_nameless_key: bool,
    /// Whether there is an application or a tenant: it may be any.
    has_application: bool,
}

impl Unusable {
    fn of(odd: &OddEntries) -> Self {
        Self {
            keys: odd.keys.iter().filter_map(|key| key.id.clone()).collect(),
            has_nameless_key: odd.keys.iter().any(|key| key.id.is_none()),
            has_application: !odd.trusted.is_empty(),
        }
    }

    fn has_key(&self, id: &str) -> bool {
        self.has_nameless_key || self.keys.contains(id)
    }
}

/// Why there is no key with an id.
pub(super) enum NoSuchKey {
    /// The document does not have it (yet).
    Unknown,
    /// The document may have it, as an entry that nobody can use.
    Unusable,
}

/// What a client state proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Whose the item is.
    pub proven: Proven,
    /// Whether the subscription was created with `includeResourceData`, so that its items carry encrypted content.
    pub includes_resource_data: bool,
}

/// Whose an item is, as its client state proves; or a window to read, as its seal does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The subscription's name: its key in the configuration, with `/` and an object id for one of many.
    pub subscription: String,
    /// The application that made the subscription, and in which tenant.
    pub application: Application,
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
    /// The application is not trusted (yet).
    #[error("client state names an unknown application")]
    UnknownApplication,
    /// Its key or its application may be an entry of ClientStateSecret that nobody can use as it is.
    #[error("client state may be of an unusable entry of ClientStateSecret")]
    UnusableEntry,
    /// Over [`MAX_LENGTH`], which Graph never sends back.
    #[error("client state is too long")]
    TooLong,
    /// Not of our form, or the mac does not hold.
    #[error("client state is not ours")]
    WrongClientState,
}

impl Refused {
    /// Returns whether a newer ClientStateSecret may know what this one does not.
    #[must_use]
    pub fn may_be_known_by_now(self) -> bool {
        match self {
            Self::UnknownKey | Self::UnknownApplication | Self::UnusableEntry => true,
            Self::NoClientState | Self::TooLong | Self::WrongClientState => false,
        }
    }
}

impl From<NoSuchKey> for Refused {
    fn from(missing: NoSuchKey) -> Self {
        match missing {
            NoSuchKey::Unknown => Self::UnknownKey,
            NoSuchKey::Unusable => Self::UnusableEntry,
        }
    }
}

/// What a client state is minted for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The subscription's name.
    pub name: &'a str,
    /// The application that makes it, and in which tenant.
    pub application: Application,
    /// Whether resource data is asked for.
    pub includes_resource_data: bool,
}

/// Returns the client state for a new subscription.
///
/// # Errors
///
/// Returns an error when the key is not usable or the client state would be longer than [`MAX_LENGTH`].
pub fn mint(key: &ClientStateKeyEntry, subject: &Subject<'_>) -> Result<String, MintError> {
    let application = KnownApplication::new(subject.application);
    let keyed = Key::parse(key, 0)?.mac(&application, subject.name);
    let mac = finish(keyed, subject.includes_resource_data)
        .finalize()
        .into_bytes();
    let mac = encode(&mac);
    let client_state = format!("{}.{}.{}.{mac}", subject.name, application.tag(), key.id);
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
struct Key {
    keyed: Hmac<Sha256>,
    /// From when on every function knows it; nothing where that was so at once.
    use_from: Option<Timestamp>,
    /// Its place in the document: the newest key is the last.
    place: usize,
}

impl Key {
    fn parse(entry: &ClientStateKeyEntry, place: usize) -> Result<Self, InvalidKey> {
        let id_is_valid = (1..=MAX_ID).contains(&entry.id.len())
            && entry.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let secret = Zeroizing::new(BASE64_STANDARD.decode(&entry.key).map_err(|_| InvalidKey)?);
        if !id_is_valid || secret.len() != KEY_LENGTH {
            return Err(InvalidKey);
        }
        let keyed = Hmac::new_from_slice(&secret).map_err(|_| InvalidKey)?;
        Ok(Self {
            keyed,
            use_from: entry.life.use_from,
            place,
        })
    }

    /// Returns the mac of a subscription as far as it is the same with and without resource data: over the version, the
    /// tenant, the application and the name, each behind its length.
    fn mac(&self, application: &KnownApplication, name: &str) -> Hmac<Sha256> {
        self.keyed
            .clone()
            .chain_update(DOMAIN)
            .chain_update(&application.encoded)
            .chain_update(length(name))
            .chain_update(name)
    }

    /// Returns whether `parts` are of a subscription with resource data or of one without; nothing if they are of none of
    /// `application`.
    fn fits(&self, application: &KnownApplication, parts: &Parts<'_>) -> Option<bool> {
        let keyed = self.mac(application, parts.name);
        [false, true]
            .into_iter()
            .find(|rich| finish(keyed.clone(), *rich).verify_slice(&parts.mac).is_ok())
    }
}

/// Returns the whole mac: what it says last is whether resource data was asked for.
fn finish(keyed: Hmac<Sha256>, includes_resource_data: bool) -> Hmac<Sha256> {
    keyed.chain_update([u8::from(includes_resource_data)])
}

/// An application in a tenant, as a mac covers it.
struct KnownApplication {
    application: Application,
    encoded: Vec<u8>,
}

impl KnownApplication {
    fn new(application: Application) -> Self {
        let encoded = [application.tenant_id, application.client_id]
            .map(|id| id.to_string())
            .iter()
            .flat_map(|id| [length(id).as_slice(), id.as_bytes()].concat())
            .collect();
        Self { application, encoded }
    }

    /// Returns the hash that stands for the application in a client state. It finds the application and proves nothing.
    fn tag(&self) -> String {
        let digest = Sha256::new().chain_update(TAG_DOMAIN).chain_update(&self.encoded);
        let mut tag = BASE64_URL_SAFE_NO_PAD.encode(digest.finalize());
        tag.truncate(TAG_LENGTH);
        tag
    }
}

/// The parts of a client state.
struct Parts<'a> {
    name: &'a str,
    tag: &'a str,
    key_id: &'a str,
    mac: [u8; 32],
}

impl<'a> Parts<'a> {
    /// Splits a client state from its end: only the name may have dots.
    fn split(candidate: &'a str) -> Option<Self> {
        let (rest, mac) = candidate.rsplit_once('.')?;
        let (rest, key_id) = rest.rsplit_once('.')?;
        let (name, tag) = rest.rsplit_once('.')?;
        let mac = decode(mac)?;
        Some(Self {
            name,
            tag,
            key_id,
            mac,
        })
    }
}

/// Returns the length of `text` as it stands before the text under a mac.
fn length(text: &str) -> [u8; 8] {
    u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes()
}

/// Encodes a mac.
pub(super) fn encode(mac: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(mac)
}

/// Decodes a mac, which has 32 bytes.
pub(super) fn decode(mac: &str) -> Option<[u8; 32]> {
    // The decoder wants room for whole groups of three.
    let mut bytes = [0; 33];
    let length = BASE64_URL_SAFE_NO_PAD.decode_slice(mac, &mut bytes).ok()?;
    bytes.get(..length)?.try_into().ok()
}

/// How many characters of the hash stand for an application: enough to tell thousands apart, and with the longest entry
/// name, an object's GUID and the mac it just fits into a client state.
const TAG_LENGTH: usize = 5;

/// The most characters of a key id.
const MAX_ID: usize = 8;

/// The characters of a mac of 32 bytes in base64 without padding.
const MAC_LENGTH: usize = 43;

/// Separates this use of a key from every other, and this encoding from later ones.
const DOMAIN: &[u8] = b"graph change notifications, client state, version 2\0";

/// Separates the hash of an application from other digests of the same ids.
const TAG_DOMAIN: &[u8] = b"graph change notifications, application, version 1\0";
