//! Injects every fault into the deployed stack, and reports the outcome of each change.

use std::{
    env,
    io::{self, Write as _},
    process::ExitCode,
};

use chaos::Options;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match Options::parse(env::args_os().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            let _ = io::stdout().write_all(tools::help::CHAOS.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("chaos: {error}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    match Box::pin(chaos::run(options)).await {
        Ok(report) => {
            // A reader that has seen enough does not change what was seen.
            let _ = write!(io::stdout(), "{report}");
            if report.is_kept() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::FAILURE
        }
    }
}
