//! The kinds of changes.

/// A kind of change (Microsoft Graph, *changeNotification*, `changeType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The resource was created.
    Created,
    /// The resource was updated.
    Updated,
    /// The resource was deleted.
    Deleted,
}

impl Change {
    /// All kinds, in the order that Microsoft Graph uses in subscriptions.
    pub const ALL: [Self; 3] = [Self::Created, Self::Updated, Self::Deleted];

    /// Returns the kind that Microsoft Graph calls `text`, in any letter case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|change| change.as_str().eq_ignore_ascii_case(text))
    }

    /// Returns Microsoft Graph's name of the kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}
