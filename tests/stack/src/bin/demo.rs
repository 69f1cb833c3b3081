//! Shows the whole of it: notifications from a simulated Microsoft Graph, through the real template, to events.

use std::process::ExitCode;

use lexopt::prelude::*;
use stack::demo::{self, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match parse() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("demo: {error}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    match demo::run(options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line; nothing is for help.
fn parse() -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options::default();
    // `cargo demo --keep` and `cargo demo -- --keep` mean the same: cargo's alias already ends with two dashes.
    let mut arguments = lexopt::Parser::from_args(std::env::args_os().skip(1).filter(|text| text != "--"));
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("keep") => options.keep = true,
            Long("json") => options.json = true,
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

const HELP: &str = "\
Builds and deploys the real template to a local AWS, subscribes at a simulated Microsoft Graph,
sends one notification of each kind, and shows the plan, the events that come out, and how a
subscription that Graph removes is made anew.

Usage: cargo demo [OPTIONS]

      --keep   leave everything up at the end, and print where it is; Ctrl-C stops it
      --json   print the events as they are delivered, as JSON
  -h, --help   this text

The exit status is 0 only if everything that was sent came out right.
";
