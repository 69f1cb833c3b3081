//! The operator's tool: plans, applies, checks and repairs a deployed stack.
//!
//! Decisions and texts are in modules without input or output; [`aws`], [`stack`], [`terminal`] and [`ask`] do the input and
//! output. The configuration and the queues' messages are read with the functions' own parsers.

pub mod arguments;
pub mod ask;
pub mod aws;
pub mod commands;
pub mod config;
pub mod doctor;
pub mod failure;
pub mod invoke;
pub mod messages;
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

/// The answer of a command.
#[derive(Debug)]
pub struct Answer {
    /// As JSON.
    pub json: Value,
    /// As text.
    pub text: String,
    /// Whether a person has to do something.
    pub needs_person: bool,
}

/// Runs the command, prints the answer, and returns the exit status: see [`arguments::STATUSES`].
pub async fn main(arguments: Arguments) -> ExitCode {
    let global = arguments.global.clone();
    let style = Style::of_stdout(global.color);
    match Box::pin(commands::run(arguments, style)).await {
        Ok(answer) => {
            print(&shown(&answer, global.json));
            ExitCode::from(u8::from(answer.needs_person))
        }
        Err(failure) => {
            let advice = global.with_global_options(&failure.advice);
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

/// Prints the mistake in the command line or the requested help, and returns the exit status.
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

/// Returns the printed form of an answer.
fn shown(answer: &Answer, as_json: bool) -> String {
    if as_json {
        format!("{:#}\n", answer.json)
    } else {
        answer.text.clone()
    }
}

/// Prints a failure.
fn report(failure: &Failure, as_json: bool) {
    if as_json {
        print(&format!(
            "{:#}\n",
            json!({"error": failure.text, "advice": failure.advice})
        ));
    }
    terminal::note(&format!("graph-notifications: {failure}\n"));
}

/// Prints. A closed pipe is not a failure.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
