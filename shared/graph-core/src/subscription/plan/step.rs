//! The steps of a plan.

use jiff::{SignedDuration, Timestamp};

use super::{Desired, Reason};
use crate::subscription::model::Subscription;

/// A step: what to do with one subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The subscription's name; empty if the notification URL of an existing one has no name.
    pub name: String,
    /// The action.
    pub action: Action,
    /// The reason.
    pub reason: Reason,
    /// The resource that the entry asks for, or for a kept or unwanted subscription the one that it watches.
    pub resource: Option<String>,
    /// The change types, from the same source.
    pub change_type: Option<String>,
    /// When the existing subscription expires.
    pub expires_at: Option<Timestamp>,
    /// How long the subscription lives after a renewal; nothing if it is unknown or the subscription is to go.
    pub lifetime: Option<SignedDuration>,
}

impl Step {
    /// Returns the step of an entry.
    pub(super) fn of(self, desired: &Desired) -> Self {
        let lifetime = Some(desired.lifetime);
        if self.action.creation().is_none() {
            return Self { lifetime, ..self };
        }
        Self {
            resource: Some(desired.resource.clone()),
            change_type: Some(desired.change_type.clone()),
            lifetime,
            ..self
        }
    }

    /// Returns the creation as the replacement of a subscription that watches the same, for this reason, unless the creation
    /// has one of its own.
    #[must_use]
    pub fn in_place_of(self, existing: &Subscription, reason: Reason) -> Self {
        let Action::Create(creation) = self.action else {
            return self;
        };
        let id = existing.id.clone();
        Self {
            action: Action::Replace { id, creation },
            reason: if self.reason == Reason::Missing {
                reason
            } else {
                self.reason
            },
            expires_at: existing.expiration_date_time,
            ..self
        }
    }

    /// Returns the step that keeps the existing subscription instead; nothing if there is none.
    #[must_use]
    pub fn kept(self) -> Option<Self> {
        let id = self.action.id()?.to_owned();
        let action = Action::Keep(id);
        Some(Self { action, ..self })
    }
}

/// The action of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create it.
    Create(Creation),
    /// Renew it, and update what a PATCH can change.
    Renew {
        /// Graph's id.
        id: String,
        /// The changes.
        renewal: Renewal,
        /// The subscription to create if it turns out to be gone; nothing if its entry cannot be used now.
        otherwise: Option<Creation>,
    },
    /// Create its successor and delete it, because a PATCH cannot change what differs.
    Replace {
        /// Graph's id of the subscription to delete.
        id: String,
        /// The subscription to create.
        creation: Creation,
    },
    /// Delete it, by Graph's id.
    Delete(String),
    /// Keep it, with Graph's id.
    Keep(String),
}

impl Action {
    /// Returns the action's name, as reports show it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Renew { .. } => "renew",
            Self::Replace { .. } => "replace",
            Self::Delete(_) => "delete",
            Self::Keep(_) => "keep",
        }
    }

    /// Returns Graph's id of the existing subscription.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Create(_) => None,
            Self::Renew { id, .. } | Self::Replace { id, .. } | Self::Delete(id) | Self::Keep(id) => Some(id),
        }
    }

    /// Returns the subscription that the action creates, or would create if the one to renew is gone.
    #[must_use]
    pub fn creation(&self) -> Option<&Creation> {
        match self {
            Self::Create(creation) | Self::Replace { creation, .. } => Some(creation),
            Self::Renew { otherwise, .. } => otherwise.as_ref(),
            Self::Delete(_) | Self::Keep(_) => None,
        }
    }

    /// Returns whether the action deletes an existing subscription.
    #[must_use]
    pub fn deletes(&self) -> bool {
        matches!(self, Self::Replace { .. } | Self::Delete(_))
    }

    /// Returns whether the action always creates a subscription.
    #[must_use]
    pub fn creates(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Replace { .. })
    }
}

/// A subscription to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// The wanted subscription.
    pub desired: Desired,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The URL for notifications.
    pub notification_url: String,
    /// The URL for lifecycle notifications.
    pub lifecycle_url: String,
    /// The client-state key to mint with.
    pub key_id: String,
    /// The certificate to encrypt with; only with resource data.
    pub certificate_id: Option<String>,
}

/// The changes of a renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The new expiry.
    pub expires_at: Timestamp,
    /// The new URL, if it changes.
    pub notification_url: Option<String>,
    /// The new certificate, if it changes.
    pub certificate_id: Option<String>,
}

impl Creation {
    /// Returns a renewal that only sets the same expiry.
    #[must_use]
    pub fn extension(&self) -> Renewal {
        Renewal {
            expires_at: self.expires_at,
            notification_url: None,
            certificate_id: None,
        }
    }
}

impl Renewal {
    /// Returns whether the renewal changes more than the expiry.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.notification_url.is_some() || self.certificate_id.is_some()
    }

    /// Returns the renewal without its other changes.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self {
            notification_url: None,
            certificate_id: None,
            ..self.clone()
        }
    }
}
