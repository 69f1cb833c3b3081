//! The operator's tool.

use std::process::ExitCode;

use clap::Parser;
use graph_cli::arguments::Arguments;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => graph_cli::main(arguments).await,
        Err(error) => graph_cli::misused(&error),
    }
}
