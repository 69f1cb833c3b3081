//! What a queue message asks for.

use super::window::Window;
use crate::notification::{
    client_state::ClientStateKeys,
    queued::{Unproven, VerifiedItem},
    seal::Sealed,
};

/// A message of any queue between functions, proven.
#[derive(Debug)]
pub enum QueueMessage<'a> {
    /// An item of Microsoft Graph.
    Item(VerifiedItem<'a>),
    /// A window to read.
    Window(Window),
}

impl<'a> QueueMessage<'a> {
    /// Opens the body of a message.
    ///
    /// # Errors
    ///
    /// Returns why nobody may act on it.
    pub fn open(body: &'a str, keys: &ClientStateKeys) -> Result<Self, Unproven> {
        let message = Sealed::open(body, keys)?;
        match VerifiedItem::open(message, keys) {
            Err(Unproven::Malformed(malformed)) => {
                let window = Window::parse(message).ok_or(malformed)?;
                Ok(Self::Window(window))
            }
            item => Ok(Self::Item(item?)),
        }
    }
}
