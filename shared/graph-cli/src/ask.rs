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
/// Returns a failure when the answer is not yes, or when nobody is there to answer.
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

/// Has the person write a name, for what cannot be undone.
///
/// # Errors
///
/// Returns a failure when another text is written, or when nobody is there to write.
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

/// Asks for a text that is not shown while it is written.
///
/// # Errors
///
/// Returns a failure when nobody is there to write.
pub fn secret(of_what: &str) -> Result<Zeroizing<String>, Failure> {
    if !io::stdin().is_terminal() {
        let text = format!("{of_what} is empty, and standard input is not a terminal to ask for it");
        let advice = "Fill it in with: jq '...' config.json | graph-notifications config put --yes -";
        return Err(Failure::new(Kind::NotConfirmed, text, advice));
    }
    let _hidden = Hidden::begin();
    let answer = line(&format!("{of_what}: "));
    note("\n");
    let answer = Zeroizing::new(answer?);
    Ok(Zeroizing::new(answer.trim().to_owned()))
}

/// A terminal that does not show what is written, until this is dropped.
struct Hidden;

impl Hidden {
    fn begin() -> Self {
        stty("-echo");
        Self
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        stty("echo");
    }
}

fn stty(setting: &str) {
    let _ = Command::new("stty").arg(setting).status();
}

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
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::new(Kind::Input, format!("standard input cannot be read: {error}"), ""))?;
    Ok(answer)
}
