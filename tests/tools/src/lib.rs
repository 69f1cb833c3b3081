//! What the local stack is made with: Python programs, cargo, and how either is run.

use std::path::{Path, PathBuf};

pub mod command;

mod compile;
mod error;
mod install;
mod progress;

pub use compile::{Profile, cargo_build, packages};
pub use error::Error;
pub use install::{Tools, lock};
pub use progress::Progress;

/// Returns the repository's folder.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}

/// Returns the folder that cargo builds into.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}
