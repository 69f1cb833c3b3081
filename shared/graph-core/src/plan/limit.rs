//! How many subscriptions Graph allows (Microsoft Graph, *change notifications overview*, quotas).

use std::fmt;

use crate::catalogue::{self, LifecycleUrl, Rich};

/// A number of subscriptions that Graph allows, and of what.
///
/// Only limits that one list call shows something of. Those of a mailbox (1,000 subscriptions of all applications), of a
/// tenant over all applications, and of one meeting or chat are met when Graph says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit {
    /// How many there may be.
    pub most: usize,
    /// Of what.
    pub of: &'static str,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.most, self.of)
    }
}

/// Returns the limit that subscriptions to `resource` count towards.
pub(super) fn of(resource: &str) -> Option<Limit> {
    let row = catalogue::find(resource)?;
    if matches!(row.entity, "user" | "group") {
        return Some(DIRECTORY);
    }
    // The lifecycle rule is that of Teams, Copilot and Shifts, the three that share a limit.
    (row.lifecycle == LifecycleUrl::AboveAnHour && row.rich != Rich::Required).then_some(TEAMS)
}

const DIRECTORY: Limit = Limit {
    most: 100,
    of: "user and group subscriptions of one application in a tenant",
};

/// Of all applications together; those of others cannot be seen.
const TEAMS: Limit = Limit {
    most: 10_000,
    of: "Teams, Copilot and Shifts subscriptions of an organisation",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_count_towards_the_limit_of_their_kind() {
        for (resource, expected) in [
            ("/users", Some(100)),
            ("/users/{id}", Some(100)),
            ("/groups/{id}/members", Some(100)),
            ("/teams/{id}/channels", Some(10_000)),
            ("/chats/getAllMessages", Some(10_000)),
            ("/users/{id}/chats/getAllMessages", Some(10_000)),
            ("/teams/1/schedule/shifts", Some(10_000)),
            (
                "copilot/users/1/interactionHistory/getAllEnterpriseInteractions",
                Some(10_000),
            ),
            ("/users/{id}/messages", None),
            ("/communications/callRecords", None),
            ("/unknown/{id}", None),
        ] {
            assert_eq!(of(resource).map(|limit| limit.most), expected, "{resource}");
        }
    }
}
