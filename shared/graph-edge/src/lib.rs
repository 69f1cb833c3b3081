//! Everything that talks: one module for each outside party.

pub mod aws;
mod cached;
pub mod clock;
pub mod deadline;
pub mod documents;
pub mod graph;
pub mod http;
pub mod login;
pub mod metrics;
pub mod parameter;
pub mod secrets;
pub mod settings;
pub mod signing_keys;
pub mod sqs;
pub mod telemetry;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;

/// An error of an outside party, as the cause of one of ours.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
