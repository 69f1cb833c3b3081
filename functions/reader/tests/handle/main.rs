//! Reader over Microsoft Graph, queues and secrets in memory.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod fetching;
mod lines;
mod reading;
mod world;
