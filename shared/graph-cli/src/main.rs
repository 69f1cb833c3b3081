//! The operator's tool.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    graph_cli::main(graph_cli::arguments::Arguments::parse()).await
}
