//! End-to-end tests: the real template on the local stack, with the Graph simulator on the other side.
//!
//! All tests share one stack and run side by side. Each works with a tenant of its own, and takes what arrives for that
//! tenant; see [`world`].
//!
//! The harness starts them in the order of the alphabet. The one that waits longest is in [`aging`], so that it does not wait
//! alone at the end.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

mod aging;
mod at_once;
mod catch_up;
mod cost;
mod credentials;
mod delivery;
mod deployed;
mod events;
mod foreach;
mod hostile;
mod interrupted;
mod lists;
mod newcomer;
mod outage;
mod pipeline;
mod renewal;
mod resources;
mod rotation;
mod rows;
mod struck;
mod traps;
mod waiting;
mod world;
