//! The certificate that resource data is encrypted for, and its successors.

use std::sync::{Mutex, PoisonError};

use graph_core::{
    certificate,
    secrets::DecryptionDocument,
    subscription::rotation::{self, Life, Rotation},
};
use jiff::Timestamp;
use rand_core::CryptoRng;

use super::{KNOWN_BY_ALL, MAX_BYTES, News, Order, after, hurry, letters, size};
use crate::Error;

/// Publishes the successor of a certificate that is old, or that a person wants replaced.
pub(super) fn replace<R: CryptoRng>(
    document: &mut DecryptionDocument,
    order: &Order,
    now: Timestamp,
    dry_run: bool,
    rng: &Mutex<R>,
    news: &mut News,
) -> Result<(), Error> {
    let forced = order.forced.certificate;
    let lives: Vec<Life<'_>> = document.keys.iter().map(Life::from).collect();
    if lives.iter().all(|life| news.ids.contains(life.id)) {
        return Ok(());
    }
    if rotation::is_due(&lives, order.rotation.certificate, forced, now) {
        if size(document) + CERTIFICATE_BYTES > MAX_BYTES {
            news.refused
                .push("certificate is not replaced: DecryptionSecret is full".to_owned());
            return Ok(());
        }
        let use_from = after(now, KNOWN_BY_ALL);
        add(document, order, now, Some(use_from), dry_run, rng, news)?;
    }
    if forced {
        let keys = document.keys.iter_mut();
        news.changes |= hurry(keys.map(|key| (key.life.use_from.unwrap_or(key.created_at), &mut key.life)));
    }
    Ok(())
}

/// Adds a key pair with its certificate. A dry run names it only: making it takes a while.
pub(super) fn add<R: CryptoRng>(
    document: &mut DecryptionDocument,
    order: &Order,
    now: Timestamp,
    use_from: Option<Timestamp>,
    dry_run: bool,
    rng: &Mutex<R>,
    news: &mut News,
) -> Result<(), Error> {
    let mut rng = rng.lock().unwrap_or_else(PoisonError::into_inner);
    let id = format!("c-{}-{}", now.strftime("%Y%m%d"), letters(&mut *rng));
    if !dry_run {
        let mut entry = certificate::generate(&id, KEY_BITS, now, valid_days(&order.rotation), &mut *rng)
            .map_err(|error| Error::Certificate(Box::new(error)))?;
        entry.life.use_from = use_from;
        document.keys.push(entry);
    }
    let what = match use_from {
        Some(use_from) => format!("certificate {id}, in use from {use_from}"),
        None => format!("certificate {id}"),
    };
    news.made(&id, what);
    Ok(())
}

/// Returns how long a certificate says that it is valid: twice as long as it is used, and two years at the least. Graph
/// does not look at it; an expired one still decrypts.
fn valid_days(rotation: &Rotation) -> u32 {
    let used = rotation.certificate.as_hours() / 24;
    u32::try_from(used.saturating_mul(2))
        .unwrap_or(VALID_DAYS)
        .max(VALID_DAYS)
}

/// The size of an RSA key, the least that Graph takes.
const KEY_BITS: usize = 2048;

/// How long a certificate says that it is valid at the least.
const VALID_DAYS: u32 = 730;

/// What another certificate and its private key take in their document, amply.
const CERTIFICATE_BYTES: usize = 6 * 1024;
