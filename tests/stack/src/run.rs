//! The folder of one run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tools::lock;

use super::Error;

/// A folder for one run, so that a demo and the tests can run at once.
#[derive(Debug)]
pub(crate) struct Run {
    folder: PathBuf,
    _lock: File,
}

impl Run {
    /// Creates the folder, and removes those of runs that have ended.
    ///
    /// # Errors
    ///
    /// The folder cannot be created.
    pub(crate) fn start(target: &Path) -> Result<Self, Error> {
        let runs = target.join("stack").join("runs");
        fs::create_dir_all(&runs).map_err(Error::io(format!("creating {}", runs.display())))?;
        // Without this lock, a run could remove a folder that another one has created and not locked yet.
        let _lock_of_all = lock(&target.join("stack").join("runs.lock"))?;
        remove_ended(&runs);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let folder = runs.join(format!("{}-{}", since.as_nanos(), std::process::id()));
        fs::create_dir(&folder).map_err(Error::io(format!("creating {}", folder.display())))?;
        let lock = lock(&folder.join(LOCK))?;
        Ok(Self { folder, _lock: lock })
    }

    /// Returns the folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Removes the folders of runs that have ended.
fn remove_ended(runs: &Path) {
    let Ok(entries) = fs::read_dir(runs) else { return };
    let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.sort();
    for folder in folders {
        let lock = File::options().append(true).open(folder.join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_err()) {
            continue;
        }
        // A folder that cannot be removed does no harm.
        let _ = fs::remove_dir_all(&folder);
    }
}

/// The file that a run keeps locked.
const LOCK: &str = "lock";
