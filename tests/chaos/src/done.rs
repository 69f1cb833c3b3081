//! What a run was asked for, and how much of it was done. A run in which nothing goes wrong proves nothing.

use std::fmt;

/// Something that a run was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What it is, in the plural.
    pub what: &'static str,
    /// How much was asked for.
    pub asked: u64,
    /// How much was done.
    pub done: u64,
    /// How much has to be done.
    pub least: u64,
}

impl Done {
    /// Everything that was asked for has to be done.
    pub fn all(what: &'static str, asked: u64, done: u64) -> Self {
        Self {
            what,
            asked,
            done,
            least: asked,
        }
    }

    /// Nine of ten have to be done, and of ten or fewer all but one, as long as that leaves one.
    pub fn most(what: &'static str, asked: u64, done: u64) -> Self {
        Self {
            least: (9 * asked / 10).max(asked.min(1)),
            ..Self::all(what, asked, done)
        }
    }

    /// Half has to be done.
    pub fn half(what: &'static str, asked: u64, done: u64) -> Self {
        Self {
            least: asked.div_ceil(2),
            ..Self::all(what, asked, done)
        }
    }

    /// Tells whether enough was done.
    pub fn is_enough(&self) -> bool {
        self.done >= self.least
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} {}", self.done, self.asked, self.what)
    }
}
