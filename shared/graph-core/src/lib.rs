//! The rules of Microsoft Graph change notifications, without any input or output.
//!
//! Everything here is a function from bytes and the present time to values: models of what Graph sends, proof that it
//! was sent to us ([`client_state`], [`tokens`]), the cryptography of encrypted resource data ([`envelope`], [`keys`],
//! [`certificate`]), the delivered event ([`event`]), and the plan that keeps subscriptions alive ([`plan`]).
//! Nothing in this crate reads a clock, an environment variable or a socket.

pub mod assertion;
pub mod batch;
pub mod catalogue;
pub mod certificate;
pub mod client_state;
pub mod collection;
pub mod config;
pub mod entity;
pub mod envelope;
pub mod event;
pub mod expiry;
mod fields;
pub mod guid;
pub mod keys;
pub mod models;
pub mod notification;
pub mod plan;
pub mod queued;
pub mod resource_path;
pub mod secret;
pub mod secrets;
pub mod subscription;
pub mod tokens;
