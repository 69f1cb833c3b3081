//! A document of keys and trusted applications, read entry by entry: one that cannot be read costs only itself.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned, ser::SerializeStruct};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{Secret, TrustedTenants};
use crate::{application::Guid, cloud::Cloud};

/// Keys, and the applications that are trusted.
#[derive(Clone, Deserialize)]
#[serde(from = "Lists", bound(deserialize = "K: DeserializeOwned"))]
pub struct KeyDocument<K> {
    /// The keys, newest last.
    pub keys: Vec<K>,
    /// The trusted applications.
    pub trusted: Vec<TrustedTenants>,
    /// The entries that cannot be read, and that nobody may rely on.
    pub odd: OddEntries,
}

/// The entries of a document that cannot be read.
#[derive(Clone, Debug, Default)]
pub struct OddEntries {
    /// The keys. They stay in the document as they are, so that a person can correct them.
    pub keys: Vec<OddKey>,
    /// Where the trusted applications stand, such as `trusted[0].tenants[2]`. Renewal writes them again.
    pub trusted: Vec<String>,
}

/// A key that cannot be read. Prints where it stands, and nothing of what it holds.
#[derive(Clone)]
pub struct OddKey {
    /// Its place in the list.
    place: usize,
    /// Its id, if that much can be read and is safe to print.
    pub id: Option<String>,
    json: Secret<String>,
}

impl OddEntries {
    /// Returns the entries as a person finds them in the document.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let keys = self.keys.iter().map(ToString::to_string);
        keys.chain(self.trusted.iter().cloned())
    }

    /// Returns whether every entry can be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.trusted.is_empty()
    }
}

impl<K> Default for KeyDocument<K> {
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new())
    }
}

impl<K: Serialize> Serialize for KeyDocument<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys: Vec<Entry<'_, K>> = self.keys.iter().map(Entry::Key).collect();
        for odd in &self.odd.keys {
            keys.insert(odd.place.min(keys.len()), Entry::Odd(odd));
        }
        let mut document = serializer.serialize_struct("KeyDocument", 2)?;
        document.serialize_field("keys", &keys)?;
        document.serialize_field("trusted", &self.trusted)?;
        document.end()
    }
}

/// An entry of the list of keys.
#[derive(Serialize)]
#[serde(untagged)]
enum Entry<'a, K> {
    Key(&'a K),
    Odd(&'a OddKey),
}

impl OddKey {
    fn new(place: usize, json: &str) -> Self {
        let id = serde_json::from_str(json).map(|Named { id }| id);
        Self {
            place,
            id: id.ok().filter(|id| is_printable(id)),
            json: Secret::new(json.to_owned()),
        }
    }
}

/// What names a key.
#[derive(Deserialize)]
struct Named {
    id: String,
}

impl Serialize for OddKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json: &RawValue = serde_json::from_str(self.json.expose()).map_err(serde::ser::Error::custom)?;
        json.serialize(serializer)
    }
}

impl fmt::Display for OddKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keys[{}]", self.place)?;
        self.id.iter().try_for_each(|id| write!(f, " ({id})"))
    }
}

impl fmt::Debug for OddKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The lists of a document, each entry as it was written.
#[derive(Deserialize)]
struct Lists {
    #[serde(default)]
    keys: Vec<Box<RawValue>>,
    #[serde(default)]
    trusted: Vec<Box<RawValue>>,
}

impl<K: DeserializeOwned> From<Lists> for KeyDocument<K> {
    fn from(lists: Lists) -> Self {
        let mut document = Self::default();
        for (place, raw) in lists.keys.into_iter().enumerate() {
            // It holds a key, so no copy of it may be left in memory.
            let json = Zeroizing::new(String::from(Box::<str>::from(raw)));
            match serde_json::from_str(&json) {
                Ok(key) => document.keys.push(key),
                Err(_) => document.odd.keys.push(OddKey::new(place, &json)),
            }
        }
        for (place, raw) in lists.trusted.iter().enumerate() {
            document.trust(place, raw);
        }
        document
    }
}

impl<K> KeyDocument<K> {
    /// Returns a document whose entries can all be read.
    #[must_use]
    pub fn new(keys: Vec<K>, trusted: Vec<TrustedTenants>) -> Self {
        Self {
            keys,
            trusted,
            odd: OddEntries::default(),
        }
    }

    /// Returns whether the document has a key, be it one that cannot be read.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        !(self.keys.is_empty() && self.odd.keys.is_empty())
    }

    /// Adds an application in all of its tenants that can be read.
    fn trust(&mut self, place: usize, raw: &RawValue) {
        let Ok(group) = serde_json::from_str::<Group<'_>>(raw.get()) else {
            self.odd.trusted.push(format!("trusted[{place}]"));
            return;
        };
        let mut tenants = Vec::with_capacity(group.tenants.len());
        for (tenant, raw) in group.tenants.into_iter().enumerate() {
            match serde_json::from_str(raw.get()) {
                Ok(tenant_id) => tenants.push(tenant_id),
                Err(_) => self
                    .odd
                    .trusted
                    .push(format!("trusted[{place}].tenants[{tenant}]")),
            }
        }
        self.trusted.push(TrustedTenants {
            client_id: group.client_id,
            cloud: group.cloud,
            from: group.from,
            tenants,
        });
    }
}

/// An application, with its tenants as they were written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group<'a> {
    client_id: Guid,
    cloud: Cloud,
    #[serde(default)]
    from: Option<Timestamp>,
    #[serde(borrow)]
    tenants: Vec<&'a RawValue>,
}

/// Returns whether a text can be the id of a key. Another text may be anything, the key itself among it.
fn is_printable(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(is_plain)
}

/// The longest id: that of a certificate has 19 characters.
const MAX_ID_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{ClientStateDocument, DecryptionDocument};

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";
    const CLIENT: &str = "66666666-7777-8888-9999-000000000000";

    #[test]
    fn an_odd_key_costs_only_itself_and_stays_in_its_place() {
        for odd in [
            json!(5),
            json!(null),
            json!({}),
            json!({"id": "odd", "key": 5, "createdAt": "2026-11-22T10:00:00Z"}),
            json!({"id": "odd", "key": "A", "createdAt": "soon"}),
            json!({"id": "odd", "key": "A", "createdAt": "2026-11-22T10:00:00Z", "life": {"useFrom": "soon"}}),
        ] {
            let written = json!({"keys": [key("k1"), odd, key("k2")], "trusted": [group(&json!([TENANT]))]});
            let document = client_states(&written);
            let ids: Vec<&str> = document.keys.iter().map(|key| key.id.as_str()).collect();
            assert_eq!(ids, ["k1", "k2"], "{odd}");
            assert_eq!(document.trusted.len(), 1, "{odd}");
            assert_eq!(serde_json::to_value(&document).unwrap(), written, "{odd}");
        }
    }

    #[test]
    fn an_odd_application_or_tenant_costs_only_itself() {
        let other = group(&json!([CLIENT]));
        for (odd, names, groups) in [
            (json!(5), "trusted[0]", 1),
            (
                json!({"clientId": "x", "cloud": "global", "tenants": [TENANT]}),
                "trusted[0]",
                1,
            ),
            (
                json!({"clientId": CLIENT, "cloud": "mars", "tenants": [TENANT]}),
                "trusted[0]",
                1,
            ),
            (
                json!({"clientId": CLIENT, "cloud": "global", "tenants": 5}),
                "trusted[0]",
                1,
            ),
            (
                group(&json!([TENANT, "x", 5])),
                "trusted[0].tenants[1] trusted[0].tenants[2]",
                2,
            ),
        ] {
            let document = client_states(&json!({"keys": [key("k1")], "trusted": [odd, other]}));
            let found: Vec<String> = document.odd.names().collect();
            assert_eq!(found.join(" "), names, "{odd}");
            assert_eq!(
                (document.keys.len(), document.trusted.len()),
                (1, groups),
                "{odd}"
            );
            assert!(
                document.trusted.iter().all(|group| group.tenants.len() == 1),
                "{odd}"
            );
        }
    }

    #[test]
    fn the_name_of_an_odd_key_tells_nothing_of_the_key() {
        for (odd, name) in [
            (
                json!({"id": "c-20261122-abcdefgh", "privateKey": "secret"}),
                "keys[0] (c-20261122-abcdefgh)",
            ),
            (json!({"id": "a secret", "key": "secret"}), "keys[0]"),
            (json!({"id": "s".repeat(44)}), "keys[0]"),
            (json!("secret"), "keys[0]"),
        ] {
            let text = json!({"keys": [odd]}).to_string();
            let document: DecryptionDocument = serde_json::from_str(&text).unwrap();
            let found: Vec<String> = document.odd.names().collect();
            assert_eq!(found, [name]);
            assert_eq!(format!("{:?}", document.odd.keys), format!("[{name}]"));
        }
    }

    #[test]
    fn a_document_whose_lists_are_no_lists_is_malformed() {
        for text in [
            "5",
            "[5]",
            r#"{"keys": 5}"#,
            r#"{"keys": null}"#,
            r#"{"trusted": {}}"#,
        ] {
            assert!(
                serde_json::from_str::<ClientStateDocument>(text).is_err(),
                "{text}"
            );
        }
    }

    fn client_states(document: &Value) -> ClientStateDocument {
        serde_json::from_value(document.clone()).unwrap()
    }

    fn key(id: &str) -> Value {
        json!({"id": id, "key": "AAAA", "createdAt": "2026-11-22T10:00:00Z"})
    }

    fn group(tenants: &Value) -> Value {
        json!({"clientId": CLIENT, "cloud": "global", "tenants": tenants})
    }
}
