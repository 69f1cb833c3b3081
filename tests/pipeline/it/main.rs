//! What holds of all functions together.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

mod ends;
mod growth;
