//! `sam build`, without compiling anything twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use serde_json::Value;
use tools::{Profile, Progress, Tools, cargo_build, command, lock, packages};

use super::{Error, architecture};

/// Builds the functions and leaves them, with the template, in `folder`.
///
/// SAM runs `cargo lambda` for each function, with the same packages as the `cargo build` before it. So both use the
/// files of `cargo test`, or of a release of the functions; everything is compiled once, and cargo shows its own
/// progress. SAM runs only where the programs or a template differ from those that it built last: it takes longer than
/// all the rest.
///
/// # Errors
///
/// The code does not compile, or a tool fails.
pub(crate) fn build(
    root: &Path,
    target: &Path,
    folder: &Path,
    tools: &Tools,
    profile: Profile,
    progress: Progress,
) -> Result<(), Error> {
    // `cargo lambda` moves each binary from cargo's folder to a place that all processes share.
    let _lock = lock(&target.join("stack").join("build.lock"))?;
    progress.say("Compiling the functions");
    let programs = compile(root, target, profile)?;
    let built = target.join("stack").join("built");
    let inputs = inputs(root, &programs)?;
    if fs::read_to_string(built.join(INPUTS)).is_ok_and(|last| last == inputs) {
        progress.say("Taking the last sam build, as nothing has changed");
    } else {
        progress.say("Running sam build");
        run_sam(root, target, &built, tools, profile)?;
        // Last: without it, what a build that failed has left does not count.
        fs::write(built.join(INPUTS), inputs)
            .map_err(Error::io(format!("writing into {}", built.display())))?;
    }
    copy(&built.join("build"), &folder.join("build"))
}

/// Runs `sam build`, and packs what it has built.
fn run_sam(root: &Path, target: &Path, built: &Path, tools: &Tools, profile: Profile) -> Result<(), Error> {
    // What is not there is already removed.
    let _ = fs::remove_dir_all(built);
    fs::create_dir_all(built).map_err(Error::io(format!("making {}", built.display())))?;
    let mut sam = sam(tools);
    sam.current_dir(root)
        .args(["build", "--template-file", "template.yaml", "--build-dir"])
        .arg(built.join("build"))
        .args([
            "--parameter-overrides",
            &format!("Architecture={}", architecture()?),
        ])
        .arg("--config-file")
        .arg(settings(built)?)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_LAMBDA_COMPILER", "cargo")
        .env("CARGO_LAMBDA_COMPILER_EXTRA_ARGS", packages(profile).join(" "));
    if profile == Profile::Tests {
        sam.env("SAM_BUILD_MODE", "debug");
    }
    command::run("sam build", &mut sam, &built.join("build.log"))?;
    pack(tools, built)
}

/// Compiles the functions, and returns their programs.
fn compile(root: &Path, target: &Path, profile: Profile) -> Result<Vec<PathBuf>, Error> {
    let output = cargo_build(profile)
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root)
        .env("CARGO_TARGET_DIR", target)
        .stderr(Stdio::inherit())
        .output()
        .map_err(Error::io("starting cargo"))?;
    if !output.status.success() {
        return Err(tools::Error::NotCompiled.into());
    }
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let program = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    };
    let mut programs: Vec<PathBuf> = messages.lines().filter_map(program).collect();
    // Cargo names them in the order in which they are ready.
    programs.sort();
    Ok(programs)
}

/// Returns what the result depends on: the size and time of each program, of the templates, and of what builds and packs them.
fn inputs(root: &Path, programs: &[PathBuf]) -> Result<String, Error> {
    let others = [
        "template.yaml",
        "functions/event-bus.yaml",
        "tests/stack/src/build.rs",
        "tests/stack/src/packed.py",
        "tests/tools/sam.txt",
        "tests/tools/cargo-lambda.txt",
    ];
    let others = others.map(|file| root.join(file));
    // An earlier release, which is upgraded, may have no such file.
    let others = others.iter().filter(|file| file.exists());
    let lines = programs.iter().chain(others).map(|file| {
        let failed = || Error::io(format!("looking at {}", file.display()));
        let metadata = fs::metadata(file).map_err(failed())?;
        let modified = metadata.modified().map_err(failed())?;
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(format!(
            "{} {} {}\n",
            file.display(),
            metadata.len(),
            since.as_nanos()
        ))
    });
    lines.collect()
}

/// Leaves an earlier version of the functions in `folder`: of an unpacked release, or of a checkout, whose functions are compiled.
///
/// # Errors
///
/// A file cannot be read or written, the code does not compile, or a tool fails.
pub(crate) fn earlier(
    from: &Path,
    target: &Path,
    folder: &Path,
    tools: &Tools,
    progress: Progress,
) -> Result<(), Error> {
    let from = from
        .canonicalize()
        .map_err(Error::io(format!("looking for {}", from.display())))?;
    if !from.join("Cargo.toml").is_file() {
        copy(&from, &folder.join("build"))?;
        return pack(tools, folder);
    }
    // In the same target folder: what the checkout has in common with this repository is compiled already.
    build(&from, target, folder, tools, Profile::Tests, progress)
}

/// Packs the functions for `sam deploy`; see packed.py.
fn pack(tools: &Tools, folder: &Path) -> Result<(), Error> {
    let mut python = python(tools);
    python
        .args(["-c", include_str!("packed.py")])
        .arg(folder.join("build"));
    Ok(command::run(
        "packing the functions",
        &mut python,
        &folder.join("packed.log"),
    )?)
}

/// Copies a folder: an unpacked release, or what `sam build` has left.
///
/// # Errors
///
/// A file cannot be read or written.
fn copy(folder: &Path, to: &Path) -> Result<(), Error> {
    let failed = || Error::io(format!("copying {}", folder.display()));
    fs::create_dir_all(to).map_err(failed())?;
    for entry in fs::read_dir(folder).map_err(failed())? {
        let path = entry.map_err(failed())?.path();
        let to = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &to)?;
        } else {
            fs::copy(&path, &to).map_err(failed())?;
        }
    }
    Ok(())
}

/// Returns the program `sam`, in an environment that is the same on every machine.
pub(crate) fn sam(tools: &Tools) -> Command {
    program(tools, tools.sam())
}

/// Returns the Python of `sam`, in the same environment.
pub(crate) fn python(tools: &Tools) -> Command {
    program(tools, tools.sam_folder().join("python"))
}

fn program(tools: &Tools, path: PathBuf) -> Command {
    let mut sam = Command::new(path);
    sam.env_clear().envs(command::clean_environment());
    sam.env("PATH", command::path_with(tools.sam_folder()))
        .envs(tools.sam_environment())
        .env("AWS_ACCESS_KEY_ID", super::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", super::ACCESS_KEY)
        .env("AWS_DEFAULT_REGION", super::REGION)
        // Python programs read either spelling, and the lower-case one first.
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1");
    sam
}

/// Writes an empty settings file for `sam`, so that the settings of the repository and of the user have no effect.
pub(crate) fn settings(folder: &Path) -> Result<PathBuf, Error> {
    let file = folder.join("samconfig.toml");
    fs::write(&file, "version = 0.1\n").map_err(Error::io(format!("writing {}", file.display())))?;
    Ok(file)
}

/// The file that says what the last `sam build` depended on.
const INPUTS: &str = "inputs";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_is_built_by_sam_again() {
        let folder = std::env::temp_dir().join(format!("stack-build-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join("bootstrap");
        let inputs = |text: &str| {
            fs::write(&program, text).unwrap();
            inputs(&tools::root(), std::slice::from_ref(&program)).unwrap()
        };
        let first = inputs("one");
        assert!(
            first.contains("template.yaml") && first.contains("event-bus.yaml"),
            "{first}"
        );
        assert_ne!(inputs("another"), first);
        fs::remove_dir_all(&folder).unwrap();
    }
}
