//! To come.

pub mod graph;
pub mod stack;
