//! JSON objects of Graph's, read key by key without regard to letter case.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A JSON value that is not of the form that Microsoft Graph documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("notification item is malformed")]
pub struct Malformed;

/// The members of a JSON object in order, values as they were sent.
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads `raw`, which has to be an object of at most [`MAX_MEMBERS`] members.
    pub(crate) fn parse(raw: &'a RawValue) -> Result<Self, Malformed> {
        serde_json::from_str(raw.get()).map_err(|_| Malformed)
    }

    /// Returns the member called `name` in any letter case; null counts as absent.
    ///
    /// Microsoft's own pages spell some keys in two ways (`encryptedContent`, `EncryptedContent`). The same name twice
    /// is refused: which one counts would depend on the reader.
    pub(crate) fn member(&self, name: &str) -> Result<Option<&'a RawValue>, Malformed> {
        let mut found = self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| *value);
        if found.next().is_some() {
            return Err(Malformed);
        }
        Ok(value.filter(|value| value.get() != "null"))
    }

    /// Returns the text called `name`.
    pub(crate) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Malformed> {
        self.member(name)?.map(text).transpose()
    }

    /// Returns the object with only those members that `keep` wants, values unchanged.
    pub(crate) fn retain(&self, keep: impl Fn(&str, &RawValue) -> bool) -> Option<Box<RawValue>> {
        let members = self.0.iter().filter(|(key, value)| keep(key, value));
        let mut json = String::from("{");
        for (index, (key, value)) in members.enumerate() {
            if index > 0 {
                json.push(',');
            }
            json.push_str(&serde_json::to_string(key).ok()?);
            json.push(':');
            json.push_str(value.get());
        }
        json.push('}');
        RawValue::from_string(json).ok()
    }
}

/// The most members of one object that are read.
pub(crate) const MAX_MEMBERS: usize = 256;

/// Returns the text of a JSON string, borrowed where it holds no escapes.
pub(crate) fn text(raw: &RawValue) -> Result<Cow<'_, str>, Malformed> {
    serde_json::from_str::<Text<'_>>(raw.get())
        .map(|text| text.0)
        .map_err(|_| Malformed)
}

/// A string that borrows from the input where it can.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while members.len() < MAX_MEMBERS {
                    let Some((key, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? else {
                        return Ok(members);
                    };
                    members.push((key.0, value));
                }
                match map.next_entry::<IgnoredAny, IgnoredAny>()? {
                    None => Ok(members),
                    Some(_) => Err(serde::de::Error::custom("too many members")),
                }
            }
        }

        deserializer.deserialize_map(MembersVisitor).map(Members)
    }
}
