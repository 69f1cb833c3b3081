//! The configuration as a person writes it.

pub mod check;
pub mod diff;
pub mod document;
