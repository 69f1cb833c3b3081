//! The end of keys: they go when nothing can name them any more.

use std::collections::{BTreeMap, BTreeSet};

use graph_core::{
    secrets::{ClientStateDocument, DecryptionDocument, KeyLife},
    subscription::{
        model::Subscription,
        plan::Listing,
        rotation::{self, Fate, Life},
    },
};
use jiff::Timestamp;

use super::{Keys, update};
use crate::{
    Error,
    ports::{Document, Documents},
    run::ApplicationId,
};

/// The keys that an application's subscriptions name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    client_state: BTreeSet<String>,
    certificates: BTreeSet<String>,
}

impl Named {
    /// Returns the keys that subscriptions name: in their URLs, and what Graph shows of their certificates.
    pub(crate) fn by(listed: &[Subscription], listing: &Listing<'_>) -> Self {
        let mut named = Self::default();
        for url in listing.urls() {
            add(&mut named.client_state, &url.key_id);
            url.certificate_id
                .iter()
                .for_each(|id| add(&mut named.certificates, id));
        }
        let of_graph = listed
            .iter()
            .filter_map(|one| one.encryption_certificate_id.as_ref());
        of_graph.for_each(|id| add(&mut named.certificates, id));
        named
    }
}

/// Adds an id. Nearly all are there already.
fn add(ids: &mut BTreeSet<String>, id: &str) {
    if !ids.contains(id) {
        ids.insert(id.to_owned());
    }
}

/// Notes which older keys no subscription names, and removes those that nothing under way can name either. Returns what
/// was removed.
///
/// `named` holds the applications whose lists are known; keys of others are left alone, and so are certificates unless
/// `is_everything`: any application's subscriptions may name them.
pub(crate) async fn retire<D: Documents>(
    documents: &D,
    keys: &Keys,
    named: &BTreeMap<ApplicationId, Named>,
    is_everything: bool,
    now: Timestamp,
) -> Result<Vec<String>, Error> {
    let mut removed = Vec::new();
    if !client_state_fates(&keys.client_state, named, now).is_empty() {
        let change = |document: &mut ClientStateDocument| {
            let fates = client_state_fates(document, named, now);
            removed = fulfil(&fates, &mut document.keys, "client-state key", now, |key| {
                (&key.id, &mut key.life)
            });
            Ok(!fates.is_empty())
        };
        update(documents, Document::ClientState, false, change).await?;
    }
    if is_everything && !certificate_fates(&keys.decryption, named, now).is_empty() {
        let mut gone = Vec::new();
        let change = |document: &mut DecryptionDocument| {
            let fates = certificate_fates(document, named, now);
            gone = fulfil(&fates, &mut document.keys, "certificate", now, |key| {
                (&key.id, &mut key.life)
            });
            Ok(!fates.is_empty())
        };
        update(documents, Document::Decryption, false, change).await?;
        removed.append(&mut gone);
    }
    Ok(removed)
}

/// What changes for keys, by id.
type Fates = BTreeMap<String, Fate>;

fn client_state_fates(
    document: &ClientStateDocument,
    named: &BTreeMap<ApplicationId, Named>,
    now: Timestamp,
) -> Fates {
    let mut fates = Fates::new();
    for ((tenant_id, client_id), named) in named {
        let lives: Vec<Life<'_>> = document
            .keys
            .iter()
            .filter(|key| {
                key.tenant_id.eq_ignore_ascii_case(tenant_id) && key.client_id.eq_ignore_ascii_case(client_id)
            })
            .map(Life::from)
            .collect();
        fates.extend(self::fates(&lives, &named.client_state, now));
    }
    fates
}

fn certificate_fates(
    document: &DecryptionDocument,
    named: &BTreeMap<ApplicationId, Named>,
    now: Timestamp,
) -> Fates {
    let lives: Vec<Life<'_>> = document.keys.iter().map(Life::from).collect();
    let named = named
        .values()
        .flat_map(|named| named.certificates.clone())
        .collect();
    fates(&lives, &named, now)
}

fn fates(lives: &[Life<'_>], named: &BTreeSet<String>, now: Timestamp) -> Fates {
    let older = rotation::retiring(lives, now);
    let fate = |life: &Life<'_>| {
        // A key that is in use, or is yet to come, is not looked at; a note on it is out of date.
        let is_named = named.contains(life.id) || !older.contains_key(life.id);
        (life.id.to_owned(), rotation::fate(&life.noted, is_named, now))
    };
    lives
        .iter()
        .map(fate)
        .filter(|(_, fate)| *fate != Fate::Stay)
        .collect()
}

/// Notes and removes what the fates say, and returns what was removed. `of` returns a key's id and what is noted about it.
fn fulfil<K>(
    fates: &Fates,
    keys: &mut Vec<K>,
    what: &str,
    now: Timestamp,
    of: fn(&mut K) -> (&str, &mut KeyLife),
) -> Vec<String> {
    let mut removed = Vec::new();
    keys.retain_mut(|key| {
        let (id, life) = of(key);
        match fates.get(id) {
            Some(Fate::Unnamed) => life.unnamed_since = Some(now),
            Some(Fate::Named) => life.unnamed_since = None,
            Some(Fate::Remove) => {
                removed.push(format!("{what} {id} is removed: nothing names it any more"));
                return false;
            }
            Some(Fate::Stay) | None => {}
        }
        true
    });
    removed
}
