//! The sample consumers, which readers copy.

use std::fs;
use std::process::Command;

use graph_core::notification::queued::MAX_AGE;
use tools::{Progress, Tools, command};

#[test]
fn the_consumer_in_python_passes_its_own_tests() {
    let tools = tools();
    let folder = tools::root().join("docs/consuming/python");
    let packages = tools::target().join("consumer-python");
    let requirements = fs::read_to_string(folder.join("requirements.txt")).unwrap();
    let python = || {
        let mut python = Command::new(tools.sam_folder().join("python"));
        python.current_dir(&folder).env("PYTHONDONTWRITEBYTECODE", "1");
        python
    };
    // Written last, so that an interrupted installation is repeated.
    let marker = packages.join("installed");
    if fs::read_to_string(&marker).unwrap_or_default() != requirements {
        let mut pip = python();
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        // The consumer's dependencies come with the SAM CLI.
        pip.args([
            "--no-deps",
            "--upgrade",
            "--requirement",
            "requirements.txt",
            "--target",
        ]);
        run("installing Powertools", pip.arg(&packages));
        fs::write(&marker, &requirements).unwrap();
    }
    let mut tests = python();
    tests.args(["-m", "unittest"]).env("PYTHONPATH", &packages);
    run("testing the consumer in Python", &mut tests);
}

/// Graph repeats a notification for hours, the stack delivers none that it received longer ago than `MAX_AGE`, and an event
/// lives for 14 days in DeliveryQueue and UndeliveredQueue, and for 14 days again if an operator moves it back.
#[test]
fn ids_are_kept_for_as_long_as_a_repeat_can_come() {
    let days = 1 + MAX_AGE.as_hours() / 24 + 2 * 14;
    for (path, text) in [
        ("docs/consuming.md", format!("Keep processed ids for {days} days")),
        (
            "docs/consuming/python/consumer.py",
            format!("{days} * 24 * 60 * 60"),
        ),
        (
            "docs/consuming/rust/src/seen.rs",
            format!("from_hours({days} * 24)"),
        ),
    ] {
        let found = fs::read_to_string(tools::root().join(path)).unwrap();
        assert!(found.contains(&text), "{path} does not say {text}");
    }
}

#[test]
fn the_templates_of_the_consumers_are_valid() {
    let tools = tools();
    let mut sam = Command::new(tools.sam_folder().join("python"));
    sam.args(["-c", VALIDATE, "python", "rust"])
        .current_dir(tools::root().join("docs/consuming"))
        .envs(tools.sam_environment())
        .env("AWS_DEFAULT_REGION", "us-east-1");
    run("validating the consumers' templates", &mut sam);
}

/// Runs `sam validate --lint` in each folder. It takes longer to start than to validate, so it starts once.
const VALIDATE: &str = "
import os, sys
from samcli.cli.main import cli
home = os.getcwd()
for folder in sys.argv[1:]:
    os.chdir(os.path.join(home, folder))
    cli.main(['validate', '--lint'], standalone_mode=False)";

#[track_caller]
fn run(what: &str, program: &mut Command) {
    let log = tools::target().join("consumers.log");
    let done = command::run(what, program, &log).map_err(|error| error.to_string());
    assert_eq!(done, Ok(()));
}

fn tools() -> Tools {
    Tools::set_up(&tools::target(), Progress::start()).unwrap()
}
