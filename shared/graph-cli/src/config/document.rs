//! A JSON document with the location of each member, so that a part of its text can be named, hidden or filled in.

use std::{fmt, ops::Range};

use graph_core::subscription::config::member_path;
use jiff::civil::Date;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// A parsed JSON document.
pub struct Document<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

/// A value in the document.
#[derive(Clone, Debug)]
struct Node {
    /// The member names and indices of its path.
    path: Vec<String>,
    /// The same path in the form of `Problem::path`.
    shown: String,
    /// Start of its name, or of its value if it has no name.
    start: usize,
    /// The range of its value.
    value: Range<usize>,
    is_leaf: bool,
}

/// A value that is neither an object nor a list.
pub struct Leaf<'a> {
    /// The member names and indices of its path.
    pub path: &'a [String],
    /// Its JSON.
    pub text: &'a str,
    /// Whether it cannot be a secret.
    is_public: bool,
}

impl Leaf<'_> {
    /// Returns the JSON to show: redacted if it may be a secret.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.is_public { self.text } else { REDACTED }.to_owned()
    }
}

/// A line and a column, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl<'a> Document<'a> {
    /// Parses a document.
    ///
    /// # Errors
    ///
    /// Returns the location of the first character that is not JSON.
    pub fn parse(text: &'a str) -> Result<Self, Location> {
        let location = |error: serde_json::Error| Location {
            line: error.line().max(1),
            column: error.column().max(1),
        };
        let root: &RawValue = serde_json::from_str(text).map_err(location)?;
        let mut document = Self {
            text,
            nodes: Vec::new(),
        };
        document.walk(root, &[], "", None).map_err(location)?;
        Ok(document)
    }

    fn walk(
        &mut self,
        raw: &'a RawValue,
        path: &[String],
        shown: &str,
        key: Option<usize>,
    ) -> serde_json::Result<()> {
        let start = self.offset(raw.get());
        let first = raw.get().bytes().next();
        self.nodes.push(Node {
            path: path.to_vec(),
            shown: shown.to_owned(),
            start: key.unwrap_or(start),
            value: start..start + raw.get().len(),
            is_leaf: !matches!(first, Some(b'{' | b'[')),
        });
        match first {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(raw.get())?;
                for (key, value) in members {
                    let name: String = serde_json::from_str(key.get())?;
                    let shown = member_path(shown, &name);
                    let start = self.offset(key.get());
                    self.walk(value, &[path, &[name]].concat(), &shown, Some(start))?;
                }
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw.get())?;
                for (index, item) in items.into_iter().enumerate() {
                    let name = format!("[{index}]");
                    let shown = format!("{shown}{name}");
                    self.walk(item, &[path, &[name]].concat(), &shown, None)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn offset(&self, part: &str) -> usize {
        part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr())
    }

    /// Returns the location of the member with a problem, or of its closest ancestor.
    #[must_use]
    pub fn location(&self, path: &str) -> Location {
        let is_above = |node: &&Node| {
            let below = path.strip_prefix(node.shown.as_str());
            below.is_some_and(|below| {
                node.shown.is_empty() || below.is_empty() || below.starts_with(['.', '['])
            })
        };
        // The last one: of two members with one name, the second is too much.
        let nearest = self
            .nodes
            .iter()
            .filter(is_above)
            .max_by_key(|node| node.shown.len());
        self.location_of(nearest.map_or(0, |node| node.start))
    }

    fn location_of(&self, offset: usize) -> Location {
        let before = self.text.get(..offset).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        Location {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }

    /// Returns the text with [`REDACTED`] in location of everything that may be a secret.
    #[must_use]
    pub fn redacted(&self) -> String {
        let hidden = |node: &&Node| node.is_leaf && !self.is_public(node);
        let hidden = self.nodes.iter().filter(hidden);
        self.spliced(hidden.map(|node| (node.value.clone(), REDACTED)))
            .to_string()
    }

    /// Returns the paths of open credentials: see `is_open`.
    pub fn open_credentials(&self) -> impl Iterator<Item = &[String]> {
        self.open().map(|node| node.path.as_slice())
    }

    /// Returns whether the credential at the path of a problem is open.
    #[must_use]
    pub fn is_open(&self, path: &str) -> bool {
        self.open().any(|node| node.shown == path)
    }

    /// Returns the text with each open credential filled in from `of`.
    #[must_use]
    pub fn fill(&self, of: impl Fn(&[String]) -> Option<Zeroizing<String>>) -> Zeroizing<String> {
        let values: Vec<_> = self
            .open()
            .filter_map(|node| Some((node.value.clone(), of(&node.path)?)))
            .collect();
        self.spliced(
            values
                .iter()
                .map(|(range, value)| (range.clone(), value.as_str())),
        )
    }

    /// Returns the JSON text of the leaf at `path`.
    #[must_use]
    pub fn leaf(&self, path: &[String]) -> Option<&'a str> {
        let node = self.nodes.iter().find(|node| node.is_leaf && node.path == path)?;
        self.text.get(node.value.clone())
    }

    /// Returns every value that is neither an object nor a list.
    pub fn leaves(&self) -> impl Iterator<Item = Leaf<'_>> {
        self.nodes.iter().filter(|node| node.is_leaf).map(|node| Leaf {
            path: &node.path,
            text: self.text.get(node.value.clone()).unwrap_or_default(),
            is_public: self.is_public(node),
        })
    }

    fn open(&self) -> impl Iterator<Item = &Node> {
        let is_open = |node: &&Node| {
            let text = self.text.get(node.value.clone());
            node.is_leaf && is_in_credential(&node.path) && text.is_some_and(is_open)
        };
        self.nodes.iter().filter(is_open)
    }

    /// Returns whether a leaf cannot be a secret.
    fn is_public(&self, node: &Node) -> bool {
        let text = self.text.get(node.value.clone()).unwrap_or_default();
        let name = node.path.iter().rfind(|name| !name.starts_with('['));
        let name = name.map(String::as_str).unwrap_or_default();
        if is_in_credential(&node.path) {
            return match name {
                "webIdentity" => matches!(text, "true" | "false"),
                "clientSecretExpires" => text.trim_matches('"').parse::<Date>().is_ok(),
                _ => false,
            };
        }
        PUBLIC.contains(&name)
    }

    /// Returns the text with these ranges replaced. The ranges are in order.
    fn spliced<'t>(&self, parts: impl Iterator<Item = (Range<usize>, &'t str)>) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.text.len()));
        let mut done = 0;
        for (range, part) in parts {
            text.push_str(self.text.get(done..range.start).unwrap_or_default());
            text.push_str(part);
            done = range.end;
        }
        text.push_str(self.text.get(done..).unwrap_or_default());
        text
    }
}

fn is_in_credential(path: &[String]) -> bool {
    path.iter().rev().skip(1).any(|name| name == "credential")
}

/// Returns whether a credential in a file stands for the one in the stack.
fn is_open(json: &str) -> bool {
    matches!(json, "\"\"" | REDACTED)
}

/// The members of an object in their order.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<(&'de RawValue, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Reader).map(Self)
    }
}

/// Replaces a value that may be a secret, as JSON.
pub const REDACTED: &str = "\"[redacted]\"";

/// Members whose values are not secrets. A value under any other name may be a misplaced secret.
const PUBLIC: &[&str] = &[
    "allowUnknownResource",
    "application",
    "changeType",
    "clientId",
    "cloud",
    "expirationMinutes",
    "fetchContent",
    "forEach",
    "ids",
    "immutableIds",
    "includeResourceData",
    "membersOf",
    "notificationQueryOptions",
    "ownCertificate",
    "permissionChanges",
    "resource",
    "teams",
    "tenant",
    "tenantId",
    "users",
    "version",
];

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "tenants": {
    "contoso.com": {
      "tenantId": "11111111-2222-3333-4444-555555555555",
      "clientSecret": "misplaced",
      "credential": { "clientSecret": "s3cret", "clientSecretExpires": "2027-05-23" }
    },
    "own": { "credential": { "webIdentity": true, "clientSecretExpires": "no date" } }
  },
  "subscriptions": {
    "ü": { "resource": "/users/{id}", "forEach": ["a", "b"], "forEach": ["c"] }
  }
}"#;

    #[test]
    fn a_problem_is_located_at_its_member_or_the_nearest_parent() {
        let document = Document::parse(TEXT).unwrap_or_else(|_| panic!("not JSON"));
        for (path, line, column) in [
            ("", 1, 1),
            ("tenants", 2, 3),
            ("tenants.contoso.com.tenantId", 4, 7),
            ("tenants.contoso.com.clientId", 3, 5),
            ("subscriptions.ü.resource", 11, 12),
            ("subscriptions.ü.forEach[0]", 11, 74),
            ("subscriptions.ü.forEach", 11, 62),
            ("subscriptions.unknown", 10, 3),
        ] {
            assert_eq!(document.location(path), Location { line, column }, "{path}");
        }
    }

    #[test]
    fn possible_secrets_are_redacted_and_the_rest_is_unchanged() {
        let shown = Document::parse(TEXT)
            .unwrap_or_else(|_| panic!("not JSON"))
            .redacted();
        for secret in ["misplaced", "s3cret", "no date"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let expected = TEXT
            .replace("\"s3cret\"", REDACTED)
            .replace("\"misplaced\"", REDACTED)
            .replace("\"no date\"", REDACTED);
        assert_eq!(shown, expected);
    }

    #[test]
    fn open_credentials_are_filled_in_and_nothing_else_is_touched() {
        let redacted = Document::parse(TEXT)
            .unwrap_or_else(|_| panic!("not JSON"))
            .redacted();
        let new = Document::parse(&redacted).unwrap_or_else(|_| panic!("not JSON"));
        let old = Document::parse(TEXT).unwrap_or_else(|_| panic!("not JSON"));
        assert_eq!(new.open_credentials().count(), 2);
        let filled = new.fill(|path| old.leaf(path).map(|text| Zeroizing::new(text.to_owned())));
        assert_eq!(*filled, TEXT.replace("\"misplaced\"", REDACTED));
    }

    #[test]
    fn a_syntax_error_has_a_location() {
        let location = Document::parse("{\n  \"a\": ,\n}").err();
        assert_eq!(location, Some(Location { line: 2, column: 8 }));
    }
}
