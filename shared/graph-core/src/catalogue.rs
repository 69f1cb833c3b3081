//! The resources that Microsoft Graph sends change notifications for, as data.
//!
//! One [`Row`] per kind of resource, in tables: first the resources of the two pages that the service was introduced
//! with, then the rest. [`find`] looks a subscription's resource path up; [`nearest`] helps who misspelt it.
//! Figures follow Microsoft Graph, *subscription resource type* (lifetimes), *create subscription* (permissions) and
//! *change notifications overview* (paths), as of 2026, besides the source that a row names.

use std::collections::BTreeSet;
use std::sync::LazyLock;

pub use row::{Access, Change, Changes, LifecycleUrl, Listed, Permission, Rich, Row, Select, Version};

use path::Token;

#[cfg(test)]
mod figures;
mod meetings;
mod other;
pub(crate) mod path;
mod row;
mod seed1;
mod seed2;
mod teams;

/// Returns all rows, those of the introductory pages first.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [seed1::ROWS, seed2::ROWS, teams::ROWS, meetings::ROWS, other::ROWS]
        .into_iter()
        .flatten()
}

/// Returns the row for a subscription's `resource` path.
///
/// Takes every spelling that Microsoft Graph takes: with or without slashes around, names in any case, `/me`, keys in
/// parentheses or between slashes, functions with arguments, and query options. Does not take a URL or a version in front.
#[must_use]
pub fn find(resource: &str) -> Option<&'static Row> {
    best(resource).map(|pattern| pattern.row)
}

/// Returns the known path pattern that is most like `resource`, for a suggestion, if any is like it at all.
#[must_use]
pub fn nearest(resource: &str) -> Option<&'static str> {
    let words = words(resource);
    let rated = INDEX.iter().map(|pattern| (pattern.effort(&words), pattern));
    let (effort, pattern) = rated.min_by_key(|(effort, _)| *effort)?;
    (effort.saturating_mul(2) <= pattern.letters()).then_some(pattern.text)
}

/// Returns the one spelling for all spellings of a known `resource`: names and keys between slashes, then the query.
#[must_use]
pub fn canonical(resource: &str) -> Option<String> {
    let pattern = best(resource)?;
    let mut text = String::new();
    for (at, token) in path::tokens(resource)?.iter().enumerate() {
        text.push('/');
        match (pattern.tokens.get(at), token) {
            (Some(known), Token::Call { arguments, .. }) => {
                text.push_str(known.text());
                text.push('(');
                text.push_str(arguments);
                text.push(')');
            }
            (Some(known), token) if !is_placeholder(known) => {
                text.push_str(if known.text().is_empty() {
                    token.text()
                } else {
                    known.text()
                });
            }
            (_, token) => text.push_str(token.text()),
        }
    }
    for (at, (name, value)) in path::options(resource).iter().enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        text.push_str(&name.to_ascii_lowercase());
        text.push('=');
        text.push_str(value);
    }
    Some(text)
}

/// A pattern of a row, cut into tokens.
struct Pattern {
    text: &'static str,
    tokens: Vec<Token>,
    /// What `$filter` has to contain, without spaces and in lower case; nothing when any filter will do.
    filter: Option<String>,
    row: &'static Row,
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
    fn fits(&self, path: &[Token], filter: Option<&str>) -> bool {
        let filtered = match (&self.filter, filter) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(needed), Some(filter)) => filter.contains(needed.as_str()),
        };
        filtered && self.fits_path(path)
    }

    /// Says whether the pattern fits `path`.
    fn fits_path(&self, path: &[Token]) -> bool {
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
    fn demands(&self) -> (usize, usize) {
        let names = self.tokens.iter().filter(|token| !is_placeholder(token)).count();
        let filter = self
            .filter
            .as_ref()
            .map_or(0, |filter| 1 + usize::from(!filter.is_empty()));
        (names, filter)
    }

    /// Returns how many letters the pattern's names have.
    fn letters(&self) -> usize {
        self.tokens
            .iter()
            .filter(|token| !is_placeholder(token))
            .map(|token| token.text().len())
            .sum()
    }

    /// Returns how many letters have to change, at least, to make `words` fit the pattern.
    fn effort(&self, words: &[String]) -> usize {
        let mut row: Vec<usize> = words
            .iter()
            .scan(0, |sum, word| Some(add(sum, word.len())))
            .collect();
        row.insert(0, 0);
        for token in &self.tokens {
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

/// Returns the pattern that fits `resource` and demands most.
///
/// Where two demand the same (a filter for the scopes of two rows), a less demanding one stands for both.
fn best(resource: &str) -> Option<&'static Pattern> {
    let path = path::tokens(resource)?;
    let options = path::options(resource);
    let filter = options
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("$filter"))
        .map(|(_, value)| squeezed(value));
    let mut fitting: Vec<_> = INDEX
        .iter()
        .filter(|pattern| pattern.fits(&path, filter.as_deref()))
        .collect();
    loop {
        let top = fitting.iter().map(|pattern| pattern.demands()).max()?;
        let mut foremost = fitting.iter().filter(|pattern| pattern.demands() == top);
        if let (Some(only), None) = (foremost.next(), foremost.next()) {
            return Some(only);
        }
        fitting.retain(|pattern| pattern.demands() != top);
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
fn is_placeholder(token: &Token) -> bool {
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

/// Returns the letters that have to change to put `word` in the place of `token`.
fn exchange(token: &Token, word: &str) -> usize {
    match (is_placeholder(token), word.starts_with('{')) {
        (true, true) => 0,
        (true, false) => word.len(),
        (false, true) => token.text().len(),
        (false, false) => path::distance(&token.text().to_ascii_lowercase(), word),
    }
}

/// Returns the path's names in lower case, with `{id}` for keys, and without a host and a version.
fn words(resource: &str) -> Vec<String> {
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
            .map(|token| {
                if matches!(token, Token::Key(_)) {
                    "{id}".to_owned()
                } else {
                    word(token.text())
                }
            })
            .collect(),
        None => path
            .split(['/', '?', '('])
            .filter(|part| !part.is_empty())
            .take(16)
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
fn squeezed(filter: &str) -> String {
    filter
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

/// The placeholder for one or more segments up to the end.
const REST: &str = "{*}";

/// All patterns.
static INDEX: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    rows()
        .flat_map(|row| row.patterns.iter().filter_map(move |text| Pattern::parse(text, row)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_path_is_found() {
        for spelling in [
            "/users/1/messages",
            "users/1/messages",
            "Users/1/Messages/",
            "/users('1')/messages",
            "/me/messages",
            "me/messages?$select=subject&$filter=isRead eq false",
            "/users/{id}/messages",
            "/users/anna@contoso.com/messages",
        ] {
            check(spelling, Some("message.all"));
        }
        check(
            "/users('1')/mailFolders('inbox')/messages",
            Some("message.folder"),
        );
        check("/me/mailfolders/inbox/messages", Some("message.folder"));
        check("groups('1')/conversations", Some("conversation"));
        check("/me/drive/root", Some("driveItem.root"));
        check("/me/drive/root:/Documents/2026", Some("driveItem.folder"));
    }

    #[test]
    fn a_function_is_not_taken_for_an_id() {
        check("/teams/getAllChannels", Some("channel.all"));
        check("/teams/getallmessages", Some("chatMessage.allChannels"));
        check("/teams/getAllMembers", Some("member.allTeams"));
        check("/teams/getAllMesages", None);
        check("/chats/allMessages", None);
        check("/teams/channels", None);
        check("/users/delta", None);
        check("/teams('getAllMessages')", Some("team.one"));
        check("/teams/1", Some("team.one"));
    }

    #[test]
    fn functions_are_found_by_the_names_of_their_arguments() {
        check(
            "communications/calls/getEmergencyEventsByPolicy(policyName='a/b')",
            Some("emergency"),
        );
        check("communications/calls/getEmergencyEventsByPolicy(name='a')", None);
        check(
            "solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds=['1','2'])",
            Some("virtualEvent.organizers"),
        );
        let meeting = "communications/onlineMeetings(joinWebUrl='https%3A%2F%2Fteams%3Fa')/meetingCallEvents";
        check(meeting, Some("onlineMeeting"));
        check(
            "communications/onlineMeetings/?$filter=JoinWebUrl eq 'https://a/b?c'",
            Some("onlineMeeting"),
        );
    }

    #[test]
    fn a_filter_chooses_between_rows_of_the_same_path() {
        check("communications/callRecords", Some("callRecord"));
        check(
            "communications/callRecords?$filter=a eq 'b'",
            Some("callRecord.filtered"),
        );
        check(
            "communications/presences?$filter=id in ('1','2')",
            Some("presence.many"),
        );
        check("communications/presences", None);
        check("security/alerts/?$filter=status eq 'New'", Some("alert.filtered"));
        check("security/alerts", None);
        let installations = "appCatalogs/teamsApps/1/installations";
        check(installations, Some("appInstall"));
        check(
            &format!("{installations}?$filter=(scopeInfo/scope eq 'team')"),
            Some("appInstall.team"),
        );
        check(
            &format!("{installations}?$filter=scopeInfo/scope%20eq%20'groupChat'"),
            Some("appInstall.chat"),
        );
        let both = "?$filter=(scopeInfo/scope eq 'team') or (scopeInfo/scope eq 'personal')";
        check(&format!("{installations}{both}"), Some("appInstall"));
    }

    #[test]
    fn what_is_not_a_resource_path_is_not_found() {
        for path in [
            "",
            "/",
            "v1.0/users",
            "/beta/teams",
            "https://graph.microsoft.com/v1.0/users",
            "//users",
            "users//messages",
            "/users/1/messages/2",
            "/unknown",
            "?$filter=a",
        ] {
            check(path, None);
        }
    }

    #[test]
    fn a_misspelt_path_gets_the_pattern_it_resembles() {
        for (written, meant) in [
            ("/team/getAllMessages", "/teams/getAllMessages"),
            ("/chats/allMessages", "/chats/getAllMessages"),
            ("/users/1/mesages", "/users/{id}/messages"),
            (
                "/me/mailFolder('inbox')/messages",
                "/users/{id}/mailFolders/{id}/messages",
            ),
            (
                "https://graph.microsoft.com/v1.0/teams/getAllMessages",
                "/teams/getAllMessages",
            ),
            ("beta/teams", "/teams"),
            ("/communications/callRecord", "/communications/callRecords"),
            (
                "/communications/presences",
                "/communications/presences?$filter=id in ({ids})",
            ),
            (
                "/teams/8f3c6a1e-2d57-4b90/channel/19:a@thread.tacv2/messages",
                "/teams/{id}/channels/{id}/messages",
            ),
        ] {
            assert_eq!(nearest(written), Some(meant), "{written}");
        }
    }

    #[test]
    fn what_resembles_nothing_gets_no_suggestion() {
        for written in ["", "/", "/weather/today", "🦀/('", "/x/y/z"] {
            assert_eq!(nearest(written), None, "{written}");
        }
    }

    #[test]
    fn all_spellings_have_one_canonical_form() {
        let expected = Some("/users/aB/mailFolders/InBox/messages?$select=Subject".to_owned());
        for spelling in [
            "/users/aB/mailFolders/InBox/messages?$select=Subject",
            "Users('aB')/MAILFOLDERS('InBox')/Messages/?%24Select=Subject",
        ] {
            assert_eq!(canonical(spelling), expected, "{spelling}");
        }
        let policy = "/communications/calls/getEmergencyEventsByPolicy(policyName='aB')";
        assert_eq!(
            canonical(&policy.to_ascii_uppercase()),
            Some(policy.replace("policyName='aB'", "POLICYNAME='AB'"))
        );
        assert_eq!(canonical("/unknown"), None);
    }

    #[track_caller]
    fn check(resource: &str, expected: Option<&str>) {
        assert_eq!(find(resource).map(|row| row.key), expected, "{resource}");
    }
}
