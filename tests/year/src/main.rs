//! Simulates a year of renewal in virtual time, and prints the figures.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use lexopt::prelude::*;
use year::Scale;

fn main() -> ExitCode {
    let scale = match parse() {
        Ok(Some(scale)) => scale,
        Ok(None) => {
            let _ = io::stdout().write_all(tools::help::YEAR.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("year: {error}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    let is_terminal = io::stderr().is_terminal();
    let figures = year::run(&scale, &mut |day, text| {
        if is_terminal {
            eprint!("\r{text}");
        } else if day % DAYS == 0 || day == scale.days {
            eprintln!("{text}");
        }
    });
    if is_terminal {
        eprintln!();
    }
    // A closed pipe is not a failure.
    let _ = write!(io::stdout(), "{figures}");
    if figures.broken().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Parses the command line; `None` means help.
fn parse() -> Result<Option<Scale>, lexopt::Error> {
    let mut scale = Scale::default();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("subscriptions") => scale.subscriptions = arguments.value()?.parse()?,
            Long("tenants") => scale.tenants = arguments.value()?.parse()?,
            Long("days") => scale.days = arguments.value()?.parse()?,
            Long("seed") => scale.seed = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(scale))
}

/// After how many days a line says how far it is, where it cannot replace the one before.
const DAYS: i64 = 30;
