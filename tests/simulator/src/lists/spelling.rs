//! The spelling of paths. A link of Graph's names the same list in another way than the request did: keys in quotes and
//! encoded, names in upper case.

use crate::lists::page::encoded;

/// Returns the decoded segments of a path with every key in a segment of its own.
pub(super) fn plain(path: &[String]) -> Vec<String> {
    let of_segment = |segment: &String| {
        let inner = segment.strip_suffix("')").and_then(|rest| rest.split_once("('"));
        let known = inner.and_then(|(name, key)| Some((known(name)?, key)));
        match known {
            Some((name, key)) => vec![name.to_owned(), key.replace("''", "'")],
            None => vec![segment.clone()],
        }
    };
    path.iter().flat_map(of_segment).collect()
}

/// Returns a path as links spell it.
pub(super) fn linked(path: &str) -> String {
    let mut segments = path.split('/').peekable();
    let mut spelled = Vec::new();
    while let Some(segment) = segments.next() {
        let takes_key = known(segment).is_some() && segment != "messages";
        let is_key = |next: &&str| takes_key && !next.is_empty() && !next.starts_with("getAll");
        match segments.next_if(is_key) {
            Some(key) => {
                let key = encoded(&super::page::decoded(key).replace('\'', "''"));
                spelled.push(format!("{}('{key}')", capitalised(segment)));
            }
            None => spelled.push(segment.to_owned()),
        }
    }
    spelled.join("/")
}

/// Returns a name that a key follows, as requests spell it.
fn known(name: &str) -> Option<&'static str> {
    let is_it = |known: &&&str| known.eq_ignore_ascii_case(name);
    KEYED.iter().find(is_it).copied()
}

fn capitalised(name: &str) -> String {
    let (first, rest) = name.split_at(name.len().min(1));
    format!("{}{rest}", first.to_ascii_uppercase())
}

const KEYED: &[&str] = &[
    "users",
    "teams",
    "channels",
    "chats",
    "drives",
    "mailFolders",
    "contactFolders",
    "messages",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_spells_the_path_of_the_request_differently() {
        for (path, expected) in [
            ("/v1.0/users/u/messages", "/v1.0/Users('u')/messages"),
            (
                "/v1.0/chats/19:a@b/messages",
                "/v1.0/Chats('19%3Aa%40b')/messages",
            ),
            (
                "/v1.0/teams/t/channels/getAllMessages",
                "/v1.0/Teams('t')/channels/getAllMessages",
            ),
        ] {
            let link = linked(path);
            assert_eq!(link, expected);
            let segments: Vec<String> = link.split('/').map(crate::lists::page::decoded).collect();
            let plain = plain(&segments).join("/");
            let request: Vec<String> = path.split('/').map(crate::lists::page::decoded).collect();
            assert_eq!(plain, request.join("/"));
        }
    }
}
