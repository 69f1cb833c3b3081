//! The resources of *Get change notifications for teams and channels using Microsoft Graph* (2021), with today's figures.

use graph_events::Change::{Deleted, Updated};

use super::row::{CUD, Changes, Listed, Row, TEAMS};

/// The rows, in the order of the page.
pub(super) const ROWS: &[Row] = &[
    Row {
        key: "team.all",
        patterns: &["/teams"],
        entity: "team",
        application: &["Team.ReadBasic.All", "TeamSettings.Read.All"],
        ..TEAM_AND_CHANNEL
    },
    Row {
        key: "team.one",
        patterns: &["/teams/{id}"],
        entity: "team",
        changes: Changes::Known(&[Updated, Deleted]),
        delegated: &["Team.ReadBasic.All", "TeamSettings.Read.All"],
        application: &[
            "TeamSettings.Read.Group*",
            "TeamSettings.ReadWrite.Group*",
            "Team.ReadBasic.All",
            "TeamSettings.Read.All",
        ],
        ..TEAM_AND_CHANNEL
    },
    Row {
        key: "channel.all",
        patterns: &["/teams/getAllChannels"],
        entity: "channel",
        application: &["Channel.ReadBasic.All", "ChannelSettings.Read.All"],
        ..TEAM_AND_CHANNEL
    },
    Row {
        key: "channel.team",
        patterns: &["/teams/{id}/channels"],
        entity: "channel",
        delegated: &["Channel.ReadBasic.All", "ChannelSettings.Read.All"],
        application: &[
            "ChannelSettings.Read.Group*",
            "ChannelSettings.ReadWrite.Group*",
            "Channel.ReadBasic.All",
            "ChannelSettings.Read.All",
        ],
        ..TEAM_AND_CHANNEL
    },
];

/// What the rows of teams and channels have in common.
const TEAM_AND_CHANNEL: Row = Row {
    listed: Listed::S2,
    entity: "team",
    changes: CUD,
    source: "teams-changenotifications-team-and-channel",
    ..TEAMS
};
