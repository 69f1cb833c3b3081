//! Which packages cargo is given, whoever calls it.

use std::process::Command;

use crate::{command, root};

/// Returns `cargo build` for the functions, as it would run in a shell.
pub fn cargo_build() -> Command {
    let mut cargo = Command::new("cargo");
    cargo
        .env_clear()
        .envs(command::clean_environment())
        .current_dir(root())
        .arg("build")
        .args(packages());
    for function in FUNCTIONS {
        cargo.args(["--bin", function]);
    }
    cargo
}

/// Returns the arguments that name the functions' packages and `tests`, whose dependencies decide on the features of all
/// the others: whatever is built with these lands in the same files, and is compiled once.
pub fn packages() -> Vec<&'static str> {
    FUNCTIONS
        .iter()
        .chain(&["tests"])
        .flat_map(|package| ["--package", *package])
        .collect()
}

/// The packages of the functions, and their binaries.
const FUNCTIONS: [&str; 3] = ["webhook", "decryption", "renewal"];
