//! What is to be done about a subscription.

use jiff::Timestamp;

use super::{Desired, Reason};
use crate::subscription::catalogue::Version;

/// One thing to do, or to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The subscription's name; empty for one of ours whose URL names none.
    pub name: String,
    /// What is to be done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// When the subscription that exists now ends.
    pub expires_at: Option<Timestamp>,
}

/// What is to be done about a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create it.
    Create(Creation),
    /// Extend it, and bring what can be changed up to date.
    Renew {
        /// Graph's id.
        id: String,
        /// The new end and what else changes.
        renewal: Renewal,
        /// What to create should it turn out to be gone.
        otherwise: Creation,
    },
    /// Extend it and leave the rest as it is: what it is to be is not known just now.
    Extend {
        /// Graph's id.
        id: String,
        /// The new end.
        renewal: Renewal,
    },
    /// Delete it and create it anew at once: what differs cannot be changed.
    Replace {
        /// Graph's id of the one to delete.
        id: String,
        /// The new one.
        creation: Creation,
    },
    /// Delete it.
    Delete {
        /// Graph's id.
        id: String,
    },
    /// Leave it.
    Keep {
        /// Graph's id.
        id: String,
    },
}

impl Action {
    /// Returns the action's name, as reports show it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Renew { .. } | Self::Extend { .. } => "renew",
            Self::Replace { .. } => "replace",
            Self::Delete { .. } => "delete",
            Self::Keep { .. } => "keep",
        }
    }

    /// Returns Graph's id of the subscription that exists now.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Create(_) => None,
            Self::Renew { id, .. }
            | Self::Extend { id, .. }
            | Self::Replace { id, .. }
            | Self::Delete { id }
            | Self::Keep { id } => Some(id),
        }
    }
}

/// A subscription to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// What is asked for.
    pub desired: Desired,
    /// When it is to end.
    pub expires_at: Timestamp,
    /// Where notifications go.
    pub notification_url: String,
    /// Where lifecycle notifications go.
    pub lifecycle_url: String,
    /// The client-state key to mint with.
    pub key_id: String,
    /// The certificate to encrypt for, with resource data only.
    pub certificate_id: Option<String>,
}

/// What a renewal changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The version of the API that manages the subscription.
    pub version: Version,
    /// The new end.
    pub expires_at: Timestamp,
    /// The new address, where it changes.
    pub notification_url: Option<String>,
    /// The new certificate, where it changes.
    pub certificate_id: Option<String>,
}

impl Creation {
    /// Returns the plain extension to the same end.
    #[must_use]
    pub fn extension(&self) -> Renewal {
        Renewal {
            version: self.desired.version,
            expires_at: self.expires_at,
            notification_url: None,
            certificate_id: None,
        }
    }
}

impl Renewal {
    /// Returns whether it changes more than the end.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.notification_url.is_some() || self.certificate_id.is_some()
    }

    /// Returns the part of it that is about the end alone.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self {
            notification_url: None,
            certificate_id: None,
            ..self.clone()
        }
    }
}
