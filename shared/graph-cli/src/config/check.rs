//! Every mistake in a document, with its location.

use graph_core::subscription::config::{Config, Problem, Severity};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::document::{Document, Location};
use crate::{
    Answer,
    terminal::{Color, Style, counted, printable, wrapped},
};

/// The mistakes in a document.
#[derive(Debug)]
pub struct Checked {
    /// The valid part of the document.
    pub config: Config,
    /// The mistakes, from top to bottom.
    pub found: Vec<(Location, Problem)>,
}

impl Checked {
    /// Reads and checks a document.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let (config, problems) = match Config::parse(text) {
            Ok(read) => read,
            Err(problem) => (Config::default(), vec![problem]),
        };
        Self::with_locations(text, config, problems)
    }

    /// Reads and checks a file. It may have open credentials, which `config put` fills in.
    #[must_use]
    pub fn of_file(text: &str) -> Self {
        let Ok(document) = Document::parse(text) else {
            return Self::of(text);
        };
        let filled = document.fill(|_| Some(Zeroizing::new("\"-\"".to_owned())));
        let (config, problems) = match Config::parse(&filled) {
            Ok(read) => read,
            Err(problem) => (Config::default(), vec![problem]),
        };
        // What stands for a key or a certificate is neither.
        let is_open = |path: &str| document.is_open(path);
        let problems = problems.into_iter().filter(|problem| !is_open(&problem.path));
        Self::with_locations(text, config, problems.collect())
    }

    fn with_locations(text: &str, config: Config, problems: Vec<Problem>) -> Self {
        let location = |problem: &Problem| match Document::parse(text) {
            Ok(document) => document.location(&problem.path),
            Err(location) => location,
        };
        let mut found: Vec<_> = problems
            .into_iter()
            .map(|problem| (location(&problem), problem))
            .collect();
        found.sort_by_key(|(location, _)| *location);
        Self { config, found }
    }

    /// Returns the number of errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        let is_error = |(_, problem): &&(Location, Problem)| problem.severity == Severity::Error;
        self.found.iter().filter(is_error).count()
    }

    /// Returns a line for each mistake, in the form that editors jump to, and the sums.
    #[must_use]
    pub fn text(&self, file: &str, style: Style) -> String {
        let mut text = String::new();
        for (location, problem) in &self.found {
            let (word, color) = match problem.severity {
                Severity::Error => ("error", Color::Bad),
                Severity::Warning => ("warning", Color::Warning),
            };
            let word = style.paint(color, word);
            let line = format!(
                "{file}:{}:{}: {word}: {}",
                location.line,
                location.column,
                printable(&problem.to_string())
            );
            // A program reads lines.
            text += &if style.is_terminal {
                wrapped(&line, style.width, "  ")
            } else {
                line
            };
            text.push('\n');
        }
        text + &self.sums(file) + "\n"
    }

    fn sums(&self, file: &str) -> String {
        let (tenants, subscriptions) = (self.config.tenants.len(), self.config.subscriptions.len());
        match (self.errors(), self.found.len() - self.errors()) {
            (0, 0) => format!(
                "{file} has no mistakes: {}, {}",
                counted(tenants, "tenant"),
                counted(subscriptions, "subscription")
            ),
            (0, warnings) => format!("{file} can be used: {}", counted(warnings, "warning")),
            (errors, warnings) => format!(
                "{file}: {}, {}",
                counted(errors, "error"),
                counted(warnings, "warning")
            ),
        }
    }

    /// Returns the answer of `config check`.
    #[must_use]
    pub fn answer(&self, file: &str, style: Style) -> Answer {
        let problem = |(location, problem): &(Location, Problem)| {
            json!({
                "line": location.line, "column": location.column, "path": problem.path, "message": problem.message,
                "severity": problem.severity,
            })
        };
        let problems: Vec<Value> = self.found.iter().map(problem).collect();
        Answer {
            json: json!({"file": file, "errors": self.errors(), "problems": problems}),
            text: self.text(file, style),
            needs_person: self.errors() > 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRONG: &str = r#"{
  "tenants": {
    "contoso": {
      "tenantId": "contoso.com",
      "clientId": "66666666-7777-8888-9999-000000000000",
      "credential": { "clientSecret": "s" }
    }
  },
  "subscriptions": {
    "users": { "resource": "/users", "changetype": "updated" }
  }
}"#;

    #[test]
    fn all_mistakes_are_shown_at_once_with_their_locations() {
        let answer = Checked::of(WRONG).answer("config.json", Style::PLAIN);
        let lines: Vec<&str> = answer.text.lines().collect();
        assert!(
            lines[0].starts_with("config.json:4:7: error: tenants.contoso.tenantId is not a GUID"),
            "{lines:#?}"
        );
        assert!(
            answer
                .text
                .contains("config.json:10:38: error: subscriptions.users.changetype unknown field"),
            "{lines:#?}"
        );
        assert!(
            answer
                .text
                .contains("config.json:10:5: error: subscriptions.users.changeType is missing"),
            "{lines:#?}"
        );
        assert_eq!(*lines.last().unwrap(), "config.json: 3 errors, 0 warnings");
        assert!(answer.needs_person);
        assert_eq!(answer.json["problems"][0]["line"], 4);
    }

    #[test]
    fn a_redacted_credential_is_allowed_in_a_file() {
        let open = WRONG
            .replace("\"s\"", "\"\"")
            .replace("contoso.com", "11111111-2222-3333-4444-555555555555")
            .replace("changetype", "changeType");
        assert_eq!(Checked::of_file(&open).errors(), 0);
        assert_eq!(Checked::of(&open).errors(), 1);
    }

    #[test]
    fn malformed_json_has_a_line_and_a_column() {
        let answer = Checked::of("{\n  \"tenants\": ,\n}").answer("c.json", Style::PLAIN);
        assert!(
            answer
                .text
                .starts_with("c.json:2:14: error: the configuration is not JSON"),
            "{}",
            answer.text
        );
    }

    #[test]
    fn on_a_terminal_no_line_is_longer_than_the_terminal_is_wide() {
        let style = Style {
            is_terminal: true,
            ..Style::PLAIN
        };
        let text = Checked::of(WRONG).text("config.json", style);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
