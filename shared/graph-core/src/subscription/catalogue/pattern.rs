//! The path patterns of the rows, and how they are matched.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use graph_events::path::{self, Token};

use super::{Row, rows};
use crate::subscription::compare::squeeze;

/// A pattern of a row, split into tokens.
pub(super) struct Pattern {
    /// The pattern as written.
    pub(super) text: &'static str,
    /// The pattern's path.
    pub(super) tokens: Vec<Token<'static>>,
    /// The text that `$filter` has to contain, without spaces and in lower case; empty if any filter fits.
    filter: Option<String>,
    /// The pattern's row.
    pub(super) row: &'static Row,
}

impl Pattern {
    /// Splits `text` into tokens.
    fn parse(text: &'static str, row: &'static Row) -> Option<Self> {
        let filter = path::options(text).into_iter().next().map(|(_, value)| {
            if value.contains('{') {
                String::new()
            } else {
                squeeze(value.trim_matches(['(', ')'])).to_ascii_lowercase()
            }
        });
        Some(Self {
            text,
            tokens: path::tokens(text)?,
            filter,
            row,
        })
    }

    /// Returns whether the pattern fits `path` and the squeezed `filter`.
    pub(super) fn fits(&self, path: &[Token<'_>], filter: Option<&str>) -> bool {
        let filtered = match (&self.filter, filter) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(needed), Some(filter)) => filter.contains(needed.as_str()),
        };
        filtered && self.fits_path(path)
    }

    /// Returns whether the pattern fits `path`.
    fn fits_path(&self, path: &[Token<'_>]) -> bool {
        // A pattern with the placeholder for the rest fits paths of any length from its own up.
        let open = self.tokens.last().is_some_and(|token| token.text() == REST);
        let long_enough = if open {
            path.len() >= self.tokens.len()
        } else {
            path.len() == self.tokens.len()
        };
        long_enough
            && self
                .tokens
                .iter()
                .zip(path)
                .all(|(known, token)| fits(known, token))
    }

    /// Returns how specific the pattern is: its number of names, then its filter. The most specific fitting pattern
    /// wins.
    pub(super) fn demands(&self) -> (usize, usize) {
        let names = self.tokens.iter().filter(|token| !is_placeholder(token)).count();
        let filter = self
            .filter
            .as_ref()
            .map_or(0, |filter| 1 + usize::from(!filter.is_empty()));
        (names, filter)
    }
}

/// Returns whether `token` fits the pattern's token `known`.
fn fits(known: &Token, token: &Token) -> bool {
    match (known, token) {
        (
            Token::Call {
                name: known,
                arguments: names,
            },
            Token::Call { name, arguments },
        ) => known.eq_ignore_ascii_case(name) && argument(names).eq_ignore_ascii_case(argument(arguments)),
        (known, Token::Key(_)) => is_placeholder(known),
        (known, Token::Word(word)) if is_placeholder(known) => known.text() == REST || is_key(word),
        (Token::Word(known), Token::Word(word)) => known.eq_ignore_ascii_case(word),
        _ => false,
    }
}

/// Returns the name of the first argument.
fn argument(arguments: &str) -> &str {
    arguments
        .split_once('=')
        .map_or(arguments, |(name, _)| name.trim())
}

/// Returns whether a pattern's token is the placeholder of a key.
pub(super) fn is_placeholder(token: &Token) -> bool {
    !matches!(token, Token::Call { .. }) && token.text().starts_with('{')
}

/// Returns whether `word` can be a key. A word that is a name in Microsoft Graph, or looks like a function, is a
/// misspelt path and not an object's id.
fn is_key(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let looks_like_a_function = lower.starts_with("getall") || lower.starts_with("allm") || lower == "delta";
    let is_a_name = word.chars().all(|letter| letter.is_ascii_alphabetic()) && looks_like_a_function;
    !is_a_name && !NAMES.contains(&lower)
}

/// Returns the names of the path in lower case, with `*` for keys, and without host and version.
pub(super) fn words(resource: &str) -> String {
    let path = resource.split_once("://").map_or(resource, |(_, rest)| {
        rest.split_once('/').map_or("", |(_, path)| path)
    });
    let path = path.trim_matches('/');
    let path = path
        .strip_prefix("v1.0/")
        .or_else(|| path.strip_prefix("beta/"))
        .unwrap_or(path);
    let word = |text: &str| {
        if is_name(text) {
            text.to_ascii_lowercase()
        } else {
            "*".to_owned()
        }
    };
    let of_token = |token: &Token| match token {
        Token::Key(_) => "*".to_owned(),
        token => word(token.text()),
    };
    let words: Vec<String> = if let Some(tokens) = path::tokens(path) {
        tokens.iter().take(MAX_SEGMENTS).map(of_token).collect()
    } else {
        // A path that cannot be parsed needs a suggestion even more, so it is split at its separators.
        let parts = path.split(['/', '?', '(']).filter(|part| !part.is_empty());
        parts.take(MAX_SEGMENTS).map(word).collect()
    };
    words.join("/")
}

/// Returns whether `text` looks like a name and not like a key.
fn is_name(text: &str) -> bool {
    text.len() <= 40
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphabetic() || letter == ':')
}

/// The placeholder for one or more segments up to the end.
const REST: &str = "{*}";

/// How many segments a suggestion looks at. No pattern has more.
const MAX_SEGMENTS: usize = 16;

/// All patterns.
pub(super) static INDEX: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    rows()
        .flat_map(|row| {
            row.patterns
                .iter()
                .filter_map(move |text| Pattern::parse(text, row))
        })
        .collect()
});

/// All names in patterns, in lower case.
static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let tokens = INDEX.iter().flat_map(|pattern| &pattern.tokens);
    tokens
        .filter(|token| !is_placeholder(token))
        .map(|token| token.text().to_ascii_lowercase())
        .collect()
});
