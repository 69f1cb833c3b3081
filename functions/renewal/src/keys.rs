//! Reads and writes `ClientStateSecret` and `DecryptionSecret`. [`graph_core::subscription::rotation`] decides their
//! content.

use std::collections::BTreeMap;

use getrandom::SysRng;
use graph_core::{
    notification::client_state::ClientStateKeys,
    secrets::Secret,
    secrets::{ClientStateDocument, DecryptionDocument},
    subscription::{
        config::Config,
        rotation::{
            KeyChanges, KeysInUse, Lead, PublishedKeys, RotationRequest, retire_certificates,
            retire_client_state_keys, update_client_state, update_decryption,
        },
    },
};
use graph_edge::{
    BoxError,
    documents::{self, client_state_keys},
    secrets::{Source, update},
    telemetry::causes,
};
use jiff::SignedDuration;
use rand_core::UnwrapErr;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tracing::error;

pub(crate) use self::latest::{LatestKeys, key_ids};
use crate::{
    Error,
    ports::{Clock, Document, Documents},
};

mod latest;

/// Returns the keys that queue messages are verified and sealed with. They are read after the
/// messages arrived: a key that is unknown now is not valid.
pub(crate) async fn of_messages(documents: &impl Documents) -> Option<ClientStateKeys> {
    let read = async || -> Result<Option<ClientStateKeys>, BoxError> {
        let document = documents.secret(Document::ClientState).read().await?;
        let keys = document.map(|document| client_state_keys(document.text.expose()));
        keys.transpose()
    };
    let keys = read().await.inspect_err(|error| {
        error!(
            error = causes(&**error),
            "ClientStateSecret cannot be read or has no usable key, so messages of LifecycleQueue and windows for ReadQueue wait"
        );
    });
    keys.ok().flatten()
}

/// Reads both documents and, unless it is a dry run, first updates them for `config` and `request`. Returns the
/// published keys and the changes.
///
/// Published before any subscription is created, so that the webhook can admit and decryption can decrypt its first
/// notification.
pub(crate) async fn publish(
    documents: &impl Documents,
    clock: &impl Clock,
    config: &Config,
    request: &RotationRequest,
) -> Result<(PublishedKeys, KeyChanges), Error> {
    let dry_run = request.dry_run;
    // The clock is read in each try: the lead counts from the write that succeeds.
    let update = |document: &mut ClientStateDocument| {
        has_readable_key(document)?;
        let mut rng = UnwrapErr(SysRng);
        Ok(update_client_state(
            document,
            config,
            request,
            clock.now(),
            &mut rng,
        ))
    };
    let (client_state, mut changes) = swap(documents, Document::ClientState, dry_run, update).await?;
    let update = |document: &mut DecryptionDocument| {
        update_decryption(document, config, request, clock.now(), &mut UnwrapErr(SysRng))
            .map_err(|error| Error::Certificate(Box::new(error)))
    };
    let (decryption, more) = swap(documents, Document::Decryption, dry_run, update).await?;
    changes.done.extend(more.done);
    changes.refused.extend(more.refused);
    let keys = PublishedKeys {
        client_state,
        decryption,
    };
    Ok((keys, changes))
}

/// Notes which older keys no subscription names, and removes those that no message under way can name. Returns the
/// removed keys. `in_use` has to cover all applications.
pub(crate) async fn retire(
    documents: &impl Documents,
    clock: &impl Clock,
    keys: &PublishedKeys,
    config: &Config,
    in_use: &KeysInUse,
) -> Result<Vec<String>, Error> {
    let mut removed = Vec::new();
    let client_state =
        |document: &mut ClientStateDocument| retire_client_state_keys(document, in_use, clock.now());
    // Tried on a copy first: most runs change nothing, and a needless read of the secret costs time and money.
    if client_state(&mut keys.client_state.clone()).is_changed {
        let update = |document: &mut _| Ok(client_state(document));
        let (_, changes) = swap(documents, Document::ClientState, false, update).await?;
        removed.extend(changes.done);
    }
    let certificates =
        |document: &mut DecryptionDocument| retire_certificates(document, config, in_use, clock.now());
    if certificates(&mut keys.decryption.clone()).is_changed {
        let update = |document: &mut _| Ok(certificates(document));
        let (_, changes) = swap(documents, Document::Decryption, false, update).await?;
        removed.extend(changes.done);
    }
    Ok(removed)
}

/// Reads both documents.
pub(crate) async fn read(documents: &impl Documents) -> Result<PublishedKeys, Error> {
    let unchanged = |_: &mut DecryptionDocument| Ok(KeyChanges::default());
    Ok(PublishedKeys {
        client_state: client_state(documents).await?,
        decryption: swap(documents, Document::Decryption, true, unchanged).await?.0,
    })
}

/// Reads `ClientStateSecret`.
pub(crate) async fn client_state(documents: &impl Documents) -> Result<ClientStateDocument, Error> {
    let unchanged = |document: &mut ClientStateDocument| {
        has_readable_key(document)?;
        Ok(KeyChanges::default())
    };
    Ok(swap(documents, Document::ClientState, true, unchanged).await?.0)
}

/// Refuses a document whose keys all cannot be read, or one of which does not even show its id: without a key nothing can be
/// created, and what exists must not be replaced before a person has corrected the document.
fn has_readable_key(document: &ClientStateDocument) -> Result<(), Error> {
    let is_nameless = document.odd.keys.iter().any(|key| key.id.is_none());
    if is_nameless || document.keys.is_empty() && document.has_keys() {
        return Err(Error::Malformed(Document::ClientState));
    }
    Ok(())
}

/// Reads a document, changes it, and writes it if something changed. If another run wrote first, the change is applied
/// to the new content.
async fn swap<T: Default + Serialize + DeserializeOwned>(
    documents: &impl Documents,
    document: Document,
    dry_run: bool,
    change: impl Fn(&mut T) -> Result<KeyChanges, Error>,
) -> Result<(T, KeyChanges), Error> {
    let change = |text: Option<&str>| {
        let mut content: T = match text {
            None => T::default(),
            Some(text) => parse(text).ok_or(Error::Malformed(document))?,
        };
        let changes = change(&mut content)?;
        let text = (changes.is_changed && !dry_run).then(|| serde_json::to_string(&content).map(Secret::new));
        let text = text.transpose().map_err(|_| Error::Malformed(document))?;
        Ok(((content, changes), text))
    };
    let secret = documents.secret(document);
    let found = secret.read().await?;
    update(&secret, found, change).await
}

/// Parses a document that renewal wrote, or an empty object. Any other text is refused, so that it is not overwritten.
fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    // Raw, so that no copy of a key is left behind.
    let members: BTreeMap<&str, &RawValue> = serde_json::from_str(text).ok()?;
    // Renewal writes this member even when it is empty.
    if !members.is_empty() && !members.contains_key("keys") {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// How early keys and applications are published before their first use: for a key the longest time for which other
/// functions cache a document, for an application the shortest time between two reads of an instance that meets an unknown
/// one; plus a margin for the write, which ends within seconds, and for clocks that differ.
pub(crate) const LEAD: Lead = Lead {
    key: documents::LIFETIME.saturating_add(SignedDuration::from_mins(1)),
    application: documents::FLOOR.saturating_add(SignedDuration::from_secs(15)),
};
