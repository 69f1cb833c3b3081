//! The owner of a subscription: an application in a tenant.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::{Builder, Uuid};

/// An application in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// The Microsoft Entra tenant.
    pub tenant_id: Guid,
    /// The application (client) id.
    pub client_id: Guid,
}

impl Application {
    /// Returns the `source` of events about the application's subscriptions (`CloudEvents` 1.0, *source*).
    #[must_use]
    pub fn source(&self) -> String {
        let [tenant, client] = [self.tenant_id, self.client_id].map(|id| id.to_string());
        ["/tenants/", &tenant, "/applications/", &client].concat()
    }
}

/// An id in Microsoft Entra: a GUID, compared without letter case and written in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(Uuid);

impl Guid {
    /// The number of characters of a GUID.
    pub const LENGTH: usize = 36;

    /// Returns the GUID in `text`, in any letter case and with hyphens.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The length leaves out the forms without hyphens and with braces.
        let text = Some(text).filter(|text| text.len() == Self::LENGTH)?;
        Uuid::try_parse(text).ok().map(Self)
    }

    /// Returns the GUID with the digits of `number`.
    #[must_use]
    pub const fn from_u128(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }

    /// Returns a GUID made from random bytes (RFC 9562, section 5.4).
    #[must_use]
    pub fn random(bytes: [u8; 16]) -> Self {
        Self(Builder::from_random_bytes(bytes).into_uuid())
    }

    /// Returns whether `text` is this GUID, in any letter case.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        Self::parse(text).as_ref() == Some(self)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not a GUID"))
    }
}

/// Ids for tests.
#[cfg(any(test, feature = "test-util"))]
pub mod test_util {
    use super::{Application, Guid};

    /// Returns the GUID in `text`, or for any other word a GUID made from its bytes.
    #[must_use]
    pub fn guid(text: &str) -> Guid {
        let word = |text: &str| {
            text.bytes()
                .fold(0, |number, byte| number << 8 | u128::from(byte))
        };
        Guid::parse(text).unwrap_or_else(|| Guid::from_u128(word(text)))
    }

    /// Returns an application for two words, see [`guid`].
    #[must_use]
    pub fn application((tenant, client): (&str, &str)) -> Application {
        Application {
            tenant_id: guid(tenant),
            client_id: guid(client),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ignore_letter_case_and_are_written_in_lower_case() {
        let id = Guid::parse("11111111-2222-3333-4444-55555555ABcd").unwrap();
        assert_eq!(id.to_string(), "11111111-2222-3333-4444-55555555abcd");
        assert!(id.is("11111111-2222-3333-4444-55555555ABCD"));
        assert!(!id.is("11111111-2222-3333-4444-55555555ABCE"));
    }

    #[test]
    fn an_id_must_be_a_guid() {
        for text in [
            "",
            "11111111222233334444555555555555",
            "{11111111-2222-3333-4444-555555555555}",
            "urn:uuid:11111111-2222-3333-4444-555555555555",
            "11111111-2222-3333-4444-55555555555g",
            "1111111-12222-3333-4444-555555555555",
            "11111111-2222-3333-4444-55555555555ü",
        ] {
            assert_eq!(Guid::parse(text), None, "{text}");
            assert!(serde_json::from_value::<Guid>(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn random_bytes_are_a_guid_of_version_four() {
        let guid = |byte| Guid::random([byte; 16]).to_string();
        assert_eq!(guid(0xff), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(guid(0), "00000000-0000-4000-8000-000000000000");
    }
}
