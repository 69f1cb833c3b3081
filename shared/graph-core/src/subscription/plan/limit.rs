//! Graph's limits on the number of subscriptions (Microsoft Graph, *change notifications overview*, quotas).

use std::fmt;

use crate::subscription::catalogue;

/// A limit on the number of subscriptions.
///
/// Only limits that a list of the application's subscriptions can show. The limits of a mailbox (1,000 subscriptions of
/// all applications), of a tenant over all applications, and of one meeting or chat show only in Graph's refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit {
    /// The maximum.
    pub most: usize,
    /// What is counted.
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
    let of_its_own = LIMITS.iter().find(|(entities, _)| entities.contains(&row.entity));
    of_its_own
        .map(|(_, limit)| *limit)
        .or_else(|| row.is_teams.then_some(TEAMS))
}

/// Returns whether Graph allows an application one subscription to `resource`, and not one for each list of change
/// types.
pub(super) fn is_one_altogether(resource: &str) -> bool {
    catalogue::find(resource).is_some_and(|row| row.is_teams || ONE_EACH.contains(&row.entity))
}

const fn limit(most: usize, of: &'static str) -> Limit {
    Limit { most, of }
}

/// The limits of some entities.
#[rustfmt::skip]
const LIMITS: &[(&[&str], Limit)] = &[
    (&["user", "group"], limit(100, "user and group subscriptions of one application in a tenant")),
    (&["callRecord"],    limit(100, "callRecord subscriptions of an organisation")),
    (&["approvalItem"],  limit(1, "subscription to approvals of one application in a tenant")),
    // Presence needs a signed-in user, and each user has a list of their own, which shows the whole count.
    (&["presence"],      limit(1, "presence subscription of one application for a signed-in user; its filter takes 650 ids")),
];

/// The limit counts all applications, but only the own ones are visible.
const TEAMS: Limit = limit(
    10_000,
    "Teams, Copilot and Shifts subscriptions of an organisation",
);

/// Further entities of which an application may have one subscription per meeting or event.
const ONE_EACH: &[&str] = &[
    "callRecording",
    "callTranscript",
    "onlineMeeting",
    "virtualEvent",
    "virtualEventRegistration",
    "virtualEventSession",
];

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
            ("/communications/callRecords", Some(100)),
            ("/solutions/approval/approvalItems", Some(1)),
            ("/communications/presences/{id}", Some(1)),
            ("/communications/presences?$filter=id in ('1','2')", Some(1)),
            ("/unknown/{id}", None),
        ] {
            assert_eq!(of(resource).map(|limit| limit.most), expected, "{resource}");
        }
    }

    #[test]
    fn some_resources_take_one_subscription_whatever_it_watches() {
        for (resource, expected) in [
            ("/teams/{id}/channels", true),
            ("/chats/getAllMessages", true),
            ("/teams/1/schedule/shifts", true),
            ("communications/onlineMeetings/1/recordings", true),
            ("/users/{id}/messages", false),
            ("/users", false),
            ("/communications/callRecords", false),
            ("/unknown/{id}", false),
        ] {
            assert_eq!(is_one_altogether(resource), expected, "{resource}");
        }
    }
}
