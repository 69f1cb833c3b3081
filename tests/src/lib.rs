//! What it takes to see the whole of it work on one machine: the local stack, the Graph simulator, and the demo.

pub mod demo;
pub mod graph;
pub mod local;
pub mod stack;
