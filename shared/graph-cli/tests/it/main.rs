//! The program as a person starts it: against services that refuse, break and hang, and against the local stack.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

mod commands;
mod config;
mod doctor;
mod documents;
mod fake;
mod long_queue;
mod permissions;
mod queues;
mod readme;
mod refused;
mod renewal;
mod tool;
mod world;
