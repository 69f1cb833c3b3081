//! The content of `ClientStateSecret` and `DecryptionSecret`, made on the first run and kept up with the configuration.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use graph_core::{
    certificate,
    client_state::KEY_LENGTH,
    config::{Config, Tenant},
    secret::Secret,
    secrets::{ClientStateDocument, ClientStateKeyEntry, DecryptionDocument, KeyLife, TrustedTenant},
};
use graph_edge::{documents, secrets::SecretError};
use jiff::Timestamp;
use rand_core::CryptoRng;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{
    Error,
    ports::{Document, Documents},
};

/// What renewal mints with and encrypts for, as published to the other functions.
#[derive(Default)]
pub(crate) struct Keys {
    /// The client-state keys.
    pub(crate) client_state: ClientStateDocument,
    /// The certificates and their private keys.
    pub(crate) decryption: DecryptionDocument,
    /// What was made just now, for the report.
    pub(crate) made: Vec<String>,
}

/// Reads both documents, and unless `dry_run` brings them up to date with `config` first.
///
/// They are written before any subscription is made, so that what the webhook and decryption have to know is known.
pub(crate) async fn publish<D: Documents, R: CryptoRng>(
    documents: &D,
    rng: &Mutex<R>,
    config: &Config,
    now: Timestamp,
    dry_run: bool,
) -> Result<Keys, Error> {
    let mut keys = Keys::default();
    let mut made = Vec::new();
    keys.client_state = update(documents, Document::ClientState, dry_run, |document| {
        made = add_client_state_keys(document, config, now, rng);
        Ok(!made.is_empty())
    })
    .await?;
    keys.made.append(&mut made);
    keys.decryption = update(
        documents,
        Document::Decryption,
        dry_run,
        |document: &mut DecryptionDocument| {
            made.clear();
            if document.keys.is_empty() && !config.tenants.is_empty() {
                made.push(add_certificate(document, now, dry_run, rng)?);
            }
            let changes = follow_tenants(document, config);
            Ok(changes || !made.is_empty())
        },
    )
    .await?;
    keys.made.append(&mut made);
    Ok(keys)
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
        let based_on = version.as_ref().map(|version| version.version_id.as_str());
        match documents.write(document, &Secret::new(text), based_on).await {
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

/// Adds a key for every application that has none, and returns what to say about it. No key is ever taken away here:
/// subscriptions made with it may still send.
fn add_client_state_keys<R: CryptoRng>(
    document: &mut ClientStateDocument,
    config: &Config,
    now: Timestamp,
    rng: &Mutex<R>,
) -> Vec<String> {
    // No instance of the webhook has cached a document without keys for longer than a moment. One that has keys is
    // read again for an unknown key, but not at once.
    let is_first = document.keys.is_empty();
    let mint_from = if is_first {
        now
    } else {
        now.saturating_add(documents::FLOOR).unwrap_or(now)
    };
    let mut made = Vec::new();
    for (name, tenant) in &config.tenants {
        if document.keys.iter().any(|key| is_of(key, tenant)) {
            continue;
        }
        let mut rng = rng.lock().unwrap_or_else(PoisonError::into_inner);
        let mut secret = Zeroizing::new([0; KEY_LENGTH]);
        rng.fill_bytes(secret.as_mut_slice());
        let id = letters(&mut *rng);
        made.push(format!("client-state key {id} for tenant {name}"));
        document.keys.push(ClientStateKeyEntry {
            id,
            key: BASE64_STANDARD.encode(secret.as_slice()),
            tenant_id: tenant.tenant_id.clone(),
            client_id: tenant.client_id.clone(),
            created_at: now,
            mint_from,
            life: KeyLife::default(),
        });
    }
    made
}

/// Adds a key pair with its certificate, and returns what to say about it. A dry run names it only: making it takes a
/// while.
fn add_certificate<R: CryptoRng>(
    document: &mut DecryptionDocument,
    now: Timestamp,
    dry_run: bool,
    rng: &Mutex<R>,
) -> Result<String, Error> {
    let mut rng = rng.lock().unwrap_or_else(PoisonError::into_inner);
    let id = format!("c-{}-{}", now.strftime("%Y%m%d"), letters(&mut *rng));
    if !dry_run {
        let entry = certificate::generate(&id, KEY_BITS, now, VALID_DAYS, &mut *rng)
            .map_err(|error| Error::Certificate(Box::new(error)))?;
        document.keys.push(entry);
    }
    Ok(format!("certificate {id}"))
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
    /// Returns the client-state keys of an application, oldest first.
    pub(crate) fn of(&self, tenant: &Tenant) -> Vec<&ClientStateKeyEntry> {
        let mut keys: Vec<_> = self
            .client_state
            .keys
            .iter()
            .filter(|key| is_of(key, tenant))
            .collect();
        keys.sort_by_key(|key| key.mint_from);
        keys
    }

    /// Returns the key to mint with: the newest that may be used, or else the one that may be used first.
    pub(crate) fn mint_key(&self, tenant: &Tenant, now: Timestamp) -> Option<&ClientStateKeyEntry> {
        let keys = self.of(tenant);
        let usable = keys.iter().rev().find(|key| key.mint_from <= now);
        usable.or(keys.first()).copied()
    }
}

fn is_of(key: &ClientStateKeyEntry, tenant: &Tenant) -> bool {
    key.tenant_id.eq_ignore_ascii_case(&tenant.tenant_id)
        && key.client_id.eq_ignore_ascii_case(&tenant.client_id)
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

/// How long a certificate says that it is valid. Graph does not look at it; an expired one still decrypts.
const VALID_DAYS: u32 = 730;

/// How many runs may write the same document at once.
const WRITERS: usize = 5;
