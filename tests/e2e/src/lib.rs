//! What it takes to see the whole of it work on one machine: the local stack, the Graph simulator, the demo, and a
//! year of renewal in virtual time.

pub mod demo;
pub mod graph;
pub mod local;
pub mod stack;
pub mod year;
