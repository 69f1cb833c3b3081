//! Client-state keys: one for each application, and its successors.

use std::sync::{Mutex, PoisonError};

use base64::{Engine, prelude::BASE64_STANDARD};
use graph_core::{
    notification::client_state::KEY_LENGTH,
    secrets::{ClientStateDocument, ClientStateKeyEntry, KeyLife},
    subscription::{
        config::{Config, Tenant},
        rotation::{self, Life},
    },
};
use graph_edge::documents;
use jiff::Timestamp;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{KNOWN_BY_ALL, MAX_BYTES, News, Order, after, hurry, is_of, letters, size};

/// Adds a key for every application that has none. No key is ever taken away here: subscriptions made with it may still
/// send.
pub(super) fn add<R: CryptoRng>(
    document: &mut ClientStateDocument,
    config: &Config,
    now: Timestamp,
    rng: &Mutex<R>,
    news: &mut News,
) {
    // No instance of the webhook has cached a document without keys for longer than a moment. One that has keys is
    // read again for an unknown key, but not at once.
    let is_first = document.keys.is_empty();
    let mint_from = if is_first {
        now
    } else {
        after(now, documents::FLOOR)
    };
    for (name, tenant) in &config.tenants {
        if document.keys.iter().any(|key| is_of(key, tenant)) {
            continue;
        }
        let key = client_state_key(tenant, now, mint_from, rng);
        news.made(&key.id, format!("client-state key {} for tenant {name}", key.id));
        document.keys.push(key);
    }
}

/// Publishes the successors of keys that are old, or that a person wants replaced.
pub(super) fn replace<R: CryptoRng>(
    document: &mut ClientStateDocument,
    config: &Config,
    order: &Order,
    now: Timestamp,
    rng: &Mutex<R>,
    news: &mut News,
) {
    let mint_from = after(now, KNOWN_BY_ALL);
    let forced = order.forced.client_state;
    for (name, tenant) in &config.tenants {
        let lives: Vec<Life<'_>> = document
            .keys
            .iter()
            .filter(|key| is_of(key, tenant))
            .map(Life::from)
            .collect();
        // What was made just now has no need of a successor.
        let is_new = lives.iter().all(|life| news.ids.contains(life.id));
        if !is_new && rotation::is_due(&lives, order.rotation.client_state, forced, now) {
            if size(document) + CLIENT_STATE_KEY_BYTES > MAX_BYTES {
                news.refused.push(format!(
                    "client-state key of tenant {name} is not replaced: ClientStateSecret is full"
                ));
                continue;
            }
            let key = client_state_key(tenant, now, mint_from, rng);
            news.made(
                &key.id,
                format!(
                    "client-state key {} for tenant {name}, in use from {mint_from}",
                    key.id
                ),
            );
            document.keys.push(key);
        }
        if forced && !is_new {
            let keys = document.keys.iter_mut().filter(|key| is_of(key, tenant));
            news.changes |= hurry(keys.map(|key| (key.mint_from, &mut key.life)));
        }
    }
}

fn client_state_key<R: CryptoRng>(
    tenant: &Tenant,
    now: Timestamp,
    mint_from: Timestamp,
    rng: &Mutex<R>,
) -> ClientStateKeyEntry {
    let mut rng = rng.lock().unwrap_or_else(PoisonError::into_inner);
    let mut secret = Zeroizing::new([0; KEY_LENGTH]);
    rng.fill_bytes(secret.as_mut_slice());
    ClientStateKeyEntry {
        id: letters(&mut *rng),
        key: BASE64_STANDARD.encode(secret.as_slice()),
        tenant_id: tenant.tenant_id.clone(),
        client_id: tenant.client_id.clone(),
        created_at: now,
        mint_from,
        life: KeyLife::default(),
    }
}

/// What another client-state key takes in its document, amply.
const CLIENT_STATE_KEY_BYTES: usize = 1024;
