//! Reading what notifications did not bring: which rows of the catalogue can be read by time and how, what a page says
//! has changed, when a window is read to its end, and what may be fetched for an item.
//!
//! A [`Window`] comes from a queue. [`Plan::of`] makes a [`Reading`] of it; the reading names the next [`Request`], takes
//! the answer's [`Page`], and returns the [`Change`]s in it. [`Completed`] says at the end what was read, and what was not:
//! it is `complete` only when nothing was left out.

pub use change::{Change, Kinds};
pub use completed::Completed;
pub use event::{ContentSource, event};
pub use fetch::{Fetch, fetch};
pub use limits::{Limit, Limiter, Scope};
pub use message::{QueueMessage, Rejected};
pub use page::{Page, Unreadable};
pub use parts::Parts;
pub use plan::Plan;
pub use reading::{Reading, Turned};
pub use request::Request;
pub use shortfall::Shortfall;
pub use way::{Way, way};
pub use window::{At, Counts, OVERLAP, Part, Tag, Window, configured};

mod change;
mod completed;
mod event;
mod fetch;
mod limits;
mod message;
mod page;
mod parts;
mod plan;
mod query;
mod reading;
mod request;
mod shortfall;
mod way;
mod window;

#[cfg(test)]
mod tests;
