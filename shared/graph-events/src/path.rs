//! Resource paths, split into tokens, in every spelling of Microsoft Graph.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A token of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A bare segment: a name such as `messages`, or a key such as the `1` of `users/1`.
    Word(&'a str),
    /// A key in parentheses, without its quotes: the `1` of `users('1')`.
    Key(&'a str),
    /// A segment with named arguments: `getByPolicy(policyName='a')`.
    Call {
        /// The name before the parenthesis.
        name: &'a str,
        /// The arguments as written.
        arguments: &'a str,
    },
}

impl<'a> Token<'a> {
    /// Returns the text: the word, the key, or the name of the call.
    pub fn text(&self) -> &'a str {
        match self {
            Self::Word(text) | Self::Key(text) => text,
            Self::Call { name, .. } => name,
        }
    }
}

/// Splits the path of `resource`, without query options, into tokens; `None` if a segment is empty or malformed.
///
/// Outer slashes do not matter, and `me` at the beginning stands for `users/{id}`.
pub fn tokens(resource: &str) -> Option<Vec<Token<'_>>> {
    let path = resource.trim();
    let path = split_outside_quotes(path, '?').into_iter().next()?;
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut tokens = Vec::new();
    for segment in split_outside_quotes(path, '/') {
        push_segment(segment, &mut tokens)?;
    }
    // `/me` and `/users/{id}` are the same resource in every table.
    if tokens
        .first()
        .is_some_and(|first| matches!(first, Token::Word(word) if word.eq_ignore_ascii_case("me")))
    {
        tokens.splice(0..1, [Token::Word("users"), Token::Key("me")]);
    }
    Some(tokens)
}

/// Returns the decoded query options of `resource`, in their order.
pub fn options(resource: &str) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let query = split_outside_quotes(resource, '?')
        .into_iter()
        .nth(1)
        .unwrap_or_default();
    let options = split_outside_quotes(query, '&')
        .into_iter()
        .filter(|option| !option.trim().is_empty());
    options
        .map(|option| {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// Splits `text` at each `separator` outside single quotes and parentheses, but only at the first one if it is `?`.
pub fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    // Nearly no path has a query, and each notification has a path: finding one byte is far cheaper than looking at each.
    if !text.contains(separator) {
        return vec![text];
    }
    let (mut parts, mut start, mut quoted, mut depth) = (Vec::new(), 0, false, 0_u32);
    for (at, character) in text.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth = depth.saturating_add(1),
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ if character == separator && !quoted && depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + separator.len_utf8();
                // A later question mark is part of the query.
                if separator == '?' {
                    break;
                }
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

/// Adds the one or two tokens of `segment`.
fn push_segment<'a>(segment: &'a str, tokens: &mut Vec<Token<'a>>) -> Option<()> {
    let Some((name, rest)) = segment.split_once('(') else {
        return (!segment.is_empty()).then(|| tokens.push(Token::Word(segment)));
    };
    let inside = rest.strip_suffix(')')?.trim();
    if name.is_empty() {
        return None;
    }
    // Named arguments belong to a function; a single value is a key.
    if is_named(inside) {
        tokens.push(Token::Call {
            name,
            arguments: inside,
        });
        return Some(());
    }
    tokens.push(Token::Word(name));
    if !inside.is_empty() {
        let unquoted = inside
            .strip_prefix('\'')
            .and_then(|inside| inside.strip_suffix('\''))
            .unwrap_or(inside);
        tokens.push(Token::Key(unquoted));
    }
    Some(())
}

/// Returns whether `arguments` begins with a name and an equals sign.
fn is_named(arguments: &str) -> bool {
    arguments.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name
                .trim_end()
                .chars()
                .all(|character| character.is_ascii_alphanumeric())
    })
}

/// Returns `text` with its percent escapes decoded.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text.trim()).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_style_gives_the_same_texts() {
        for spelling in [
            "users/1/messages",
            "/users/1/messages/",
            "users('1')/messages",
            "users(1)/messages?$top=1",
        ] {
            let found = tokens(spelling).unwrap();
            assert_eq!(
                found.iter().map(Token::text).collect::<Vec<_>>(),
                ["users", "1", "messages"],
                "{spelling}"
            );
        }
    }

    #[test]
    fn a_key_in_parentheses_may_hold_slashes_and_question_marks() {
        assert_eq!(tokens("users(a/b)").unwrap()[1], Token::Key("a/b"));
        assert_eq!(tokens("users('a/b?c')").unwrap()[1], Token::Key("a/b?c"));
        assert_eq!(tokens("users('o''b/c')").unwrap()[1], Token::Key("o''b/c"));
    }

    #[test]
    fn a_call_with_named_arguments_is_not_a_key() {
        let found = tokens("calls/byPolicy(policyName='a=b')").unwrap();
        let call = Token::Call {
            name: "byPolicy",
            arguments: "policyName='a=b'",
        };
        assert_eq!(found[1], call);
        assert_eq!(tokens("a('b=c')").unwrap()[1], Token::Key("b=c"));
    }

    #[test]
    fn me_stands_for_a_user() {
        assert_eq!(tokens("/me/events").unwrap().len(), 3);
        assert_eq!(tokens("/ME/events").unwrap()[1], Token::Key("me"));
    }

    #[test]
    fn malformed_paths_have_no_tokens() {
        for path in [
            "",
            "/",
            "a//b",
            "//a",
            "https://graph.microsoft.com/v1.0/users",
            "a('b",
            "('a')",
            "?$filter=x",
        ] {
            assert_eq!(tokens(path), None, "{path}");
        }
    }

    #[test]
    fn options_are_decoded_and_cut_outside_quotes_only() {
        let found = options("/x?%24select=a,b&$filter=c%20eq 'd&e?'");
        assert_eq!(
            found,
            [
                ("$select".into(), "a,b".into()),
                ("$filter".into(), "c eq 'd&e?'".into())
            ]
        );
        assert!(options("/x").is_empty());
        assert!(options("/x?").is_empty());
    }
}
