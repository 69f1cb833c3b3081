//! The body of a POST: the collection of notification items (Microsoft Graph, *changeNotificationCollection*).

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::fields::{Malformed, Members, Text};

/// The most items of one POST. Microsoft publishes no maximum; its own services hand over a hundred at a time.
pub const MAX_ITEMS: usize = 10_000;

/// A notification collection whose items have not been looked at.
#[derive(Debug)]
pub struct Collection<'a> {
    /// The items as they were sent, each to be judged by itself.
    pub items: Vec<&'a RawValue>,
    /// The validation tokens, unverified. Entries that are not text are left out.
    pub validation_tokens: Vec<Cow<'a, str>>,
}

impl<'a> Collection<'a> {
    /// Reads the body of a POST. A byte order mark is skipped and keys match in any letter case.
    ///
    /// # Errors
    ///
    /// Returns an error when the body is not a collection at all. Items are never the cause.
    pub fn parse(body: &'a [u8]) -> Result<Self, NotACollection> {
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        if body.trim_ascii().is_empty() {
            return Err(NotACollection::Empty);
        }
        let raw: &RawValue = serde_json::from_slice(body).map_err(|_| NotACollection::NotJson)?;
        let members = Members::parse(raw).map_err(|Malformed| NotACollection::NoValue)?;
        let value = members
            .member("value")
            .ok()
            .flatten()
            .ok_or(NotACollection::NoValue)?;
        let items = elements(value, MAX_ITEMS).map_err(|error| match error {
            ElementsError::NotAnArray => NotACollection::NoValue,
            ElementsError::TooMany => NotACollection::TooManyItems,
        })?;
        let tokens = members.member("validationTokens").ok().flatten();
        let tokens = tokens
            .and_then(|raw| elements(raw, MAX_TOKENS).ok())
            .unwrap_or_default();
        Ok(Self {
            items,
            validation_tokens: tokens.into_iter().filter_map(text).collect(),
        })
    }
}

/// Why a body is not a notification collection. Microsoft Graph never sends such a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACollection {
    /// Nothing but white space.
    #[error("body is empty")]
    Empty,
    /// Not JSON, or not UTF-8.
    #[error("body is not JSON")]
    NotJson,
    /// No array called `value`.
    #[error("body has no array called value")]
    NoValue,
    /// Over [`MAX_ITEMS`].
    #[error("body holds too many items")]
    TooManyItems,
}

/// Returns the elements of an array, at most `limit` of them.
fn elements(raw: &RawValue, limit: usize) -> Result<Vec<&RawValue>, ElementsError> {
    let mut json = serde_json::Deserializer::from_str(raw.get());
    match Elements(limit).deserialize(&mut json) {
        Ok(Some(elements)) => Ok(elements),
        Ok(None) => Err(ElementsError::TooMany),
        Err(_) => Err(ElementsError::NotAnArray),
    }
}

enum ElementsError {
    NotAnArray,
    TooMany,
}

/// Reads an array of at most so many elements. Stopping there keeps a body of millions of tiny elements from growing
/// into a vector of them.
struct Elements(usize);

impl<'de> DeserializeSeed<'de> for Elements {
    type Value = Option<Vec<&'de RawValue>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements {
    type Value = Option<Vec<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            if elements.len() < self.0 {
                elements.push(element);
            } else {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(None);
            }
        }
        Ok(Some(elements))
    }
}

fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw.get())
        .ok()
        .map(|text| text.0)
}

/// The most validation tokens that are looked at; Graph sends one for each (application, tenant) pair of the items.
const MAX_TOKENS: usize = 1_000;

const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_collection_is_read_in_every_spelling() {
        let cases: &[(&str, usize, usize)] = &[
            (r#"{"value":[]}"#, 0, 0),
            (r#"{"value":[{},{}],"validationTokens":["a","b"]}"#, 2, 2),
            (r#"{"validationTokens":null,"value":[{}]}"#, 1, 0),
            (r#"{"Value":[{}],"ValidationTokens":["a"]}"#, 1, 1),
            (r#"{"@odata.type":"x","value":[{}],"unknown":{"value":1}}"#, 1, 0),
            ("\u{FEFF}{\"value\":[{}]}", 1, 0),
            (" \r\n{\"value\":[ {} , 5 , null , [] ]} ", 4, 0),
            (r#"{"value":[{}],"validationTokens":["a",5,null,{}]}"#, 1, 1),
            (r#"{"value":[{}],"validationTokens":"a"}"#, 1, 0),
        ];
        for (body, items, tokens) in cases {
            let collection = Collection::parse(body.as_bytes()).unwrap();
            assert_eq!(
                (collection.items.len(), collection.validation_tokens.len()),
                (*items, *tokens),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_not_a_collection_says_so() {
        let many = format!(r#"{{"value":[{}0]}}"#, "0,".repeat(MAX_ITEMS));
        let cases: &[(&[u8], NotACollection)] = &[
            (b"", NotACollection::Empty),
            (b" \n", NotACollection::Empty),
            (b"hello", NotACollection::NotJson),
            (b"{\"value\":[", NotACollection::NotJson),
            (b"{\"value\":[\"\xff\"]}", NotACollection::NotJson),
            (b"[]", NotACollection::NoValue),
            (b"{}", NotACollection::NoValue),
            (b"{\"value\":null}", NotACollection::NoValue),
            (b"{\"value\":{}}", NotACollection::NoValue),
            (b"{\"value\":[],\"Value\":[]}", NotACollection::NoValue),
            (many.as_bytes(), NotACollection::TooManyItems),
        ];
        for (body, expected) in cases {
            assert_eq!(
                Collection::parse(body).unwrap_err(),
                *expected,
                "{}",
                String::from_utf8_lossy(body)
            );
        }
    }

    #[test]
    fn deep_nesting_is_passed_over_without_recursion() {
        let body = format!(r#"{{"value":[{}{}]}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(Collection::parse(body.as_bytes()).unwrap().items.len(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Collection::parse(&body);
        }
    }
}
