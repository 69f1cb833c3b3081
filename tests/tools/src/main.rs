//! `cargo demo`, `cargo chaos` and `cargo year`: compiled within seconds, this says what they do, and gets ready what they need.
//!
//! The demo and chaos need tools that are installed while they are compiled. They would do both themselves, one after the
//! other, and not before they are compiled.

use std::{
    convert::Infallible,
    env,
    ffi::OsString,
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
};

use tools::{Error, Profile, Progress, Tools, cargo_build, command, help, target};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let program = arguments.next();
    // `cargo demo --keep` and `cargo demo -- --keep` mean the same: cargo's alias already ends with two dashes.
    let arguments: Vec<OsString> = arguments.filter(|text| text != "--").collect();
    let (help, run): (_, fn(&[OsString]) -> _) = match program.as_ref().and_then(|name| name.to_str()) {
        Some("demo") => (help::DEMO, demo),
        Some("chaos") => (help::CHAOS, chaos),
        Some("year") => (help::YEAR, year),
        _ => {
            eprintln!("This is for `cargo demo`, `cargo chaos` and `cargo year`.");
            return ExitCode::from(2);
        }
    };
    if arguments.iter().any(|text| text == "--help" || text == "-h") {
        // A reader that has seen enough is no failure.
        let _ = io::stdout().write_all(help.as_bytes());
        return ExitCode::SUCCESS;
    }
    let Err(error) = run(&arguments);
    eprintln!("{error}");
    ExitCode::FAILURE
}

/// Gets everything ready for the demo, and becomes it.
fn demo(arguments: &[OsString]) -> Result<Infallible, Error> {
    compile_and_install(&["--bin", "demo"], || {
        Tools::set_up(&target(), Progress::start()).map(drop)
    })?;
    become_cargo(
        &["run", "--quiet", "--package", "stack", "--bin", "demo", "--"],
        arguments,
    )
}

/// Gets everything ready for chaos, and becomes it.
fn chaos(arguments: &[OsString]) -> Result<Infallible, Error> {
    compile_and_install(&["--package", "chaos", "--bin", "chaos"], || {
        let progress = Progress::start();
        Tools::set_up(&target(), progress)?.microburst(progress).map(drop)
    })?;
    become_cargo(&["run", "--quiet", "--package", "chaos", "--"], arguments)
}

/// Compiles the functions and a program, and installs tools meanwhile.
fn compile_and_install(program: &[&str], install: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    let mut cargo = cargo_build(Profile::Tests);
    cargo.args(program);
    let mut cargo = cargo.spawn().map_err(Error::io("starting cargo"))?;
    if let Err(error) = install() {
        // What cannot be used need not be compiled to its end; that cargo may have ended already is as well.
        let _ = cargo.kill();
        let _ = cargo.wait();
        return Err(error);
    }
    let status = cargo.wait().map_err(Error::io("waiting for cargo"))?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::NotCompiled)
    }
}

/// Becomes the year. Cargo shows how far it is with compiling.
fn year(arguments: &[OsString]) -> Result<Infallible, Error> {
    become_cargo(
        &["run", "--profile", "year", "--package", "year", "--"],
        arguments,
    )
}

/// Replaces this process by cargo.
fn become_cargo(to_cargo: &[&str], arguments: &[OsString]) -> Result<Infallible, Error> {
    let mut cargo = Command::new("cargo");
    cargo.env_clear().envs(command::clean_environment());
    Err(Error::io("starting cargo")(
        cargo.args(to_cargo).args(arguments).exec(),
    ))
}
