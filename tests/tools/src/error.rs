//! Errors of a program.

use std::path::PathBuf;
use std::{error, fmt, io};

/// Why a program cannot be installed or run.
#[derive(Debug)]
pub enum Error {
    /// It is not part of this repository, and not there.
    Missing {
        /// The program.
        program: String,
        /// Advice.
        advice: String,
    },
    /// It ended with an error.
    Failed {
        /// What the program was to do.
        what: String,
        /// Where it wrote.
        log: PathBuf,
        /// The last lines that it wrote.
        tail: String,
    },
    /// It was cargo, whose messages have been seen.
    NotCompiled,
    /// A file or a process could not be handled.
    Io {
        /// What was to be done.
        what: String,
        /// Why it was not.
        source: io::Error,
    },
}

impl Error {
    /// Returns a function that says what was to be done when an input or output operation failed.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { program, advice } => write!(f, "{program} cannot be used: {advice}"),
            Self::Failed { what, log, tail } => {
                write!(f, "{what} failed; the end of {}:\n{tail}", log.display())
            }
            Self::NotCompiled => f.write_str("cargo failed, as it says above"),
            Self::Io { what, source } => write!(f, "{what}: {source}"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Missing { .. } | Self::Failed { .. } | Self::NotCompiled => None,
            Self::Io { source, .. } => Some(source),
        }
    }
}
