//! The content of ClientStateSecret.

use graph_core::{
    notification::{client_state::ClientStateKeys, queued::Unproven},
    read::QueueMessage,
    secrets::ClientStateDocument,
};
use jiff::Timestamp;
use tracing::error;

use super::{CachedDocument, NoDocument, malformed};
use crate::{BoxError, deadline::Deadline, secrets::Source, telemetry::printable_id};

impl<S: Source> CachedDocument<S, ClientStateKeys> {
    /// Opens a message of a queue, a second time with newer keys where it names a key or an application that is not known.
    ///
    /// # Errors
    ///
    /// Returns an error when there are no keys, or none that are new enough to judge the message.
    pub async fn open<'a>(
        &self,
        body: &'a str,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<Result<QueueMessage<'a>, Unproven>, NoDocument> {
        let keys = self.current(now, deadline).await?;
        match QueueMessage::open(body, &keys) {
            Err(unproven) if unproven.may_be_proven_by_now() => {}
            opened => return Ok(opened),
        }
        let newer = self.renewed(now, deadline).await?;
        match QueueMessage::open(body, &newer.document) {
            Err(unproven) if unproven.may_be_proven_by_now() && !newer.is_conclusive => Err(NoDocument),
            opened => Ok(opened),
        }
    }
}

/// Returns the keys of ClientStateSecret.
///
/// # Errors
///
/// Returns an error when there is no usable key, so that the secret is soon read again.
pub fn client_state_keys(text: &str) -> Result<ClientStateKeys, BoxError> {
    let document: ClientStateDocument = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    let (keys, unusable) = ClientStateKeys::parse(&document);
    if !unusable.is_empty() {
        let keys: Vec<&str> = unusable.iter().map(|id| printable_id(id)).collect();
        error!(
            ?keys,
            "Client-state keys {keys:?} are not usable; remove them from ClientStateSecret"
        );
    }
    if keys.is_empty() {
        Err("it has no usable client-state key".into())
    } else {
        Ok(keys)
    }
}
