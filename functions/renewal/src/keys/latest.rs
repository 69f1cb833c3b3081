//! The client-state keys that are published while a run goes on.

use std::collections::BTreeSet;

use futures_util::lock::Mutex;
use graph_core::secrets::ClientStateDocument;

use super::client_state;
use crate::ports::Documents;

/// What a run has found out about keys that were not published when it began.
#[derive(Debug, Default)]
pub(crate) struct LatestKeys(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    published: BTreeSet<String>,
    /// Those that were not published when they were looked for. They are gone: a key is published before a subscription names
    /// it.
    gone: BTreeSet<String>,
    /// Whether `ClientStateSecret` could not be read.
    is_unread: bool,
}

impl LatestKeys {
    /// Returns which of the `named` keys, that subscriptions name, are published. Reads them again only for a key that the run has
    /// not looked for. If they cannot be read, all count as published: then nothing proves that they are gone.
    pub(crate) async fn published(
        &self,
        documents: &impl Documents,
        named: BTreeSet<String>,
    ) -> BTreeSet<String> {
        // Held while reading: hundreds of tenants may look for the same key at once.
        let mut found = self.0.lock().await;
        let is_known = |id: &String| found.published.contains(id) || found.gone.contains(id);
        if !found.is_unread && !named.iter().all(is_known) {
            match client_state(documents).await {
                Ok(document) => {
                    found.published = key_ids(&document);
                    let gone: Vec<String> = named.difference(&found.published).cloned().collect();
                    found.gone.extend(gone);
                }
                Err(_) => found.is_unread = true,
            }
        }
        if found.is_unread {
            return named;
        }
        named.intersection(&found.published).cloned().collect()
    }
}

/// Returns the ids of the client-state keys, also of those that cannot be read: a person can correct them, so their
/// subscriptions are kept.
pub(crate) fn key_ids(document: &ClientStateDocument) -> BTreeSet<String> {
    let odd = document.odd.keys.iter().filter_map(|key| key.id.clone());
    let keys = document.keys.iter().map(|key| key.id.clone());
    keys.chain(odd).collect()
}
