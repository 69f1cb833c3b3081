//! The model of an item's `encryptedContent`.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::notification::fields::{Name, Text};

/// Encrypted resource data as it came, text borrowed from the item (Microsoft Graph,
/// *changeNotificationEncryptedContent resource type*).
///
/// It can be opened only once it is [`Trusted`](crate::notification::tokens::Trusted).
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptedContent<'a> {
    pub(super) data: Cow<'a, [u8]>,
    pub(super) data_key: Cow<'a, str>,
    pub(super) data_signature: Option<Cow<'a, str>>,
    pub(super) certificate_id: Option<Cow<'a, str>>,
    pub(super) certificate_thumbprint: Option<Cow<'a, str>>,
}

impl<'a> EncryptedContent<'a> {
    /// Reads the value of `encryptedContent`.
    ///
    /// Names match in any letter case, unknown ones are ignored, and null is the same as absent, as is an empty text where
    /// there need not be one.
    ///
    /// # Errors
    ///
    /// Fails when it is not an object, `data` or `dataKey` is missing, a known field is not text or is there
    /// twice.
    pub fn parse(raw: &'a RawValue) -> Result<Self, MalformedContent> {
        serde_json::Deserializer::from_str(raw.get())
            .deserialize_map(ContentVisitor)
            .map_err(|_| MalformedContent)
    }

    /// Returns whether every part is as large as Graph's at the least: a block of ciphertext, a key that is encrypted under
    /// RSA with 2,048 bits, a signature (Microsoft Graph, *change notifications with resource data*). What is smaller nobody
    /// can open.
    #[must_use]
    pub fn is_of_graphs_size(&self) -> bool {
        let has_signature = |signature: &str| signature.len() >= base64_length(32);
        self.data.len() >= base64_length(16)
            && self.data_key.len() >= base64_length(256)
            && self.data_signature().is_some_and(has_signature)
    }

    /// Returns the base64 text of the signature over the ciphertext.
    #[must_use]
    pub fn data_signature(&self) -> Option<&str> {
        self.data_signature.as_deref()
    }

    /// Returns the id of the certificate under which the item was encrypted.
    #[must_use]
    pub fn certificate_id(&self) -> Option<&str> {
        self.certificate_id.as_deref()
    }

    /// Returns the thumbprint of the certificate under which the item was encrypted.
    #[must_use]
    pub fn thumbprint(&self) -> Option<&str> {
        self.certificate_thumbprint.as_deref()
    }
}

impl fmt::Debug for EncryptedContent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedContent")
            .field("certificate_id", &self.certificate_id)
            .field("certificate_thumbprint", &self.certificate_thumbprint)
            .finish_non_exhaustive()
    }
}

/// Returns how long so many bytes are in base64 without padding.
const fn base64_length(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// The value of `encryptedContent` is not what Graph documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("encrypted content is malformed")]
pub struct MalformedContent;

/// Base64, read as bytes: a string that is to be text is searched for control characters, which takes ten times as long
/// and finds nothing that base64 would let through.
#[derive(Deserialize)]
struct Base64<'a>(#[serde(borrow)] Cow<'a, [u8]>);

/// Reads the object field by field: a derived model cannot match names in any letter case.
struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = EncryptedContent<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut data = None;
        let mut slots = FIELDS.map(|name| (name, None));
        while let Some(Name(name)) = map.next_key()? {
            // Read as bytes and outside of the other fields: it is most of an item, and base64 needs no search for
            // escapes.
            if name.eq_ignore_ascii_case(DATA) {
                if data.replace(map.next_value::<Option<Base64<'de>>>()?).is_some() {
                    return Err(A::Error::duplicate_field(DATA));
                }
                continue;
            }
            let slot = slots
                .iter_mut()
                .find(|(known, _)| known.eq_ignore_ascii_case(&name));
            match slot {
                Some((_, slot @ None)) => *slot = Some(map.next_value::<Option<Text<'de>>>()?),
                // Of two values another reader might take the other one.
                Some((known, Some(_))) => return Err(A::Error::duplicate_field(known)),
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        let [data_key, optional @ ..] = slots.map(|(_, slot)| slot.flatten().map(|Text(text)| text));
        let [data_signature, certificate_id, certificate_thumbprint] =
            optional.map(|text| text.filter(|text| !text.is_empty()));
        Ok(EncryptedContent {
            data: data
                .flatten()
                .map(|Base64(data)| data)
                .ok_or_else(|| A::Error::missing_field(DATA))?,
            data_key: data_key.ok_or_else(|| A::Error::missing_field("dataKey"))?,
            data_signature,
            certificate_id,
            certificate_thumbprint,
        })
    }
}

/// The documented name of the ciphertext.
const DATA: &str = "data";

/// The other documented names, in the order in which the visitor takes them apart.
const FIELDS: [&str; 4] = [
    "dataKey",
    "dataSignature",
    "encryptionCertificateId",
    "encryptionCertificateThumbprint",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_fields_are_read_without_copies() {
        let raw = raw(r#"{"data":"d","dataSignature":"s","dataKey":"k",
            "encryptionCertificateId":"c-1","encryptionCertificateThumbprint":"0A"}"#);
        let content = EncryptedContent::parse(&raw).unwrap();
        assert_eq!(&*content.data, b"d");
        assert_eq!(content.data_key, "k");
        assert_eq!(content.data_signature(), Some("s"));
        assert_eq!(content.certificate_id(), Some("c-1"));
        assert_eq!(content.thumbprint(), Some("0A"));
        assert!(matches!(content.data, Cow::Borrowed(_)));
        assert!(matches!(content.certificate_id, Some(Cow::Borrowed(_))));
    }

    #[test]
    fn names_match_in_any_case_and_with_escapes() {
        let raw = raw(r#"{"Data":"\u0064\/","DATAKEY":"a\u002bb\/","datasignature":"s",
            "EncryptionCertificateId":"i","encryption\u0043ertificateThumbprint":"t"}"#);
        let content = EncryptedContent::parse(&raw).unwrap();
        assert_eq!(&*content.data, b"d/");
        assert_eq!(content.data_key, "a+b/");
        assert_eq!(content.data_signature(), Some("s"));
        assert_eq!(content.certificate_id(), Some("i"));
        assert_eq!(content.thumbprint(), Some("t"));
    }

    #[test]
    fn unknown_fields_are_ignored_and_null_and_empty_texts_are_absent() {
        let raw = raw(
            r#"{"data":"d","dataKey":"k","dataSignature":null,"new":{"data":[1]},"new":2,
            "encryptionCertificateId":null,"encryptionCertificateThumbprint":""}"#,
        );
        let content = EncryptedContent::parse(&raw).unwrap();
        assert_eq!(content.data_signature(), None);
        assert_eq!(content.certificate_id(), None);
        assert_eq!(content.thumbprint(), None);
    }

    #[test]
    fn values_of_another_form_are_malformed() {
        malformed("null");
        malformed(r#""text""#);
        malformed("[]");
        malformed("{}");
        malformed(r#"{"data":"d"}"#);
        malformed(r#"{"dataKey":"k"}"#);
        malformed(r#"{"data":null,"dataKey":"k"}"#);
        malformed(r#"{"data":"d","dataKey":null}"#);
        malformed(r#"{"data":1,"dataKey":"k"}"#);
        malformed(r#"{"data":"d","dataKey":["k"]}"#);
        malformed(r#"{"data":"d","dataKey":"k","dataSignature":false}"#);
        malformed(r#"{"data":"d","dataKey":"k","encryptionCertificateId":7}"#);
        malformed(r#"{"data":["d"],"dataKey":"k"}"#);
        malformed(r#"{"data":"d","dataKey":"\ud800"}"#);
    }

    #[test]
    fn a_known_field_that_is_there_twice_is_malformed() {
        malformed(r#"{"data":"d","dataKey":"k","data":"d"}"#);
        malformed(r#"{"data":"d","dataKey":"k","DataKey":"other"}"#);
        malformed(r#"{"data":null,"dataKey":"k","data":"d"}"#);
        malformed(r#"{"data":"d","dataKey":"k","dataSignature":"s","dataSignature":null}"#);
    }

    #[test]
    fn it_prints_no_data_key_or_signature() {
        let raw = raw(r#"{"data":"secret1","dataKey":"secret2","dataSignature":"secret3"}"#);
        let printed = format!("{:?}", EncryptedContent::parse(&raw).unwrap());
        assert!(!printed.contains("secret"), "{printed}");
    }

    #[track_caller]
    fn malformed(json: &str) {
        assert_eq!(EncryptedContent::parse(&raw(json)), Err(MalformedContent));
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }
}
