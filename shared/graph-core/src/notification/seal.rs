//! The seal of a queue message: proof that a function of this stack wrote the message, all of it.
//!
//! The client state of an item proves the item's subscription. What the message says besides, such as the id of the event or
//! a window to read, is proven by the seal alone: the last member of the message, `"seal":"{keyId}.{mac}"`, over every byte
//! before it. The key is the client-state key, which all functions that send and receive such messages may read.

use hmac::Mac;
use jiff::Timestamp;

use super::client_state::{ClientStateKeys, NoSuchKey, decode, encode};

/// A message from a queue whose seal holds. Nothing else can be acted on.
#[derive(Clone, Copy)]
pub struct Sealed<'a>(&'a str);

impl<'a> Sealed<'a> {
    /// Checks the seal of a message.
    ///
    /// # Errors
    ///
    /// Returns why the seal does not hold. The mac is compared in constant time.
    pub fn open(body: &'a str, keys: &ClientStateKeys) -> Result<Self, BrokenSeal> {
        let (said, key_id, mac) = split(body).ok_or(BrokenSeal::Broken)?;
        let key = keys.keyed(key_id)?;
        let mac = decode(mac).ok_or(BrokenSeal::Broken)?;
        let keyed = key.chain_update(DOMAIN).chain_update(said);
        keyed.verify_slice(&mac).map_err(|_| BrokenSeal::Broken)?;
        Ok(Self(body))
    }

    /// Returns the message.
    #[must_use]
    pub fn body(self) -> &'a str {
        self.0
    }
}

/// Returns a message, which is a JSON object with members, with its seal.
///
/// The key is the newest that every function knows by `now`: whoever receives the message may have read the secret just
/// before the key came into it.
///
/// # Errors
///
/// Returns an error when there is no key.
pub fn seal(body: &str, keys: &ClientStateKeys, now: Timestamp) -> Result<String, NoKey> {
    let (key_id, key) = keys.newest(now).ok_or(NoKey)?;
    let said = body.strip_suffix('}').unwrap_or(body);
    let mac = key.chain_update(DOMAIN).chain_update(said).finalize();
    let mac = encode(&mac.into_bytes());
    Ok([said, SEAL, key_id, ".", &mac, END].concat())
}

/// Returns what a message says before its seal, the id of the key, and the mac.
fn split(body: &str) -> Option<(&str, &str, &str)> {
    let (said, seal) = body.strip_suffix(END)?.rsplit_once(SEAL)?;
    let (key_id, mac) = seal.split_once('.')?;
    Some((said, key_id, mac))
}

/// Why a seal does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenSeal {
    /// The key id is not known (yet).
    #[error("seal names an unknown key")]
    UnknownKey,
    /// The key may be an entry of ClientStateSecret that nobody can use as it is.
    #[error("seal may be of an unusable key")]
    UnusableKey,
    /// There is no seal, or the message is not the one that was sealed.
    #[error("message is not sealed by this stack")]
    Broken,
}

impl From<NoSuchKey> for BrokenSeal {
    fn from(missing: NoSuchKey) -> Self {
        match missing {
            NoSuchKey::Unknown => Self::UnknownKey,
            NoSuchKey::Unusable => Self::UnusableKey,
        }
    }
}

/// There is no client-state key to seal with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no client-state key to seal a message with")]
pub struct NoKey;

/// The most bytes that a seal adds to a message: the member, a key id of eight characters and a mac.
pub const MAX_SEAL_BYTES: usize = SEAL.len() + 8 + 1 + 43 + END.len() - 1;

const SEAL: &str = r#","seal":""#;

const END: &str = "\"}";

/// Separates this use of a key from every other, and this encoding from later ones.
const DOMAIN: &[u8] = b"graph change notifications, queue message, version 1\0";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        notification::client_state::test_util::{document, key},
        secrets::KeyLife,
    };

    #[test]
    fn a_sealed_message_opens_unchanged() {
        let sealed = sealed(BODY);
        let opened = Sealed::open(&sealed, &keys(&["k1"])).unwrap();
        let mut read: serde_json::Value = serde_json::from_str(opened.body()).unwrap();
        assert!(read.as_object_mut().unwrap().remove("seal").is_some());
        assert_eq!(read, serde_json::from_str::<serde_json::Value>(BODY).unwrap());
        assert!(sealed.len() - BODY.len() <= MAX_SEAL_BYTES);
    }

    #[test]
    fn no_byte_of_a_sealed_message_can_be_another() {
        let sealed = sealed(BODY);
        for index in 0..sealed.len() {
            let mut other = sealed.clone().into_bytes();
            other[index] ^= 1;
            let other = String::from_utf8(other).unwrap();
            assert!(Sealed::open(&other, &keys(&["k1"])).is_err(), "{other}");
        }
    }

    #[test]
    fn a_message_without_this_stacks_seal_does_not_open() {
        let twice = format!("{},{}", sealed(BODY).trim_end_matches('}'), &sealed(BODY)[1..]);
        let other_key = keys(&["k1"]);
        for body in [
            "",
            "{}",
            BODY,
            r#"{"a":1,"seal":"k1."}"#,
            r#"{"a":1,"seal":"k1.AAAA"}"#,
            &twice,
        ] {
            assert_eq!(
                Sealed::open(body, &other_key).err(),
                Some(BrokenSeal::Broken),
                "{body}"
            );
        }
        let unknown = Sealed::open(&sealed(BODY), &keys(&["k2"])).err();
        assert_eq!(unknown, Some(BrokenSeal::UnknownKey));
    }

    #[test]
    fn a_key_seals_only_once_every_function_knows_it() {
        let (mut first, mut second) = (key("k1", 1), key("k2", 2));
        first.created_at = at(0);
        second.life = KeyLife {
            use_from: Some(at(100)),
            ..KeyLife::default()
        };
        let keys = ClientStateKeys::parse(&document(vec![first, second], &[])).0;
        for (now, id) in [(99, "k1."), (100, "k2.")] {
            let sealed = seal(BODY, &keys, at(now)).unwrap();
            assert!(sealed.contains(id), "{sealed}");
        }
        assert_eq!(seal(BODY, &ClientStateKeys::default(), at(0)), Err(NoKey));
    }

    /// Messages wait for weeks, so the form of a seal can never change by accident. The value was made with Python's `hmac`.
    #[test]
    fn a_seal_of_before_still_counts() {
        assert_eq!(
            sealed(r#"{"a":1}"#),
            r#"{"a":1,"seal":"k1.LLrLEcsNvHTJXSiTBYPfNAre8RGwwY8dYawEEJqvFZA"}"#
        );
    }

    fn sealed(body: &str) -> String {
        seal(body, &keys(&["k1"]), at(0)).unwrap()
    }

    fn keys(ids: &[&str]) -> ClientStateKeys {
        let keys = ids.iter().map(|id| key(id, 7)).collect();
        ClientStateKeys::parse(&document(keys, &[])).0
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    const BODY: &str = r#"{"id":"a","item":{"clientState":"x","n":1.10}}"#;
}
