//! Which items of a POST are admitted, and the messages that they become.

use std::collections::BTreeMap;

use graph_core::notification::{
    client_state::{ClientStateKeys, Refused},
    collection::Collection,
    fields::Malformed,
    item::{Admitted, Kind, Unadmitted},
    queued::QueuedItem,
    tokens::TokenIndex,
};
use graph_edge::sqs::{Message, Queue};
use jiff::Timestamp;
use tracing::error;

/// The items of one POST, sorted.
#[derive(Debug, Default)]
pub struct Intake<'a> {
    /// Admitted items that tell of changes.
    pub changes: Vec<Admitted<'a>>,
    /// Admitted items that tell of the subscriptions themselves.
    pub lifecycle: Vec<Admitted<'a>>,
    /// Items that are not admitted, by reason.
    pub refused: BTreeMap<Refused, usize>,
    /// Items that are not of Graph's form, by what is wrong with them.
    pub malformed: BTreeMap<Malformed, usize>,
}

impl<'a> Intake<'a> {
    /// Sorts the items of a collection, each by itself.
    pub fn sort(collection: &Collection<'a>, keys: &ClientStateKeys) -> Self {
        let mut intake = Self::default();
        for item in &collection.items {
            let item = match Unadmitted::parse(item) {
                Ok(item) => item,
                Err(malformed) => {
                    *intake.malformed.entry(malformed).or_default() += 1;
                    continue;
                }
            };
            match item.admit(keys) {
                Ok(item) if item.kind() == Kind::Lifecycle => intake.lifecycle.push(item),
                Ok(item) => intake.changes.push(item),
                Err(refused) => *intake.refused.entry(refused).or_default() += 1,
            }
        }
        intake
    }

    /// Returns whether an item names a key or an application that is not known, which a newer document may hold.
    pub fn meets_unknown_key(&self) -> bool {
        self.refused.keys().any(|reason| reason.may_be_known_by_now())
    }
}

/// Makes the messages of admitted items.
pub struct Messages<'a> {
    tokens: TokenIndex<'a>,
    received_at: Timestamp,
}

impl<'a> Messages<'a> {
    /// Reads the validation tokens that came along, if an item needs them: nobody who has no client state can make us.
    pub fn new(collection: &'a Collection<'_>, intake: &Intake<'_>, received_at: Timestamp) -> Self {
        let mut items = intake.changes.iter().chain(&intake.lifecycle);
        let tokens = if items.any(Admitted::is_encrypted) {
            collection.validation_tokens.as_slice()
        } else {
            &[]
        };
        Self {
            tokens: TokenIndex::new(tokens),
            received_at,
        }
    }

    /// Sends one message for each item, some mebibytes at a time, and returns how many items are not stored.
    pub async fn send(&self, items: &[Admitted<'_>], queue: &impl Queue) -> usize {
        let (mut lost, mut messages, mut bytes) = (0, Vec::new(), 0);
        for item in items {
            let Some(message) = self.message(item) else {
                continue;
            };
            bytes += message.body.len();
            messages.push(message);
            if bytes >= BYTES_AT_A_TIME {
                lost += send(&messages, queue).await;
                messages.clear();
                bytes = 0;
            }
        }
        lost + send(&messages, queue).await
    }

    fn message(&self, item: &Admitted<'_>) -> Option<Message> {
        let proven = item.proven();
        let tokens = if item.is_encrypted() {
            self.tokens.relevant(&proven.tenant_id, &proven.client_id)
        } else {
            Vec::new()
        };
        let tokens = tokens.into_iter().map(Into::into).collect();
        match QueuedItem::new(item, tokens, self.received_at).into_body() {
            Ok(body) => Some(Message::of_tenant(&proven.tenant_id, body)),
            Err(malformed) => {
                error!(%malformed, "An admitted item cannot be queued and is lost: {malformed}");
                None
            }
        }
    }
}

async fn send(messages: &[Message], queue: &impl Queue) -> usize {
    if messages.is_empty() {
        return 0;
    }
    let stored = queue.send_all(messages).await;
    stored.iter().filter(|stored| stored.is_err()).count()
}

/// From how many bytes of messages on they are sent before more are made: each item can carry its tokens, so all of a
/// POST together can be much larger than the POST.
const BYTES_AT_A_TIME: usize = 16 * 1_048_576;
