//! The table of resources.

use super::{Rich, Rule};

/// A Teams resource.
const fn teams(pattern: &'static str, entity: &'static str, changes: &'static str) -> Rule {
    let (rich, max_minutes) = (Rich::Whole, 4_320);
    Rule {
        pattern,
        entity,
        changes,
        rich,
        max_minutes,
        teams: true,
        beta: false,
        needs: None,
        query_options: false,
    }
}

/// An Outlook resource. 10,080 minutes are documented, 10,070 are accepted.
const fn outlook(pattern: &'static str, entity: &'static str) -> Rule {
    basic(pattern, entity, "cud", 10_070).with(Rich::Selected)
}

/// A resource outside Teams, without resource data.
const fn basic(pattern: &'static str, entity: &'static str, changes: &'static str, max_minutes: i64) -> Rule {
    Rule {
        pattern,
        entity,
        changes,
        rich: Rich::No,
        max_minutes,
        teams: false,
        beta: false,
        needs: None,
        query_options: false,
    }
}

/// All resources.
pub(crate) const RULES: &[Rule] = &[
    outlook("users/{userId}/messages", "message"),
    outlook("users/{userId}/mailFolders/{folderId}/messages", "message"),
    outlook("users/{userId}/events", "event"),
    outlook("users/{userId}/contacts", "contact"),
    outlook("users/{userId}/contactFolders/{folderId}/contacts", "contact"),
    basic("users", "user", "ud", 41_760),
    basic("users/{userId}", "user", "ud", 41_760),
    basic("groups", "group", "ud", 41_760),
    basic("groups/{groupId}", "group", "ud", 41_760),
    basic("groups/{groupId}/owners", "group", "ud", 41_760),
    basic("groups/{groupId}/members", "group", "ud", 41_760),
    basic("groups/{groupId}/events", "groupEvent", "cud", 4_230),
    basic("groups/{groupId}/calendar/events", "groupEvent", "cud", 4_230),
    basic("groups/{groupId}/conversations", "conversation", "cud", 4_230),
    basic("users/{userId}/drive/root", "driveItem", "u", 42_300),
    basic("drives/{driveId}/root", "driveItem", "u", 42_300),
    basic("sites/{siteId}/lists/{listId}", "listItem", "u", 42_300),
    basic("security/alerts/{alertId}", "alert", "cud", 43_200),
    basic("security/alerts", "alert", "cud", 43_200).needs("$filter"),
    basic("communications/callRecords", "callRecord", "cu", 4_230),
    teams("teams/getAllMessages", "chatMessage", "cud"),
    teams(
        "teams/{teamId}/channels/{channelId}/messages",
        "chatMessage",
        "cud",
    ),
    teams("chats/getAllMessages", "chatMessageInChat", "cud"),
    teams("chats/{chatId}/messages", "chatMessageInChat", "cud"),
    teams("users/{userId}/chats/getAllMessages", "chatMessageInChat", "cud"),
    teams(
        "appCatalogs/teamsApps/{appId}/installedToChats/getAllMessages",
        "chatMessageInChat",
        "cud",
    ),
    teams("communications/presences/{userId}", "presence", "u").lasting(60),
    teams("communications/presences", "presence", "u")
        .lasting(60)
        .needs("$filter"),
    teams("teams", "team", "cud"),
    teams("teams/{teamId}", "team", "ud"),
    teams("teams/getAllChannels", "channel", "cud"),
    teams("teams/{teamId}/channels", "channel", "cud"),
    teams("chats", "chat", "cu"),
    teams("chats/{chatId}", "chat", "cu"),
    teams("users/{userId}/chats", "chat", "cu"),
    teams("appCatalogs/teamsApps/{appId}/installedToChats", "chat", "cu"),
    teams("chats/getAllMembers", "chatMember", "cd"),
    teams("chats/{chatId}/members", "chatMember", "cd"),
    teams(
        "appCatalogs/teamsApps/{appId}/installedToChats/getAllMembers",
        "chatMember",
        "cud",
    ),
    teams("teams/getAllMembers", "teamMember", "cud"),
    teams("teams/{teamId}/members", "teamMember", "cud"),
    teams("teams/{teamId}/channels/getAllMembers", "channelMember", "cud"),
    teams("teams/getAllChannels/getAllMembers", "channelMember", "cud").beta(),
    teams(
        "teams/{teamId}/channels/{channelId}/sharedWithTeams",
        "sharedWithTeam",
        "cd",
    )
    .beta(),
    teams(
        "appCatalogs/teamsApps/{appId}/installations",
        "teamsAppInstallation",
        "cud",
    ),
    teams(
        "communications/onlineMeetings/getAllRecordings",
        "callRecording",
        "c",
    ),
    teams(
        "communications/onlineMeetings/{meetingId}/recordings",
        "callRecording",
        "c",
    ),
    teams(
        "users/{userId}/onlineMeetings/getAllRecordings",
        "callRecording",
        "c",
    ),
    teams("communications/adhocCalls/getAllRecordings", "callRecording", "c").beta(),
    teams("users/{userId}/adhocCalls/getAllRecordings", "callRecording", "c").beta(),
    teams(
        "communications/onlineMeetings/getAllTranscripts",
        "callTranscript",
        "c",
    ),
    teams(
        "communications/onlineMeetings/{meetingId}/transcripts",
        "callTranscript",
        "c",
    ),
    teams(
        "users/{userId}/onlineMeetings/getAllTranscripts",
        "callTranscript",
        "c",
    ),
    teams(
        "communications/adhocCalls/getAllTranscripts",
        "callTranscript",
        "c",
    )
    .beta(),
    teams(
        "users/{userId}/adhocCalls/getAllTranscripts",
        "callTranscript",
        "c",
    )
    .beta(),
    teams(
        "copilot/interactionHistory/getAllEnterpriseInteractions",
        "aiInteraction",
        "cud",
    ),
    teams(
        "copilot/users/{userId}/interactionHistory/getAllEnterpriseInteractions",
        "aiInteraction",
        "cud",
    ),
    teams("teams/{teamId}/schedule/shifts", "shift", "cud")
        .with(Rich::No)
        .lasting(360),
    teams("teams/{teamId}/schedule/timeOffRequests", "timeOffRequest", "cud")
        .with(Rich::No)
        .lasting(360),
    teams(
        "communications/calls/getEmergencyEventsByPolicy/{policy}",
        "emergencyCallEvent",
        "u",
    )
    .with(Rich::Only)
    .lasting(1_440),
    basic("solutions/approval/approvalItems", "approvalItem", "cud", 43_200),
    basic("solutions/virtualEvents/events", "virtualEvent", "c", 1_440),
    basic(
        "solutions/virtualEvents/webinars/{webinarId}",
        "virtualEvent",
        "u",
        1_440,
    ),
    basic(
        "solutions/virtualEvents/webinars/{webinarId}/sessions",
        "virtualEventSession",
        "cu",
        1_440,
    ),
    basic(
        "solutions/virtualEvents/webinars/{webinarId}/registrations",
        "virtualEventRegistration",
        "cu",
        1_440,
    ),
    basic("print/printers/{printerId}/jobs", "printJob", "u", 4_230).queried(),
    basic("reports/healthmonitoring/alert", "healthAlert", "cud", 42_300)
        .beta()
        .queried(),
    basic(
        "print/taskDefinitions/{taskDefinitionId}/tasks",
        "printTask",
        "c",
        4_230,
    ),
    basic(
        "users/{userId}/todo/lists/{listId}/tasks",
        "todoTask",
        "cud",
        4_230,
    ),
];
