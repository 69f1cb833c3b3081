//! Compares a subscription with its entry.
//!
//! Graph may show a value in another spelling than it received. If a difference in spelling counted as a difference,
//! the subscription would be replaced at every run. So the comparison prefers "the same" where it cannot be sure.

use std::{borrow::Cow, collections::BTreeSet};

use percent_encoding::percent_decode_str;

/// Returns whether two resource paths watch the same resource. Leading and trailing slashes, the letter case of path
/// segments, percent-encoding, and the form of keys (`users/1`, `users('1')`) make no difference.
///
/// In long segments, which are opaque ids (Outlook's folders), and in the query, letter case matters.
#[must_use]
pub fn same_resource(one: &str, other: &str) -> bool {
    one == other || resource_key(one) == resource_key(other)
}

/// Returns one key for all spellings of a resource path that [`same_resource`] considers equal.
#[must_use]
pub fn resource_key(resource: &str) -> String {
    let resource = decode(resource);
    let (path, query) = resource.split_once('?').unwrap_or((&resource, ""));
    let mut key = String::with_capacity(resource.len());
    for segment in segments(path) {
        key.push('/');
        let start = key.len();
        key.push_str(segment);
        if let Some(short) = key
            .get_mut(start..)
            .filter(|short| short.len() <= MAX_FOLDED_LENGTH)
        {
            short.make_ascii_lowercase();
        }
    }
    key.push('?');
    key.push_str(&squeeze(query));
    key
}

/// Returns whether `text` can be a key in a resource path, and nothing else.
pub(crate) fn is_key(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !br#"/'"?#&{}\%"#.contains(&byte);
    !text.is_empty() && text.bytes().all(is_plain)
}

/// Returns one key for all spellings of `notificationQueryOptions` that certainly mean the same.
#[must_use]
pub fn query_options_key(options: &str) -> String {
    squeeze(&decode(options))
}

/// Returns whether two lists of change types are equal, whatever their order, spaces and letter case.
#[must_use]
pub fn same_change_types(one: &str, other: &str) -> bool {
    one == other || change_types(one) == change_types(other)
}

/// Returns the change types of a list.
pub(crate) fn change_types(list: &str) -> BTreeSet<String> {
    list.split(',')
        .map(|change| change.trim().to_ascii_lowercase())
        .filter(|change| !change.is_empty())
        .collect()
}

fn decode(resource: &str) -> Cow<'_, str> {
    percent_decode_str(resource).decode_utf8_lossy()
}

/// Returns the query without spaces, which may be written as `+`. Spaces within quotes are kept.
pub(super) fn squeeze(query: &str) -> String {
    let mut is_quoted = false;
    let mut squeezed = String::with_capacity(query.len());
    for character in query.chars() {
        is_quoted ^= character == '\'';
        let is_space = character.is_whitespace() || character == '+';
        match (is_space, is_quoted) {
            (false, _) => squeezed.push(character),
            (true, true) => squeezed.push(' '),
            (true, false) => {}
        }
    }
    squeezed
}

/// Returns the segments of a path. A key in quotes is a segment of its own.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .flat_map(|segment| {
            let keyed = segment
                .strip_suffix("')")
                .and_then(|keyed| keyed.split_once("('"));
            let (name, key) = match keyed {
                Some((name, key)) => (name, Some(key)),
                None => (segment, None),
            };
            [Some(name), key].into_iter().flatten()
        })
}

/// The length of a GUID. Longer segments are ids in which letter case may matter.
const MAX_FOLDED_LENGTH: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_make_another_resource() {
        for (one, other) in [
            ("/teams/getAllMessages", "teams/getAllMessages"),
            ("/teams/getAllMessages", "Teams/getallmessages/"),
            ("/users/4F/messages", "Users('4f')/Messages"),
            (
                "/communications/presences?$filter=id in ('a','b')",
                "communications/presences?$filter=id%20in%20('a','b')",
            ),
            (
                "/communications/presences?$filter=id in ('a','b')",
                "communications/presences?$filter=id+in+('a', 'b')",
            ),
        ] {
            assert!(same_resource(one, other), "{one} {other}");
        }
    }

    #[test]
    fn another_path_id_or_query_is_another_resource() {
        let folder = "/users/1/mailFolders/AAMkAGQ0ZTgwOTk5LTRiNWMtNDU5MC1hZTk4LWM3/messages";
        for (one, other) in [
            ("/users", "/groups"),
            ("/users/1", "/users/2"),
            ("/users/1", "/users"),
            (
                "/users/1/messages?$select=id",
                "/users/1/messages?$select=subject",
            ),
            ("/users/1/messages?$select=id", "/users/1/messages"),
            ("/users?$filter=name eq 'a b'", "/users?$filter=name eq 'ab'"),
            (
                folder,
                &folder.to_lowercase().replace("mailfolders", "mailFolders"),
            ),
        ] {
            assert!(!same_resource(one, other), "{one} {other}");
        }
    }

    #[test]
    fn order_spaces_and_case_of_change_types_do_not_count() {
        assert!(same_change_types("created,updated", "Updated, created"));
        assert!(!same_change_types("created,updated", "created"));
    }
}
