//! What a queue message asks for.

use super::window::Window;
use crate::notification::{
    client_state::{ClientStateKeys, Proven},
    queued::{QueuedItem, Unproven, VerifiedItem},
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
    /// Returns why nobody may act on it, and whose it is if a function of this stack wrote it.
    pub fn open(body: &'a str, keys: &ClientStateKeys) -> Result<Self, Rejected> {
        let rejected = |unproven, owner| Rejected { unproven, owner };
        let message = Sealed::open(body, keys).map_err(|broken| rejected(broken.into(), None))?;
        match VerifiedItem::open(message, keys) {
            Ok(item) => Ok(Self::Item(item)),
            Err(malformed @ Unproven::Malformed(_)) => {
                let window = Window::parse(message).ok_or(rejected(malformed, None))?;
                Ok(Self::Window(window))
            }
            Err(unproven) => {
                let item = QueuedItem::parse(message.body()).ok();
                Err(rejected(unproven, item.and_then(|item| item.stated_owner())))
            }
        }
    }
}

/// A message that nobody may act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What is not proven.
    pub unproven: Unproven,
    /// Whose the message is: its seal proves that the webhook knew the owner. It is for operators, and proves no item.
    pub owner: Option<Proven>,
}
