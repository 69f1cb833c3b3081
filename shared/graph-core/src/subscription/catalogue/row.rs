//! One row of the catalogue, and what rows of one kind have in common.

use std::fmt;

use graph_events::Change;
use serde::{Deserialize, Serialize};

use crate::cloud::Cloud;

/// What Microsoft documents about one kind of resource that can be subscribed to.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// A stable short name, such as `chatMessage.channel`.
    pub key: &'static str,
    /// The page that listed the resource first.
    pub listed: Listed,
    /// The paths, with `{..}` for keys, and with `?$filter=` where only a filtered path takes this row.
    pub patterns: &'static [&'static str],
    /// The type of the entity that notifications are about, as Microsoft Graph's reference spells it.
    pub entity: &'static str,
    /// The change types that are sent.
    pub changes: Changes,
    /// The API versions that take the subscription, the one to use first.
    pub versions: &'static [Version],
    /// Whether notifications can carry the resource's data.
    pub rich: Rich,
    /// What a subscription with resource data may say about the properties it wants.
    pub select: Select,
    /// Whether a subscription may have `notificationQueryOptions` (Microsoft Graph, *subscription resource type*).
    pub query_options: bool,
    /// The longest lifetime of a subscription without resource data, in minutes.
    pub minutes: u32,
    /// The longest lifetime of a subscription with resource data, in minutes.
    pub minutes_rich: u32,
    /// When a lifecycle notification URL is needed.
    pub lifecycle: LifecycleUrl,
    /// Delegated permissions with a work or school account, least privileged first; `*` marks resource-specific consent.
    pub delegated: &'static [&'static str],
    /// Delegated permissions with a personal Microsoft account, least privileged first.
    pub personal: &'static [&'static str],
    /// Application permissions, least privileged first; `*` marks resource-specific consent.
    pub application: &'static [&'static str],
    /// The clouds that send the notifications.
    pub clouds: &'static [Cloud],
    /// The page of Microsoft's documentation that the row follows, besides *create subscription* and *change
    /// notifications overview*.
    pub source: &'static str,
}

impl Row {
    /// Returns the longest lifetime that Microsoft Graph grants, in minutes.
    #[must_use]
    pub fn max_minutes(&self, rich: bool) -> u32 {
        if rich { self.minutes_rich } else { self.minutes }
    }

    /// Says whether a subscription that lives for `minutes` needs a lifecycle notification URL.
    ///
    /// Where the documentation is silent but its samples have the URL, it counts as needed.
    #[must_use]
    pub fn requires_lifecycle_url(&self, minutes: u32) -> bool {
        match self.lifecycle {
            LifecycleUrl::AboveAnHour | LifecycleUrl::Unconfirmed => minutes > 60,
            LifecycleUrl::Optional => false,
        }
    }

    /// Says whether the resource is known to send `change`, or nothing is known about it.
    #[must_use]
    pub fn sends(&self, change: Change) -> bool {
        match self.changes {
            Changes::Known(changes) => changes.contains(&change),
            Changes::Unconfirmed => true,
        }
    }

    /// Returns the API version to use when none is asked for.
    #[must_use]
    pub fn version(&self) -> Version {
        self.versions.first().copied().unwrap_or_default()
    }

    /// Returns the permissions, any one of which is enough, least privileged first; none means not supported.
    pub fn permissions(&self, access: Access) -> impl Iterator<Item = Permission> + use<> {
        let names = match access {
            Access::Delegated => self.delegated,
            Access::DelegatedPersonal => self.personal,
            Access::Application => self.application,
        };
        names.iter().map(|name| Permission(name))
    }

    /// Says whether the resource can be subscribed to with `access` at all.
    #[must_use]
    pub fn supports(&self, access: Access) -> bool {
        self.permissions(access).next().is_some()
    }

    /// Says whether `cloud` sends the notifications.
    #[must_use]
    pub fn available_in(&self, cloud: Cloud) -> bool {
        self.clouds.contains(&cloud)
    }
}

/// The page of Microsoft's documentation that listed a resource first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// *Use the Microsoft Graph API to get change notifications*, 2020.
    S1,
    /// *Get change notifications for teams and channels using Microsoft Graph*, 2021.
    S2,
    /// A later page.
    Later,
}

/// The change types that a resource sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Exactly these.
    Known(&'static [Change]),
    /// The documentation does not say: any may be asked for.
    Unconfirmed,
}

/// A version of the Microsoft Graph API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Version {
    /// The supported version.
    #[default]
    #[serde(rename = "v1.0")]
    V1,
    /// The preview version; a subscription made there is managed there.
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
    /// They cannot.
    No,
    /// They can.
    Yes,
    /// They always do; a subscription without is not possible.
    Required,
}

/// What is known about `$select` on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// Needed for resource data (Microsoft Graph, *change notifications for Outlook resources*).
    Required,
    /// Not supported: all properties are sent.
    Refused,
    /// Not documented.
    Undocumented,
}

/// When a subscription needs a lifecycle notification URL (Microsoft Graph, *subscription resource type*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleUrl {
    /// When it lives longer than an hour.
    AboveAnHour,
    /// Never.
    Optional,
    /// Not documented.
    Unconfirmed,
}

/// On whose behalf an application calls Microsoft Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For a signed-in user with a work or school account.
    Delegated,
    /// For a signed-in user with a personal Microsoft account.
    DelegatedPersonal,
    /// For itself.
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

    /// Says whether the permission is granted per team, chat or user (*resource-specific consent*).
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

/// Created, updated and deleted.
pub(super) const CUD: Changes = Changes::Known(&Change::ALL);
/// Created only.
pub(super) const CREATED: Changes = Changes::Known(&[Change::Created]);
/// Updated only.
pub(super) const UPDATED: Changes = Changes::Known(&[Change::Updated]);

/// Version 1.0, or beta for who asks for it.
pub(super) const V1: &[Version] = &[Version::V1, Version::Beta];
/// Beta only.
pub(super) const BETA: &[Version] = &[Version::Beta];
/// Beta in all samples, while version 1.0 is not ruled out.
pub(super) const BETA_OR_V1: &[Version] = &[Version::Beta, Version::V1];

/// Every cloud.
pub(super) const EVERYWHERE: &[Cloud] = &[Cloud::Global, Cloud::Usgov, Cloud::UsgovDod, Cloud::China];
/// The worldwide cloud only.
pub(super) const GLOBAL_ONLY: &[Cloud] = &[Cloud::Global];

/// Mail, calendar and contacts. 10,080 minutes are documented without resource data; 10,070 is what is enforced.
pub(super) const OUTLOOK: Row = Row {
    key: "",
    listed: Listed::S1,
    patterns: &[],
    entity: "",
    changes: CUD,
    versions: V1,
    rich: Rich::Yes,
    select: Select::Required,
    query_options: false,
    minutes: 10_070,
    minutes_rich: 1_440,
    lifecycle: LifecycleUrl::Optional,
    delegated: &[],
    personal: &[],
    application: &[],
    clouds: EVERYWHERE,
    source: "outlook-change-notifications-overview",
};

/// Users and groups. Creation and soft deletion arrive as `updated`.
pub(super) const DIRECTORY: Row = Row {
    changes: Changes::Known(&[Change::Updated, Change::Deleted]),
    rich: Rich::No,
    select: Select::Undocumented,
    minutes: 41_760,
    minutes_rich: 41_760,
    source: "change-notifications-overview",
    ..OUTLOOK
};

/// Files and lists.
pub(super) const FILES: Row = Row {
    changes: UPDATED,
    minutes: 42_300,
    minutes_rich: 42_300,
    ..DIRECTORY
};

/// Microsoft Teams, with resource data.
pub(super) const TEAMS: Row = Row {
    listed: Listed::Later,
    rich: Rich::Yes,
    minutes: 4_320,
    minutes_rich: 4_320,
    lifecycle: LifecycleUrl::AboveAnHour,
    ..DIRECTORY
};

/// Microsoft Teams, without resource data and without a word on change types.
pub(super) const BASIC_TEAMS: Row = Row {
    rich: Rich::No,
    changes: Changes::Unconfirmed,
    ..TEAMS
};
