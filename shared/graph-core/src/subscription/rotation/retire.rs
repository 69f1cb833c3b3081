//! The removal of keys that nothing can name any more.

use std::{borrow::Cow, collections::BTreeSet};

use jiff::Timestamp;

use super::{KeyLifetime, certificate, request::KeyChanges, retiring, stays};
use crate::{
    application::Guid,
    secrets::{ClientStateDocument, DecryptionDocument, KeyLife},
    subscription::{config::Config, model::Subscription, url::NotificationUrl},
};

/// The ids of the keys and certificates that subscriptions name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeysInUse(BTreeSet<String>);

impl KeysInUse {
    /// Returns the keys that an application's subscriptions name, in their `urls` and in the certificate ids that Graph
    /// shows.
    #[must_use]
    pub fn of<'a>(listed: &[Subscription], urls: impl Iterator<Item = Cow<'a, NotificationUrl>>) -> Self {
        let of_urls = urls.flat_map(|url| [Some(url.key_id.clone()), url.certificate_id.clone()]);
        let of_graph = listed.iter().map(|one| one.encryption_certificate_id.clone());
        Self(of_urls.chain(of_graph).flatten().collect())
    }

    /// Adds the keys that another application's subscriptions name.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }
}

/// Notes which older client-state keys no subscription names, and removes those that no message under way can name.
/// `in_use` has to cover all applications.
#[must_use]
pub fn retire_client_state_keys(
    document: &mut ClientStateDocument,
    in_use: &KeysInUse,
    now: Timestamp,
) -> KeyChanges {
    let lives: Vec<KeyLifetime<'_>> = document.keys.iter().map(KeyLifetime::from).collect();
    let named = named(&lives, in_use, true, now);
    retire(&named, &mut document.keys, "client-state key", now, |key| {
        (&key.id, &mut key.life)
    })
}

/// Does the same for certificates. An owner that the configuration no longer has needs no current certificate.
#[must_use]
pub fn retire_certificates(
    document: &mut DecryptionDocument,
    config: &Config,
    in_use: &KeysInUse,
    now: Timestamp,
) -> KeyChanges {
    let wanted = certificate::owners(config);
    let keys = &document.keys;
    let owners: BTreeSet<Option<Guid>> = keys.iter().map(|key| key.only_for_tenant).collect();
    let mut all = BTreeSet::new();
    for owner in owners {
        let lives: Vec<KeyLifetime<'_>> = certificate::of(keys, owner).map(KeyLifetime::from).collect();
        let is_wanted = owner.is_none() || wanted.contains(&owner);
        all.extend(named(&lives, in_use, is_wanted, now));
    }
    retire(&all, &mut document.keys, "certificate", now, |key| {
        (&key.id, &mut key.life)
    })
}

/// Returns the ids of the keys that subscriptions name. The current key and future ones count as named, which also removes an
/// outdated note.
fn named(
    lives: &[KeyLifetime<'_>],
    in_use: &KeysInUse,
    has_current: bool,
    now: Timestamp,
) -> BTreeSet<String> {
    let older = retiring(lives, now);
    let is_named = |id: &&str| in_use.0.contains(*id) || has_current && !older.contains_key(*id);
    let ids = lives.iter().map(|life| life.id);
    ids.filter(is_named).map(str::to_owned).collect()
}

/// Removes those of the keys that do not stay. `of` returns a key's id and its notes.
fn retire<K>(
    named: &BTreeSet<String>,
    keys: &mut Vec<K>,
    what: &str,
    now: Timestamp,
    of: fn(&mut K) -> (&str, &mut KeyLife),
) -> KeyChanges {
    let mut changes = KeyChanges::default();
    keys.retain_mut(|key| {
        let (id, life) = of(key);
        let before = life.unnamed_since;
        let stays = stays(life, named.contains(id), now);
        // A note is a change as well, because it has to be stored.
        changes.is_changed |= life.unnamed_since != before;
        if !stays {
            changes.done(format!("{what} {id} is removed: nothing uses it"));
        }
        stays
    });
    changes
}
