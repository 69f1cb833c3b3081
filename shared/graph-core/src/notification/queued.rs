//! The queue message that carries one admitted item from the webhook to the function that processes it.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::notification::{
    fields::{Malformed, retain},
    item::Admitted,
    message,
};

/// One admitted item on its way. Prints neither the item nor its tokens.
#[derive(Serialize, Deserialize)]
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
        serde_json::from_str(body).map_err(|_| Malformed::Form)
    }

    /// Returns the body of the queue message, at most [`message::MAX_MESSAGE_BODY_BYTES`] long.
    ///
    /// An item that is too large goes on without its encrypted content, which its consumer can still fetch by the
    /// item's resource; one that is too large even so keeps its small members alone.
    ///
    /// # Errors
    ///
    /// Returns an error when the item is not an object, or has more members than an admitted one can have.
    pub fn into_body(self) -> Result<String, Malformed> {
        let body = self.to_json()?;
        if body.len() <= message::MAX_MESSAGE_BODY_BYTES {
            return Ok(body);
        }
        let without_content = self.keeping(|key, _| !key.eq_ignore_ascii_case("encryptedContent"))?;
        if without_content.len() <= message::MAX_MESSAGE_BODY_BYTES {
            return Ok(without_content);
        }
        let small = self.keeping(|key, value| most_bytes(key, value) <= SMALL_MEMBER_BYTES)?;
        if small.len() <= message::MAX_MESSAGE_BODY_BYTES {
            Ok(small)
        } else {
            Err(Malformed::TooLarge)
        }
    }

    /// Returns the body with only those members of the item that `keep` wants, and no token: there is nothing to open.
    fn keeping(&self, keep: impl Fn(&str, &RawValue) -> bool) -> Result<String, Malformed> {
        let item = retain(self.item, keep)?;
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
            .map(message::storable)
            .map_err(|_| Malformed::Form)
    }
}

impl fmt::Debug for QueuedItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedItem")
            .field("subscription", &self.subscription)
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .field("received_at", &self.received_at)
            .field("content_omitted", &self.content_omitted)
            .finish_non_exhaustive()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Returns the most bytes that a member can take in a message: a character of the key may become an escape of six, and
/// one that SQS refuses grows from three to six.
fn most_bytes(key: &str, value: &RawValue) -> usize {
    key.len()
        .saturating_mul(6)
        .saturating_add(value.get().len().saturating_mul(2))
}

/// What a member of an oversize item may take; the most members of an object times this fits into a message.
const SMALL_MEMBER_BYTES: usize = 4_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::fields::MAX_MEMBERS;

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
            "A".repeat(message::MAX_MESSAGE_BODY_BYTES)
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
            "A".repeat(message::MAX_MESSAGE_BODY_BYTES)
        ));
        let body = queued(&item).into_body().unwrap();
        assert_eq!(
            QueuedItem::parse(&body).unwrap().item.get(),
            r#"{"resource":"r","encryptedContent":{}}"#
        );
        const { assert!(MAX_MEMBERS * SMALL_MEMBER_BYTES < message::MAX_MESSAGE_BODY_BYTES) };
    }

    #[test]
    fn members_that_grow_on_the_way_do_not_make_a_message_too_large() {
        let filler = format!(r#""filler":"{}""#, "A".repeat(message::MAX_MESSAGE_BODY_BYTES));
        // A key of control characters is six times as long as an escape, a noncharacter twice.
        for member in [
            format!(r#""{}":1"#, "\\u0001".repeat(600)),
            format!(r#""{}":1"#, "\\u0001".repeat(1_800)),
            format!(r#""k":"{}""#, "\u{FFFF}".repeat(600)),
            format!(r#""k":"{}""#, "\u{FFFF}".repeat(1_200)),
            format!(r#""k":"{}""#, "x".repeat(1_990)),
        ] {
            let members = vec![member.as_str(); MAX_MEMBERS - 1].join(",");
            let item = raw(&format!("{{{filler},{members}}}"));
            let body = queued(&item).into_body().unwrap();
            assert!(
                body.len() <= message::MAX_MESSAGE_BODY_BYTES,
                "{} bytes",
                body.len()
            );
            assert!(QueuedItem::parse(&body).unwrap().content_omitted);
        }
    }

    #[test]
    fn an_item_that_no_message_can_hold_is_too_large() {
        let members = vec![format!(r#""k":"{}""#, "x".repeat(1_900)); 1_000].join(",");
        let item = raw(&format!("{{{members}}}"));
        assert_eq!(queued(&item).into_body(), Err(Malformed::TooLarge));
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
