//! The rules of Microsoft Graph change notifications, without any input or output: bytes and the present time in, values
//! out. Nothing in this crate reads a clock, an environment variable or a socket.
//!
//! | Module | Holds |
//! |---|---|
//! | [`notification`] | what arrives: from a POST's bytes to a delivered event |
//! | [`subscription`] | what is kept alive: from the configuration to the steps that Microsoft Graph is asked for |
//! | [`read`] | what is read later: what notifications did not bring or do not carry |
//! | [`models`] | delivered events and the resources in them, as consumers read them |
//! | [`application`] | an application in a tenant, and the ids of both |
//! | [`secrets`] | the two documents that renewal writes and the other functions read; a text that is printed nowhere |
//! | [`cloud`] | Microsoft's clouds, and what differs between them |
//! | [`certificate`] | X.509 certificates: made, read, and their thumbprint |

pub use graph_events as models;

pub mod application;
pub mod certificate;
pub mod cloud;
pub mod notification;
pub mod read;
pub mod secrets;
pub mod subscription;
