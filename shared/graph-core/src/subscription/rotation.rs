//! When a key gives way to a newer one: client-state keys and encryption certificates alike.
//!
//! The decisions are about the documents in ClientStateSecret and DecryptionSecret: what is read goes in, with the
//! configuration, the time and randomness, and what is to be written comes out. A new key is published first and used
//! later, when everyone who has to know it does. From then on it is in use for what is new, and subscriptions leave the
//! older ones bit by bit. An older key stays readable until no subscription names it, and then for as long as something
//! can be under way that does.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;

pub use self::{
    certificate::update_decryption,
    client_state::update_client_state,
    published::PublishedKeys,
    request::{Forced, KeyChanges, Lead, Rotation, RotationRequest},
    retire::{KeysInUse, retire_certificates, retire_client_state_keys},
    trusted::departed,
};
use super::spread::hash;
use crate::secrets::{ClientStateKeyEntry, DecryptionKeyEntry, KeyLife};

mod certificate;
mod client_state;
mod published;
mod request;
mod retire;
mod room;
mod trusted;

/// What counts in the life of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLifetime<'a> {
    /// The key's id.
    pub id: &'a str,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is used.
    pub use_from: Timestamp,
    /// What is noted about its end.
    pub noted: KeyLife,
}

impl<'a> From<&'a ClientStateKeyEntry> for KeyLifetime<'a> {
    fn from(key: &'a ClientStateKeyEntry) -> Self {
        Self::new(&key.id, key.created_at, key.life)
    }
}

impl<'a> From<&'a DecryptionKeyEntry> for KeyLifetime<'a> {
    fn from(key: &'a DecryptionKeyEntry) -> Self {
        Self::new(&key.id, key.created_at, key.life)
    }
}

impl<'a> KeyLifetime<'a> {
    fn new(id: &'a str, created_at: Timestamp, noted: KeyLife) -> Self {
        Self {
            id,
            created_at,
            use_from: noted.use_from.unwrap_or(created_at),
            noted,
        }
    }
}

/// Returns the key to use: the newest that may be used, or else the one that may be used first. Of two that are equally
/// new it is the later one in the document.
#[must_use]
pub fn current<'a>(keys: &[KeyLifetime<'a>], now: Timestamp) -> Option<KeyLifetime<'a>> {
    let usable = keys.iter().filter(|key| key.use_from <= now);
    usable
        .max_by_key(|key| key.use_from)
        .or_else(|| keys.iter().min_by_key(|key| key.use_from))
        .copied()
}

/// Returns whether a new key is to be made: because the newest is as old as `period`, where there is one, or at once when
/// `forced`. While a new one waits for its time there is no need for another.
#[must_use]
pub fn is_due(
    keys: &[KeyLifetime<'_>],
    period: Option<SignedDuration>,
    forced: bool,
    now: Timestamp,
) -> bool {
    let Some(newest) = keys.iter().max_by_key(|key| key.use_from) else {
        return false;
    };
    let is_old = period.is_some_and(|period| now.duration_since(newest.created_at) >= period);
    newest.use_from <= now && (forced || is_old)
}

/// The time in which subscriptions leave a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retiring {
    /// When the first may leave.
    pub from: Timestamp,
    /// When the last has to.
    pub by: Timestamp,
}

impl Retiring {
    /// Returns whether it is time for the subscription called `id`: each has a moment of its own, so that thousands do
    /// not leave together.
    #[must_use]
    pub fn is_up(&self, id: &str, now: Timestamp) -> bool {
        let seconds = self.by.duration_since(self.from).as_secs().max(0).unsigned_abs();
        let own = hash(id) % seconds.saturating_add(1);
        let own = i64::try_from(own).unwrap_or_default();
        now >= self
            .from
            .saturating_add(SignedDuration::from_secs(own))
            .unwrap_or(self.by)
    }
}

/// Returns the keys that subscriptions leave, by id: those older than the one in use.
#[must_use]
pub fn retiring(keys: &[KeyLifetime<'_>], now: Timestamp) -> BTreeMap<String, Retiring> {
    let Some(current) = current(keys, now) else {
        return BTreeMap::new();
    };
    let older = keys
        .iter()
        .filter(|key| key.id != current.id && key.use_from <= current.use_from);
    older
        .map(|key| {
            let by = current.use_from.saturating_add(SPREAD).unwrap_or(now);
            let retiring = Retiring {
                from: current.use_from,
                by: key.noted.retire_by.map_or(by, |asked| asked.min(by)),
            };
            (key.id.to_owned(), retiring)
        })
        .collect()
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAction {
    /// It stays as it is.
    Stay,
    /// It stays, and is noted as named by no subscription from now on.
    Unnamed,
    /// It stays, and is named by a subscription after all.
    Named,
    /// It goes: nothing can name it any more.
    Remove,
}

/// Returns what becomes of a key that is older than the one in use, by whether a listed subscription names it.
#[must_use]
pub fn action(noted: &KeyLife, is_named: bool, now: Timestamp) -> KeyAction {
    match (noted.unnamed_since, is_named) {
        (None, false) => KeyAction::Unnamed,
        (Some(_), true) => KeyAction::Named,
        (Some(since), false) if now.duration_since(since) >= retention(noted) => KeyAction::Remove,
        (None, true) | (Some(_), false) => KeyAction::Stay,
    }
}

/// Has subscriptions leave all but the newest key as soon as that is in use, and returns whether that is new.
fn hurry<'a>(keys: impl Iterator<Item = (Timestamp, &'a mut KeyLife)>) -> bool {
    let mut keys: Vec<_> = keys
        .map(|(created_at, life)| (life.use_from.unwrap_or(created_at), life))
        .collect();
    keys.sort_by_key(|(use_from, _)| *use_from);
    let Some((newest, _)) = keys.pop() else {
        return false;
    };
    let mut changes = false;
    for (_, life) in keys {
        if life.retire_by.is_none_or(|by| by > newest) {
            life.retire_by = Some(newest);
            changes = true;
        }
    }
    changes
}

/// Returns eight random letters and digits.
fn letters(rng: &mut impl CryptoRng) -> String {
    let mut text = String::with_capacity(ID_LENGTH);
    while text.len() < ID_LENGTH {
        let mut byte = [0];
        rng.fill_bytes(&mut byte);
        // 252 is the largest multiple of 36 in a byte: each character is as likely as the others.
        let character = byte
            .first()
            .filter(|byte| **byte < 252)
            .and_then(|byte| ALPHABET.get(usize::from(byte % 36)));
        text.extend(character.map(|character| char::from(*character)));
    }
    text
}

/// Returns the line of a report about a key that was made.
fn made(what: &str, id: &str, use_from: Option<Timestamp>) -> String {
    match use_from {
        Some(use_from) => format!("{what} {id}, in use from {use_from}"),
        None => format!("{what} {id}"),
    }
}

fn after(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(time)
}

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The length of a key id, part of every client state.
const ID_LENGTH: usize = 8;

const fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(days * 24)
}

/// How long subscriptions take to leave a key that nobody is in a hurry about.
const SPREAD: SignedDuration = days(7);

/// Returns how long something can be under way that names a key which no subscription has. One that a person has had
/// replaced may have leaked, so it goes before FailedQueue has forgotten it: what was set aside under it is lost.
fn retention(noted: &KeyLife) -> SignedDuration {
    if noted.retire_by.is_some() {
        UNDER_WAY
    } else {
        UNDER_WAY.saturating_add(SET_ASIDE)
    }
}

/// Graph tries for four hours (Microsoft Graph, *change notifications delivery*), and a queue keeps what it was sent for
/// four days. The rest is for clocks and for lists that lag behind.
const UNDER_WAY: SignedDuration = SignedDuration::from_hours(4 * 24 + 4 + 4);

/// How long FailedQueue keeps what an operator may move back.
const SET_ASIDE: SignedDuration = days(14);

#[cfg(test)]
mod tests;
