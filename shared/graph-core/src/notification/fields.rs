//! JSON objects of Graph's, read key by key without regard to letter case, and what their readers bear.
//!
//! Nothing here recurses: values are passed over by `serde_json`, which keeps no stack for that, and handed on as they
//! were sent.

use std::{borrow::Cow, fmt};

use memchr::memchr2;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

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
    // An error of the parser would have to be made first.
    if !raw.get().starts_with('{') {
        return Err(Malformed::Form);
    }
    let mut json = serde_json::Deserializer::from_str(raw.get());
    let picked = Pick(names).deserialize(&mut json).map_err(|_| Malformed::Form)?;
    let values = picked.ok_or(Malformed::TooManyMembers)?;
    Ok(values.map(|value| value.filter(|value| value.get() != "null")))
}

/// Returns the text of a JSON string, borrowed where it holds no escapes.
pub(crate) fn text(raw: &RawValue) -> Result<Cow<'_, str>, Malformed> {
    serde_json::from_str::<Text<'_>>(raw.get())
        .map(|text| text.0)
        .map_err(|_| Malformed::Form)
}

/// Returns the text of a member that may be absent.
pub(crate) fn optional_text(raw: Option<&RawValue>) -> Result<Option<Cow<'_, str>>, Malformed> {
    raw.map(text).transpose()
}

/// Returns the object with only those members that `keep` wants, values unchanged.
pub(crate) fn retain(
    raw: &RawValue,
    keep: impl Fn(&str, &RawValue) -> bool,
) -> Result<Box<RawValue>, Malformed> {
    let mut json = serde_json::Deserializer::from_str(raw.get());
    let retained = Retain(keep).deserialize(&mut json).map_err(|_| Malformed::Form)?;
    RawValue::from_string(retained).map_err(|_| Malformed::Form)
}

/// Returns how deep a JSON value nests. Strings, which are most of an encrypted item, are passed over in long strides.
pub(crate) fn depth(raw: &RawValue) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = raw.get().as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'"' => rest = behind_string(after),
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

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

/// Reads the members with these names, or nothing when there are too many members of any name.
struct Pick<'n, const N: usize>(&'n [&'n str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Pick<'_, N> {
    type Value = Option<[Option<&'de RawValue>; N]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Pick<'_, N> {
    type Value = Option<[Option<&'de RawValue>; N]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut picked = [None; N];
        let mut members = 0;
        while let Some(Text(key)) = map.next_key()? {
            members += 1;
            let mut slots = self.0.iter().zip(&mut picked);
            // No map is built: what a sender invents is passed over where it stands.
            match slots.find(|(name, _)| name.eq_ignore_ascii_case(&key)) {
                Some((_, slot @ None)) => *slot = Some(map.next_value()?),
                Some((_, Some(_))) => return Err(A::Error::custom("member comes twice")),
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        // Counted to the end: stopping in the middle would leave the parser there, with an error of another kind.
        Ok((members <= MAX_MEMBERS).then_some(picked))
    }
}

/// Writes the members that are wanted.
struct Retain<F>(F);

impl<'de, F: Fn(&str, &RawValue) -> bool> DeserializeSeed<'de> for Retain<F> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: Fn(&str, &RawValue) -> bool> Visitor<'de> for Retain<F> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut json = String::from("{");
        while let Some((Text(key), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
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
    fn a_member_that_comes_twice_is_refused_whatever_its_value() {
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
    fn what_is_retained_is_unchanged() {
        let object = raw(r#"{"a" : 1.10, "b":{"c":[ 1 ]},"d\"":"e"}"#);
        let kept = retain(&object, |key, _| key != "b").unwrap();
        assert_eq!(kept.get(), r#"{"a":1.10,"d\"":"e"}"#);
        assert_eq!(retain(&object, |_, _| false).unwrap().get(), "{}");
        assert!(retain(&raw("[]"), |_, _| true).is_err());
    }

    #[test]
    fn brackets_inside_strings_are_not_depth() {
        for (json, expected) in [
            ("1", 0),
            ("{}", 1),
            (r#"{"a":[{}],"b":{}}"#, 3),
            (r#"["[[[[","\"[[","\\",[]]"#, 2),
        ] {
            assert_eq!(depth(&raw(json)), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_json_is_picked_from_or_refused(text in r#"[\[\]{}",:a-z0-9\\ ]{0,80}"#) {
            if let Ok(raw) = RawValue::from_string(text) {
                let _ = pick(&raw, &["a", "b"]);
                let _ = retain(&raw, |key, _| key != "a");
                let _ = depth(&raw);
            }
        }
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }
}
