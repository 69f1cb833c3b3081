//! Further resources of Microsoft Teams: channels, chats, members, installed apps and Shifts.

use graph_events::Change::{Created, Deleted, Updated};

use super::row::{BASIC_TEAMS, BETA, BETA_OR_V1, CUD, Changes, Row, Select, TEAMS};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        key: "chatMessage.user",
        patterns: &["/users/{id}/chats/getAllMessages"],
        delegated: &["Chat.Read", "Chat.ReadWrite"],
        application: &["Chat.Read.All", "Chat.ReadWrite.All"],
        ..CHAT_MESSAGE
    },
    Row {
        key: "chatMessage.appInstalled",
        patterns: &["/appCatalogs/teamsApps/{id}/installedToChats/getAllMessages"],
        application: &["Chat.Read.WhereInstalled", "Chat.ReadWrite.WhereInstalled"],
        ..CHAT_MESSAGE
    },
    // The lifetime is not documented; that of the other rows for channels is used.
    Row {
        key: "channel.shared",
        patterns: &["/teams/{id}/channels/{id}/sharedWithTeams"],
        entity: "sharedWithChannelTeamInfo",
        changes: Changes::Known(&[Created, Deleted]),
        versions: BETA,
        delegated: &["ChannelMember.Read.All", "ChannelMember.ReadWrite.All"],
        application: &["ChannelMember.Read.All", "ChannelMember.ReadWrite.All"],
        source: "teams-changenotifications-channelmembership",
        ..TEAMS
    },
    Row {
        key: "chat.all",
        patterns: &["/chats"],
        application: &["Chat.ReadBasic.All", "Chat.Read.All", "Chat.ReadWrite.All"],
        ..CHAT
    },
    // The page's table has `updated` only, one of its samples `created` as well.
    Row {
        key: "chat.one",
        patterns: &["/chats/{id}"],
        delegated: &["Chat.ReadBasic", "Chat.Read", "Chat.ReadWrite"],
        application: &[
            "ChatSettings.Read.Chat*",
            "ChatSettings.ReadWrite.Chat*",
            "Chat.Manage.Chat*",
            "Chat.ReadBasic.All",
            "Chat.Read.All",
            "Chat.ReadWrite.All",
        ],
        ..CHAT
    },
    Row {
        key: "chat.user",
        patterns: &["/users/{id}/chats"],
        delegated: &["Chat.ReadBasic", "Chat.Read", "Chat.ReadWrite"],
        application: &["Chat.ReadBasic.All", "Chat.Read.All", "Chat.ReadWrite.All"],
        ..CHAT
    },
    Row {
        key: "chat.appInstalled",
        patterns: &["/appCatalogs/teamsApps/{id}/installedToChats"],
        application: &[
            "Chat.ReadBasic.WhereInstalled",
            "Chat.Read.WhereInstalled",
            "Chat.ReadWrite.WhereInstalled",
        ],
        ..CHAT
    },
    Row {
        key: "member.allChats",
        patterns: &["/chats/getAllMembers"],
        application: &[
            "ChatMember.Read.All",
            "ChatMember.ReadWrite.All",
            "Chat.ReadBasic.All",
            "Chat.Read.All",
            "Chat.ReadWrite.All",
        ],
        ..CHAT_MEMBER
    },
    Row {
        key: "member.chat",
        patterns: &["/chats/{id}/members"],
        delegated: &[
            "ChatMember.Read",
            "ChatMember.ReadWrite",
            "Chat.ReadBasic",
            "Chat.Read",
            "Chat.ReadWrite",
        ],
        application: &[
            "ChatMember.Read.Chat*",
            "Chat.Manage.Chat*",
            "ChatMember.Read.All",
            "ChatMember.ReadWrite.All",
            "Chat.ReadBasic.All",
            "Chat.Read.All",
            "Chat.ReadWrite.All",
        ],
        ..CHAT_MEMBER
    },
    // The page's table has `created` and `deleted`, its sample `created` and `updated`.
    Row {
        key: "member.appInstalled",
        patterns: &["/appCatalogs/teamsApps/{id}/installedToChats/getAllMembers"],
        changes: CUD,
        application: &[
            "ChatMember.Read.WhereInstalled",
            "ChatMember.ReadWrite.WhereInstalled",
            "Chat.ReadBasic.WhereInstalled",
            "Chat.Read.WhereInstalled",
            "Chat.ReadWrite.WhereInstalled",
        ],
        ..CHAT_MEMBER
    },
    Row {
        key: "member.team",
        patterns: &["/teams/{id}/members"],
        delegated: &["TeamMember.Read.All"],
        application: &["TeamMember.Read.Group*", "TeamMember.Read.All"],
        source: "teams-changenotifications-teammembership",
        ..TEAM_MEMBER
    },
    Row {
        key: "member.allTeams",
        patterns: &["/teams/getAllMembers"],
        application: &["TeamMember.Read.All", "TeamMember.ReadWrite.All"],
        source: "teams-changenotifications-teammembership",
        ..TEAM_MEMBER
    },
    Row {
        key: "member.teamChannels",
        patterns: &["/teams/{id}/channels/getAllMembers"],
        delegated: &["ChannelMember.Read.All"],
        application: &["ChannelMember.Read.All", "ChannelMember.ReadWrite.All"],
        ..TEAM_MEMBER
    },
    // Reauthorize lists it for v1.0 as well.
    Row {
        key: "member.allChannels",
        patterns: &["/teams/getAllChannels/getAllMembers"],
        versions: BETA_OR_V1,
        application: &["ChannelMember.Read.All", "ChannelMember.ReadWrite.All"],
        ..TEAM_MEMBER
    },
    Row {
        key: "appInstall",
        patterns: &["/appCatalogs/teamsApps/{id}/installations"],
        application: &[
            "TeamsAppInstallation.Read.User*",
            "TeamsAppInstallation.Read.Group*",
            "TeamsAppInstallation.Read.Chat*",
            "TeamsAppInstallation.Read.All",
        ],
        ..APP_INSTALLATION
    },
    Row {
        key: "appInstall.personal",
        patterns: &["/appCatalogs/teamsApps/{id}/installations?$filter=(scopeInfo/scope eq 'personal')"],
        application: &[
            "TeamsAppInstallation.ReadForUser.All",
            "TeamsAppInstallation.Read.All",
        ],
        ..APP_INSTALLATION
    },
    Row {
        key: "appInstall.team",
        patterns: &["/appCatalogs/teamsApps/{id}/installations?$filter=(scopeInfo/scope eq 'team')"],
        application: &[
            "TeamsAppInstallation.ReadForTeam.All",
            "TeamsAppInstallation.Read.All",
        ],
        ..APP_INSTALLATION
    },
    Row {
        key: "appInstall.chat",
        patterns: &["/appCatalogs/teamsApps/{id}/installations?$filter=(scopeInfo/scope eq 'groupChat')"],
        application: &[
            "TeamsAppInstallation.ReadForChat.All",
            "TeamsAppInstallation.Read.All",
        ],
        ..APP_INSTALLATION
    },
    Row {
        key: "shift",
        patterns: &["/teams/{id}/schedule/shifts"],
        entity: "shift",
        ..SHIFTS
    },
    Row {
        key: "openShiftChangeRequest",
        patterns: &["/teams/{id}/schedule/openShiftChangeRequests"],
        entity: "openShiftChangeRequest",
        ..SHIFTS
    },
    Row {
        key: "offerShiftRequest",
        patterns: &["/teams/{id}/schedule/offerShiftRequests"],
        entity: "offerShiftRequest",
        ..SHIFTS
    },
    Row {
        key: "swapShiftsChangeRequest",
        patterns: &["/teams/{id}/schedule/swapShiftsChangeRequests"],
        entity: "swapShiftsChangeRequest",
        ..SHIFTS
    },
    Row {
        key: "timeOffRequest",
        patterns: &["/teams/{id}/schedule/timeOffRequests"],
        entity: "timeOffRequest",
        ..SHIFTS
    },
];

/// What the rows of chat messages have in common.
const CHAT_MESSAGE: Row = Row {
    entity: "chatMessage",
    changes: CUD,
    select: Select::Refused,
    source: "teams-changenotifications-chatmessage",
    ..TEAMS
};

/// What the rows of chats have in common.
const CHAT: Row = Row {
    entity: "chat",
    changes: Changes::Known(&[Created, Updated]),
    source: "teams-changenotifications-chat",
    ..TEAMS
};

/// What the rows of chat members have in common.
const CHAT_MEMBER: Row = Row {
    entity: "aadUserConversationMember",
    changes: Changes::Known(&[Created, Deleted]),
    select: Select::Refused,
    source: "teams-changenotifications-chatmembership",
    ..TEAMS
};

/// What the rows of members of teams and channels have in common.
const TEAM_MEMBER: Row = Row {
    changes: CUD,
    source: "teams-changenotifications-channelmembership",
    ..CHAT_MEMBER
};

/// What the rows of installed apps have in common.
const APP_INSTALLATION: Row = Row {
    entity: "teamsAppInstallation",
    changes: CUD,
    source: "teams-changenotifications-teamsappinstallation",
    ..TEAMS
};

/// What the rows of Shifts have in common.
const SHIFTS: Row = Row {
    minutes: 360,
    minutes_rich: 360,
    delegated: &["Schedule.Read.All", "Schedule.ReadWrite.All"],
    application: &["Schedule.Read.All", "Schedule.ReadWrite.All"],
    ..BASIC_TEAMS
};
