//! A JSON document that keeps the order of its fields, and fields that occur twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// A JSON value. Its text is wiped on drop, because it may be a credential.
pub(super) enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from zero up.
    Whole(u64),
    /// Any other number.
    Number,
    /// Text.
    Text(Zeroizing<String>),
    /// A list.
    List(Vec<Node>),
    /// An object, its fields in the order of the document.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Returns the kind of value, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Whole(_) | Self::Number => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

/// Builds a [`Node`] from any JSON value.
struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Whole(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = entries.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_their_repetitions() {
        let Node::Object(fields) = serde_json::from_str(r#"{"b":1,"a":-1,"b":1.5}"#).unwrap() else {
            panic!("not an object");
        };
        let found: Vec<_> = fields
            .iter()
            .map(|(name, node)| (name.as_str(), node.kind()))
            .collect();
        assert_eq!(found, [("b", "a number"), ("a", "a number"), ("b", "a number")]);
    }

    #[test]
    fn every_kind_of_value_is_distinguished() {
        let Node::List(items) = serde_json::from_str(r#"[null,true,7,-7,"x",[],{}]"#).unwrap() else {
            panic!("not a list");
        };
        let kinds: Vec<_> = items.iter().map(Node::kind).collect();
        assert_eq!(
            kinds,
            [
                "null",
                "true or false",
                "a number",
                "a number",
                "text",
                "a list",
                "an object"
            ]
        );
    }
}
