//! The body of a POST: the collection of notification items (Microsoft Graph, *changeNotificationCollection*).

use std::{borrow::Cow, fmt, str};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{error::Category, value::RawValue};

use crate::notification::fields::{Name, text};

/// The most items of one POST that are looked at. Microsoft publishes no maximum; its own services hand over a hundred at a time.
pub const MAX_ITEMS: usize = 10_000;

/// The most validation tokens of one POST that are looked at; Graph sends one for each (application, tenant) pair of
/// the items.
pub const MAX_TOKENS_PER_POST: usize = 256;

/// A notification collection whose items have not been looked at. Prints none of it.
pub struct Collection<'a> {
    /// The first [`MAX_ITEMS`] items as they were sent, each to be judged by itself.
    pub items: Vec<&'a RawValue>,
    /// How many more items there are, which nobody looks at.
    pub excess_items: usize,
    /// The first [`MAX_TOKENS_PER_POST`] validation tokens, unverified. Entries that are not text are left out.
    pub validation_tokens: Vec<Cow<'a, str>>,
    /// How many more validation tokens there are, which nobody looks at.
    pub excess_tokens: usize,
}

impl<'a> Collection<'a> {
    /// Reads the [`text`](readable) of a POST. Keys match in any letter case.
    ///
    /// Whatever is odd about the collection, its items are read: those of each array called `value`. The text is gone through
    /// once, its arrays once more, and nothing in it is copied, whoever may have sent it.
    ///
    /// # Errors
    ///
    /// Returns an error when the text is not a collection at all. Items are never the cause.
    pub fn parse(text: &'a str) -> Result<Self, NotACollection> {
        if text.trim_ascii().is_empty() {
            return Err(NotACollection::Empty);
        }
        let document: Document<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Data => NotACollection::NoValue,
            Category::Io | Category::Syntax | Category::Eof => NotACollection::NotJson,
        })?;
        if !document.has_value {
            return Err(NotACollection::NoValue);
        }
        // Tokens of an odd form are none. Basic items need none, and encrypted ones are refused later with a reason.
        let tokens = document.tokens.values.into_iter();
        Ok(Self {
            items: document.items.values,
            excess_items: document.items.excess,
            validation_tokens: tokens.filter_map(|raw| self::text(raw).ok()).collect(),
            excess_tokens: document.tokens.excess,
        })
    }
}

/// Returns the text of a body, without a byte order mark. Bytes that JSON does not allow in any text are replaced, because one
/// of them in an item must not take the others along.
#[must_use]
pub fn readable(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    match str::from_utf8(body) {
        Ok(text) if !has_control(body) => Cow::Borrowed(text),
        _ => Cow::Owned(mended(body)),
    }
}

/// Returns whether a byte is below the space, eight at a time: such a byte borrows from its own highest bit.
fn has_control(body: &[u8]) -> bool {
    let each = |byte: u8| u64::from_ne_bytes([byte; 8]);
    let has_low = |word: &[u8; 8]| {
        let word = u64::from_ne_bytes(*word);
        word.wrapping_sub(each(b' ')) & !word & each(0x80) != 0
    };
    let (words, rest) = body.as_chunks();
    words.iter().any(has_low) || rest.iter().any(|byte| *byte < b' ')
}

/// Returns a text as long as the body: control characters become spaces, which they may stand for between two values.
fn mended(body: &[u8]) -> String {
    let mut text = String::with_capacity(body.len());
    for chunk in body.utf8_chunks() {
        for char in chunk.valid().chars() {
            if char < ' ' {
                end_escape(&mut text);
            }
            text.push(char.max(' '));
        }
        for _ in chunk.invalid() {
            end_escape(&mut text);
            text.push('?');
        }
    }
    text
}

impl fmt::Debug for Collection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection")
            .field("items", &self.items.len())
            .field("excess_items", &self.excess_items)
            .field("validation_tokens", &self.validation_tokens.len())
            .field("excess_tokens", &self.excess_tokens)
            .finish()
    }
}

/// Takes the backslash away from an escape at the end of a text that cannot be finished.
fn end_escape(text: &mut String) {
    let bytes = text.as_bytes();
    let end = bytes
        .get(bytes.len().saturating_sub("\\u000".len())..)
        .unwrap_or_default();
    let Some(after) = end.iter().rev().position(|byte| *byte == b'\\') else {
        return;
    };
    let (before, begun) = bytes.split_at(bytes.len() - after);
    let is_open = match begun {
        [] => true,
        [b'u', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    };
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
    if is_open && backslashes % 2 == 1 {
        let at = before.len() - 1;
        text.replace_range(at..=at, "?");
    }
}

/// Why a body is not a notification collection. Microsoft Graph never sends such a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACollection {
    /// Nothing but white space.
    #[error("body is empty")]
    Empty,
    /// Not JSON.
    #[error("body is not JSON")]
    NotJson,
    /// No array called `value`.
    #[error("body has no array called value")]
    NoValue,
}

/// The members of the body that count. One that comes twice counts twice: an item must not be lost by what stands beside it.
#[derive(Default)]
struct Document<'a> {
    has_value: bool,
    items: Elements<'a, MAX_ITEMS>,
    tokens: Elements<'a, MAX_TOKENS_PER_POST>,
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
                let mut document = Document::default();
                while let Some(Name(key)) = map.next_key()? {
                    if key.eq_ignore_ascii_case("value") {
                        document.has_value |= document.items.add(map.next_value()?);
                    } else if key.eq_ignore_ascii_case("validationTokens") {
                        document.tokens.add(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(document)
            }
        }

        deserializer.deserialize_map(DocumentVisitor)
    }
}

/// The first elements of arrays, and how many more there are. Keeping no more than that keeps a body of millions of
/// tiny elements from growing into a vector of them.
#[derive(Default)]
struct Elements<'a, const LIMIT: usize> {
    values: Vec<&'a RawValue>,
    excess: usize,
}

impl<'a, const LIMIT: usize> Elements<'a, LIMIT> {
    /// Adds the elements of an array, and returns whether it is one.
    fn add(&mut self, json: &'a RawValue) -> bool {
        let mut json = serde_json::Deserializer::from_str(json.get());
        DeserializeSeed::deserialize(self, &mut json).is_ok()
    }
}

impl<'de, const LIMIT: usize> DeserializeSeed<'de> for &mut Elements<'de, LIMIT> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, const LIMIT: usize> Visitor<'de> for &mut Elements<'de, LIMIT> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while self.values.len() < LIMIT {
            let Some(element) = seq.next_element()? else {
                return Ok(());
            };
            self.values.push(element);
        }
        // Counted without being kept: a body of millions of tiny elements takes no memory.
        while seq.next_element::<IgnoredAny>()?.is_some() {
            self.excess += 1;
        }
        Ok(())
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
            (r#"{"value":[{}],"Value":[{}],"value":[]}"#, 2, 0),
            (
                r#"{"value":"\ud83d","value":1e999,"value":[{}],"value":null}"#,
                1,
                0,
            ),
            (
                r#"{"value":[{}],"validationTokens":["a"],"ValidationTokens":["b"],"validationTokens":5}"#,
                1,
                2,
            ),
        ];
        for (body, items, tokens) in cases {
            let text = readable(body.as_bytes());
            let collection = Collection::parse(&text).unwrap();
            assert_eq!(
                (collection.items.len(), collection.validation_tokens.len()),
                (*items, *tokens),
                "{body}"
            );
        }
    }

    #[test]
    fn a_malformed_collection_has_a_reason() {
        let cases: &[(&[u8], NotACollection)] = &[
            (b"", NotACollection::Empty),
            (b" \n", NotACollection::Empty),
            (b"hello", NotACollection::NotJson),
            (b"{\"value\":[", NotACollection::NotJson),
            (b"{\"value\":[\xff]}", NotACollection::NotJson),
            (b"[]", NotACollection::NoValue),
            (b"{}", NotACollection::NoValue),
            (b"{\"value\":null}", NotACollection::NoValue),
            (b"{\"value\":{}}", NotACollection::NoValue),
            (b"{\"value\":[]} {}", NotACollection::NotJson),
            (b"{\"value\":[]", NotACollection::NotJson),
        ];
        for (body, expected) in cases {
            assert_eq!(
                Collection::parse(&readable(body)).unwrap_err(),
                *expected,
                "{}",
                String::from_utf8_lossy(body)
            );
        }
    }

    #[test]
    fn bytes_that_json_does_not_allow_take_no_other_item_along() {
        let odd = [&b"\xff"[..], b"\xed\xa0\xbd", b"\x01", b"\0", b"\n"];
        // An escape that has begun has no end.
        for before in [r"", r"\", r"\\", r"\\\", r"\u", r"\u00e", r"\\u", r"\u00e9"] {
            for odd in odd {
                let body = [
                    b"{\n\"value\":[{\"a\":\"\xc3\xa4\"},\"",
                    before.as_bytes(),
                    odd,
                    b"0\"]}",
                ]
                .concat();
                let text = readable(&body);
                let items = Collection::parse(&text).unwrap().items;
                assert_eq!((items.len(), items[0].get()), (2, "{\"a\":\"\u{e4}\"}"));
                assert_eq!(text.len(), body.len(), "a hostile body does not grow");
            }
        }
        assert!(matches!(readable(b"{\"value\":[]}"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_control_character_is_found_wherever_it_stands() {
        for (place, byte) in (0..20).flat_map(|place| (0..=u8::MAX).map(move |byte| (place, byte))) {
            let mut body = *b" \xff\x80\x7f! \xa0\x20\x9f\xc0 \xff\x80\x7f! \xa0\x20\x9f\xc0";
            body[place] = byte;
            assert_eq!(has_control(&body), byte < b' ', "{byte} at {place}");
        }
    }

    #[test]
    fn items_beyond_the_limit_are_counted() {
        for (first, second) in [(MAX_ITEMS + 3, 0), (MAX_ITEMS, 3), (7, MAX_ITEMS - 4)] {
            let array = |items: usize| vec!["0"; items].join(",");
            let body = format!(r#"{{"value":[{}],"value":[{}]}}"#, array(first), array(second));
            let collection = Collection::parse(&body).unwrap();
            assert_eq!((collection.items.len(), collection.excess_items), (MAX_ITEMS, 3));
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
            let collection = Collection::parse(&body).unwrap();
            assert_eq!(
                (collection.validation_tokens.len(), collection.excess_tokens),
                (read, excess)
            );
        }
    }

    #[test]
    fn members_of_any_number_beside_the_items_do_no_harm() {
        let body = format!(r#"{{{}"value":[{{}}]}}"#, r#""x":[],"#.repeat(100_000));
        assert_eq!(Collection::parse(&body).unwrap().items.len(), 1);
    }

    #[test]
    fn deep_nesting_is_passed_over_without_recursion() {
        let (open, close) = ("[".repeat(200_000), "]".repeat(200_000));
        for body in [
            format!(r#"{{"value":[{open}{close}]}}"#),
            format!(r#"{{"x":{open}{close},"value":[0]}}"#),
            format!(r#"{{"value":[0],"validationTokens":{open}{close}}}"#),
        ] {
            assert_eq!(Collection::parse(&body).unwrap().items.len(), 1);
        }
        assert!(Collection::parse(&open).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Collection::parse(&readable(&body));
        }
    }
}
