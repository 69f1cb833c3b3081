//! The body of a POST: the collection of notification items (Microsoft Graph, *changeNotificationCollection*).

use std::{borrow::Cow, fmt, str};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{error::Category, value::RawValue};

use crate::notification::fields::{Name, text};

/// The most items of one POST. Microsoft publishes no maximum; its own services hand over a hundred at a time.
pub const MAX_ITEMS: usize = 10_000;

/// The most validation tokens of one POST that are looked at; Graph sends one for each (application, tenant) pair of
/// the items.
pub const MAX_TOKENS_PER_POST: usize = 256;

/// A notification collection whose items have not been looked at. Prints none of it.
pub struct Collection<'a> {
    /// The items as they were sent, each to be judged by itself.
    pub items: Vec<&'a RawValue>,
    /// The first [`MAX_TOKENS_PER_POST`] validation tokens, unverified. Entries that are not text are left out.
    pub validation_tokens: Vec<Cow<'a, str>>,
    /// How many more validation tokens there are, which nobody looks at.
    pub excess_tokens: usize,
}

impl<'a> Collection<'a> {
    /// Reads the body of a POST. A byte order mark is skipped and keys match in any letter case.
    ///
    /// The body is gone through once and nothing in it is copied, whoever may have sent it.
    ///
    /// # Errors
    ///
    /// Returns an error when the body is not a collection at all. Items are never the cause.
    pub fn parse(body: &'a [u8]) -> Result<Self, NotACollection> {
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        if body.trim_ascii().is_empty() {
            return Err(NotACollection::Empty);
        }
        let body = str::from_utf8(body).map_err(|_| NotACollection::NotJson)?;
        let document: Document<'_> = serde_json::from_str(body).map_err(|error| match error.classify() {
            Category::Data => NotACollection::NoValue,
            Category::Io | Category::Syntax | Category::Eof => NotACollection::NotJson,
        })?;
        let items = document.value.ok_or(NotACollection::NoValue)?;
        // Refused as a whole: Graph sends the POST again, while items that are cut off would be lost without a trace.
        if items.excess > 0 {
            return Err(NotACollection::TooManyItems);
        }
        let mut json = document
            .tokens
            .map(|raw| serde_json::Deserializer::from_str(raw.get()));
        // Tokens of an odd form are none. Basic items need none, and encrypted ones are refused later with a reason.
        let tokens = json
            .as_mut()
            .and_then(|json| Elements::<MAX_TOKENS_PER_POST>::deserialize(json).ok());
        let tokens = tokens.unwrap_or_default();
        Ok(Self {
            items: items.values,
            validation_tokens: tokens
                .values
                .into_iter()
                .filter_map(|raw| text(raw).ok())
                .collect(),
            excess_tokens: tokens.excess,
        })
    }
}

impl fmt::Debug for Collection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection")
            .field("items", &self.items.len())
            .field("validation_tokens", &self.validation_tokens.len())
            .field("excess_tokens", &self.excess_tokens)
            .finish()
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

/// The members of the body that count. One that comes twice is refused: which one counts would depend on the reader.
struct Document<'a> {
    value: Option<Elements<'a, MAX_ITEMS>>,
    tokens: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Document<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DocumentVisitor;

        impl<'de> Visitor<'de> for DocumentVisitor {
            type Value = Document<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut value, mut tokens) = (None, None);
                while let Some(Name(key)) = map.next_key()? {
                    if key.eq_ignore_ascii_case("value") {
                        if value.replace(map.next_value()?).is_some() {
                            return Err(A::Error::duplicate_field("value"));
                        }
                    } else if key.eq_ignore_ascii_case("validationTokens") {
                        if tokens.replace(map.next_value()?).is_some() {
                            return Err(A::Error::duplicate_field("validationTokens"));
                        }
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Document { value, tokens })
            }
        }

        deserializer.deserialize_map(DocumentVisitor)
    }
}

/// The first elements of an array, and how many more there are. Keeping no more than that keeps a body of millions of
/// tiny elements from growing into a vector of them.
#[derive(Default)]
struct Elements<'a, const LIMIT: usize> {
    values: Vec<&'a RawValue>,
    excess: usize,
}

impl<'de: 'a, 'a, const LIMIT: usize> Deserialize<'de> for Elements<'a, LIMIT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ElementsVisitor<const LIMIT: usize>;

        impl<'de, const LIMIT: usize> Visitor<'de> for ElementsVisitor<LIMIT> {
            type Value = Elements<'de, LIMIT>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Elements::default();
                while elements.values.len() < LIMIT {
                    let Some(element) = seq.next_element()? else {
                        return Ok(elements);
                    };
                    elements.values.push(element);
                }
                // Counted without being kept: a body of millions of tiny elements takes no memory.
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    elements.excess += 1;
                }
                Ok(elements)
            }
        }

        deserializer.deserialize_seq(ElementsVisitor::<LIMIT>)
    }
}

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
            (r#"{"v\u0061lue":[{}],"validationTokens":[["a"]]}"#, 1, 0),
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
    fn a_malformed_collection_has_a_reason() {
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
            (
                b"{\"value\":[],\"validationTokens\":[],\"ValidationTokens\":[]}",
                NotACollection::NoValue,
            ),
            (b"{\"value\":[]} {}", NotACollection::NotJson),
            (b"{\"value\":[]", NotACollection::NotJson),
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
    fn tokens_beyond_the_limit_are_counted_but_not_checked() {
        let body = |tokens: usize| {
            let tokens: Vec<String> = (0..tokens).map(|n| n.to_string()).collect();
            serde_json::json!({"value": [], "validationTokens": tokens}).to_string()
        };
        for (sent, read, excess) in [
            (MAX_TOKENS_PER_POST, MAX_TOKENS_PER_POST, 0),
            (MAX_TOKENS_PER_POST + 3, MAX_TOKENS_PER_POST, 3),
        ] {
            let body = body(sent);
            let collection = Collection::parse(body.as_bytes()).unwrap();
            assert_eq!(
                (collection.validation_tokens.len(), collection.excess_tokens),
                (read, excess)
            );
        }
    }

    #[test]
    fn members_of_any_number_beside_the_items_do_no_harm() {
        let body = format!(r#"{{{}"value":[{{}}]}}"#, r#""x":[],"#.repeat(100_000));
        assert_eq!(Collection::parse(body.as_bytes()).unwrap().items.len(), 1);
    }

    #[test]
    fn deep_nesting_is_passed_over_without_recursion() {
        let (open, close) = ("[".repeat(200_000), "]".repeat(200_000));
        for body in [
            format!(r#"{{"value":[{open}{close}]}}"#),
            format!(r#"{{"x":{open}{close},"value":[0]}}"#),
            format!(r#"{{"value":[0],"validationTokens":{open}{close}}}"#),
        ] {
            assert_eq!(Collection::parse(body.as_bytes()).unwrap().items.len(), 1);
        }
        assert!(Collection::parse(open.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Collection::parse(&body);
        }
    }
}
