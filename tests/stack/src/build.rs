//! `sam build`, without compiling anything twice.

use std::path::{Path, PathBuf};
use std::process::Command;

use tools::{Profile, Progress, Tools, cargo_build, command, lock, packages};

use super::{Error, architecture};

/// Builds the functions and leaves them, with the template, in `folder`.
///
/// SAM runs `cargo lambda` for each function, with the same packages as the `cargo build` before it. So both use the
/// files of `cargo test`, or of a release of the functions; everything is compiled once, and cargo shows its own
/// progress.
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
    let status = cargo_build(profile)
        .current_dir(root)
        .env("CARGO_TARGET_DIR", target)
        .status()
        .map_err(Error::io("starting cargo"))?;
    if !status.success() {
        return Err(tools::Error::NotCompiled.into());
    }
    progress.say("Running sam build");
    let mut sam = sam(tools);
    sam.current_dir(root)
        .args(["build", "--template-file", "template.yaml", "--build-dir"])
        .arg(folder.join("build"))
        .args([
            "--parameter-overrides",
            &format!("Architecture={}", architecture()?),
        ])
        .arg("--config-file")
        .arg(settings(folder)?)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_LAMBDA_COMPILER", "cargo")
        .env("CARGO_LAMBDA_COMPILER_EXTRA_ARGS", packages(profile).join(" "));
    if profile == Profile::Tests {
        sam.env("SAM_BUILD_MODE", "debug");
    }
    command::run("sam build", &mut sam, &folder.join("build.log"))?;
    pack(tools, folder)
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
        unpack(&from, &folder.join("build"))?;
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

/// Puts an unpacked release where [`build`] leaves what it builds.
///
/// # Errors
///
/// A file cannot be read or written.
fn unpack(release: &Path, to: &Path) -> Result<(), Error> {
    let failed = || Error::io(format!("copying {}", release.display()));
    std::fs::create_dir_all(to).map_err(failed())?;
    for entry in std::fs::read_dir(release).map_err(failed())? {
        let path = entry.map_err(failed())?.path();
        let to = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            unpack(&path, &to)?;
        } else {
            std::fs::copy(&path, &to).map_err(failed())?;
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
pub(crate) fn settings(folder: &Path) -> Result<std::path::PathBuf, Error> {
    let file = folder.join("samconfig.toml");
    std::fs::write(&file, "version = 0.1\n").map_err(Error::io(format!("writing {}", file.display())))?;
    Ok(file)
}
