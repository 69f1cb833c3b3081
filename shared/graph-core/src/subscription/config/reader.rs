//! Reads the fields of one object and notes every mistake with its path.

use std::cell::RefCell;

use super::Problem;
use super::document::Node;
use strsim::levenshtein;

/// The mistakes found so far, which all readers share: the first ones in full, the others as a number.
#[derive(Default)]
pub(super) struct Problems(RefCell<Found>);

#[derive(Default)]
struct Found {
    first: Vec<Problem>,
    errors: usize,
    more: usize,
}

impl Problems {
    /// Notes a mistake that makes its entry unusable.
    pub(super) fn error(&self, path: &str, message: impl Into<String>) {
        let is_new = self.note(Problem::error(path, message));
        self.0.borrow_mut().errors += usize::from(is_new);
    }

    /// Notes a mistake because of which an entry for all tenants is not used in some of them.
    pub(super) fn error_in_part(&self, path: &str, message: impl Into<String>) {
        self.note(Problem::error(path, message));
    }

    /// Notes a problem once, however many entries have it, and returns whether it is new.
    fn note(&self, problem: Problem) -> bool {
        let mut found = self.0.borrow_mut();
        if found.first.contains(&problem) {
            return false;
        }
        if found.first.len() < MAX_PROBLEMS {
            found.first.push(problem);
        } else {
            found.more += 1;
        }
        true
    }

    /// Returns whether there is a problem at `path` or below.
    pub(super) fn is_wrong(&self, path: &str) -> bool {
        let found = &self.0.borrow().first;
        found.iter().any(|problem| problem.path.starts_with(path))
    }

    /// Returns all problems.
    pub(super) fn all(self) -> Vec<Problem> {
        let Found { mut first, more, .. } = self.0.into_inner();
        if more > 0 {
            let message = format!("has {more} more mistakes; correct these first");
            first.push(Problem::error("", message));
        }
        first
    }

    /// Returns how many mistakes make an entry unusable.
    pub(super) fn errors(&self) -> usize {
        self.0.borrow().errors
    }
}

/// The fields of one object.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    path: String,
    fields: &'a [(String, Node)],
    pub(super) problems: &'a Problems,
}

impl<'a> Fields<'a> {
    /// Opens the object `node` at `path`. It may only have `known` fields, each once.
    pub(super) fn open(
        node: &'a Node,
        path: impl Into<String>,
        known: &[&str],
        problems: &'a Problems,
    ) -> Option<Self> {
        let path = path.into();
        let Node::Object(fields) = node else {
            let message = format!("is {}; write an object with {}", node.kind(), listed(known));
            problems.error(&path, message);
            return None;
        };
        // Most JSON parsers keep the last of two equal fields silently, which would hide a mistake.
        for (at, (name, _)) in fields.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                problems.error(&join(&path, name), unknown(&path, name, known));
            } else if fields.iter().take(at).any(|(earlier, _)| earlier == name) {
                problems.error(&known_field(&path, name), "is there twice; keep one");
            }
        }
        Some(Self {
            path,
            fields,
            problems,
        })
    }

    /// Notes a mistake in the known field `name` that makes the entry unusable.
    pub(super) fn error(&self, name: &str, message: impl Into<String>) {
        self.problems.error(&self.path(name), message);
    }

    /// Notes something in the known field `name` that Microsoft Graph is likely to refuse, while the entry stays in use.
    pub(super) fn warning(&self, name: &str, message: impl Into<String>) {
        self.problems.note(Problem::warning(self.path(name), message));
    }

    /// Returns the path of the known field `name`.
    pub(super) fn path(&self, name: &str) -> String {
        known_field(&self.path, name)
    }

    /// Returns the value of the field `name`. `null` counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&'a Node> {
        let found = self.fields.iter().find(|(found, _)| found == name);
        found
            .map(|(_, node)| node)
            .filter(|node| !matches!(node, Node::Null))
    }

    /// Returns the text of the field `name`, if present.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        match self.get(name)? {
            Node::Text(text) if !text.trim().is_empty() => return Some(text.as_str()),
            Node::Text(_) => self.error(name, "is empty; write a value or leave the field out"),
            other => self.error(name, format!("is {}; write text in quotes", other.kind())),
        }
        None
    }

    /// Returns the text of the required field `name`; `example` says what to write.
    pub(super) fn required_text(&self, name: &str, example: &str) -> Option<&'a str> {
        if self.get(name).is_none() {
            self.error(name, format!("is missing; write {example}"));
        }
        self.text(name)
    }

    /// Returns the truth value of the field `name`; false if absent.
    pub(super) fn flag(&self, name: &str) -> bool {
        match self.get(name) {
            None => false,
            Some(Node::Bool(value)) => *value,
            Some(other) => {
                let message = format!("is {}; write true or false without quotes", other.kind());
                self.error(name, message);
                false
            }
        }
    }

    /// Returns the whole number in the field `name`, if present.
    pub(super) fn whole(&self, name: &str) -> Option<u32> {
        let node = self.get(name)?;
        let number = match node {
            Node::Whole(number) => u32::try_from(*number).ok(),
            _ => None,
        };
        if number.is_none() {
            let message = format!("is {}; write a whole number of minutes", node.kind());
            self.error(name, message);
        }
        number
    }
}

/// Returns the path of a known field under `path`. Its name is no secret.
fn known_field(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Returns the path of `name` under `path`, in the form of [`Problem::path`] and safe to print.
#[must_use]
pub fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        shown(path, name)
    } else {
        format!("{path}.{}", shown(path, name))
    }
}

/// Returns a `name` under `path` in printable form: invisible characters become `?`, and long names are cut.
///
/// A name that looks like a secret may be a misplaced secret, and under `credential` any name may be one. Such names
/// are not printed.
pub(super) fn shown(path: &str, name: &str) -> String {
    let is_in_credential = path.rsplit('.').next() == Some("credential");
    if name.is_empty() || looks_secret(name) || is_in_credential {
        return format!("(name of {} characters)", name.chars().count());
    }
    let visible = |letter: char| if is_visible(letter) { letter } else { '?' };
    let mut start: String = name.chars().map(visible).take(NAME_SHOWN).collect();
    if name.chars().count() > NAME_SHOWN {
        start.push('…');
    }
    start
}

/// Returns whether a text is as long and as mixed as a secret, unlike names that people write.
fn looks_secret(text: &str) -> bool {
    let has = |of: fn(&u8) -> bool| text.bytes().any(|byte| of(&byte));
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    let is_long = |run: &str| run.len() >= 20 && run.bytes().any(|byte| byte.is_ascii_digit());
    let mut runs = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    (text.len() >= 16 && is_mixed) || runs.any(is_long)
}

/// Returns whether a name is short and safe to print anywhere.
pub(super) fn is_plain(name: &str) -> bool {
    let plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '$' | '@' | ' ');
    (1..=NAME_SHOWN).contains(&name.len()) && name.chars().all(plain)
}

/// Returns whether a character is visible and does not affect the text around it: a letter or digit of any language, or
/// ASCII.
fn is_visible(letter: char) -> bool {
    letter.is_alphanumeric() || letter.is_ascii_graphic() || letter == ' '
}

/// How many characters of a name are printed.
const NAME_SHOWN: usize = 64;

/// Returns `names` in quotes, for a message.
pub(super) fn listed<N: AsRef<str>>(names: &[N]) -> String {
    names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Returns the first of `names` in quotes, for a message, and how many more there are.
pub(super) fn first<N: AsRef<str>>(names: &[N]) -> String {
    let more = names.len().saturating_sub(MAX_NAMES);
    let first: Vec<&str> = names.iter().map(AsRef::as_ref).take(MAX_NAMES).collect();
    match more {
        0 => listed(&first),
        more => format!("{} and {more} more", listed(&first)),
    }
}

/// How many problems are kept in full.
const MAX_PROBLEMS: usize = 100;

/// How many names of the document a message lists.
const MAX_NAMES: usize = 10;

/// Returns the message for a field that is not `known`.
fn unknown(path: &str, name: &str, known: &[&str]) -> String {
    let lower = name.to_ascii_lowercase();
    let nearest = known
        .iter()
        .map(|known| (levenshtein(&known.to_ascii_lowercase(), &lower), known))
        .min();
    match nearest {
        Some((edits, nearest)) if edits <= 2 => {
            format!("unknown field `{}`; did you mean `{nearest}`?", shown(path, name))
        }
        _ => format!(
            "unknown field `{}`; the fields here are {}",
            shown(path, name),
            listed(known)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_may_be_a_credential_is_not_shown() {
        let shown = |name: &str| shown("tenants.contoso.credential", name);
        assert_eq!(shown("abC8Q~nV3.x"), "(name of 11 characters)");
        assert_eq!(shown("correcthorsebattery"), "(name of 19 characters)");
    }

    #[test]
    fn a_shown_name_is_shortened_and_has_no_invisible_characters() {
        let shown = |name: &str| shown("subscriptions", name);
        assert_eq!(shown("Mail!"), "Mail!");
        assert_eq!(shown("Prüfung"), "Prüfung");
        assert_eq!(shown("line\nbreak \u{202e}"), "line?break ?");
        assert_eq!(shown(&"a".repeat(65)), format!("{}…", "a".repeat(64)));
        assert_eq!(shown(""), "(name of 0 characters)");
        assert_eq!(shown("Team_Messages_2"), "Team_Messages_2");
        assert_eq!(shown("Sup3r8Q~Secret.Value"), "(name of 20 characters)");
        assert_eq!(shown(&"0a".repeat(20)), "(name of 40 characters)");
    }

    #[test]
    fn an_unknown_field_gets_the_nearest_name_or_all_names() {
        assert_eq!(
            unknown("", "changetype", &["changeType"]),
            "unknown field `changetype`; did you mean `changeType`?"
        );
        let message = unknown("", "colour", &["resource", "tenant"]);
        assert_eq!(
            message,
            "unknown field `colour`; the fields here are `resource`, `tenant`"
        );
    }
}
