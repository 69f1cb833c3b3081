//! What happened to a resource.

/// A kind of change (Microsoft Graph, *changeNotification*, `changeType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The resource came into being.
    Created,
    /// The resource changed.
    Updated,
    /// The resource went away.
    Deleted,
}

impl Change {
    /// All kinds, in the order in which a subscription lists them.
    pub const ALL: [Self; 3] = [Self::Created, Self::Updated, Self::Deleted];

    /// Returns the kind that Microsoft Graph calls `text`, in any case.
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
