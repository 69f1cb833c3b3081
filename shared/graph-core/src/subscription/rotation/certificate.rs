//! The encryption certificates, their successors, and the applications whose validation tokens are accepted.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rand_core::CryptoRng;

use super::{
    KeyLifetime, after, hurry, is_due, key_id, made,
    request::{KeyChanges, Rotation, RotationRequest},
    room,
    trusted::{self, Place},
};
use crate::{
    application::Guid,
    certificate::{self, CertificateError},
    secrets::{DecryptionDocument, DecryptionKeyEntry},
    subscription::config::Config,
};

/// Updates the content of DecryptionSecret at `now`: creates the first certificates, publishes successors of old ones,
/// and trusts exactly the applications of the configuration. A dry run only names a certificate, because generating a
/// key takes a while.
///
/// # Errors
///
/// Returns an error when a key pair cannot be made.
pub fn update_decryption(
    document: &mut DecryptionDocument,
    config: &Config,
    request: &RotationRequest,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<KeyChanges, CertificateError> {
    let mut changes = KeyChanges::default();
    for owner in owners(config) {
        let mut update = Update {
            document,
            owner,
            request,
            now,
            changes: &mut changes,
        };
        update.bring_up_to_date(rng)?;
    }
    // Room for one certificate stays free, so that a full list of tenants cannot block a rotation.
    let place = Place {
        secret: SECRET,
        room: room::left(document).saturating_sub(room::CERTIFICATE),
        from: None,
    };
    trusted::follow(document, config, &place, now, &mut changes);
    Ok(changes)
}

/// Returns the owners of certificates: each tenant that has its own, and `None` for all others together.
pub(super) fn owners(config: &Config) -> BTreeSet<Option<Guid>> {
    let tenants = config.tenants.values();
    tenants
        .map(super::super::config::Tenant::certificate_owner)
        .collect()
}

/// Returns the certificates of one owner.
pub(super) fn of(
    keys: &[DecryptionKeyEntry],
    owner: Option<Guid>,
) -> impl Iterator<Item = &DecryptionKeyEntry> {
    keys.iter().filter(move |key| key.only_for_tenant == owner)
}

/// The certificates of one owner in the document.
struct Update<'a> {
    document: &'a mut DecryptionDocument,
    owner: Option<Guid>,
    request: &'a RotationRequest,
    now: Timestamp,
    changes: &'a mut KeyChanges,
}

impl Update<'_> {
    fn bring_up_to_date(&mut self, rng: &mut impl CryptoRng) -> Result<(), CertificateError> {
        let lives: Vec<KeyLifetime<'_>> = of(&self.document.keys, self.owner)
            .map(KeyLifetime::from)
            .collect();
        if lives.is_empty() {
            return self.add(None, rng);
        }
        let forced = self.request.forced.certificate;
        if is_due(&lives, Some(self.request.rotation.certificate), forced, self.now) {
            let use_from = after(self.now, self.request.lead.key);
            self.add(Some(use_from), rng)?;
        }
        if forced {
            let owner = self.owner;
            let keys = self.document.keys.iter_mut();
            let own = keys.filter(|key| key.only_for_tenant == owner);
            self.changes.is_changed |= hurry(own.map(|key| (key.created_at, &mut key.life)));
        }
        Ok(())
    }

    fn add(&mut self, use_from: Option<Timestamp>, rng: &mut impl CryptoRng) -> Result<(), CertificateError> {
        let of_whom = self
            .owner
            .map_or(String::new(), |owner| format!(" of tenant {owner}"));
        if room::left(self.document) < room::CERTIFICATE {
            let refused = format!("a certificate{of_whom} is not created: {SECRET} is full");
            self.changes.refused.push(refused);
            return Ok(());
        }
        let id = format!("c-{}-{}", self.now.strftime("%Y%m%d"), key_id(rng));
        if !self.request.dry_run {
            let days = valid_days(&self.request.rotation);
            let mut entry = certificate::generate(&id, KEY_BITS, self.now, days, rng)?;
            entry.life.use_from = use_from;
            entry.only_for_tenant = self.owner;
            self.document.keys.push(entry);
        }
        let what = format!("certificate{of_whom}");
        self.changes.done(made(&what, &id, use_from));
        Ok(())
    }
}

/// Returns for how many days a certificate is valid: twice as long as it is used, at least two years. Graph ignores the
/// validity, and an expired certificate still decrypts.
fn valid_days(rotation: &Rotation) -> u32 {
    let used = rotation.certificate.as_hours() / 24;
    u32::try_from(used.saturating_mul(2))
        .unwrap_or(VALID_DAYS)
        .max(VALID_DAYS)
}

/// The size of an RSA key, the smallest that Graph accepts.
const KEY_BITS: usize = 2048;

/// The shortest validity of a certificate, in days.
const VALID_DAYS: u32 = 730;

/// The secret's name, for messages.
const SECRET: &str = "DecryptionSecret";
