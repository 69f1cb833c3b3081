//! What is kept: from the configuration to the steps that keep every subscription alive.
//!
//! | Module | Holds |
//! |---|---|
//! | [`config`] | what a person writes: tenants and subscriptions, with every mistake named |
//! | [`catalogue`] | what Microsoft documents about each resource that can be subscribed to |
//! | [`assertion`] | signing in with a certificate instead of a client secret |
//! | [`model`] | a subscription as Microsoft Graph lists it, and as it is asked for |
//! | [`compare`] | whether two resources or lists of change types are the same |
//! | [`url`] | the notification URL, which carries what Microsoft Graph's list does not show |
//! | [`plan`] | the steps: create, renew, replace, delete, keep |
//! | [`rotation`] | when a key gives way to a newer one |
//! | [`printable`] | text of Microsoft Graph's or of a person's, as it may be printed |
//! | `spread` | a number of each subscription's own, so that thousands are not renewed together |
//! | [`expiry`] | what ends soon: certificates and secrets |

pub mod assertion;
pub mod catalogue;
pub mod compare;
pub mod config;
pub mod expiry;
pub mod model;
pub mod plan;
pub mod printable;
pub mod rotation;
mod spread;
pub mod url;
