//! What holds of all functions together.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is a failed test"
)]

mod ends;
mod growth;
mod redriven;
mod schema;
