//! The content of `ClientStateSecret` and `DecryptionSecret`: made on the first run, kept up with the configuration,
//! and replaced bit by bit as keys grow old ([`graph_core::subscription::rotation`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use graph_core::{
    secret::Secret,
    secrets::{
        ClientStateDocument, ClientStateKeyEntry, DecryptionDocument, DecryptionKeyEntry, KeyLife,
        TrustedTenant,
    },
    subscription::{
        config::{Config, Tenant},
        rotation::{self, Life, Rotation},
    },
};
use graph_edge::{documents, secrets::SecretError};
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    Error,
    ports::{Document, Documents},
};

pub(crate) use self::retire::{Named, retire};

mod certificate;
mod client_state;
mod retire;

/// What renewal mints with and encrypts for, as published to the other functions.
#[derive(Default)]
pub(crate) struct Keys {
    /// The client-state keys.
    pub(crate) client_state: ClientStateDocument,
    /// The certificates and their private keys.
    pub(crate) decryption: DecryptionDocument,
    /// What was made just now, for the report.
    pub(crate) made: Vec<String>,
    /// What should have been made and would not fit.
    pub(crate) refused: Vec<String>,
}

/// When keys are replaced.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Order {
    /// How long they are used.
    pub(crate) rotation: Rotation,
    /// Which of them a person wants replaced now.
    pub(crate) forced: Forced,
}

/// What a person wants replaced now, because it may have leaked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forced {
    /// The client-state keys.
    pub(crate) client_state: bool,
    /// The certificate.
    pub(crate) certificate: bool,
}

/// Reads both documents, and unless `dry_run` brings them up to date with `config` and `order` first.
///
/// They are written before any subscription is made, so that what the webhook and decryption have to know is known.
pub(crate) async fn publish<D: Documents, R: CryptoRng>(
    documents: &D,
    rng: &Mutex<R>,
    config: &Config,
    order: &Order,
    now: Timestamp,
    dry_run: bool,
) -> Result<Keys, Error> {
    let mut keys = Keys::default();
    let mut news = News::default();
    keys.client_state = update(documents, Document::ClientState, dry_run, |document| {
        news = News::default();
        client_state::add(document, config, now, rng, &mut news);
        client_state::replace(document, config, order, now, rng, &mut news);
        Ok(news.changes)
    })
    .await?;
    news.move_to(&mut keys);
    keys.decryption = update(
        documents,
        Document::Decryption,
        dry_run,
        |document: &mut DecryptionDocument| {
            news = News::default();
            if document.keys.is_empty() && !config.tenants.is_empty() {
                certificate::add(document, order, now, None, dry_run, rng, &mut news)?;
            }
            certificate::replace(document, order, now, dry_run, rng, &mut news)?;
            Ok(follow_tenants(document, config) || news.changes)
        },
    )
    .await?;
    news.move_to(&mut keys);
    Ok(keys)
}

/// What a change to a document comes to.
#[derive(Default)]
struct News {
    changes: bool,
    ids: BTreeSet<String>,
    made: Vec<String>,
    refused: Vec<String>,
}

impl News {
    fn made(&mut self, id: &str, what: String) {
        self.changes = true;
        self.ids.insert(id.to_owned());
        self.made.push(what);
    }

    fn move_to(&mut self, keys: &mut Keys) {
        keys.made.append(&mut self.made);
        keys.refused.append(&mut self.refused);
    }
}

/// Reads a document, changes it, and writes it if `change` says so. When another run was faster, what that one wrote
/// is changed instead.
async fn update<D: Documents, T: Default + Serialize + DeserializeOwned>(
    documents: &D,
    document: Document,
    dry_run: bool,
    mut change: impl FnMut(&mut T) -> Result<bool, Error>,
) -> Result<T, Error> {
    for _ in 0..WRITERS {
        let version = documents.read(document).await.map_err(Error::Documents)?;
        let mut content: T = match &version {
            None => T::default(),
            Some(version) => parse(version.text.expose()).ok_or(Error::Malformed(document))?,
        };
        if !change(&mut content)? || dry_run {
            return Ok(content);
        }
        let text = serde_json::to_string(&content).map_err(|_| Error::Malformed(document))?;
        let text = Secret::new(text);
        if text.expose().len() > MAX_BYTES {
            return Err(Error::TooLarge(document));
        }
        let based_on = version.as_ref().map(|version| version.version_id.as_str());
        match documents.write(document, &text, based_on).await {
            Ok(()) => return Ok(content),
            Err(SecretError::Conflict) => {}
            Err(error) => return Err(Error::Documents(error)),
        }
    }
    Err(Error::Documents(SecretError::Conflict))
}

/// Reads what renewal has written, or an empty object. Anything else is not to be written over.
fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    // Raw, so that no copy of a key is left behind.
    let members: BTreeMap<&str, &RawValue> = serde_json::from_str(text).ok()?;
    if !members.is_empty() && !members.contains_key("keys") {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Has subscriptions leave all but the newest key as soon as that is in use, and returns whether that is new.
fn hurry<'a>(keys: impl Iterator<Item = (Timestamp, &'a mut KeyLife)>) -> bool {
    let mut keys: Vec<_> = keys.collect();
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

/// Makes the trusted tenants those of the configuration, and returns whether they were others. While the configuration
/// has errors none is taken away: it may be the one that could not be read.
fn follow_tenants(document: &mut DecryptionDocument, config: &Config) -> bool {
    let mut wanted: BTreeSet<TrustedTenant> = config
        .tenants
        .values()
        .map(|tenant| TrustedTenant {
            tenant_id: tenant.tenant_id.clone(),
            client_id: tenant.client_id.clone(),
            cloud: tenant.cloud,
        })
        .collect();
    let present: BTreeSet<TrustedTenant> = document.tenants.iter().cloned().collect();
    if !config.whole {
        wanted.extend(present.iter().cloned());
    }
    let changes = wanted != present;
    document.tenants = wanted.into_iter().collect();
    changes
}

impl Keys {
    /// Returns the client-state keys of an application.
    pub(crate) fn of(&self, tenant: &Tenant) -> Vec<&ClientStateKeyEntry> {
        let keys = self.client_state.keys.iter();
        keys.filter(|key| is_of(key, tenant)).collect()
    }

    /// Returns whether all client-state keys of an application were made a moment ago.
    pub(crate) fn are_new(&self, tenant: &Tenant, now: Timestamp) -> bool {
        let is_new = |key: &ClientStateKeyEntry| after(key.created_at, KNOWN_BY_ALL) >= now;
        self.of(tenant).into_iter().all(is_new)
    }

    /// Returns the key to mint with: the newest that may be used, or else the one that may be used first.
    pub(crate) fn mint_key(&self, tenant: &Tenant, now: Timestamp) -> Option<&ClientStateKeyEntry> {
        let keys = self.of(tenant);
        let current = rotation::current(&lives(&keys), now)?;
        keys.into_iter().find(|key| key.id == current.id)
    }

    /// Returns what is known about the lives of an application's client-state keys.
    pub(crate) fn lives_of(&self, tenant: &Tenant) -> Vec<Life<'_>> {
        lives(&self.of(tenant))
    }

    /// Returns the certificate that is in use, with its private key.
    pub(crate) fn certificate(&self, now: Timestamp) -> Option<&DecryptionKeyEntry> {
        let current = rotation::current(&self.certificate_lives(), now)?;
        self.decryption.keys.iter().find(|key| key.id == current.id)
    }

    /// Returns what is known about the lives of the certificates.
    pub(crate) fn certificate_lives(&self) -> Vec<Life<'_>> {
        self.decryption.keys.iter().map(Life::from).collect()
    }
}

fn lives<'a>(keys: &[&'a ClientStateKeyEntry]) -> Vec<Life<'a>> {
    keys.iter().map(|key| Life::from(*key)).collect()
}

fn is_of(key: &ClientStateKeyEntry, tenant: &Tenant) -> bool {
    key.tenant_id.eq_ignore_ascii_case(&tenant.tenant_id)
        && key.client_id.eq_ignore_ascii_case(&tenant.client_id)
}

fn after(now: Timestamp, duration: SignedDuration) -> Timestamp {
    now.saturating_add(duration).unwrap_or(now)
}

/// Returns how many bytes a document takes.
fn size(document: &impl Serialize) -> usize {
    /// Counts, so that no copy of a key is made.
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, document).map_or(usize::MAX / 2, |()| count.0)
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

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The length of a key id, part of every client state.
const ID_LENGTH: usize = 8;

/// How long after a document is written every instance of the other functions has read it: as long as they keep one,
/// and a minute for writing it and for clocks that differ.
const KNOWN_BY_ALL: SignedDuration = documents::LIFETIME.saturating_add(SignedDuration::from_mins(1));

/// The most that a secret holds (AWS Secrets Manager, *quotas*).
const MAX_BYTES: usize = 65_536;

/// How many runs may write the same document at once.
const WRITERS: usize = 5;
