//! The client-state key of the stack, its successor, and the applications whose client states are accepted.

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{
    KeyLifetime, after, hurry, is_due,
    request::{KeyChanges, RotationRequest},
    room,
    trusted::{self, Place},
};
use crate::{
    notification::client_state::KEY_LENGTH,
    secrets::{ClientStateDocument, ClientStateKeyEntry, KeyLife},
    subscription::config::Config,
};

/// Updates the content of ClientStateSecret at `now`, the time of writing: creates the first key, publishes its
/// successor when one is due, and trusts exactly the applications of the configuration.
pub fn update_client_state(
    document: &mut ClientStateDocument,
    config: &Config,
    request: &RotationRequest,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> KeyChanges {
    let mut changes = KeyChanges::default();
    // The first key needs no lead: webhooks cache a document without keys only for a moment.
    // A key that cannot be read may be corrected, and another one in its place would cost each subscription a gap.
    let is_first = !document.has_keys();
    if is_first {
        if !config.tenants.is_empty() {
            add(document, None, now, rng, &mut changes);
        }
    } else {
        replace(document, request, now, rng, &mut changes);
    }
    let place = Place {
        secret: SECRET,
        room: room::left(document).saturating_sub(room::CLIENT_STATE_KEY),
        from: (!is_first).then(|| after(now, request.lead.application)),
    };
    trusted::follow(document, config, &place, now, &mut changes);
    changes
}

/// Publishes the successor of a key that is old or that a person wants replaced.
fn replace(
    document: &mut ClientStateDocument,
    request: &RotationRequest,
    now: Timestamp,
    rng: &mut impl CryptoRng,
    changes: &mut KeyChanges,
) {
    let lives: Vec<KeyLifetime<'_>> = document.keys.iter().map(KeyLifetime::from).collect();
    let forced = request.forced.client_state;
    if is_due(&lives, request.rotation.client_state, forced, now) {
        if room::left(document) < room::CLIENT_STATE_KEY {
            let refused = format!("the client-state key is not replaced: {SECRET} is full");
            changes.refused.push(refused);
            return;
        }
        add(document, Some(after(now, request.lead.key)), now, rng, changes);
    }
    if forced {
        let keys = document.keys.iter_mut();
        changes.is_changed |= hurry(keys.map(|key| (key.created_at, &mut key.life)));
    }
}

fn add(
    document: &mut ClientStateDocument,
    use_from: Option<Timestamp>,
    now: Timestamp,
    rng: &mut impl CryptoRng,
    changes: &mut KeyChanges,
) {
    let mut secret = Zeroizing::new([0; KEY_LENGTH]);
    rng.fill_bytes(secret.as_mut_slice());
    let id = super::key_id(rng);
    changes.done(super::made("client-state key", &id, use_from));
    document.keys.push(ClientStateKeyEntry {
        id,
        key: BASE64_STANDARD.encode(secret.as_slice()),
        created_at: now,
        life: KeyLife {
            use_from,
            ..KeyLife::default()
        },
    });
}

/// The secret's name, for messages.
const SECRET: &str = "ClientStateSecret";
