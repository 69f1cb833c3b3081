//! The style of text: colours and columns on a terminal, plain text elsewhere.

use std::{
    env,
    fs::File,
    io::{self, IsTerminal, Write},
    process::Command,
};

use clap::ColorChoice;

/// The style of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether the output is a terminal: tables then have a header and fit the width.
    pub is_terminal: bool,
    /// Whether the text has colours.
    pub has_color: bool,
    /// Characters on a line.
    pub width: usize,
}

impl Style {
    /// The style for programs and files.
    pub const PLAIN: Self = Self {
        is_terminal: false,
        has_color: false,
        width: USUAL_WIDTH,
    };

    /// Returns the style of standard output.
    #[must_use]
    pub fn of_stdout(color: ColorChoice) -> Self {
        Self::of(io::stdout().is_terminal(), color)
    }

    /// Returns the style of standard error.
    #[must_use]
    pub fn of_stderr(color: ColorChoice) -> Self {
        Self::of(io::stderr().is_terminal(), color)
    }

    fn of(is_terminal: bool, color: ColorChoice) -> Self {
        // https://no-color.org: any value but an empty one.
        let is_unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            is_terminal,
            has_color: match color {
                ColorChoice::Always => true,
                ColorChoice::Never => false,
                ColorChoice::Auto => is_terminal && !is_unwanted && !is_dumb,
            },
            width: if is_terminal {
                width().max(NARROWEST)
            } else {
                USUAL_WIDTH
            },
        }
    }

    /// Returns the text in a colour.
    #[must_use]
    pub fn paint(self, color: Color, text: &str) -> String {
        if self.has_color && color != Color::Plain && !text.is_empty() {
            format!("\u{1b}[{}m{text}\u{1b}[0m", color.code())
        } else {
            text.to_owned()
        }
    }
}

/// A colour by its meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// No colour.
    #[default]
    Plain,
    /// A heading.
    Head,
    /// Right, or added.
    Good,
    /// A warning, or changed.
    Warning,
    /// Wrong, or removed.
    Bad,
    /// Of little interest.
    Faint,
}

impl Color {
    /// Returns the parameters of ECMA-48's SGR.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Head => "1",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "31",
            Self::Faint => "2",
        }
    }
}

/// Returns the width of the terminal, from the environment or the terminal itself.
fn width() -> usize {
    let named = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    named.or_else(measured).unwrap_or(USUAL_WIDTH)
}

/// Asks the terminal through `stty`, which every system has. A library would turn on features in other packages.
fn measured() -> Option<usize> {
    let terminal = File::open("/dev/tty").ok()?;
    let size = Command::new("stty").arg("size").stdin(terminal).output().ok()?;
    let size = String::from_utf8(size.stdout).ok()?;
    let columns = size.split_whitespace().nth(1)?.parse().ok()?;
    (columns > 0).then_some(columns)
}

/// Wraps a text into lines of at most `width`; each line after the first begins with `indent`. A word that is
/// too long stays whole.
#[must_use]
pub fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for (number, word) in text.split(' ').enumerate() {
        let letters = word.chars().count();
        if length > 0 && length + 1 + letters > width {
            lines.extend(["\n", indent]);
            length = indent.chars().count();
        } else if number > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += letters;
    }
    lines
}

/// Returns a text without control characters: a foreign text could control the terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    let shown = |letter: char| if letter.is_control() { '?' } else { letter };
    text.chars().map(shown).collect()
}

/// Writes to standard error. A closed pipe is not a failure.
pub fn note(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// Returns a number with its noun, such as `2 messages`.
#[must_use]
pub fn counted(count: usize, thing: &str) -> String {
    match (count, thing.strip_suffix('y')) {
        (1, _) => format!("1 {thing}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {thing}s"),
    }
}

const USUAL_WIDTH: usize = 80;

/// The minimum width of a table.
const NARROWEST: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_those_who_have_them() {
        let colored = Style {
            has_color: true,
            ..Style::PLAIN
        };
        assert_eq!(colored.paint(Color::Bad, "no"), "\u{1b}[31mno\u{1b}[0m");
        assert_eq!(Style::PLAIN.paint(Color::Bad, "no"), "no");
    }

    #[test]
    fn words_that_do_not_fit_go_to_the_next_line() {
        assert_eq!(wrapped("one two three", 9, "  "), "one two\n  three");
        assert_eq!(wrapped("  one two", 80, ""), "  one two");
        let url = format!("https://{}", "x".repeat(100));
        assert_eq!(wrapped(&format!("see {url}"), 20, "  "), format!("see\n  {url}"));
    }

    #[test]
    fn things_are_counted_in_english() {
        let texts = [counted(1, "entry"), counted(2, "entry"), counted(0, "message")];
        assert_eq!(texts, ["1 entry", "2 entries", "0 messages"]);
    }

    #[test]
    fn text_from_outside_cannot_move_the_cursor() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a?[2Jb?");
    }
}
