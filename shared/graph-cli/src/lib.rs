//! The operator's tool: one program that plans, applies, checks and repairs a deployed stack, by the stack's name.
//!
//! What is decided and how it reads is in modules without any input or output; [`aws`], [`stack`], [`terminal`] and [`ask`]
//! talk. The configuration and the queues' messages are read with the parsers that the functions have.

pub mod arguments;
pub mod ask;
pub mod aws;
pub mod commands;
pub mod config;
pub mod doctor;
pub mod failure;
pub mod held;
pub mod invoke;
pub mod progress;
pub mod queues;
pub mod report;
pub mod signed;
pub mod stack;
pub mod table;
pub mod terminal;
pub mod timespan;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde_json::{Value, json};

use self::{arguments::Arguments, failure::Failure, terminal::Style};

/// What a command found or did.
#[derive(Debug)]
pub struct Answer {
    /// For a program.
    pub json: Value,
    /// For a person.
    pub text: String,
    /// Whether something is left that a person has to do.
    pub needs_person: bool,
}

/// Runs what the command line asks for, prints the answer, and returns the exit status: see [`arguments::STATUSES`].
pub async fn main(arguments: Arguments) -> ExitCode {
    let global = arguments.global.clone();
    let style = Style::of_stdout(global.color);
    match Box::pin(commands::run(arguments, style)).await {
        Ok(answer) => {
            print(&shown(&answer, global.json));
            ExitCode::from(u8::from(answer.needs_person))
        }
        Err(failure) => {
            let advice = global.addressed(&failure.advice);
            report(
                &Failure {
                    advice,
                    ..failure.clone()
                },
                global.json,
            );
            ExitCode::from(failure.kind.status())
        }
    }
}

/// Says what is wrong with the command line, or prints the help that it asks for, and returns the exit status.
pub fn misused(error: &clap::Error) -> ExitCode {
    let is_json = std::env::args_os().any(|argument| argument == "--json");
    if is_json && error.use_stderr() {
        let text = error.to_string();
        print(&format!(
            "{:#}\n",
            json!({"error": text.trim_end(), "advice": ""})
        ));
    }
    // Nobody there to read it is no failure.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Returns what is printed of an answer.
fn shown(answer: &Answer, as_json: bool) -> String {
    if as_json {
        format!("{:#}\n", answer.json)
    } else {
        answer.text.clone()
    }
}

/// Says why nothing, or not everything, was done.
fn report(failure: &Failure, as_json: bool) {
    if as_json {
        print(&format!(
            "{:#}\n",
            json!({"error": failure.text, "advice": failure.advice})
        ));
    }
    terminal::note(&format!("graph-notifications: {failure}\n"));
}

/// Prints. A reader that has seen enough is no failure.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
