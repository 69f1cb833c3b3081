//! docs/local.md's commands for `sam local`, with the real SAM CLI and Docker.
//!
//! Without Docker the test is left out and the output says why; with `REQUIRE_DOCKER` set that is a failure.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

mod steps;
mod world;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use stack::local::{self, Engine};

use world::World;

fn main() -> ExitCode {
    let name = "every_documented_command_works_in_containers";
    let trial = Trial::ignorable_test(name, every_documented_command_works_in_containers);
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn every_documented_command_works_in_containers() -> Result<Completion, Failed> {
    let engine = match Engine::find() {
        Ok(engine) => engine,
        Err(reason) if std::env::var_os("REQUIRE_DOCKER").is_some() => return Err(reason.into()),
        Err(reason) => return Ok(Completion::ignored_with(reason)),
    };
    let mut world = World::start(engine);
    let mut steps = steps::STEPS.to_vec();
    for command in local::commands() {
        let step = steps.iter().position(|(part, _)| command.contains(part));
        let step =
            step.unwrap_or_else(|| panic!("docs/local.md has a command that is not tested: {command}"));
        let (_, carry_out) = steps.remove(step);
        world.progress.say(&format!("$ {command}"));
        carry_out(&mut world, command);
    }
    assert!(
        steps.is_empty(),
        "docs/local.md has no command with {:?}",
        steps[0].0
    );
    world.end();
    Ok(Completion::Completed)
}
