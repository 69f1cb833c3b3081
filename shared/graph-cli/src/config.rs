//! The configuration document.

pub mod check;
pub mod diff;
pub mod document;
pub mod effect;
pub mod shown;
