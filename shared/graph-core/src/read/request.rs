//! What to ask Microsoft Graph for.

use graph_events::{ResourcePath, Segment, guid::is_guid};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::subscription::catalogue::Version;

/// A GET below the version of the API. Host and credentials are the caller's; nothing that came with a notification is in
/// the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path, encoded, with a slash in front.
    pub path: String,
    /// The query options, encoded.
    pub query: String,
    /// The version of the API.
    pub version: Version,
    /// The page of the same list, as Microsoft Graph named it: it has to lie on the same host ([`Request::holds`]).
    pub link: Option<String>,
}

impl Request {
    /// Returns the request for what is at `path`, which is encoded already, with `options`, which are not.
    #[must_use]
    pub fn new<N: AsRef<str>, V: AsRef<str>>(path: String, options: &[(N, V)]) -> Self {
        let options: Vec<String> = options
            .iter()
            .map(|(name, value)| format!("{}={}", name.as_ref(), encoded(value.as_ref())))
            .collect();
        Self {
            path,
            query: options.join("&"),
            version: Version::V1,
            link: None,
        }
    }

    /// Returns whether the path of a link, without the version of the API, belongs to the same list: a page of it, or of the
    /// replies to one of its items. A call with our token to anything else would be somebody else's choice.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        let (Ok(own), Ok(link)) = (ResourcePath::parse(&self.path), ResourcePath::parse(path)) else {
            return false;
        };
        let (own, link) = (own.segments(), link.segments());
        // What is behind the collection is how it is read: `delta`.
        let own = match own.split_last() {
            Some((last, before)) if last.name() == "delta" => before,
            _ => own,
        };
        let is_same = |(one, other): (&Segment, &Segment)| one.name().eq_ignore_ascii_case(other.name());
        let Some((last, before)) = own.split_last() else {
            return false;
        };
        let Some((below, rest)) = link.get(before.len()..).and_then(<[Segment]>::split_first) else {
            return false;
        };
        let keys = |(one, other): (&Segment, &Segment)| match (one.key(), other.key()) {
            (Some(one), Some(other)) if is_guid(one) => one.eq_ignore_ascii_case(other),
            (one, other) => one == other,
        };
        before.iter().zip(link).all(|pair| is_same(pair) && keys(pair))
            && is_same((last, below))
            && rest.len() <= 1
    }

    /// Returns the request for another page of the same list.
    #[must_use]
    pub fn page(&self, link: String) -> Self {
        Self {
            link: Some(link),
            ..self.clone()
        }
    }
}

/// Returns the time as a filter takes it, to the second: some lists know no smaller part of one.
pub(super) fn second(time: Timestamp) -> String {
    floor(time).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns the beginning of the second.
pub(super) fn floor(time: Timestamp) -> Timestamp {
    let into = SignedDuration::from_nanos(
        time.as_nanosecond()
            .rem_euclid(1_000_000_000)
            .try_into()
            .unwrap_or(0),
    );
    time.saturating_sub(into).unwrap_or(time)
}

fn encoded(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string()
}

/// What is escaped in the value of an option: everything that has a meaning in a query, `:` in times among it.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b',')
    .remove(b'\'');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_options_are_encoded() {
        let request = Request::new(
            "/users/1/messages".to_owned(),
            &[("$filter", "a ge 2026-11-22T10:00:00Z&b"), ("$top", "1")],
        );
        assert_eq!(
            request.query,
            "$filter=a%20ge%202026-11-22T10%3A00%3A00Z%26b&$top=1"
        );
    }

    #[test]
    fn a_link_leads_to_the_same_list_only() {
        for (path, link, expected) in [
            ("/users/1/messages", "/users/1/messages", true),
            ("/users/1/messages", "users('1')/messages", true),
            ("/users/1/messages", "/users/2/messages", false),
            ("/users/1/messages", "/users/1/events", false),
            ("/users/1/messages", "/groups/1/messages", false),
            ("/users/1/messages", "/users/1", false),
            (
                "/users/1/messages",
                "/users/1/messages/2/attachments/3/item",
                false,
            ),
            ("/users/1/messages", "", false),
            (
                "/teams/1/channels/2/messages/delta",
                "/teams/1/channels/2/messages/delta",
                true,
            ),
            (
                "/teams/1/channels/2/messages/delta",
                "/teams('1')/channels('2')/messages('3')/replies",
                true,
            ),
            (
                "/teams/1/channels/2/messages/delta",
                "/teams/1/channels/3/messages/delta",
                false,
            ),
            ("/drives/1/root/delta", "/drives/1/root/delta", true),
            (
                "/chats/19:A%40thread.v2/messages",
                "/Chats('19%3AA%40thread.v2')/Messages",
                true,
            ),
            (
                "/chats/19:A%40thread.v2/messages",
                "/chats/19:a@thread.v2/messages",
                false,
            ),
            (
                "/users/4F3C6A1E-2D57-4B90-8F3C-6A1E2D574B90/messages",
                "/users('4f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90')/messages",
                true,
            ),
            ("/drives/1/root/delta", "/drives/2/root/delta", false),
        ] {
            assert_eq!(
                Request::new::<&str, &str>(path.to_owned(), &[]).holds(link),
                expected,
                "{path} {link}"
            );
        }
    }

    #[test]
    fn a_time_is_cut_to_its_second() {
        for (time, expected) in [
            ("2026-11-22T10:00:00.999999999Z", "2026-11-22T10:00:00Z"),
            ("2026-11-22T10:00:01Z", "2026-11-22T10:00:01Z"),
            ("1960-01-01T00:00:00.5Z", "1960-01-01T00:00:00Z"),
        ] {
            assert_eq!(second(time.parse().unwrap()), expected);
        }
    }
}
