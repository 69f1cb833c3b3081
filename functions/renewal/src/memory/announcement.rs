//! How other processes know this one.

use std::sync::Mutex;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;

/// What a process remembers of its own announcement.
#[derive(Debug)]
pub(crate) struct Announcement {
    /// The name of this process among the others.
    pub(crate) process: String,
    /// Since when others can see it.
    pub(crate) since: Mutex<Timestamp>,
}

impl Default for Announcement {
    fn default() -> Self {
        let mut name = [0; 6];
        // Without randomness two processes have the same name and share what one may use: Graph answers the rest with 429.
        let _ = getrandom::fill(&mut name);
        Self {
            process: BASE64_URL_SAFE_NO_PAD.encode(name),
            since: Mutex::default(),
        }
    }
}
