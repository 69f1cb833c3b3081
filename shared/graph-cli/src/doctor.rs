//! The findings of `doctor`, in the order of repair.

pub mod judge;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Answer,
    terminal::{Color, Style, printable, wrapped},
};

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// The state.
    pub state: State,
    /// The finding.
    pub text: String,
    /// What to do; empty if nothing.
    pub advice: String,
}

/// The state of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Right.
    Ok,
    /// Unknown, because of an earlier finding or because AWS refused.
    Unknown,
    /// A warning.
    Warning,
    /// Wrong.
    Wrong,
}

impl Finding {
    /// Returns a finding that all is right.
    pub fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, State::Ok, text, "")
    }

    /// Returns a finding that the state is unknown.
    pub fn unknown(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, State::Unknown, text, "")
    }

    /// Returns a warning.
    pub fn warning(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, State::Warning, text, advice)
    }

    /// Returns a finding that something is wrong.
    pub fn wrong(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, State::Wrong, text, advice)
    }

    fn new(check: &'static str, state: State, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            check,
            state,
            text: text.into(),
            advice: advice.into(),
        }
    }

    fn text(&self, style: Style) -> String {
        let (word, color) = match self.state {
            State::Ok => ("ok", Color::Good),
            State::Unknown => ("?", Color::Faint),
            State::Warning => ("look", Color::Warning),
            State::Wrong => ("WRONG", Color::Bad),
        };
        let word = style.paint(color, &format!("{word:5}"));
        let width = style.width.saturating_sub(INDENT.len());
        let found = self.text.lines().map(|line| wrapped(&printable(line), width, ""));
        let found: Vec<String> = found.collect();
        let found = found.join("\n").replace('\n', &format!("\n{INDENT}"));
        format!(
            "{word} {:14} {found}\n{}",
            self.check,
            advice(&self.advice, style)
        )
    }
}

/// Formats an advice with an arrow. A command stays on one line, so that it can be pasted.
fn advice(advice: &str, style: Style) -> String {
    let mut text = String::new();
    let mut lead = "      -> ";
    for line in advice.lines() {
        let shown = format!("{lead}{line}");
        let shown = if is_command(line) {
            shown
        } else {
            wrapped(&shown, style.width, ADVICE_INDENT)
        };
        text.extend([&shown, "\n"]);
        lead = ADVICE_INDENT;
    }
    text
}

fn is_command(line: &str) -> bool {
    ["graph-notifications ", "aws ", "sam "]
        .iter()
        .any(|program| line.starts_with(program))
}

/// Returns the answer of `doctor`.
#[must_use]
pub fn answer(findings: &[Finding], style: Style) -> Answer {
    let count = |state: State| findings.iter().filter(|finding| finding.state == state).count();
    let (wrong, warnings, unknown) = (count(State::Wrong), count(State::Warning), count(State::Unknown));
    let lines = findings
        .iter()
        .fold(String::new(), |text, finding| text + &finding.text(style));
    let sums = [(wrong, "wrong"), (warnings, "to look at"), (unknown, "unknown")];
    let sums = sums.iter().filter(|(count, _)| *count > 0);
    let sums: Vec<String> = sums.map(|(count, word)| format!("{count} {word}")).collect();
    let sum = match wrong + warnings {
        _ if sums.is_empty() => "No problem found.".to_owned(),
        0 => format!("{}; no other problem found.", sums.join(", ")),
        1 => sums.join(", "),
        _ => format!("{}. Start at the top.", sums.join(", ")),
    };
    Answer {
        json: json!({"findings": findings, "wrong": wrong, "warnings": warnings, "unknown": unknown}),
        text: format!("{lines}\n{sum}\n"),
        needs_person: wrong + warnings > 0,
    }
}

/// Returns a member of AWS's answer as text.
fn member<'a>(json: &'a Value, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The width of the columns before the text.
const INDENT: &str = "                     ";

/// The width of the columns before an advice.
const ADVICE_INDENT: &str = "         ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_shown_in_order_with_advice() {
        let style = Style {
            is_terminal: true,
            has_color: false,
            width: 60,
        };
        let findings = [
            Finding::ok("stack", "graph-notifications: CREATE_COMPLETE"),
            Finding::wrong(
                "configuration",
                "ConfigSecret:4:7: error: tenants.contoso.tenantId is not a GUID",
                "Show it, correct it, and put it back with a comment for those who come after you:\n\
                 graph-notifications config put config.json",
            ),
        ];
        let answer = answer(&findings, style);
        assert_eq!(
            answer.text,
            "ok    stack          graph-notifications: CREATE_COMPLETE\n\
             WRONG configuration  ConfigSecret:4:7: error:\n\
             \x20                    tenants.contoso.tenantId is not a GUID\n\
             \x20     -> Show it, correct it, and put it back with a comment\n\
             \x20        for those who come after you:\n\
             \x20        graph-notifications config put config.json\n\n\
             1 wrong\n"
        );
        assert!(answer.needs_person);
    }
}
