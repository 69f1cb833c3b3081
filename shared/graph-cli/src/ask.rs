//! Questions to the person at the terminal.

use std::{
    io::{self, BufRead, IsTerminal},
    process::Command,
};

use zeroize::Zeroizing;

use crate::{
    failure::{Failure, Kind},
    terminal::note,
};

/// Asks whether to go on.
///
/// # Errors
///
/// Returns a failure if the answer is not yes, or nobody can be asked.
pub fn confirm(question: &str, is_confirmed: bool) -> Result<(), Failure> {
    if is_confirmed {
        return Ok(());
    }
    need_person("--yes")?;
    let answer = line(&format!("{question} [y/N] "))?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(Kind::NotConfirmed, "nothing was changed", "")),
    }
}

/// Asks the person to type a name, before something that cannot be undone.
///
/// # Errors
///
/// Returns a failure if the person types another text, or nobody can be asked.
pub fn confirm_by_name(question: &str, name: &str, given: Option<&str>) -> Result<(), Failure> {
    let written = if let Some(given) = given {
        given.to_owned()
    } else {
        need_person(&format!("--confirm {name}"))?;
        line(&format!("{question}\nWrite the stack's name to go on: "))?
    };
    if written.trim() == name {
        return Ok(());
    }
    let text = format!("nothing was changed: the stack's name is {name}");
    Err(Failure::new(Kind::NotConfirmed, text, ""))
}

/// Asks for a text with hidden input.
///
/// # Errors
///
/// Returns a failure if nobody can be asked.
pub fn secret(of_what: &str) -> Result<Zeroizing<String>, Failure> {
    if !io::stdin().is_terminal() {
        let text = format!("{of_what} is empty, and standard input is not a terminal to ask for it");
        let advice = "Fill it in with: jq '...' config.json | graph-notifications config put --yes -";
        return Err(Failure::new(Kind::NotConfirmed, text, advice));
    }
    let hidden = Hidden::begin().ok_or_else(|| {
        let text = format!("{of_what} cannot be entered: this terminal cannot hide input");
        Failure::new(
            Kind::NotConfirmed,
            text,
            "Fill it in with: jq '...' config.json | graph-notifications config put --yes -",
        )
    })?;
    let answer = line(&format!("{of_what}: ")).map(Zeroizing::new);
    drop(hidden);
    note("\n");
    let answer = answer?;
    if answer.contains(INTERRUPT) {
        return Err(Failure::new(Kind::NotConfirmed, "nothing was changed", ""));
    }
    Ok(Zeroizing::new(answer.trim().to_owned()))
}

/// A terminal with hidden input until this is dropped. Ctrl-C is a character meanwhile and ends the line:
/// as a signal it would end the program before the terminal is restored.
struct Hidden;

impl Hidden {
    /// Returns none if the terminal cannot be changed.
    fn begin() -> Option<Self> {
        stty(&["-echo", "-isig", "eol", "^C"]).then_some(Self)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        stty(&["echo", "isig", "eol", "undef"]);
    }
}

fn stty(settings: &[&str]) -> bool {
    Command::new("stty")
        .args(settings)
        .status()
        .is_ok_and(|status| status.success())
}

/// The character of Ctrl-C.
const INTERRUPT: char = '\u{3}';

fn need_person(option: &str) -> Result<(), Failure> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::new(
        Kind::NotConfirmed,
        "nothing was changed: this needs a confirmation, and standard input is not a terminal",
        format!("Add {option} to confirm without a question."),
    ))
}

/// Reads one line.
fn line(question: &str) -> Result<String, Failure> {
    note(question);
    let answer = read_line(&mut io::stdin().lock());
    answer.map_err(|error| Failure::new(Kind::Input, format!("standard input cannot be read: {error}"), ""))
}

/// Reads until the end of the line, or Ctrl-C.
fn read_line(input: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer
            .iter()
            .position(|byte| *byte == b'\n' || char::from(*byte) == INTERRUPT);
        let read = end.map_or(buffer.len(), |end| end + 1);
        line.extend(buffer.iter().take(read));
        input.consume(read);
        if end.is_some() || read == 0 {
            return String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_where_the_person_interrupts_it() {
        for (written, read) in [
            ("yes\nno", "yes\n"),
            ("s3cr\u{3}et", "s3cr\u{3}"),
            ("end", "end"),
            ("", ""),
        ] {
            assert_eq!(read_line(&mut written.as_bytes()).unwrap(), read);
        }
    }
}
