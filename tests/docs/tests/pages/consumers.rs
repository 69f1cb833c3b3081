//! The sample consumers, which readers copy.

use std::fs;
use std::process::Command;

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

#[test]
fn the_templates_of_the_consumers_are_valid() {
    let tools = tools();
    for language in ["python", "rust"] {
        let mut sam = Command::new(tools.sam_folder().join("python"));
        sam.args(["-m", "samcli", "validate", "--lint"])
            .current_dir(tools::root().join("docs/consuming").join(language))
            .envs(tools.sam_environment())
            .env("AWS_DEFAULT_REGION", "us-east-1");
        run("validating a consumer's template", &mut sam);
    }
}

#[track_caller]
fn run(what: &str, program: &mut Command) {
    let log = tools::target().join("consumers.log");
    let done = command::run(what, program, &log).map_err(|error| error.to_string());
    assert_eq!(done, Ok(()));
}

fn tools() -> Tools {
    Tools::set_up(&tools::target(), Progress::start()).unwrap()
}
