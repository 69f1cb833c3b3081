//! The rows' path patterns, and what fits them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use graph_events::path::{self, Token};

use super::{Row, rows};

/// A pattern of a row, cut into tokens.
pub(super) struct Pattern {
    /// The pattern as written.
    pub(super) text: &'static str,
    /// The pattern's path.
    pub(super) tokens: Vec<Token>,
    /// What `$filter` has to contain, without spaces and in lower case; nothing when any filter will do.
    filter: Option<String>,
    /// The row that it belongs to.
    pub(super) row: &'static Row,
}

impl Pattern {
    /// Cuts `text` into tokens.
    fn parse(text: &'static str, row: &'static Row) -> Option<Self> {
        let filter = path::options(text).into_iter().next().map(|(_, value)| {
            if value.contains('{') {
                String::new()
            } else {
                squeezed(value.trim_matches(['(', ')']))
            }
        });
        Some(Self {
            text,
            tokens: path::tokens(text)?,
            filter,
            row,
        })
    }

    /// Says whether the pattern fits `path` with the squeezed `filter`.
    pub(super) fn fits(&self, path: &[Token], filter: Option<&str>) -> bool {
        let filtered = match (&self.filter, filter) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(needed), Some(filter)) => filter.contains(needed.as_str()),
        };
        filtered && self.fits_path(path)
    }

    /// Says whether the pattern fits `path`.
    fn fits_path(&self, path: &[Token]) -> bool {
        // The path of a file may be any number of segments long.
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

    /// Returns how much the pattern demands; of those that fit, the one that demands most is meant.
    pub(super) fn demands(&self) -> (usize, usize) {
        let names = self.tokens.iter().filter(|token| !is_placeholder(token)).count();
        let filter = self
            .filter
            .as_ref()
            .map_or(0, |filter| 1 + usize::from(!filter.is_empty()));
        (names, filter)
    }

    /// Returns how many letters the pattern's names have.
    pub(super) fn letters(&self) -> usize {
        self.tokens
            .iter()
            .filter(|token| !is_placeholder(token))
            .map(|token| token.text().len())
            .sum()
    }

    /// Returns how many letters have to change, at least, to make `words` fit the pattern.
    pub(super) fn effort(&self, words: &[String]) -> usize {
        // The distance of Levenshtein, over words: a column for each of the path's, a row for each of the pattern's.
        let mut row: Vec<usize> = words
            .iter()
            .scan(0, |sum, word| Some(add(sum, word.len())))
            .collect();
        row.insert(0, 0);
        for token in &self.tokens {
            // To leave out a key is a small mistake, whatever its length.
            let skip = if is_placeholder(token) {
                2
            } else {
                token.text().len()
            };
            let mut next = vec![row.first().copied().unwrap_or_default() + skip];
            for (word, pair) in words.iter().zip(row.windows(2)) {
                let [diagonal, above] = pair else { continue };
                let left = next.last().copied().unwrap_or_default();
                next.push(
                    (diagonal + exchange(token, word))
                        .min(above + skip)
                        .min(left + word.len()),
                );
            }
            row = next;
        }
        row.last().copied().unwrap_or_default()
    }
}

/// Says whether `token` is what `known` stands for.
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

/// Says whether `token` of a pattern stands for a key.
pub(super) fn is_placeholder(token: &Token) -> bool {
    !matches!(token, Token::Call { .. }) && token.text().starts_with('{')
}

/// Says whether `word` can be a key: a name that Microsoft Graph uses, or that looks like a function of it, is taken for
/// a misspelt path and not for the id of an object.
fn is_key(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let looks_like_a_function = lower.starts_with("getall") || lower.starts_with("allm") || lower == "delta";
    let is_a_name = word.chars().all(|letter| letter.is_ascii_alphabetic()) && looks_like_a_function;
    !is_a_name && !NAMES.contains(&lower)
}

/// Returns the letters that have to change to put `word` in the place of `token`. A word of which half would change is
/// another word: one goes and the other comes.
fn exchange(token: &Token, word: &str) -> usize {
    match (is_placeholder(token), word.starts_with('{')) {
        (true, true) => 0,
        (true, false) => word.len(),
        (false, true) => token.text().len(),
        (false, false) => {
            let known = token.text();
            let edits = strsim::levenshtein(&known.to_ascii_lowercase(), word);
            if edits * 2 > known.len().max(word.len()) {
                known.len() + word.len()
            } else {
                edits
            }
        }
    }
}

/// Returns the path's names in lower case, with `{id}` for keys, and without a host and a version.
pub(super) fn words(resource: &str) -> Vec<String> {
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
            "{id}".to_owned()
        }
    };
    match path::tokens(path) {
        Some(tokens) => tokens
            .iter()
            .take(LONGEST)
            .map(|token| {
                if matches!(token, Token::Key(_)) {
                    "{id}".to_owned()
                } else {
                    word(token.text())
                }
            })
            .collect(),
        // A path that cannot be read is misspelt all the more, so it is cut roughly.
        None => path
            .split(['/', '?', '('])
            .filter(|part| !part.is_empty())
            .take(LONGEST)
            .map(word)
            .collect(),
    }
}

/// Says whether `text` reads like a name rather than a key.
fn is_name(text: &str) -> bool {
    text.len() <= 40
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphabetic() || letter == ':')
}

/// Adds `length` to `sum` and returns the new sum.
fn add(sum: &mut usize, length: usize) -> usize {
    *sum += length;
    *sum
}

/// Returns `filter` in lower case and without spaces.
pub(super) fn squeezed(filter: &str) -> String {
    filter
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// The placeholder for one or more segments up to the end.
const REST: &str = "{*}";

/// How many segments of a path are looked at for a suggestion; no pattern has as many.
const LONGEST: usize = 16;

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
