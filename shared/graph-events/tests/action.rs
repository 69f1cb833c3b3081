//! What the consumer that can be copied makes of events: its own tests, without its dependencies on AWS.

#[expect(dead_code, reason = "nothing is done with what is told apart")]
#[path = "../../../docs/consuming/rust/src/action.rs"]
mod action;
