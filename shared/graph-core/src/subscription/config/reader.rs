//! Reads the fields of one object and notes every mistake with its path.

use super::document::Node;
use super::{Problem, Severity};
use strsim::levenshtein;

/// The mistakes found so far.
#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    /// Notes a mistake that makes its entry unusable.
    pub(super) fn error(&mut self, path: &str, message: impl Into<String>) {
        self.note(path, message.into(), Severity::Error);
    }

    /// Notes something that Microsoft Graph is likely to refuse, while the entry stays in use.
    pub(super) fn warning(&mut self, path: &str, message: impl Into<String>) {
        self.note(path, message.into(), Severity::Warning);
    }

    /// Notes a problem, once however many entries have it.
    fn note(&mut self, path: &str, message: String, severity: Severity) {
        let problem = Problem {
            path: path.to_owned(),
            message,
            severity,
        };
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// Returns how many mistakes make an entry unusable.
    pub(super) fn errors(&self) -> usize {
        self.0
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .count()
    }
}

/// The fields of one object, each taken once.
pub(super) struct Fields<'a> {
    path: String,
    fields: &'a [(String, Node)],
}

impl<'a> Fields<'a> {
    /// Opens the object `node` at `path`, which may have `known` fields only, each once.
    pub(super) fn open(
        node: &'a Node,
        path: impl Into<String>,
        known: &[&str],
        problems: &mut Problems,
    ) -> Option<Self> {
        let path = path.into();
        let Node::Object(fields) = node else {
            problems.error(
                &path,
                format!("is {}; write an object with {}", node.kind(), listed(known)),
            );
            return None;
        };
        for (at, (name, _)) in fields.iter().enumerate() {
            let here = join(&path, name);
            if !known.contains(&name.as_str()) {
                problems.error(&here, unknown(name, known));
            } else if fields.iter().take(at).any(|(earlier, _)| earlier == name) {
                problems.error(&here, "is there twice; keep one");
            }
        }
        Some(Self { path, fields })
    }

    /// Returns the path of the field `name`.
    pub(super) fn path(&self, name: &str) -> String {
        join(&self.path, name)
    }

    /// Returns the value of the field `name`; one that is `null` counts as left out.
    pub(super) fn get(&self, name: &str) -> Option<&'a Node> {
        let found = self
            .fields
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, node)| node);
        found.filter(|node| !matches!(node, Node::Null))
    }

    /// Returns the text of the field `name` if it is there.
    pub(super) fn text(&self, name: &str, problems: &mut Problems) -> Option<&'a str> {
        match self.get(name)? {
            Node::Text(text) if !text.trim().is_empty() => return Some(text.as_str()),
            Node::Text(_) => {
                problems.error(&self.path(name), "is empty; write a value or leave the field out");
            }
            other => problems.error(
                &self.path(name),
                format!("is {}; write text in quotes", other.kind()),
            ),
        }
        None
    }

    /// Returns the text of the field `name`, which has to be there; `example` says what to write.
    pub(super) fn required_text(
        &self,
        name: &str,
        example: &str,
        problems: &mut Problems,
    ) -> Option<&'a str> {
        if self.get(name).is_none() {
            problems.error(&self.path(name), format!("is missing; write {example}"));
            return None;
        }
        self.text(name, problems)
    }

    /// Returns the truth value of the field `name`, false when it is left out.
    pub(super) fn flag(&self, name: &str, problems: &mut Problems) -> bool {
        match self.get(name) {
            None => false,
            Some(Node::Bool(value)) => *value,
            Some(other) => {
                problems.error(
                    &self.path(name),
                    format!("is {}; write true or false without quotes", other.kind()),
                );
                false
            }
        }
    }

    /// Returns the whole number in the field `name` if it is there.
    pub(super) fn whole(&self, name: &str, problems: &mut Problems) -> Option<u32> {
        let node = self.get(name)?;
        let number = if let Node::Whole(number) = node {
            u32::try_from(*number).ok()
        } else {
            None
        };
        if number.is_none() {
            problems.error(
                &self.path(name),
                format!("is {}; write a whole number of minutes", node.kind()),
            );
        }
        number
    }
}

/// Returns the path of `name` under `path`, safe to print.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        shown(name)
    } else {
        format!("{path}.{}", shown(name))
    }
}

/// Returns `name` as it may be printed: cut when it is long, and with `?` for what names do not have.
///
/// A name that is neither short nor plain may be a credential in the wrong place, so nothing of it is printed.
pub(super) fn shown(name: &str) -> String {
    let plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '$' | '@' | ' ');
    if name.is_empty() || !name.chars().all(plain) || name.len() > 64 {
        return format!("(name of {} characters)", name.chars().count());
    }
    name.to_owned()
}

/// Returns `names` in quotes, for a message.
pub(super) fn listed<N: AsRef<str>>(names: &[N]) -> String {
    names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Returns the message for a field that is not `known`.
fn unknown(name: &str, known: &[&str]) -> String {
    let lower = name.to_ascii_lowercase();
    let nearest = known
        .iter()
        .map(|known| (levenshtein(&known.to_ascii_lowercase(), &lower), known))
        .min();
    match nearest {
        Some((edits, nearest)) if edits <= 2 => {
            format!("unknown field `{}`; did you mean `{nearest}`?", shown(name))
        }
        _ => format!(
            "unknown field `{}`; the fields here are {}",
            shown(name),
            listed(known)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_may_be_a_credential_is_not_shown() {
        assert_eq!(shown("abC8Q~nV3.x"), "(name of 11 characters)");
        assert_eq!(shown("line\nbreak"), "(name of 10 characters)");
        assert_eq!(shown(&"a".repeat(65)), "(name of 65 characters)");
        assert_eq!(shown("changeType"), "changeType");
    }

    #[test]
    fn an_unknown_field_is_told_its_nearest_or_all() {
        assert_eq!(
            unknown("changetype", &["changeType"]),
            "unknown field `changetype`; did you mean `changeType`?"
        );
        let message = unknown("colour", &["resource", "tenant"]);
        assert_eq!(
            message,
            "unknown field `colour`; the fields here are `resource`, `tenant`"
        );
    }
}
