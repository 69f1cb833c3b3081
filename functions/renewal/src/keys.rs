//! The content of `ClientStateSecret` and `DecryptionSecret`: made on the first run, kept up with the configuration,
//! and replaced bit by bit as keys grow old ([`graph_core::plan::rotation`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use graph_core::{
    certificate,
    client_state::KEY_LENGTH,
    config::{Config, Tenant},
    plan::rotation::{self, Life, Rotation},
    secret::Secret,
    secrets::{ClientStateDocument, ClientStateKeyEntry, DecryptionDocument, KeyLife, TrustedTenant},
};
use graph_edge::{documents, secrets::SecretError};
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{
    Error,
    ports::{Document, Documents},
};

pub(crate) use self::retire::{Named, retire};

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
        add_client_state_keys(document, config, now, rng, &mut news);
        replace_client_state_keys(document, config, order, now, rng, &mut news);
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
                add_certificate(document, order, now, None, dry_run, rng, &mut news)?;
            }
            replace_certificate(document, order, now, dry_run, rng, &mut news)?;
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

/// Adds a key for every application that has none. No key is ever taken away here: subscriptions made with it may still
/// send.
fn add_client_state_keys<R: CryptoRng>(
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
fn replace_client_state_keys<R: CryptoRng>(
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

/// Publishes the successor of a certificate that is old, or that a person wants replaced.
fn replace_certificate<R: CryptoRng>(
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
        add_certificate(document, order, now, Some(use_from), dry_run, rng, news)?;
    }
    if forced {
        let keys = document.keys.iter_mut();
        news.changes |= hurry(keys.map(|key| (key.life.use_from.unwrap_or(key.created_at), &mut key.life)));
    }
    Ok(())
}

/// Adds a key pair with its certificate. A dry run names it only: making it takes a while.
fn add_certificate<R: CryptoRng>(
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

/// The size of an RSA key, the least that Graph takes.
const KEY_BITS: usize = 2048;

/// How long a certificate says that it is valid at the least.
const VALID_DAYS: u32 = 730;

/// How long after a document is written every instance of the other functions has read it: as long as they keep one,
/// and a minute for writing it and for clocks that differ.
const KNOWN_BY_ALL: SignedDuration = documents::LIFETIME.saturating_add(SignedDuration::from_mins(1));

/// The most that a secret holds (AWS Secrets Manager, *quotas*).
const MAX_BYTES: usize = 65_536;

/// What another client-state key takes in its document, amply.
const CLIENT_STATE_KEY_BYTES: usize = 1024;

/// What another certificate and its private key take in their document, amply.
const CERTIFICATE_BYTES: usize = 6 * 1024;

/// How many runs may write the same document at once.
const WRITERS: usize = 5;
