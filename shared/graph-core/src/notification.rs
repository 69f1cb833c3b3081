//! What arrives: from the bytes of a POST to the event that is delivered.
//!
//! In the order in which a notification passes them:
//!
//! | Module | Holds |
//! |---|---|
//! | [`collection`] | the body of a POST: items and validation tokens |
//! | [`fields`] | JSON objects read member by member, and the limits they have to keep |
//! | [`item`] | one notification: unverified, then admitted |
//! | [`client_state`] | the proof that the sender knows what a subscription was made with |
//! | [`identity`] | what names the event that an admitted item becomes |
//! | [`queued`] | an admitted item on its way through a queue |
//! | [`seal`] | the proof that a function of this stack wrote a queue message |
//! | [`message`] | what fits into a queue message |
//! | [`tokens`] | validation tokens: that Microsoft sent the item for a tenant and application of this stack |
//! | [`keys`] | the private keys that items are encrypted for |
//! | [`envelope`] | the encrypted resource: signature first, then decryption |
//! | [`event`] | the `CloudEvents` document that consumers get |
//! | `cloud_event` | the envelope of every such document |

pub mod client_state;
pub(crate) mod cloud_event;
pub mod collection;
pub mod envelope;
pub mod event;
pub mod fields;
pub mod identity;
pub mod item;
pub mod keys;
pub mod message;
pub mod queued;
pub mod seal;
#[cfg(test)]
mod testing;
pub mod tokens;
