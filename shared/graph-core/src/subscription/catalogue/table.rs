//! The table of all resources, one row a line.
//!
//! A line has key, entity, change types, API versions, longest lifetime in minutes without and with resource data,
//! page, permissions (delegated, delegated with a personal account, application: the least privileged first, `*` for
//! resource-specific consent), paths (`{..}` for keys, `?$filter=` where the row is for filtered paths only), and a
//! remark. The figures follow Microsoft Graph, *subscription resource type* (lifetimes), *create subscription*
//! (permissions) and *change notifications overview* (paths), as of 2026, and the page that the line names.

use graph_events::Change::{self, Created, Deleted, Updated};

use super::row::{Changes, Remark, Rich, Row, Select, Version};
use crate::cloud::Cloud;

/// Turns the lines of the table into rows.
macro_rules! table {
    ($($key:literal $entity:literal $changes:ident $versions:ident $minutes:literal $minutes_rich:literal $page:ident
        $delegated:literal $personal:literal $application:literal [$($pattern:literal),+] $($remark:ident)?;)+) => {
        &[$(Row {
            key: $key,
            patterns: &[$($pattern),+],
            entity: $entity,
            changes: $changes,
            versions: $versions,
            rich: $page.rich,
            select: $page.select,
            minutes: $minutes,
            minutes_rich: $minutes_rich,
            is_teams: $page.is_teams,
            delegated: $delegated,
            personal: $personal,
            application: $application,
            clouds: $page.clouds,
            source: $page.name,
            remark: table!(@ $($remark)?),
        }),+]
    };
    (@) => { Remark::None };
    (@ $remark:ident) => { $remark };
}

/// The rows.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = table! {
    // 10,080 minutes are documented for mail, calendar and contacts without resource data; Graph enforces 10,070.
    "message.all"                "message"                   CUD V1         10_070  1_440 OUTLOOK         "Mail.ReadBasic Mail.Read" "Mail.ReadBasic Mail.Read" "Mail.ReadBasic Mail.Read" ["/users/{id}/messages"];
    "message.folder"             "message"                   CUD V1         10_070  1_440 OUTLOOK         "Mail.ReadBasic Mail.Read" "Mail.ReadBasic Mail.Read" "Mail.ReadBasic Mail.Read" ["/users/{id}/mailFolders/{id}/messages"];
    "event.all"                  "event"                     CUD V1         10_070  1_440 OUTLOOK         "Calendars.Read" "Calendars.Read" "Calendars.Read" ["/users/{id}/events"];
    // The lifetime is not documented; that of a group's conversations is used.
    "event.group"                "event"                     ANY V1          4_230  4_230 DIRECTORY       "Group.Read.All" "" "Group.Read.All" ["/groups/{id}/events", "/groups/{id}/calendar/events"] FIELD;
    "contact.all"                "contact"                   CUD V1         10_070  1_440 OUTLOOK         "Contacts.Read" "Contacts.Read" "Contacts.Read" ["/users/{id}/contacts"];
    "contact.folder"             "contact"                   CUD V1         10_070  1_440 OUTLOOK         "Contacts.Read" "Contacts.Read" "Contacts.Read" ["/users/{id}/contactFolders/{id}/contacts"];
    // Creation and soft deletion of users and groups arrive as `updated`.
    "user.all"                   "user"                      UD  V1         41_760 41_760 DIRECTORY       "User.Read.All" "" "User.Read.All" ["/users"];
    "user.one"                   "user"                      UD  V1         41_760 41_760 DIRECTORY       "User.Read.All" "" "User.Read.All" ["/users/{id}"];
    "group.all"                  "group"                     UD  V1         41_760 41_760 DIRECTORY       "Group.Read.All" "" "Group.Read.All" ["/groups"];
    "group.one"                  "group"                     UD  V1         41_760 41_760 DIRECTORY       "Group.Read.All" "" "Group.Read.All" ["/groups/{id}"];
    "group.owners"               "group"                     ANY V1         41_760 41_760 DIRECTORY       "Group.Read.All" "" "Group.Read.All" ["/groups/{id}/owners"];
    "group.members"              "group"                     ANY V1         41_760 41_760 DIRECTORY       "Group.Read.All" "" "Group.Read.All" ["/groups/{id}/members"];
    "conversation"               "conversation"              ANY V1          4_230  4_230 DIRECTORY       "Group.Read.All" "" "" ["/groups/{id}/conversations"];
    // OneDrive for Business takes the root only; personal OneDrive takes the root and any folder (next row).
    "driveItem.root"             "driveItem"                 U   V1         42_300 42_300 DIRECTORY       "Files.Read.All" "Files.Read" "Files.Read.All" ["/drives/{id}/root", "/users/{id}/drive/root"];
    // The two usual ways to address a folder, and that of *subscription resource type*.
    "driveItem.folder"           "driveItem"                 U   V1         42_300 42_300 DIRECTORY       "" "Files.Read" "" ["/users/{id}/drive/items/{id}", "/users/{id}/drive/root:/{*}", "/drives/{id}/root/{*}"];
    "list"                       "listItem"                  U   V1         42_300 42_300 DIRECTORY       "Sites.Read.All" "" "Sites.Read.All" ["/sites/{id}/lists/{id}"];
    // Nothing is documented; the shortest documented lifetime is safe.
    "site.all"                   "site"                      ANY V1          4_230  4_230 DIRECTORY       "Sites.Read.All" "" "Sites.Read.All" ["/sites"] FIELD;
    "alert.one"                  "alert"                     ANY V1         43_200 43_200 DIRECTORY       "SecurityEvents.ReadWrite.All" "" "SecurityEvents.ReadWrite.All" ["/security/alerts/{id}"] RETIRED;
    "alert.filtered"             "alert"                     ANY V1         43_200 43_200 DIRECTORY       "SecurityEvents.ReadWrite.All" "" "SecurityEvents.ReadWrite.All" ["/security/alerts?$filter={condition}"] RETIRED;
    "callRecord"                 "callRecord"                CU  V1          4_230  4_230 CALL_RECORDS    "" "" "CallRecords.Read.All" ["/communications/callRecords"];
    "callRecord.filtered"        "callRecord"                CU  V1          4_230  4_230 CALL_RECORDS    "" "" "CallRecords.Read.All" ["/communications/callRecords?$filter={condition}"];
    "chatMessage.allChannels"    "chatMessage"               CUD V1          4_320  4_320 CHAT_MESSAGES   "" "" "ChannelMessage.Read.All" ["/teams/getAllMessages"];
    "chatMessage.channel"        "chatMessage"               CUD V1          4_320  4_320 CHAT_MESSAGES   "ChannelMessage.Read.All" "" "ChannelMessage.Read.Group* ChannelMessage.Read.All" ["/teams/{id}/channels/{id}/messages"];
    "chatMessage.allChats"       "chatMessage"               CUD V1          4_320  4_320 CHAT_MESSAGES   "" "" "Chat.Read.All" ["/chats/getAllMessages"];
    "chatMessage.chat"           "chatMessage"               CUD V1          4_320  4_320 CHAT_MESSAGES   "Chat.Read Chat.ReadWrite" "" "ChatMessage.Read.Chat* Chat.Read.All" ["/chats/{id}/messages"];
    "chatMessage.user"           "chatMessage"               CUD V1          4_320  4_320 CHAT_MESSAGES   "Chat.Read Chat.ReadWrite" "" "Chat.Read.All Chat.ReadWrite.All" ["/users/{id}/chats/getAllMessages"];
    "chatMessage.appInstalled"   "chatMessage"               CUD V1          4_320  4_320 CHAT_MESSAGES   "" "" "Chat.Read.WhereInstalled Chat.ReadWrite.WhereInstalled" ["/appCatalogs/teamsApps/{id}/installedToChats/getAllMessages"];
    "presence.one"               "presence"                  U   V1             60     60 PRESENCE        "Presence.Read.All" "" "" ["/communications/presences/{id}"];
    "presence.many"              "presence"                  U   V1             60     60 PRESENCE        "Presence.Read.All" "" "" ["/communications/presences?$filter=id in ({ids})"];
    "team.all"                   "team"                      CUD V1          4_320  4_320 TEAMS           "" "" "Team.ReadBasic.All TeamSettings.Read.All" ["/teams"];
    "team.one"                   "team"                      UD  V1          4_320  4_320 TEAMS           "Team.ReadBasic.All TeamSettings.Read.All" "" "TeamSettings.Read.Group* TeamSettings.ReadWrite.Group* Team.ReadBasic.All TeamSettings.Read.All" ["/teams/{id}"];
    "channel.all"                "channel"                   CUD V1          4_320  4_320 TEAMS           "" "" "Channel.ReadBasic.All ChannelSettings.Read.All" ["/teams/getAllChannels"];
    "channel.team"               "channel"                   CUD V1          4_320  4_320 TEAMS           "Channel.ReadBasic.All ChannelSettings.Read.All" "" "ChannelSettings.Read.Group* ChannelSettings.ReadWrite.Group* Channel.ReadBasic.All ChannelSettings.Read.All" ["/teams/{id}/channels"];
    // The lifetime is not documented; that of the other rows for channels is used.
    "channel.shared"             "sharedWithChannelTeamInfo" CD  BETA        4_320  4_320 SHARED_CHANNELS "ChannelMember.Read.All ChannelMember.ReadWrite.All" "" "ChannelMember.Read.All ChannelMember.ReadWrite.All" ["/teams/{id}/channels/{id}/sharedWithTeams"];
    "chat.all"                   "chat"                      CU  V1          4_320  4_320 CHATS           "" "" "Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All" ["/chats"];
    // The page's table has only `updated`; one of its samples also has `created`.
    "chat.one"                   "chat"                      CU  V1          4_320  4_320 CHATS           "Chat.ReadBasic Chat.Read Chat.ReadWrite" "" "ChatSettings.Read.Chat* ChatSettings.ReadWrite.Chat* Chat.Manage.Chat* Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All" ["/chats/{id}"];
    "chat.user"                  "chat"                      CU  V1          4_320  4_320 CHATS           "Chat.ReadBasic Chat.Read Chat.ReadWrite" "" "Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All" ["/users/{id}/chats"];
    "chat.appInstalled"          "chat"                      CU  V1          4_320  4_320 CHATS           "" "" "Chat.ReadBasic.WhereInstalled Chat.Read.WhereInstalled Chat.ReadWrite.WhereInstalled" ["/appCatalogs/teamsApps/{id}/installedToChats"];
    "member.allChats"            "aadUserConversationMember" CD  V1          4_320  4_320 CHAT_MEMBERS    "" "" "ChatMember.Read.All ChatMember.ReadWrite.All Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All" ["/chats/getAllMembers"];
    "member.chat"                "aadUserConversationMember" CD  V1          4_320  4_320 CHAT_MEMBERS    "ChatMember.Read ChatMember.ReadWrite Chat.ReadBasic Chat.Read Chat.ReadWrite" "" "ChatMember.Read.Chat* Chat.Manage.Chat* ChatMember.Read.All ChatMember.ReadWrite.All Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All" ["/chats/{id}/members"];
    // The page's table has `created` and `deleted`; its sample has `created` and `updated`.
    "member.appInstalled"        "aadUserConversationMember" CUD V1          4_320  4_320 CHAT_MEMBERS    "" "" "ChatMember.Read.WhereInstalled ChatMember.ReadWrite.WhereInstalled Chat.ReadBasic.WhereInstalled Chat.Read.WhereInstalled Chat.ReadWrite.WhereInstalled" ["/appCatalogs/teamsApps/{id}/installedToChats/getAllMembers"];
    "member.team"                "aadUserConversationMember" CUD V1          4_320  4_320 TEAM_MEMBERS    "TeamMember.Read.All" "" "TeamMember.Read.Group* TeamMember.Read.All" ["/teams/{id}/members"];
    "member.allTeams"            "aadUserConversationMember" CUD V1          4_320  4_320 TEAM_MEMBERS    "" "" "TeamMember.Read.All TeamMember.ReadWrite.All" ["/teams/getAllMembers"];
    "member.teamChannels"        "aadUserConversationMember" CUD V1          4_320  4_320 CHANNEL_MEMBERS "ChannelMember.Read.All" "" "ChannelMember.Read.All ChannelMember.ReadWrite.All" ["/teams/{id}/channels/getAllMembers"];
    // *Reauthorize* lists the path for v1.0 as well.
    "member.allChannels"         "aadUserConversationMember" CUD BETA_OR_V1  4_320  4_320 CHANNEL_MEMBERS "" "" "ChannelMember.Read.All ChannelMember.ReadWrite.All" ["/teams/getAllChannels/getAllMembers"];
    "appInstall"                 "teamsAppInstallation"      CUD V1          4_320  4_320 INSTALLED_APPS  "" "" "TeamsAppInstallation.Read.User* TeamsAppInstallation.Read.Group* TeamsAppInstallation.Read.Chat* TeamsAppInstallation.Read.All" ["/appCatalogs/teamsApps/{id}/installations"];
    "appInstall.personal"        "teamsAppInstallation"      CUD V1          4_320  4_320 INSTALLED_APPS  "" "" "TeamsAppInstallation.ReadForUser.All TeamsAppInstallation.Read.All" ["/appCatalogs/teamsApps/{id}/installations?$filter=(scopeInfo/scope eq 'personal')"];
    "appInstall.team"            "teamsAppInstallation"      CUD V1          4_320  4_320 INSTALLED_APPS  "" "" "TeamsAppInstallation.ReadForTeam.All TeamsAppInstallation.Read.All" ["/appCatalogs/teamsApps/{id}/installations?$filter=(scopeInfo/scope eq 'team')"];
    "appInstall.chat"            "teamsAppInstallation"      CUD V1          4_320  4_320 INSTALLED_APPS  "" "" "TeamsAppInstallation.ReadForChat.All TeamsAppInstallation.Read.All" ["/appCatalogs/teamsApps/{id}/installations?$filter=(scopeInfo/scope eq 'groupChat')"];
    "shift"                      "shift"                     ANY V1            360    360 SHIFTS          "Schedule.Read.All Schedule.ReadWrite.All" "" "Schedule.Read.All Schedule.ReadWrite.All" ["/teams/{id}/schedule/shifts"];
    "openShiftChangeRequest"     "openShiftChangeRequest"    ANY V1            360    360 SHIFTS          "Schedule.Read.All Schedule.ReadWrite.All" "" "Schedule.Read.All Schedule.ReadWrite.All" ["/teams/{id}/schedule/openShiftChangeRequests"];
    "offerShiftRequest"          "offerShiftRequest"         ANY V1            360    360 SHIFTS          "Schedule.Read.All Schedule.ReadWrite.All" "" "Schedule.Read.All Schedule.ReadWrite.All" ["/teams/{id}/schedule/offerShiftRequests"];
    "swapShiftsChangeRequest"    "swapShiftsChangeRequest"   ANY V1            360    360 SHIFTS          "Schedule.Read.All Schedule.ReadWrite.All" "" "Schedule.Read.All Schedule.ReadWrite.All" ["/teams/{id}/schedule/swapShiftsChangeRequests"];
    "timeOffRequest"             "timeOffRequest"            ANY V1            360    360 SHIFTS          "Schedule.Read.All Schedule.ReadWrite.All" "" "Schedule.Read.All Schedule.ReadWrite.All" ["/teams/{id}/schedule/timeOffRequests"];
    "recording.tenant"           "callRecording"             C   V1          4_320  4_320 RECORDINGS      "" "" "OnlineMeetingRecording.Read.All" ["/communications/onlineMeetings/getAllRecordings"];
    "recording.meeting"          "callRecording"             C   V1          4_320  4_320 RECORDINGS      "OnlineMeetingRecording.Read.All" "" "OnlineMeetingRecording.Read.Chat* OnlineMeetingRecording.Read.All" ["/communications/onlineMeetings/{id}/recordings"];
    "recording.user"             "callRecording"             C   V1          4_320  4_320 RECORDINGS      "OnlineMeetingRecording.Read.All" "" "OnlineMeetingRecording.Read.All" ["/users/{id}/onlineMeetings/getAllRecordings"];
    "recording.app"              "callRecording"             C   BETA        4_320  4_320 RECORDINGS      "" "" "OnlineMeetingRecording.Read.Chat* OnlineMeetingRecording.Read.All" ["/appCatalogs/teamsApps/{id}/installedToOnlineMeetings/getAllRecordings"];
    // All samples of ad hoc calls use beta; the documentation does not rule out v1.0.
    "recording.adhoc.tenant"     "callRecording"             C   BETA_OR_V1  4_320  4_320 RECORDINGS      "" "" "CallRecordings.Read.All" ["/communications/adhocCalls/getAllRecordings"];
    "recording.adhoc.one"        "callRecording"             C   BETA_OR_V1  4_320  4_320 RECORDINGS      "CallRecordings.Read.All" "" "CallRecordings.Read.All" ["/communications/adhocCalls/{id}/recordings"];
    "recording.adhoc.user"       "callRecording"             C   BETA_OR_V1  4_320  4_320 RECORDINGS      "CallRecordings.Read.All" "" "CallRecordings.Read.All" ["/users/{id}/adhocCalls/getAllRecordings"];
    "transcript.tenant"          "callTranscript"            C   V1          4_320  4_320 RECORDINGS      "" "" "OnlineMeetingTranscript.Read.All" ["/communications/onlineMeetings/getAllTranscripts"];
    "transcript.meeting"         "callTranscript"            C   V1          4_320  4_320 RECORDINGS      "OnlineMeetingTranscript.Read.All" "" "OnlineMeetingTranscript.Read.Chat* OnlineMeetingTranscript.Read.All" ["/communications/onlineMeetings/{id}/transcripts"];
    "transcript.user"            "callTranscript"            C   V1          4_320  4_320 RECORDINGS      "OnlineMeetingTranscript.Read.All" "" "OnlineMeetingTranscript.Read.All" ["/users/{id}/onlineMeetings/getAllTranscripts"];
    // Two pages misspell the last segment; the API uses this spelling.
    "transcript.app"             "callTranscript"            C   BETA        4_320  4_320 RECORDINGS      "" "" "OnlineMeetingTranscript.Read.Chat* OnlineMeetingTranscript.Read.All" ["/appCatalogs/teamsApps/{id}/installedToOnlineMeetings/getAllTranscripts"];
    "transcript.adhoc.tenant"    "callTranscript"            C   BETA        4_320  4_320 RECORDINGS      "" "" "CallTranscripts.Read.All" ["/communications/adhocCalls/getAllTranscripts"];
    "transcript.adhoc.one"       "callTranscript"            C   BETA_OR_V1  4_320  4_320 RECORDINGS      "CallTranscripts.Read.All" "" "" ["/communications/adhocCalls/{id}/transcripts"];
    "transcript.adhoc.user"      "callTranscript"            C   BETA_OR_V1  4_320  4_320 RECORDINGS      "CallTranscripts.Read.All" "" "CallTranscripts.Read.All" ["/users/{id}/adhocCalls/getAllTranscripts"];
    // The documentation has two lifetimes, 4,320 and 4,230; the shorter is safe.
    "onlineMeeting"              "onlineMeeting"             U   BETA        4_230  4_230 MEETINGS        "" "" "OnlineMeetings.Read.All OnlineMeetings.ReadWrite.All" ["/communications/onlineMeetings(joinWebUrl='{url}')/meetingCallEvents", "/communications/onlineMeetings?$filter=JoinWebUrl eq '{url}'"];
    "aiInteraction.user"         "aiInteraction"             CUD V1          4_320  4_320 INTERACTIONS    "AiEnterpriseInteraction.Read" "" "AiEnterpriseInteraction.Read.User* AiEnterpriseInteraction.Read.All" ["/copilot/users/{id}/interactionHistory/getAllEnterpriseInteractions"];
    "aiInteraction.tenant"       "aiInteraction"             CUD V1          4_320  4_320 INTERACTIONS    "" "" "AiEnterpriseInteraction.Read.All" ["/copilot/interactionHistory/getAllEnterpriseInteractions"];
    // The lifetime is not documented: the shortest of the three-day figures is used.
    "aiInsight.user"             "callAiInsight"             C   V1          4_230  4_230 INSIGHTS        "OnlineMeetingAiInsight.Read.All" "" "OnlineMeetingAiInsight.Read.All" ["/copilot/users/{id}/onlineMeetings/getAllAiInsights"];
    "aiInsight.meeting"          "callAiInsight"             C   V1          4_230  4_230 INSIGHTS        "OnlineMeetingAiInsight.Read.All" "" "OnlineMeetingAiInsight.Read.All" ["/copilot/users/{id}/onlineMeetings/{id}/aiInsights"];
    "virtualEvent.tenant"        "virtualEvent"              C   V1          1_440  1_440 VIRTUAL_EVENTS  "" "" "VirtualEvent.Read.All" ["/solutions/virtualEvents/events"];
    "virtualEvent.organizers"    "virtualEvent"              C   V1          1_440  1_440 VIRTUAL_EVENTS  "" "" "VirtualEvent.Read.All" ["/solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds=['{id}'])"];
    "virtualEvent.webinar"       "virtualEvent"              U   V1          1_440  1_440 VIRTUAL_EVENTS  "VirtualEvent.Read" "" "VirtualEvent.Read.All" ["/solutions/virtualEvents/webinars/{id}"];
    // The documentation does not say which type the notifications name.
    "virtualEvent.attendance"    "meetingAttendanceReport"   C   V1          1_440  1_440 VIRTUAL_EVENTS  "VirtualEvent.Read" "" "VirtualEvent.Read.All" ["/solutions/virtualEvents/webinars/{id}/getAttendanceReports"];
    "virtualEvent.sessions"      "virtualEventSession"       CU  V1          1_440  1_440 VIRTUAL_EVENTS  "VirtualEvent.Read" "" "VirtualEvent.Read.All" ["/solutions/virtualEvents/webinars/{id}/sessions"];
    "virtualEvent.registrations" "virtualEventRegistration"  CU  V1          1_440  1_440 VIRTUAL_EVENTS  "VirtualEvent.Read" "" "VirtualEvent.Read.All" ["/solutions/virtualEvents/webinars/{id}/registrations"];
    "emergency"                  "emergencyCallEvent"        U   V1          1_440  1_440 EMERGENCIES     "" "" "CallEvents-Emergency.Read.All" ["/communications/calls/getEmergencyEventsByPolicy(policyName='{name}')"];
    "approvals"                  "approvalItem"              ANY V1         43_200 43_200 APPROVALS       "" "" "ApprovalSolution.ReadWrite.All" ["/solutions/approval/approvalItems"];
    // The documentation does not say which types the notifications about printing name.
    "printer.jobs"               "printJob"                  U   V1          4_230  4_230 PRINTING        "" "" "Printer.Read.All Printer.ReadWrite.All" ["/print/printers/{id}/jobs"] QUERY_OPTIONS;
    "print.task"                 "printTask"                 C   V1          4_230  4_230 PRINTING        "" "" "PrintTaskDefinition.ReadWrite.All" ["/print/taskDefinitions/{id}/tasks", "/print/printtaskdefinition/{id}/tasks"];
    "todoTask"                   "todoTask"                  ANY V1          4_230  4_230 TASKS           "Tasks.ReadWrite" "Tasks.ReadWrite" "Tasks.ReadWrite.All" ["/users/{id}/todo/lists/{id}/tasks"];
    "healthAlert.all"            "alert"                     ANY BETA       42_300 42_300 DIRECTORY       "HealthMonitoringAlert.Read.All" "" "HealthMonitoringAlert.Read.All" ["/reports/healthmonitoring/alerts"];
    "healthAlert.type"           "alert"                     ANY BETA       42_300 42_300 DIRECTORY       "HealthMonitoringAlert.Read.All" "" "HealthMonitoringAlert.Read.All" ["/reports/healthmonitoring/alert"] QUERY_OPTIONS;
};

/// A page of Microsoft's documentation, and what holds for all of its resources.
struct Page {
    name: &'static str,
    rich: Rich,
    select: Select,
    is_teams: bool,
    clouds: &'static [Cloud],
}

/// Turns lines of name, text, resource data, `$select`, whether Teams' limits apply, and clouds into pages.
macro_rules! pages {
    ($($page:ident $name:literal $rich:ident $select:ident $is_teams:literal $clouds:ident;)+) => {
        $(const $page: Page = Page {
            name: $name,
            rich: Rich::$rich,
            select: Select::$select,
            is_teams: $is_teams,
            clouds: $clouds,
        };)+
    };
}

pages! {
    OUTLOOK         "outlook-change-notifications-overview"                        Yes      Required     false EVERYWHERE;
    DIRECTORY       "change-notifications-overview"                                No       Undocumented false EVERYWHERE;
    CALL_RECORDS    "changenotifications-for-callrecords"                          No       Undocumented false EVERYWHERE;
    CHAT_MESSAGES   "teams-changenotifications-chatmessage"                        Yes      Refused      true  EVERYWHERE;
    PRESENCE        "changenotifications-for-presence"                             Yes      Refused      true  GLOBAL_ONLY;
    TEAMS           "teams-changenotifications-team-and-channel"                   Yes      Undocumented true  EVERYWHERE;
    SHARED_CHANNELS "teams-changenotifications-channelmembership"                  Yes      Undocumented true  EVERYWHERE;
    CHATS           "teams-changenotifications-chat"                               Yes      Undocumented true  EVERYWHERE;
    CHAT_MEMBERS    "teams-changenotifications-chatmembership"                     Yes      Refused      true  EVERYWHERE;
    TEAM_MEMBERS    "teams-changenotifications-teammembership"                     Yes      Refused      true  EVERYWHERE;
    CHANNEL_MEMBERS "teams-changenotifications-channelmembership"                  Yes      Refused      true  EVERYWHERE;
    INSTALLED_APPS  "teams-changenotifications-teamsappinstallation"               Yes      Undocumented true  EVERYWHERE;
    SHIFTS          "change-notifications-overview"                                No       Undocumented true  EVERYWHERE;
    RECORDINGS      "teams-changenotifications-callrecording-and-calltranscript"   Yes      Undocumented true  EVERYWHERE;
    MEETINGS        "changenotifications-for-onlinemeeting"                        Yes      Refused      true  EVERYWHERE;
    INTERACTIONS    "aiinteraction change notifications"                           Yes      Undocumented true  EVERYWHERE;
    INSIGHTS        "AI insights change notifications"                             No       Undocumented true  EVERYWHERE;
    VIRTUAL_EVENTS  "changenotifications-for-virtualevent"                         No       Undocumented false EVERYWHERE;
    EMERGENCIES     "changenotifications-for-emergencycalls"                       Required Undocumented false EVERYWHERE;
    APPROVALS       "change-notifications-overview"                                No       Undocumented false EVERYWHERE;
    PRINTING        "universal-print-webhook-notifications"                        No       Undocumented false EVERYWHERE;
    TASKS           "change-notifications-overview"                                No       Undocumented false GLOBAL_ONLY;
}

/// Any change type: the documentation does not say which are sent.
const ANY: Changes = Changes::Unconfirmed;
const CUD: Changes = Changes::Known(&Change::ALL);
const CU: Changes = Changes::Known(&[Created, Updated]);
const CD: Changes = Changes::Known(&[Created, Deleted]);
const UD: Changes = Changes::Known(&[Updated, Deleted]);
const C: Changes = Changes::Known(&[Created]);
const U: Changes = Changes::Known(&[Updated]);

/// Version 1.0; beta if the entry asks for it.
const V1: &[Version] = &[Version::V1, Version::Beta];
/// Beta only.
const BETA: &[Version] = &[Version::Beta];
/// Beta as in all samples; version 1.0 is not ruled out.
const BETA_OR_V1: &[Version] = &[Version::Beta, Version::V1];

const EVERYWHERE: &[Cloud] = &[Cloud::Global, Cloud::Usgov, Cloud::UsgovDod, Cloud::China];
const GLOBAL_ONLY: &[Cloud] = &[Cloud::Global];

const QUERY_OPTIONS: Remark = Remark::TakesQueryOptions;
const FIELD: Remark = Remark::FromTheField;
const RETIRED: Remark = Remark::Retired;
