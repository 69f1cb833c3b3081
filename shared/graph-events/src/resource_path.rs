//! The path of a changed resource, parsed into names and ids.
//!
//! Notifications spell paths in many ways: `teams('1')/channels('2')`, `Users/1/Messages/2`,
//! `users/1/adhoccalls/adhocCalls/2`. A [`ResourcePath`] is equal for all spellings of a path, and is displayed in one
//! that Microsoft Graph accepts in a GET.

use std::{borrow::Cow, fmt};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{
    guid::is_guid,
    path::{Token, split_outside_quotes, tokens},
};

mod names;

/// A path such as `teams('1')/channels('2')/messages('3')`, from `resource` or `@odata.id`.
///
/// It is displayed as `/teams/1/channels/2/messages/3`, to be appended to the version of the API: names in the
/// reference's spelling, keys percent-encoded, `/me` for the signed-in user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResourcePath {
    segments: Vec<Segment>,
}

/// The text is not the path of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("text is not the path of a resource")]
pub struct NotAPath;

impl ResourcePath {
    /// Parses a path in any spelling of Microsoft Graph, with or without outer slashes.
    ///
    /// The host and version of a URL and query options are ignored, and a repeated segment counts once. Between
    /// slashes, the names of Microsoft Graph's reference tell names from keys; an unknown name is followed by its key.
    /// Keys are decoded: percent escapes, and doubled quotes.
    ///
    /// # Errors
    ///
    /// Returns an error if a segment is empty, or a name or key is malformed.
    ///
    /// Returns an error when a segment is empty, or a name or key is malformed.
    pub fn parse(resource: &str) -> Result<Self, NotAPath> {
        let (path, item_path) = split_item_path(without_origin(resource.trim()))?;
        // User principal names may contain a quote, which would otherwise begin a quoted key.
        let path = bare_quotes_escaped(path);
        let mut tokens = tokens(&path).ok_or(NotAPath)?.into_iter().peekable();
        let mut segments: Vec<Segment> = Vec::new();
        while let Some(token) = tokens.next() {
            let segment = match token {
                Token::Call { name, arguments } => Segment {
                    arguments: Some(arguments.to_owned()),
                    ..Segment::new(name)?
                },
                Token::Word(name) => {
                    let key = tokens.next_if(|next| match next {
                        Token::Key(_) => true,
                        Token::Word(word) => names::takes_key(name, word),
                        Token::Call { .. } => false,
                    });
                    Segment {
                        key: key.as_ref().map(key_text).transpose()?,
                        ..Segment::new(name)?
                    }
                }
                Token::Key(_) => return Err(NotAPath),
            };
            // Graph writes `adhoccalls/adhocCalls/{id}` for one collection, so a repeated name counts once.
            segments.pop_if(|last| last.is_bare() && last.is_called(&segment.name));
            segments.push(segment);
        }
        if let Some(last) = segments.last_mut() {
            last.item_path = item_path;
        }
        // What remains of a URL without a path is only a version.
        match segments.first() {
            Some(first) if !VERSIONS.iter().any(|version| first.is_called(version)) => Ok(Self { segments }),
            _ => Err(NotAPath),
        }
    }

    /// Returns the segments in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns the key of the first segment called `name`, in any letter case, that has a key.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<&str> {
        let mut found = self.segments.iter().filter(|segment| segment.is_called(name));
        found.find_map(Segment::key)
    }

    /// Returns the key of the last segment, which is the entity's id. A path to a collection, or to a single object
    /// such as the root of a drive, has none.
    #[must_use]
    pub fn entity_id(&self) -> Option<&str> {
        self.segments.last()?.key()
    }

    /// Returns the id of the user without the tenant that Outlook appends (`{user}@{tenant}`); `me` for the signed-in
    /// user.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        let id = self.id("users")?;
        match id.split_once('@') {
            Some((user, tenant)) if is_guid(user) && is_guid(tenant) => Some(user),
            _ => Some(id),
        }
    }
}

impl std::str::FromStr for ResourcePath {
    type Err = NotAPath;

    fn from_str(resource: &str) -> Result<Self, NotAPath> {
        Self::parse(resource)
    }
}

impl fmt::Display for ResourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.segments.iter().enumerate() {
            if at == 0 && segment.name == "users" && segment.key() == Some("me") {
                f.write_str("/me")?;
            } else {
                write!(f, "/{segment}")?;
            }
        }
        Ok(())
    }
}

/// A segment: a name with its key or arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    name: Cow<'static, str>,
    key: Option<String>,
    arguments: Option<String>,
    item_path: Option<String>,
}

impl Segment {
    /// Returns a segment without a key. A known name gets the reference's spelling.
    fn new(name: &str) -> Result<Self, NotAPath> {
        let mut characters = name.chars();
        let begins = characters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == '$');
        let goes_on = characters.all(|later| later.is_ascii_alphanumeric() || matches!(later, '.' | '_'));
        if !begins || !goes_on {
            return Err(NotAPath);
        }
        Ok(Self {
            name: names::known(name).map_or_else(|| name.to_owned().into(), Cow::Borrowed),
            key: None,
            arguments: None,
            item_path: None,
        })
    }

    /// Returns the name. A known name has the spelling of Microsoft Graph's reference.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the key, decoded.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns the named arguments, unchanged: the `joinWebUrl='..'` of `onlineMeetings(joinWebUrl='..')`.
    #[must_use]
    pub fn arguments(&self) -> Option<&str> {
        self.arguments.as_deref()
    }

    /// Returns the decoded path of a file or folder below the root of a drive: the `/a/b c` of `root:/a/b%20c:`.
    #[must_use]
    pub fn item_path(&self) -> Option<&str> {
        self.item_path.as_deref()
    }

    fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn is_bare(&self) -> bool {
        self.key.is_none() && self.arguments.is_none()
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match (&self.key, &self.arguments) {
            (Some(key), _) if names::takes_key(&self.name, key) && !is_dots(key) => {
                write!(f, "/{}", utf8_percent_encode(key, ENCODED))
            }
            // Between slashes, such a key would be read as a name, or as a step up.
            (Some(key), _) => {
                let encoded = utf8_percent_encode(key, ENCODED_IN_QUOTES).to_string();
                write!(f, "('{}')", encoded.replace('\'', "''"))
            }
            (None, Some(arguments)) => write!(f, "({arguments})"),
            (None, None) => Ok(()),
        }?;
        let Some(path) = &self.item_path else {
            return Ok(());
        };
        f.write_str(":")?;
        let names = path.split('/').skip(1);
        names
            .map(|name| utf8_percent_encode(name, ENCODED))
            .try_for_each(|name| write!(f, "/{name}"))
    }
}

/// Returns `resource` without scheme, host and version.
fn without_origin(resource: &str) -> &str {
    // Some notifications name the resource by its whole URL.
    let path = match resource.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
            rest.split_once('/').map_or("", |(_, path)| path)
        }
        _ => resource.strip_prefix('/').unwrap_or(resource),
    };
    match path.split_once('/') {
        Some((version, path)) if VERSIONS.iter().any(|known| known.eq_ignore_ascii_case(version)) => path,
        _ => path,
    }
}

/// Splits off the path of a file or folder, which OneDrive writes as `root:/a/b` or `root:/a/b:`.
fn split_item_path(path: &str) -> Result<(&str, Option<String>), NotAPath> {
    let (root, item_path) = if let Some(item_path) = path.strip_prefix("root:/") {
        (path.get(.."root".len()), item_path)
    } else if let Some((before, item_path)) = path.split_once("/root:/").filter(|(path, _)| !has_query(path))
    {
        (path.get(..before.len() + "/root".len()), item_path)
    } else {
        return Ok((path, None));
    };
    let (item_path, _query) = item_path.split_once('?').unwrap_or((item_path, ""));
    let item_path = item_path.strip_suffix('/').unwrap_or(item_path);
    let item_path = item_path.strip_suffix(':').unwrap_or(item_path);
    let mut decoded_path = String::new();
    for name in item_path.split('/').map(decoded) {
        // In a URL that a consumer builds, such a decoded name would lead out of its folder.
        if name.is_empty() || is_dots(&name) || name.contains(['/', ':']) {
            return Err(NotAPath);
        }
        decoded_path.push('/');
        decoded_path.push_str(&name);
    }
    Ok((root.ok_or(NotAPath)?, Some(decoded_path)))
}

/// Returns whether `path` contains query options, which are not part of the path.
fn has_query(path: &str) -> bool {
    split_outside_quotes(&bare_quotes_escaped(path), '?').len() > 1
}

/// Returns `path` with the quotes outside parentheses escaped. There they are part of a key
/// (`users/o'neil@contoso.com`), but the tokeniser would take each for the beginning or end of a quoted key.
fn bare_quotes_escaped(path: &str) -> Cow<'_, str> {
    if !path.contains('\'') {
        return path.into();
    }
    let (mut escaped, mut quoted, mut depth) = (String::with_capacity(path.len()), false, 0_u32);
    for character in path.chars() {
        match character {
            '\'' if depth == 0 => {
                escaped.push_str("%27");
                continue;
            }
            '\'' => quoted = !quoted,
            '(' if !quoted => depth = depth.saturating_add(1),
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped.push(character);
    }
    escaped.into()
}

/// Returns the decoded key of `token`.
fn key_text(token: &Token<'_>) -> Result<String, NotAPath> {
    let key = match token {
        Token::Key(raw) => {
            if raw.replace("''", "").contains('\'') {
                return Err(NotAPath);
            }
            let unquoted = raw.strip_prefix("%27").and_then(|raw| raw.strip_suffix("%27"));
            decoded(unquoted.unwrap_or(raw)).replace("''", "'")
        }
        Token::Word(word) => decoded(word),
        Token::Call { .. } => return Err(NotAPath),
    };
    if key.is_empty() { Err(NotAPath) } else { Ok(key) }
}

/// Returns `text` with its percent escapes decoded, or unchanged if the result is not UTF-8.
fn decoded(text: &str) -> String {
    percent_decode_str(text)
        .decode_utf8()
        .map_or_else(|_| text.to_owned(), Into::into)
}

fn is_dots(key: &str) -> bool {
    key == "." || key == ".."
}

const VERSIONS: [&str; 2] = ["v1.0", "beta"];

/// The characters that are escaped in a key between slashes: all but those that RFC 3986 allows in a segment and that
/// are never special.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b':')
    .remove(b'=')
    .remove(b',')
    .remove(b'!');

/// The characters that are escaped in a key in quotes.
const ENCODED_IN_QUOTES: &AsciiSet = &ENCODED.remove(b'\'');

#[cfg(test)]
mod tests;
