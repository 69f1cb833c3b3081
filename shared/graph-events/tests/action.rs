//! The tests of the consumer in docs/consuming/rust, without its dependencies on AWS.

#[expect(dead_code, reason = "nothing is done with what is told apart")]
#[path = "../../../docs/consuming/rust/src/action.rs"]
mod action;
