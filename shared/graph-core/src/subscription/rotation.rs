//! The rotation of keys: when a newer client-state key or encryption certificate replaces an older one.
//!
//! The functions here decide on the documents in ClientStateSecret and DecryptionSecret. They get the document, the
//! configuration, the time and randomness, and return the changed document. A new key is published first, and used when
//! every function knows it. From then on new subscriptions use it, and existing ones leave the older keys bit by bit.
//! An older key remains readable until no subscription names it, and then as long as messages that name it can be under
//! way.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;

pub use self::{
    certificate::update_decryption,
    client_state::update_client_state,
    published::PublishedKeys,
    request::{Forced, KeyChanges, Lead, Rotation, RotationRequest},
    retire::{KeysInUse, retire_certificates, retire_client_state_keys},
    trusted::trusted,
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

/// The dates in the life of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLifetime<'a> {
    /// The key's id.
    pub id: &'a str,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its use begins.
    pub use_from: Timestamp,
    /// The notes about its end.
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

/// Returns the key to use: the newest one whose use has begun, or else the one whose use begins first. Of two equally
/// new ones, the later in the document.
#[must_use]
pub fn current<'a>(keys: &[KeyLifetime<'a>], now: Timestamp) -> Option<KeyLifetime<'a>> {
    let usable = keys.iter().filter(|key| key.use_from <= now);
    usable
        .max_by_key(|key| key.use_from)
        .or_else(|| keys.iter().min_by_key(|key| key.use_from))
        .copied()
}

/// Returns whether a new key is due: the newest is older than `period`, if there is one, or `forced`. While a new key
/// waits for its use, no other is due.
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

/// The period in which subscriptions leave a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retiring {
    /// When the first subscription may leave.
    pub from: Timestamp,
    /// When the last subscription has to leave.
    pub by: Timestamp,
}

impl Retiring {
    /// Returns whether it is time for the subscription called `id` to leave. Each has a moment of its own, so that
    /// thousands do not leave together.
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

/// Returns the keys that subscriptions have to leave, by id: those older than the current one.
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

/// Notes since when no listed subscription names a key, and returns whether the key stays: as long as a message under way can
/// name it.
fn stays(life: &mut KeyLife, is_named: bool, now: Timestamp) -> bool {
    life.unnamed_since = (!is_named).then(|| life.unnamed_since.unwrap_or(now));
    let since = life.unnamed_since;
    since.is_none_or(|since| now.duration_since(since) < retention(life))
}

/// Makes subscriptions leave all but the newest key as soon as its use begins, and returns whether that changes
/// anything.
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

/// Returns a random key id, which is a part of every client state.
fn key_id(rng: &mut impl CryptoRng) -> String {
    format!("{:08x}", rng.next_u32())
}

/// Returns the report's line about a created key.
fn made(what: &str, id: &str, use_from: Option<Timestamp>) -> String {
    match use_from {
        Some(use_from) => format!("{what} {id}, in use from {use_from}"),
        None => format!("{what} {id}"),
    }
}

fn after(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(time)
}

const fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(days * 24)
}

/// How long subscriptions take to leave a key if no person is in a hurry.
const SPREAD: SignedDuration = days(7);

/// Returns how long messages can be under way that name a key which no subscription names. A key that a person replaced
/// may have leaked, so it is removed even if FailedQueue still has messages under it: these are lost.
fn retention(noted: &KeyLife) -> SignedDuration {
    if noted.retire_by.is_some() {
        UNDER_WAY
    } else {
        UNDER_WAY.saturating_add(SET_ASIDE)
    }
}

/// How long a message can be under way: Graph retries for four hours (Microsoft Graph, *change notifications
/// delivery*), and a queue keeps a message for four days. The rest is for clocks that differ and lists that lag behind.
const UNDER_WAY: SignedDuration = SignedDuration::from_hours(4 * 24 + 4 + 4);

/// How long FailedQueue keeps messages that an operator may redrive.
const SET_ASIDE: SignedDuration = days(14);

#[cfg(test)]
mod tests;
