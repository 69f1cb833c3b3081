//! The program as a person starts it: against services that refuse, break and hang, and against the local stack.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

mod documents;
mod fake;
mod refused;
mod tool;
