//! Lets a year of renewal pass in virtual time, and prints what was seen.

use std::{io, process::ExitCode};

use lexopt::prelude::*;
use year::Scale;

fn main() -> ExitCode {
    let scale = match parse() {
        Ok(Some(scale)) => scale,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("year: {error}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    let figures = year::run(&scale, &mut io::stderr());
    print!("{figures}");
    if figures.broken().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Reads the command line; nothing is for help.
fn parse() -> Result<Option<Scale>, lexopt::Error> {
    let mut scale = Scale::default();
    let mut arguments = lexopt::Parser::from_args(std::env::args_os().skip(1).filter(|text| text != "--"));
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("subscriptions") => scale.subscriptions = arguments.value()?.parse()?,
            Long("single-tenant") => scale.is_single_tenant = true,
            Long("days") => scale.days = arguments.value()?.parse()?,
            Long("seed") => scale.seed = arguments.value()?.parse()?,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(scale))
}

const HELP: &str = "\
Lets a year of renewal pass in virtual time, with everything going wrong that can, and prints what was seen.

cargo year [--subscriptions 10000] [--single-tenant] [--days 365] [--seed 1]

It ends with 1 when a rule was broken: a subscription lapsed that could have been saved, a limit of Graph was passed,
renewals and reauthorizations came too close together, or more than a tenth more calls were made than need be.
";
