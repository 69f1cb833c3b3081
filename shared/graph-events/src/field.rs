//! The members of Microsoft Graph's objects: absent, null, or a value.

use std::{fmt, ops::Deref};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;

/// A member of an object.
///
/// Microsoft Graph distinguishes absence and null: a property that was not selected is absent, a property without a
/// value is null. A value that does not have the documented form does not make the whole object unreadable; it is kept
/// unchanged.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Field<T> {
    /// The object does not have the member.
    #[default]
    Absent,
    /// The member is null.
    Null,
    /// The member has a value of the documented form.
    Value(T),
    /// The member has a value of another form.
    Unexpected(Value),
}

impl<T> Field<T> {
    /// Returns the value, if it has the documented form.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null | Self::Unexpected(_) => None,
        }
    }

    /// Returns the owned value, if it has the documented form.
    pub fn into_value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null | Self::Unexpected(_) => None,
        }
    }

    /// Returns whether the object does not have the member.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Returns whether the member is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl<T: Deref> Field<T> {
    /// Returns what the value points to: `&str` for a text, a slice for a list.
    pub fn as_deref(&self) -> Option<&T::Target> {
        self.value().map(Deref::deref)
    }
}

impl<T> From<T> for Field<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if value.is_null() {
            return Ok(Self::Null);
        }
        // Kept, so that writing the object again loses nothing.
        Ok(T::deserialize(&value).map_or_else(|_| Self::Unexpected(value), Self::Value))
    }
}

impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // Objects skip absent members before they serialise them.
            Self::Absent | Self::Null => serializer.serialize_unit(),
            Self::Value(value) => value.serialize(serializer),
            Self::Unexpected(value) => value.serialize(serializer),
        }
    }
}

/// A date and time in its original spelling: any offset, and a fraction of a second of up to seven digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(transparent)]
pub struct DateTime(String);

impl DateTime {
    /// Returns the original text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the point in time, if the text follows RFC 3339.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.0.parse().ok()
    }
}

impl From<String> for DateTime {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn absent_null_value_and_unexpected_are_distinguished() {
        let read = |json: Value| serde_json::from_value::<Field<u64>>(json).unwrap();
        assert!(read(json!(null)).is_null());
        assert_eq!(read(json!(7)), Field::Value(7));
        assert_eq!(read(json!("7")), Field::Unexpected(json!("7")));
        assert_eq!(read(json!(7.0)).value(), None);
        assert!(Field::<u64>::default().is_absent());
        assert_eq!(Field::from(7).into_value(), Some(7));
        assert_eq!(Field::from("a".to_owned()).as_deref(), Some("a"));
    }

    #[test]
    fn every_spelling_of_a_date_is_kept_and_understood() {
        for (text, expected) in [
            ("2026-03-19T22:11:09Z", Some("2026-03-19T22:11:09Z")),
            (
                "2026-02-02T10:30:34.9097561-08:00",
                Some("2026-02-02T18:30:34.9097561Z"),
            ),
            ("2026-02-02T10:30:34.0000000+05:30", Some("2026-02-02T05:00:34Z")),
            ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00Z")),
            ("2026-12-01T08:30:00.0000000", None),
            ("soon", None),
        ] {
            let date: DateTime = serde_json::from_value(json!(text)).unwrap();
            let expected: Option<Timestamp> = expected.map(|text| text.parse().unwrap());
            assert_eq!(date.timestamp(), expected, "{text}");
            assert_eq!(serde_json::to_value(&date).unwrap(), json!(text));
            assert_eq!(date.to_string(), text);
        }
    }
}
