//! Requests for the rotation of keys, and their results.

use jiff::SignedDuration;

use super::days;

/// How long keys are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long the client-state key is used; without a limit if absent.
    pub client_state: Option<SignedDuration>,
    /// How long a certificate is used.
    pub certificate: SignedDuration,
}

impl Default for Rotation {
    /// A year for a certificate, whose replacement costs nothing. No limit for the client-state key: its replacement
    /// costs each subscription a gap, and only helps against a leak, which a person has to notice.
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
    /// For a key: the longest time for which other functions cache the document, plus a margin.
    pub key: SignedDuration,
    /// For an application: the shortest time between two reads by an instance that meets an unknown application, plus a
    /// margin.
    pub application: SignedDuration,
}

/// The keys that a person wants replaced now, because they may have leaked.
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
    /// How long keys are used.
    pub rotation: Rotation,
    /// The keys that a person wants replaced now.
    pub forced: Forced,
    /// How early keys are published.
    pub lead: Lead,
    /// Whether nothing is written, so that no key pair has to be generated.
    pub dry_run: bool,
}

/// The changes of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChanges {
    /// Whether the document has to be written.
    pub is_changed: bool,
    /// What was created or removed, for the report.
    pub done: Vec<String>,
    /// What did not fit into the document.
    pub refused: Vec<String>,
}

impl KeyChanges {
    pub(super) fn done(&mut self, what: String) {
        self.is_changed = true;
        self.done.push(what);
    }
}
