//! A page of a list that Microsoft Graph answers with.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A page of a list.
#[derive(Debug)]
pub struct Page<'a> {
    /// The items, as they were sent.
    pub items: Vec<&'a RawValue>,
    /// Where the next page is.
    pub next: Option<Cow<'a, str>>,
}

/// An answer is not a page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("answer of microsoft graph is not a page of a list")]
pub struct Unreadable;

impl<'a> Page<'a> {
    /// Reads an answer. An empty link is none.
    ///
    /// # Errors
    ///
    /// Returns an error when the answer is not a page: an answer without items would pass for one in which nothing has
    /// changed.
    pub fn parse(answer: &'a [u8]) -> Result<Self, Unreadable> {
        let answer = answer.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(answer);
        let page: Written<'a> = serde_json::from_slice(answer).map_err(|_| Unreadable)?;
        Ok(Self {
            items: page.value,
            next: page.next.filter(|link| !link.is_empty()),
        })
    }
}

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(rename = "@odata.nextLink", borrow, default)]
    next: Option<Cow<'a, str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_items_and_perhaps_a_link() {
        let page =
            Page::parse(br#"{"@odata.context":"c","value":[{"id":"1"},2],"@odata.nextLink":"https:\/\/h"}"#);
        let page = page.unwrap();
        assert_eq!(
            page.items.iter().map(|raw| raw.get()).collect::<Vec<_>>(),
            [r#"{"id":"1"}"#, "2"]
        );
        assert_eq!(page.next.as_deref(), Some("https://h"));
    }

    #[test]
    fn an_empty_link_counts_as_absent() {
        for link in [
            "",
            r#","@odata.nextLink":"""#,
            r#","@odata.nextLink":null"#,
            r#","@odata.deltaLink":"d""#,
        ] {
            let answer = format!(r#"{{"value":[]{link}}}"#);
            assert_eq!(Page::parse(answer.as_bytes()).unwrap().next, None, "{link}");
        }
    }

    #[test]
    fn a_malformed_page_is_not_an_empty_one() {
        for answer in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"value":null}"#,
            r#"{"value":{}}"#,
            r#"{"value":[}"#,
            r#"{"value":[],"@odata.nextLink":1}"#,
        ] {
            assert_eq!(Page::parse(answer.as_bytes()).err(), Some(Unreadable), "{answer}");
        }
    }
}
