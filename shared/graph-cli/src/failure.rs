//! Why a command failed.

use std::fmt;

/// The failure of a command: what happened, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Failure {
    /// The kind, which gives the exit status.
    pub kind: Kind,
    /// What happened.
    pub text: String,
    /// What to do; empty if the text says it.
    pub advice: String,
}

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line or a file that it names is wrong.
    Input,
    /// AWS refused, or did not answer.
    Aws,
    /// A run of renewal began and did not finish.
    Run,
    /// The stack does not exist, or is not completely deployed.
    Stack,
    /// A person declined, or could not be asked.
    NotConfirmed,
}

impl Kind {
    /// Returns the exit status.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::Run => 1,
            Self::Input => 2,
            Self::Aws => 3,
            Self::Stack => 4,
            Self::NotConfirmed => 5,
        }
    }
}

impl Failure {
    /// Returns a failure of this kind.
    pub fn new(kind: Kind, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            advice: advice.into(),
        }
    }

    /// Adds what was done before the failure.
    #[must_use]
    pub fn after(self, done: &str) -> Self {
        let text = format!("{done}, then: {}", self.text);
        Self { text, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if self.advice.is_empty() {
            return Ok(());
        }
        write!(f, "\n{}", self.advice)
    }
}
