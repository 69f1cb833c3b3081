//! What is asked of the keys, and what comes of it.

use jiff::SignedDuration;

use super::days;

/// How long keys are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long the client-state key is used; nothing while no person asks for another.
    pub client_state: Option<SignedDuration>,
    /// How long a certificate is used.
    pub certificate: SignedDuration,
}

impl Default for Rotation {
    /// A year for a certificate, which costs nothing. A new client-state key costs each subscription a replacement, with a
    /// gap, and protects from nothing but a leak, of which a person knows.
    fn default() -> Self {
        Self {
            client_state: None,
            certificate: days(365),
        }
    }
}

/// How long before its first use something is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead {
    /// A key: as long as an instance of another function goes without reading the document, and a margin.
    pub key: SignedDuration,
    /// An application: as long as an instance that meets one which it does not know goes on with what it has read, and a
    /// margin.
    pub application: SignedDuration,
}

/// What a person wants replaced now, because it may have leaked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forced {
    /// The client-state key.
    pub client_state: bool,
    /// The certificates.
    pub certificate: bool,
}

/// When keys are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationRequest {
    /// How long they are used.
    pub rotation: Rotation,
    /// Which of them a person wants replaced now.
    pub forced: Forced,
    /// How early they are published.
    pub lead: Lead,
    /// Whether nothing will be written, so that no key pair needs to be made.
    pub dry_run: bool,
}

/// What has changed in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChanges {
    /// Whether there is something to write.
    pub is_changed: bool,
    /// What was made or removed, for the report.
    pub done: Vec<String>,
    /// What should have been added and does not fit.
    pub refused: Vec<String>,
}

impl KeyChanges {
    pub(super) fn done(&mut self, what: String) {
        self.is_changed = true;
        self.done.push(what);
    }
}
