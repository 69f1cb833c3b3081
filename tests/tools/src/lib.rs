//! What the local stack is made with: Python programs, cargo, and how either is run.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

pub mod command;

mod compile;
mod error;
mod event_schema;
pub mod help;
mod install;
mod progress;

pub use compile::{Profile, cargo_build, packages};
pub use error::Error;
pub use event_schema::EventSchema;
pub use install::{Tools, lock};
pub use progress::Progress;

/// Returns the folder of the repository that cargo runs this program in, wherever the program was compiled: a checkout may
/// have been copied or moved together with its target folder.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let start = package.or_else(|| env::current_dir().ok()).unwrap_or_default();
    workspace(&start).unwrap_or(&start).to_owned()
}

/// Returns the innermost folder around `start` with the manifest of a workspace.
fn workspace(start: &Path) -> Option<&Path> {
    let is_workspace = |folder: &&Path| {
        fs::read_to_string(folder.join("Cargo.toml"))
            .is_ok_and(|manifest| manifest.lines().any(|line| line == "[workspace]"))
    };
    start.ancestors().find(is_workspace)
}

/// Returns the folder that cargo builds into.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Has cargo compile this package again in another checkout; see `.cargo/config.toml`.
const _: Option<&str> = option_env!("CHECKOUT");
