//! One row of the catalogue.

use std::fmt;

use graph_events::Change;
use serde::{Deserialize, Serialize};

use crate::cloud::Cloud;

/// What Microsoft documents about one kind of resource that can be subscribed to.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// A stable short name, such as `chatMessage.channel`.
    pub key: &'static str,
    /// The paths, with `{..}` for keys, and with `?$filter=` where the row is for filtered paths only.
    pub patterns: &'static [&'static str],
    /// The type of the changed entity, as Microsoft Graph's reference spells it.
    pub entity: &'static str,
    /// The change types that Graph sends.
    pub changes: Changes,
    /// The API versions that accept the subscription, the preferred one first.
    pub versions: &'static [Version],
    /// Whether notifications can carry the resource's data.
    pub rich: Rich,
    /// Whether a subscription with resource data needs `$select`, or may not have it.
    pub select: Select,
    /// The longest lifetime of a subscription without resource data, in minutes.
    pub minutes: u32,
    /// The longest lifetime of a subscription with resource data, in minutes.
    pub minutes_rich: u32,
    /// Whether the limits apply that Teams, Copilot and Shifts share.
    pub is_teams: bool,
    /// Delegated permissions with a work or school account, least privileged first; `*` marks resource-specific consent.
    pub(super) delegated: &'static str,
    /// Delegated permissions with a personal Microsoft account, in the same form.
    pub(super) personal: &'static str,
    /// Application permissions, in the same form.
    pub(super) application: &'static str,
    /// The clouds that send notifications.
    pub clouds: &'static [Cloud],
    /// The page of Microsoft's documentation that the row follows, besides *create subscription* and *change
    /// notifications overview*.
    pub source: &'static str,
    /// A peculiarity of the row.
    pub remark: Remark,
}

impl Row {
    /// Returns the longest lifetime that Microsoft Graph grants, in minutes.
    #[must_use]
    pub fn max_minutes(&self, rich: bool) -> u32 {
        if rich { self.minutes_rich } else { self.minutes }
    }

    /// Returns whether the resource sends `change`. True where the documentation does not say.
    #[must_use]
    pub fn sends(&self, change: Change) -> bool {
        match self.changes {
            Changes::Known(changes) => changes.contains(&change),
            Changes::Unconfirmed => true,
        }
    }

    /// Returns the API version to use if the entry names none.
    #[must_use]
    pub fn version(&self) -> Version {
        self.versions.first().copied().unwrap_or_default()
    }

    /// Returns the permissions, the least privileged first. One of them is enough; none means that Graph does not
    /// support `access`.
    pub fn permissions(&self, access: Access) -> impl Iterator<Item = Permission> + use<> {
        let names = match access {
            Access::Delegated => self.delegated,
            Access::DelegatedPersonal => self.personal,
            Access::Application => self.application,
        };
        names.split_whitespace().map(Permission)
    }

    /// Returns whether Graph supports subscriptions with `access`.
    #[must_use]
    pub fn supports(&self, access: Access) -> bool {
        self.permissions(access).next().is_some()
    }

    /// Returns whether `cloud` sends notifications of the resource.
    #[must_use]
    pub fn available_in(&self, cloud: Cloud) -> bool {
        self.clouds.contains(&cloud)
    }
}

/// A peculiarity of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// None.
    None,
    /// A subscription may have `notificationQueryOptions` (Microsoft Graph, *subscription resource type*).
    TakesQueryOptions,
    /// No page of Microsoft lists the resource, but subscriptions to it have been seen to work.
    FromTheField,
    /// Microsoft retired the API of the resource on 15 October 2026.
    Retired,
}

/// The change types that a resource sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Exactly these.
    Known(&'static [Change]),
    /// The documentation does not say, so any may be asked for.
    Unconfirmed,
}

/// A version of the Microsoft Graph API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Version {
    /// The supported version.
    #[default]
    #[serde(rename = "v1.0")]
    V1,
    /// The preview version. A subscription created there is managed there.
    #[serde(rename = "beta")]
    Beta,
}

impl Version {
    /// Returns the version's segment in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1.0",
            Self::Beta => "beta",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether notifications carry resource data (Microsoft Graph, *change notifications with resource data*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rich {
    /// Never.
    No,
    /// If the subscription asks for it.
    Yes,
    /// Always: the subscription has to ask for it.
    Required,
}

/// Whether a resource path needs `$select`, or may not have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// Needed for resource data (Microsoft Graph, *change notifications for Outlook resources*).
    Required,
    /// Not supported: all properties are sent.
    Refused,
    /// Not documented.
    Undocumented,
}

/// For whom an application calls Microsoft Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For a signed-in user with a work or school account.
    Delegated,
    /// For a signed-in user with a personal Microsoft account.
    DelegatedPersonal,
    /// For the application itself.
    Application,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delegated => "delegated",
            Self::DelegatedPersonal => "delegated (personal account)",
            Self::Application => "application",
        })
    }
}

/// A permission of Microsoft Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission(&'static str);

impl Permission {
    /// Returns the permission's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.strip_suffix('*').unwrap_or(self.0)
    }

    /// Returns whether the permission is granted per team, chat or user (*resource-specific consent*).
    #[must_use]
    pub fn is_resource_specific(&self) -> bool {
        self.0.ends_with('*')
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if self.is_resource_specific() {
            f.write_str(" (resource-specific consent)")?;
        }
        Ok(())
    }
}
