//! What the fuzz targets share: the webhook and decryption in memory, what no fuzzer can make by itself, and a bound on
//! memory.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a target says that a property does not hold"
)]

pub mod events;
pub mod genuine;
pub mod memory;
pub mod pipeline;
