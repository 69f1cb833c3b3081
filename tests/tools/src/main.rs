//! `cargo demo`: the demo, after what it needs has been installed and compiled at the same time.
//!
//! The demo would do both itself, one after the other, and not before it is compiled.

use std::convert::Infallible;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use tools::{Error, Profile, Progress, Tools, cargo_build, command, target};

fn main() -> ExitCode {
    let Err(error) = run();
    eprintln!("demo: {error}");
    ExitCode::FAILURE
}

/// Gets everything ready, and becomes the demo.
fn run() -> Result<Infallible, Error> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let mut cargo = cargo_build(Profile::Tests);
    cargo.args(["--bin", DEMO]);
    let mut cargo = cargo.spawn().map_err(Error::io("starting cargo"))?;
    if !arguments
        .iter()
        .any(|argument| argument == "--help" || argument == "-h")
        && let Err(error) = Tools::set_up(&target(), Progress::start())
    {
        // What cannot be used need not be compiled to its end; that cargo may have ended already is as well.
        let _ = cargo.kill();
        let _ = cargo.wait();
        return Err(error);
    }
    let status = cargo.wait().map_err(Error::io("waiting for cargo"))?;
    if !status.success() {
        return Err(Error::NotCompiled);
    }
    let mut demo = Command::new("cargo");
    demo.env_clear()
        .envs(command::clean_environment())
        .args(["run", "--quiet", "--package", DEMO_PACKAGE, "--bin", DEMO, "--"])
        .args(arguments);
    Err(Error::io("starting cargo")(demo.exec()))
}

const DEMO: &str = "demo";
const DEMO_PACKAGE: &str = "stack";
