//! JSON objects of Graph's, read key by key without regard to letter case, and what their readers bear.
//!
//! Nothing here recurses: values are passed over by `serde_json`, which keeps no stack for that, and handed on as they
//! were sent.

use std::{borrow::Cow, fmt};

use memchr::{memchr, memchr2};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::models::mend_surrogates;

/// Why a JSON value is not of the form that Microsoft Graph documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Malformed {
    /// It is not an object, or a member of it has another type than Graph gives it or comes twice.
    #[error("notification item is not of the documented form")]
    Form,
    /// An object has over [`MAX_MEMBERS`].
    #[error("notification item has too many members")]
    TooManyMembers,
    /// It nests over [`MAX_DEPTH`] levels.
    #[error("notification item is nested too deep")]
    TooDeep,
    /// It has a number that not every reader of JSON can read.
    #[error("notification item has a number that is too large")]
    Number,
    /// It does not fit into a queue message even without its content.
    #[error("notification item is too large")]
    TooLarge,
}

/// The most members of an item; Graph's have about ten.
pub const MAX_MEMBERS: usize = 256;

/// How deep an item may nest; Graph's nest about four levels. Readers of events stop at 64 levels (.NET) or 128 (Rust),
/// and an event is two levels deeper than what it holds of its item.
pub const MAX_DEPTH: usize = 60;

/// Returns the values of the members with these `names`, in any letter case; null counts as absent.
///
/// Microsoft's own pages spell some keys in two ways (`encryptedContent`, `EncryptedContent`). The same name twice is
/// refused: which one counts would depend on the reader. The object is gone through once, and nothing is copied.
pub(crate) fn pick<'a, const N: usize>(
    raw: &'a RawValue,
    names: &[&str; N],
) -> Result<[Option<&'a RawValue>; N], Malformed> {
    survey(raw, names, Rest::Ignored)?.checked()
}

/// Goes through an object once and returns the values of the members with these `names`, whatever else is wrong with it.
pub(crate) fn survey<'a, const N: usize>(
    raw: &'a RawValue,
    names: &[&str; N],
    rest: Rest,
) -> Result<Survey<'a, N>, Malformed> {
    // An error of the parser would have to be made first.
    if !raw.get().starts_with('{') {
        return Err(Malformed::Form);
    }
    let mut json = serde_json::Deserializer::from_str(raw.get());
    Surveyor { names, rest }
        .deserialize(&mut json)
        .map_err(|_| Malformed::Form)
}

/// What becomes of the members without a name that is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// They are passed over.
    Ignored,
    /// They are listed, the first [`MAX_MEMBERS`] of them.
    Listed,
}

/// The members of an object.
pub(crate) struct Survey<'a, const N: usize> {
    /// The first value of each name, as it was sent.
    values: [Option<&'a RawValue>; N],
    /// Which names come twice.
    twice: [bool; N],
    /// How many members there are.
    members: usize,
    /// Whether there are members without a name that is asked for.
    pub(crate) has_rest: bool,
    /// These members, where they are listed.
    pub(crate) rest: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a, const N: usize> Survey<'a, N> {
    /// Returns the values of an object that keeps the rules; null counts as absent.
    pub(crate) fn checked(&self) -> Result<[Option<&'a RawValue>; N], Malformed> {
        if self.members > MAX_MEMBERS {
            Err(Malformed::TooManyMembers)
        } else if self.twice.contains(&true) {
            Err(Malformed::Form)
        } else {
            Ok(self.first())
        }
    }

    /// Returns whether the name at `index` comes twice.
    pub(crate) fn is_repeated(&self, index: usize) -> bool {
        self.twice.get(index).copied().unwrap_or_default()
    }

    /// Returns the first value of each name, whatever comes later; null and an empty text count as absent.
    pub(crate) fn first(&self) -> [Option<&'a RawValue>; N] {
        self.values
            .map(|value| value.filter(|value| !matches!(value.get(), "null" | "\"\"")))
    }
}

/// Returns the text of a JSON string, borrowed where it holds no escapes. A lone surrogate is read as U+FFFD.
pub(crate) fn text(raw: &RawValue) -> Result<Cow<'_, str>, Malformed> {
    // The value has been parsed: where nothing is escaped, the text is what stands between the quotes.
    let quoted = raw
        .get()
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    if let Some(text) = quoted.filter(|text| memchr(b'\\', text.as_bytes()).is_none()) {
        return Ok(Cow::Borrowed(text));
    }
    if let Ok(text) = serde_json::from_str::<Text<'_>>(raw.get()) {
        return Ok(text.0);
    }
    serde_json::from_str::<String>(&mend_surrogates(raw.get()))
        .map(Cow::Owned)
        .map_err(|_| Malformed::Form)
}

/// Returns the text of a member that may be absent. An empty text says no more than no text.
pub(crate) fn optional_text(raw: Option<&RawValue>) -> Result<Option<Cow<'_, str>>, Malformed> {
    let text = raw.map(text).transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// Returns a text that is not empty, or a number as it was written; nothing for any other value.
pub(crate) fn scalar(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let raw = raw?;
    match raw.get().as_bytes().first()? {
        b'"' => optional_text(Some(raw)).ok()?,
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(raw.get())),
        _ => None,
    }
}

/// Returns the object with only those members that `keep` wants, values unchanged.
pub(crate) fn retain(
    raw: &RawValue,
    keep: impl FnMut(&str, &RawValue) -> bool,
) -> Result<Box<RawValue>, Malformed> {
    let mut json = serde_json::Deserializer::from_str(raw.get());
    let retained = Retain(keep).deserialize(&mut json).map_err(|_| Malformed::Form)?;
    RawValue::from_string(retained).map_err(|_| Malformed::Form)
}

/// What a reader of a JSON value has to bear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How deep the value nests.
    pub(crate) depth: usize,
    /// Whether it has a number that is no finite `f64`, or of more than [`MAX_NUMBER_BYTES`].
    pub(crate) has_large_number: bool,
}

impl Shape {
    /// Looks at a value. Strings, which are most of an encrypted item, are passed over in long strides.
    pub(crate) fn of(raw: &RawValue) -> Self {
        let (mut shape, mut depth) = (Self::default(), 0_usize);
        let mut rest = raw.get().as_bytes();
        while let [byte, after @ ..] = rest {
            match byte {
                b'"' => rest = behind_string(after),
                b'-' | b'0'..=b'9' => {
                    let length = rest.iter().position(|byte| !is_of_number(*byte));
                    let (number, behind) = rest.split_at(length.unwrap_or(rest.len()));
                    shape.has_large_number |= is_large(number);
                    rest = behind;
                }
                b'{' | b'[' => {
                    depth += 1;
                    shape.depth = shape.depth.max(depth);
                    rest = after;
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    rest = after;
                }
                _ => rest = after,
            }
        }
        shape
    }
}

/// Returns whether a value is an object that every reader of events can read.
pub(crate) fn is_readable_object(raw: &RawValue) -> bool {
    let shape = Shape::of(raw);
    raw.get().starts_with('{') && shape.depth <= MAX_DEPTH && !shape.has_large_number
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// Returns whether not every reader can read a number. Only an exponent makes a short one infinite.
fn is_large(number: &[u8]) -> bool {
    let is_finite = |number: &[u8]| {
        let number = std::str::from_utf8(number).ok();
        let number = number.and_then(|number| number.parse::<f64>().ok());
        number.is_some_and(f64::is_finite)
    };
    number.len() > MAX_NUMBER_BYTES || number.contains(&b'e') | number.contains(&b'E') && !is_finite(number)
}

/// The longest number. Python refuses integers of more than 4,300 digits, and what an `f64` holds has 309 at most.
const MAX_NUMBER_BYTES: usize = 300;

/// Returns what comes behind the string that `text` is inside of.
fn behind_string(mut text: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', text) {
        match text.get(at..) {
            Some([b'"', after @ ..]) => return after,
            Some([_, _, after @ ..]) => text = after,
            _ => return &[],
        }
    }
    &[]
}

/// A string that borrows from the input where it can.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The name of a member. Microsoft's are plain; one that holds a lone surrogate is no text, and must not make the whole
/// object unreadable.
pub(crate) struct Name<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_bytes<E: Error>(self, name: &'de [u8]) -> Result<Self::Value, E> {
                // The check alone is several times as fast, and hardly any name fails it.
                let text = str::from_utf8(name).map(Cow::Borrowed);
                Ok(Name(text.unwrap_or_else(|_| String::from_utf8_lossy(name))))
            }

            fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(String::from_utf8_lossy(name).into_owned())))
            }
        }

        deserializer.deserialize_bytes(NameVisitor)
    }
}

/// Reads the members with these names.
struct Surveyor<'n, const N: usize> {
    names: &'n [&'n str; N],
    rest: Rest,
}

impl<'de, const N: usize> DeserializeSeed<'de> for Surveyor<'_, N> {
    type Value = Survey<'de, N>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Surveyor<'_, N> {
    type Value = Survey<'de, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut values, mut twice) = ([None; N], [false; N]);
        let (mut members, mut has_rest, mut rest) = (0_usize, false, Vec::new());
        while let Some(Name(name)) = map.next_key()? {
            members += 1;
            // No map is built: what a sender invents is passed over where it stands.
            let mut slots = self.names.iter().zip(&mut values).zip(&mut twice);
            match slots.find(|((known, _), _)| known.eq_ignore_ascii_case(&name)) {
                Some(((_, value @ None), _)) => *value = Some(map.next_value()?),
                Some(((_, Some(_)), twice)) => {
                    *twice = true;
                    map.next_value::<IgnoredAny>()?;
                }
                None => {
                    has_rest = true;
                    if self.rest == Rest::Listed && members <= MAX_MEMBERS {
                        rest.push((name, map.next_value()?));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
        }
        Ok(Survey {
            values,
            twice,
            members,
            has_rest,
            rest,
        })
    }
}

/// Writes the members that are wanted.
struct Retain<F>(F);

impl<'de, F: FnMut(&str, &RawValue) -> bool> DeserializeSeed<'de> for Retain<F> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str, &RawValue) -> bool> Visitor<'de> for Retain<F> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut json = String::from("{");
        while let Some((Name(key), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            if !(self.0)(&key, value) {
                continue;
            }
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&serde_json::to_string(&key).map_err(A::Error::custom)?);
            json.push(':');
            json.push_str(value.get());
        }
        json.push('}');
        Ok(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_are_picked_in_any_case_and_null_is_absent() {
        let object = raw(r#"{"B":1,"x":{"a":2},"\u0061":null,"c":"C"}"#);
        let [a, b, c, d] = pick(&object, &["a", "b", "c", "d"]).unwrap();
        assert_eq!([a, d].map(|value| value.map(RawValue::get)), [None, None]);
        assert_eq!((b.unwrap().get(), c.unwrap().get()), ("1", "\"C\""));
    }

    #[test]
    fn a_lone_surrogate_is_a_replacement_character() {
        for (json, expected) in [
            (r#""a\ud83d""#, "a\u{FFFD}"),
            (r#""\uDE00b""#, "\u{FFFD}b"),
            (r#""\\ud83d""#, r"\ud83d"),
        ] {
            assert_eq!(text(&raw(json)).unwrap(), expected, "{json}");
        }
        let object = raw(r#"{"\ud83d":1,"a":2}"#);
        assert_eq!(pick(&object, &["a"]).unwrap()[0].unwrap().get(), "2");
    }

    #[test]
    fn an_empty_text_is_absent_and_a_number_is_itself() {
        let [empty, text, number, other] = [r#""""#, r#""x""#, "12345678901234567890123", "true"].map(raw);
        assert_eq!(optional_text(Some(&empty)), Ok(None));
        for (value, expected) in [
            (&empty, None),
            (&text, Some("x")),
            (&number, Some("12345678901234567890123")),
            (&other, None),
        ] {
            assert_eq!(scalar(Some(value)).as_deref(), expected);
        }
    }

    #[test]
    fn a_scan_reads_items_that_a_check_rejects() {
        let object = raw(r#"{"a":1,"A":2,"b":null,"c":3}"#);
        let survey = survey(&object, &["a", "b"], Rest::Listed).unwrap();
        assert_eq!(survey.first()[0].unwrap().get(), "1");
        assert_eq!(survey.checked().err(), Some(Malformed::Form));
        let rest: Vec<_> = survey
            .rest
            .iter()
            .map(|(name, value)| (&**name, value.get()))
            .collect();
        assert_eq!(rest, [("c", "3")]);
    }

    #[test]
    fn a_repeated_member_is_rejected_with_any_value() {
        for object in [
            r#"{"a":1,"A":2}"#,
            r#"{"a":null,"a":null}"#,
            r#"{"a":1,"\u0041":1}"#,
        ] {
            assert_eq!(
                pick(&raw(object), &["a"]).err(),
                Some(Malformed::Form),
                "{object}"
            );
        }
        assert!(pick(&raw(r#"{"other":1,"other":2}"#), &["a"]).is_ok());
    }

    #[test]
    fn an_object_has_at_most_so_many_members() {
        let object = |members: usize| raw(&format!("{{{}\"a\":1}}", "\"x\":1,".repeat(members - 1)));
        assert!(pick(&object(MAX_MEMBERS), &["a"]).is_ok());
        assert_eq!(
            pick(&object(MAX_MEMBERS + 1), &["a"]).err(),
            Some(Malformed::TooManyMembers)
        );
    }

    #[test]
    fn retained_members_are_unchanged() {
        let object = raw(r#"{"a" : 1.10, "b":{"c":[ 1 ]},"d\"":"e"}"#);
        let kept = retain(&object, |key, _| key != "b").unwrap();
        assert_eq!(kept.get(), r#"{"a":1.10,"d\"":"e"}"#);
        assert_eq!(retain(&object, |_, _| false).unwrap().get(), "{}");
        assert!(retain(&raw("[]"), |_, _| true).is_err());
    }

    /// One such number makes a whole event unreadable for Rust (`1e400`) or Python (5,000 digits).
    #[test]
    fn a_number_that_readers_refuse_is_found_wherever_it_is() {
        let long = format!("[{}]", "1".repeat(MAX_NUMBER_BYTES + 1));
        for json in ["1e400", "-1E+400", r#"{"a":[{"b":1e999999999}]}"#, &long] {
            assert!(Shape::of(&raw(json)).has_large_number, "{json}");
        }
        let longest = format!("[-1.5e-400,1e308,{}]", "1".repeat(MAX_NUMBER_BYTES));
        for json in [
            r#"{"1e400":"1e400","a\"":"\\"}"#,
            "[true,false,null]",
            "0",
            &longest,
        ] {
            assert!(!Shape::of(&raw(json)).has_large_number, "{json}");
        }
    }

    #[test]
    fn brackets_inside_strings_are_not_depth() {
        for (json, expected) in [
            ("1", 0),
            ("{}", 1),
            (r#"{"a":[{}],"b":{}}"#, 3),
            (r#"["[[[[","\"[[","\\",[]]"#, 2),
        ] {
            assert_eq!(Shape::of(&raw(json)).depth, expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_what_serde_json_reads(text in r#"["\\\\\x00-\x20a-z\u{80}-\u{10FFFF}]{0,40}"#) {
            let json = raw(&serde_json::to_string(&text).unwrap());
            prop_assert_eq!(super::text(&json).unwrap(), text);
        }

        #[test]
        fn any_json_is_picked_from_or_refused(text in r#"[\[\]{}",:a-z0-9\\ ]{0,80}"#) {
            if let Ok(raw) = RawValue::from_string(text) {
                let _ = pick(&raw, &["a", "b"]);
                let _ = retain(&raw, |key, _| key != "a");
                let _ = Shape::of(&raw);
            }
        }
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }
}
