//! Which items of a POST are admitted, and what becomes of them.

use std::collections::BTreeMap;

use graph_core::{
    client_state::{ClientStateKeys, Refused},
    collection::Collection,
    notification::{Kind, Malformed, Unadmitted},
    queued::QueuedItem,
    tokens::TokenIndex,
};
use graph_edge::sqs::Message;
use jiff::Timestamp;

/// The items of one POST, sorted.
#[derive(Debug, Default)]
pub struct Intake {
    /// Admitted items that tell of changes, one message each.
    pub changes: Vec<Message>,
    /// Admitted items that tell of the subscriptions themselves, one message each.
    pub lifecycle: Vec<Message>,
    /// Items that are not admitted, by reason.
    pub refused: BTreeMap<Refused, usize>,
    /// Items that are not of Graph's form.
    pub malformed: usize,
}

impl Intake {
    /// Sorts the items of a collection, each by itself.
    pub fn sort(collection: &Collection<'_>, keys: &ClientStateKeys, received_at: Timestamp) -> Self {
        let tokens = TokenIndex::new(&collection.validation_tokens);
        let mut intake = Self::default();
        for item in &collection.items {
            let Ok(item) = Unadmitted::parse(item) else {
                intake.malformed += 1;
                continue;
            };
            let admitted = match item.admit(keys) {
                Ok(admitted) => admitted,
                Err(refused) => {
                    *intake.refused.entry(refused).or_default() += 1;
                    continue;
                }
            };
            let proven = admitted.proven();
            let tokens = tokens.relevant(&proven.tenant_id, &proven.client_id);
            let tokens = if admitted.is_encrypted() {
                tokens
            } else {
                Vec::new()
            };
            let tokens = tokens.into_iter().map(Into::into).collect();
            let queue = match admitted.kind() {
                Kind::Change => &mut intake.changes,
                Kind::Lifecycle => &mut intake.lifecycle,
            };
            match QueuedItem::new(&admitted, tokens, received_at).into_body() {
                Ok(body) => queue.push(body.into()),
                Err(Malformed) => intake.malformed += 1,
            }
        }
        intake
    }

    /// Returns whether an item names a key that is not known, which a newer document may hold.
    pub fn meets_unknown_key(&self) -> bool {
        self.refused.contains_key(&Refused::UnknownKey)
    }

    /// Returns how many items are not admitted.
    pub fn refused(&self) -> usize {
        self.refused.values().sum()
    }
}
