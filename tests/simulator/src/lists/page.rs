//! The query options of a list, and the beginnings of its pages.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::Value;

use crate::api::bad_request;
use crate::http::{Call, GraphError, form};

/// The query options of a request.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) filter: Option<String>,
    pub(super) order: Option<String>,
    pub(super) top: Option<usize>,
    pub(super) token: Option<String>,
    pub(super) after: Option<PageStart>,
    pub(super) expands_replies: bool,
    select: Option<String>,
}

/// The beginning of a page.
#[derive(Debug)]
pub(super) enum PageStart {
    /// After so many items.
    Items(usize),
    /// After an item, by its last change and its id.
    Item(Timestamp, String),
}

impl Options {
    pub(super) fn parse(call: &Call) -> Result<Self, GraphError> {
        let mut options = Self::default();
        for (name, value) in form(&call.query) {
            let invalid = || bad_request(&format!("Invalid value for the query option '{name}'."));
            match name.as_str() {
                "$filter" => options.filter = Some(value),
                "$orderby" => options.order = Some(value),
                "$select" => options.select = Some(value),
                "$top" => options.top = Some(value.parse().map_err(|_| invalid())?),
                "$expand" if value == "replies" => options.expands_replies = true,
                "token" => options.token = Some(value),
                "$skip" => options.after = Some(PageStart::Items(value.parse().map_err(|_| invalid())?)),
                "$skiptoken" => options.after = Some(PageStart::parse(&value).ok_or_else(invalid)?),
                _ => {
                    return Err(bad_request(&format!(
                        "The query option '{name}' is not simulated."
                    )));
                }
            }
        }
        Ok(options)
    }

    /// Returns whether the list is ordered by a property.
    pub(super) fn orders_by(&self, property: &str) -> bool {
        let first = self
            .order
            .as_deref()
            .and_then(|order| order.split([' ', ',']).next());
        first == Some(property)
    }

    /// Keeps only the selected properties.
    pub(super) fn selected(&self, mut item: Value) -> Value {
        let (Some(select), Some(members)) = (&self.select, item.as_object_mut()) else {
            return item;
        };
        let wanted = |name: &str| select.split(',').any(|one| one.trim().eq_ignore_ascii_case(name));
        members.retain(|name, _| name.starts_with("@odata.") || name == "id" || wanted(name));
        item
    }
}

impl PageStart {
    /// Returns the token of a page that begins after an item.
    pub(super) fn token((changed, id): &(Timestamp, String)) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{changed} {id}"))
    }

    fn parse(token: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (changed, id) = text.split_once(' ')?;
        Some(Self::Item(changed.parse().ok()?, id.to_owned()))
    }

    /// Returns the number of the first item on the page.
    pub(super) fn index(&self, items: &[(Timestamp, String)]) -> usize {
        match self {
            Self::Items(count) => *count,
            Self::Item(changed, id) => {
                let last = (*changed, id.clone());
                let is_descending = items.first() > items.last();
                let is_behind = |item: &(Timestamp, String)| {
                    if is_descending { *item < last } else { *item > last }
                };
                items.iter().position(is_behind).unwrap_or(items.len())
            }
        }
    }
}

/// Returns text as it stands in a segment of a path, with everything escaped but letters and digits.
pub(super) fn encoded(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escaped).collect()
}

/// Returns a segment of a path without its percent-encoding.
pub(super) fn decoded(segment: &str) -> String {
    let pairs = form(
        &segment
            .replace('+', "%2B")
            .replace('&', "%26")
            .replace('=', "%3D"),
    );
    let mut pairs = pairs.into_iter();
    pairs.next().map(|(name, _)| name).unwrap_or_default()
}
