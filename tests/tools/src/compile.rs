//! Which packages cargo is given, whoever calls it.

use std::process::Command;

use crate::{command, root};

/// How the functions are compiled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// As `cargo test` compiles them.
    #[default]
    Tests,
    /// As they are deployed on AWS.
    Release,
}

/// Returns `cargo build` for the functions, as it would run in a shell.
pub fn cargo_build(profile: Profile) -> Command {
    let mut cargo = Command::new("cargo");
    cargo
        .env_clear()
        .envs(command::clean_environment())
        .current_dir(root())
        .arg("build")
        .args(packages(profile));
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    for function in FUNCTIONS {
        cargo.args(["--bin", function]);
    }
    cargo
}

/// Returns the arguments that name the functions' packages and, where tests use what is built, `stack`, whose dependencies
/// decide on the features of all the others: whatever is built with these lands in the same files, and is compiled once.
pub fn packages(profile: Profile) -> Vec<&'static str> {
    let tests: &[&str] = match profile {
        Profile::Tests => &["stack"],
        Profile::Release => &[],
    };
    let packages = FUNCTIONS.iter().chain(tests);
    packages.flat_map(|package| ["--package", *package]).collect()
}

/// The packages of the functions, and their binaries.
const FUNCTIONS: [&str; 4] = ["webhook", "decryption", "renewal", "reader"];
