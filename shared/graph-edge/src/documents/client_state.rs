//! The content of ClientStateSecret.

use graph_core::{
    notification::{
        client_state::{ClientStateKeys, Proven},
        queued::Unproven,
    },
    read::{QueueMessage, Rejected},
    secrets::ClientStateDocument,
};
use jiff::Timestamp;

use super::{CachedDocument, NoDocument, malformed, report_unusable};
use crate::{BoxError, deadline::Deadline, secrets::Source, telemetry::printable_id};

impl<S: Source> CachedDocument<S, ClientStateKeys> {
    /// Opens a message of a queue, a second time with newer keys where it names a key or an application that is not known.
    ///
    /// # Errors
    ///
    /// Returns why nobody may act on it, or that there are no keys that are new enough to judge it.
    pub async fn open<'a>(
        &self,
        body: &'a str,
        now: Timestamp,
        deadline: Deadline,
    ) -> Result<QueueMessage<'a>, Unopened> {
        let keys = self.current(now, deadline).await?;
        match QueueMessage::open(body, &keys) {
            Err(rejected) if rejected.unproven.may_be_proven_by_now() => {}
            opened => return Ok(opened?),
        }
        let newer = self.renewed(now, deadline).await?;
        let Rejected { unproven, owner } = match QueueMessage::open(body, &newer.document) {
            Ok(message) => return Ok(message),
            Err(rejected) => rejected,
        };
        let is_judged = newer.is_conclusive || !unproven.may_be_proven_by_now();
        Err(Unopened {
            unproven: Some(unproven).filter(|unproven| is_judged && !unproven.is_undecidable()),
            owner,
        })
    }
}

/// A message that was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unopened {
    /// What is not proven; nothing where no keys are new enough to judge it.
    pub unproven: Option<Unproven>,
    /// Whose the message is, if its seal holds.
    pub owner: Option<Proven>,
}

impl From<NoDocument> for Unopened {
    fn from(NoDocument: NoDocument) -> Self {
        Self {
            unproven: None,
            owner: None,
        }
    }
}

impl From<Rejected> for Unopened {
    fn from(Rejected { unproven, owner }: Rejected) -> Self {
        Self {
            unproven: Some(unproven),
            owner,
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
    let unusable = unusable.iter().map(|id| format!("key {}", printable_id(id)));
    report_unusable("ClientStateSecret", unusable.chain(document.odd.names()));
    if keys.is_empty() {
        Err("it has no usable client-state key".into())
    } else {
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::Written;

    #[test]
    fn unusable_entries_are_one_line_and_the_others_are_used() {
        let written = Written::start();
        let document = document(&json!({"id": "k2", "key": "hunter2"}), &json!("nonsense"));
        assert!(client_state_keys(&document).is_ok());
        let lines = written.take();
        assert_eq!(lines.matches("ERROR").count(), 1, "{lines}");
        assert!(
            lines.contains("2 entries of ClientStateSecret cannot be used: keys[1] (k2), trusted[0]"),
            "{lines}"
        );
        assert!(
            !lines.contains("hunter2") && !lines.contains("nonsense"),
            "{lines}"
        );
        let key = json!({"id": "k2", "key": "AAAA", "createdAt": "2026-11-22T10:00:00Z"});
        let application = json!({"clientId": CLIENT, "cloud": "global", "tenants": [CLIENT]});
        assert!(client_state_keys(&self::document(&key, &application)).is_ok());
        assert!(
            written
                .take()
                .contains("1 entries of ClientStateSecret cannot be used: key k2;")
        );
    }

    fn document(key: &Value, application: &Value) -> String {
        let good = json!({"id": "k1", "key": BASE64.encode([7; 32]), "createdAt": "2026-11-22T10:00:00Z"});
        json!({"keys": [good, key], "trusted": [application]}).to_string()
    }

    const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
}
