//! What can be wrong with a stack, in the order in which it should be cured.

pub mod judge;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Answer,
    terminal::{Color, Style, harmless, wrapped},
};

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub text: String,
    /// What to do; empty where nothing is.
    pub advice: String,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Not known, as something before is wrong or AWS refused to say.
    Unknown,
    /// Worth a look.
    Warning,
    /// Wrong.
    Wrong,
}

impl Finding {
    /// Something is as it should be.
    pub fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, State::Ok, text, "")
    }

    /// Something is not known.
    pub fn unknown(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, State::Unknown, text, "")
    }

    /// Something is worth a look.
    pub fn warning(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(check, State::Warning, text, advice)
    }

    /// Something is wrong.
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
        let mut text = format!("{word} {:14} ", self.check);
        let width = style.width.saturating_sub(INDENT.len());
        let lines = self.text.lines().map(|line| wrapped(&harmless(line), width, ""));
        let advice = self
            .advice
            .lines()
            .map(|line| wrapped(&format!("-> {line}"), width, "   "));
        let lines: Vec<String> = lines.chain(advice).collect();
        text += &lines.join("\n").replace('\n', &format!("\n{INDENT}"));
        text + "\n"
    }
}

/// Returns the answer of `doctor`.
#[must_use]
pub fn answer(findings: &[Finding], style: Style) -> Answer {
    let count = |state: State| findings.iter().filter(|finding| finding.state == state).count();
    let (wrong, warnings, unknown) = (count(State::Wrong), count(State::Warning), count(State::Unknown));
    let lines = findings
        .iter()
        .fold(String::new(), |text, finding| text + &finding.text(style));
    let sum = match (wrong, warnings, unknown) {
        (0, 0, 0) => "No problem found.".to_owned(),
        _ => format!("{wrong} wrong, {warnings} warnings, {unknown} unknown. Start at the top."),
    };
    Answer {
        json: json!({"findings": findings, "wrong": wrong, "warnings": warnings, "unknown": unknown}),
        text: format!("{lines}\n{sum}\n"),
        needs_person: wrong + warnings > 0,
    }
}

/// Returns a member of an answer of AWS as text.
fn member<'a>(json: &'a Value, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// As wide as what stands before the text.
const INDENT: &str = "                     ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_shown_in_order_with_what_to_do() {
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
                "Mend it.",
            ),
        ];
        let answer = answer(&findings, style);
        assert_eq!(
            answer.text,
            "ok    stack          graph-notifications: CREATE_COMPLETE\n\
             WRONG configuration  ConfigSecret:4:7: error:\n\
             \x20                    tenants.contoso.tenantId is not a GUID\n\
             \x20                    -> Mend it.\n\n\
             1 wrong, 0 warnings, 0 unknown. Start at the top.\n"
        );
        assert!(answer.needs_person);
    }
}
