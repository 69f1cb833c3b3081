//! Programs that are run to their end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// Runs a program whose output goes to a file.
///
/// # Errors
///
/// The program is not there or fails; the error shows the end of its output.
pub fn run(what: &str, command: &mut Command, log: &Path) -> Result<(), Error> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(log)
        .map_err(Error::io(format!("opening {}", log.display())))?;
    let errors = file.try_clone().map_err(Error::io("sharing a file"))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(errors)
        .status()
        .map_err(Error::io(format!("starting {}", command.get_program().display())))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed {
        what: what.to_owned(),
        log: log.to_owned(),
        tail: tail(log),
    })
}

/// Returns the last lines of a file.
pub fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(TAIL_LINES)..)
        .unwrap_or_default()
        .join("\n")
}

/// Returns the environment of this process without what cargo sets for the programs that it runs, so that a cargo which
/// is started from here decides as it would in a shell, without anything that points tools at a real AWS account, and
/// without what keeps Python programs from being compiled for good.
pub fn clean_environment() -> impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)> {
    std::env::vars_os().filter(|(name, _)| name.to_str().is_none_or(|name| !is_foreign(name)))
}

/// Returns `PATH` with a folder in front.
pub fn path_with(folder: PathBuf) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    // Only a folder with a colon in its name cannot be joined; then the tools are not found, which is reported.
    std::env::join_paths(folders).unwrap_or(path)
}

/// Tells whether a variable is not for the programs that are started from here.
fn is_foreign(name: &str) -> bool {
    const PREFIXES: [&str; 7] = [
        "AWS_",
        "SAM_",
        "__SAM_",
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_LAMBDA_",
        "CARGO_BIN_",
    ];
    const NAMES: [&str; 7] = [
        "CARGO",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "LD_LIBRARY_PATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPATH",
        "VIRTUAL_ENV",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// How many lines of a log an error shows.
const TAIL_LINES: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_end_of_the_output() {
        let log = std::env::temp_dir().join(format!("stack-command-{}.log", std::process::id()));
        let error = run(
            "counting",
            Command::new("sh").args(["-c", "seq 100; exit 3"]),
            &log,
        )
        .unwrap_err();
        fs::remove_file(&log).unwrap();
        let text = error.to_string();
        assert!(
            text.starts_with("counting failed") && text.ends_with("99\n100") && !text.contains("\n70\n"),
            "{text}"
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let log = std::env::temp_dir().join(format!("stack-missing-{}.log", std::process::id()));
        let error = run("nothing", &mut Command::new("no-such-program"), &log).unwrap_err();
        fs::remove_file(&log).unwrap();
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }

    #[test]
    fn a_profile_of_a_real_account_does_not_reach_the_tools() {
        assert!(is_foreign("AWS_PROFILE") && is_foreign("CARGO_PKG_NAME"));
        assert!(!is_foreign("PATH") && !is_foreign("CARGO_HOME") && !is_foreign("CARGO_TARGET_DIR"));
    }
}
