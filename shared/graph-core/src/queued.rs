//! The queue message that carries one admitted item from the webhook to the function that processes it.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    batch,
    fields::{Malformed, Members},
    notification::Admitted,
};

/// One admitted item on its way.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedItem<'a> {
    /// The subscription's name, proven by the client state.
    #[serde(borrow)]
    pub subscription: Cow<'a, str>,
    /// The tenant, proven by the client state.
    #[serde(borrow)]
    pub tenant_id: Cow<'a, str>,
    /// The application that made the subscription, proven by the client state.
    #[serde(borrow)]
    pub client_id: Cow<'a, str>,
    /// When the webhook received the item.
    pub received_at: Timestamp,
    /// Whether the item was too large for a message, so that parts of it were left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub content_omitted: bool,
    /// The validation tokens that can vouch for the item, unverified.
    #[serde(default, skip_serializing_if = "Vec::is_empty", borrow)]
    pub validation_tokens: Vec<Cow<'a, str>>,
    /// The item as Graph sent it.
    #[serde(borrow)]
    pub item: &'a RawValue,
}

impl<'a> QueuedItem<'a> {
    /// Puts an admitted item on its way.
    pub fn new(
        admitted: &'a Admitted<'a>,
        validation_tokens: Vec<Cow<'a, str>>,
        received_at: Timestamp,
    ) -> Self {
        let proven = admitted.proven();
        Self {
            subscription: Cow::Borrowed(&proven.subscription),
            tenant_id: Cow::Borrowed(&proven.tenant_id),
            client_id: Cow::Borrowed(&proven.client_id),
            received_at,
            content_omitted: false,
            validation_tokens,
            item: admitted.raw(),
        }
    }

    /// Reads the body of a queue message.
    ///
    /// # Errors
    ///
    /// Returns an error when the body is not one that [`QueuedItem::into_body`] makes.
    pub fn parse(body: &'a str) -> Result<Self, Malformed> {
        serde_json::from_str(body).map_err(|_| Malformed)
    }

    /// Returns the body of the queue message, at most [`batch::MAX_BODY_BYTES`] long.
    ///
    /// An item that is too large goes on without its encrypted content, which its consumer can still fetch by the
    /// item's resource; one that is too large even so keeps its small members alone.
    ///
    /// # Errors
    ///
    /// Returns an error when the item is not an object.
    pub fn into_body(self) -> Result<String, Malformed> {
        let body = self.to_json()?;
        if body.len() <= batch::MAX_BODY_BYTES {
            return Ok(body);
        }
        let without_content = self.keeping(|key, _| !key.eq_ignore_ascii_case("encryptedContent"))?;
        if without_content.len() <= batch::MAX_BODY_BYTES {
            return Ok(without_content);
        }
        self.keeping(|key, value| key.len() + value.get().len() <= SMALL_MEMBER_BYTES)
    }

    /// Returns the body with only those members of the item that `keep` wants, and no token: there is nothing to open.
    fn keeping(&self, keep: impl Fn(&str, &RawValue) -> bool) -> Result<String, Malformed> {
        let item = Members::parse(self.item)?.retain(keep).ok_or(Malformed)?;
        let reduced = QueuedItem {
            subscription: Cow::Borrowed(&self.subscription),
            tenant_id: Cow::Borrowed(&self.tenant_id),
            client_id: Cow::Borrowed(&self.client_id),
            received_at: self.received_at,
            content_omitted: true,
            validation_tokens: Vec::new(),
            item: &item,
        };
        reduced.to_json()
    }

    fn to_json(&self) -> Result<String, Malformed> {
        serde_json::to_string(self)
            .map(batch::storable)
            .map_err(|_| Malformed)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What a member of an oversize item may take; the most members of an object times this fits into a message.
const SMALL_MEMBER_BYTES: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::MAX_MEMBERS;

    #[test]
    fn an_item_survives_the_way_unchanged() {
        let item = raw(r#"{"n":1.10, "big":12345678901234567890123, "b":"ü\u0041"}"#);
        let body = queued(&item).into_body().unwrap();
        let read = QueuedItem::parse(&body).unwrap();
        assert_eq!(read.item.get(), item.get());
        assert_eq!(read.subscription, "mail");
        assert_eq!(read.validation_tokens, ["token"]);
        assert!(!read.content_omitted);
    }

    #[test]
    fn an_oversize_item_goes_on_without_its_encrypted_content() {
        let item = raw(&format!(
            r#"{{"resource":"r","resourceData":{{"id":"1"}},"EncryptedContent":{{"data":"{}"}}}}"#,
            "A".repeat(batch::MAX_BODY_BYTES)
        ));
        let body = queued(&item).into_body().unwrap();
        let read = QueuedItem::parse(&body).unwrap();
        assert_eq!(read.item.get(), r#"{"resource":"r","resourceData":{"id":"1"}}"#);
        assert!(read.content_omitted);
        assert!(read.validation_tokens.is_empty());
    }

    #[test]
    fn an_item_that_is_oversize_even_so_keeps_its_small_members() {
        let item = raw(&format!(
            r#"{{"resource":"r","resourceData":{{"id":"{}"}},"encryptedContent":{{}}}}"#,
            "A".repeat(batch::MAX_BODY_BYTES)
        ));
        let body = queued(&item).into_body().unwrap();
        assert_eq!(
            QueuedItem::parse(&body).unwrap().item.get(),
            r#"{"resource":"r","encryptedContent":{}}"#
        );
        assert!(MAX_MEMBERS * SMALL_MEMBER_BYTES < batch::MAX_BODY_BYTES);
    }

    #[test]
    fn a_body_that_is_not_ours_is_malformed() {
        for body in ["", "{}", "[]", "null", r#"{"subscription":"a"}"#, "\u{0}"] {
            assert!(QueuedItem::parse(body).is_err(), "{body}");
        }
    }

    fn queued(item: &RawValue) -> QueuedItem<'_> {
        QueuedItem {
            subscription: "mail".into(),
            tenant_id: "t".into(),
            client_id: "c".into(),
            received_at: "2026-11-22T10:00:00Z".parse().unwrap(),
            content_omitted: false,
            validation_tokens: vec!["token".into()],
            item,
        }
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }
}
