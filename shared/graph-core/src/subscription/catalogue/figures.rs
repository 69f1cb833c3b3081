//! Compares the catalogue with the figures of Microsoft's documentation.

use super::pattern::INDEX;
use super::*;
use crate::cloud::Cloud;
use std::collections::BTreeSet;

mod intro_2020;
mod permissions;
mod teams_2021;

/// A path, its row's key, entity and change types, the API version, resource data, and the lifetimes without and with
/// resource data.
type Figures = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Rich,
    u32,
    u32,
);

/// The figures of *subscription resource type* for the paths that later pages added.
#[rustfmt::skip]
const LATER: &[Figures] = &[
    ("/me/contactFolders/{id}/contacts",                                   "contact.folder",           "contact",      "cud", "v1.0", Rich::Yes, 10_070, 1_440),
    ("/communications/callRecords?$filter=x",                              "callRecord.filtered",      "callRecord",   "cu",  "v1.0", Rich::No,   4_230, 4_230),
    ("/users/{id}/chats/getAllMessages",                                   "chatMessage.user",         "chatMessage",  "cud", "v1.0", Rich::Yes,  4_320, 4_320),
    ("/appCatalogs/teamsApps/{id}/installedToChats/getAllMessages",        "chatMessage.appInstalled", "chatMessage",  "cud", "v1.0", Rich::Yes,  4_320, 4_320),
    ("/teams/{id}/channels/{id}/sharedWithTeams",                          "channel.shared", "sharedWithChannelTeamInfo", "cd", "beta", Rich::Yes, 4_320, 4_320),
    ("/chats",                                                             "chat.all",                 "chat",         "cu",  "v1.0", Rich::Yes,  4_320, 4_320),
    ("/chats/{id}?notifyOnUserSpecificProperties=true",                    "chat.one",                 "chat",         "cu",  "v1.0", Rich::Yes,  4_320, 4_320),
    ("/me/chats",                                                          "chat.user",                "chat",         "cu",  "v1.0", Rich::Yes,  4_320, 4_320),
    ("/appCatalogs/teamsApps/{id}/installedToChats",                       "chat.appInstalled",        "chat",         "cu",  "v1.0", Rich::Yes,  4_320, 4_320),
    ("/chats/getAllMembers",                            "member.allChats",      "aadUserConversationMember", "cd",  "v1.0", Rich::Yes, 4_320, 4_320),
    ("/chats/{id}/members",                             "member.chat",          "aadUserConversationMember", "cd",  "v1.0", Rich::Yes, 4_320, 4_320),
    ("/appCatalogs/teamsApps/{id}/installedToChats/getAllMembers", "member.appInstalled", "aadUserConversationMember", "cud", "v1.0", Rich::Yes, 4_320, 4_320),
    ("/teams/{id}/members",                             "member.team",          "aadUserConversationMember", "cud", "v1.0", Rich::Yes, 4_320, 4_320),
    ("/teams/getAllMembers",                            "member.allTeams",      "aadUserConversationMember", "cud", "v1.0", Rich::Yes, 4_320, 4_320),
    ("/teams/{id}/channels/getAllMembers",              "member.teamChannels",  "aadUserConversationMember", "cud", "v1.0", Rich::Yes, 4_320, 4_320),
    ("/teams/getAllChannels/getAllMembers",             "member.allChannels",   "aadUserConversationMember", "cud", "beta", Rich::Yes, 4_320, 4_320),
    ("/appCatalogs/teamsApps/{id}/installations",       "appInstall",           "teamsAppInstallation",      "cud", "v1.0", Rich::Yes, 4_320, 4_320),
    ("/appCatalogs/teamsApps/{id}/installations?$filter=(scopeInfo/scope eq 'personal')",  "appInstall.personal", "teamsAppInstallation", "cud", "v1.0", Rich::Yes, 4_320, 4_320),
    ("/appCatalogs/teamsApps/{id}/installations?$filter=(scopeInfo/scope eq 'team')",      "appInstall.team",     "teamsAppInstallation", "cud", "v1.0", Rich::Yes, 4_320, 4_320),
    ("/appCatalogs/teamsApps/{id}/installations?$filter=(scopeInfo/scope eq 'groupChat')", "appInstall.chat",     "teamsAppInstallation", "cud", "v1.0", Rich::Yes, 4_320, 4_320),
    ("/teams/{id}/schedule/shifts",                     "shift",                   "shift",                   "?", "v1.0", Rich::No, 360, 360),
    ("/teams/{id}/schedule/openShiftChangeRequests",    "openShiftChangeRequest",  "openShiftChangeRequest",  "?", "v1.0", Rich::No, 360, 360),
    ("/teams/{id}/schedule/offerShiftRequests",         "offerShiftRequest",       "offerShiftRequest",       "?", "v1.0", Rich::No, 360, 360),
    ("/teams/{id}/schedule/swapShiftsChangeRequests",   "swapShiftsChangeRequest", "swapShiftsChangeRequest", "?", "v1.0", Rich::No, 360, 360),
    ("/teams/{id}/schedule/timeOffRequests",            "timeOffRequest",          "timeOffRequest",          "?", "v1.0", Rich::No, 360, 360),
    ("communications/onlineMeetings/getAllRecordings",                              "recording.tenant",        "callRecording",  "c", "v1.0", Rich::Yes, 4_320, 4_320),
    ("communications/onlineMeetings/{id}/recordings",                               "recording.meeting",       "callRecording",  "c", "v1.0", Rich::Yes, 4_320, 4_320),
    ("users/{id}/onlineMeetings/getAllRecordings",                                  "recording.user",          "callRecording",  "c", "v1.0", Rich::Yes, 4_320, 4_320),
    ("appCatalogs/teamsApps/{id}/installedToOnlineMeetings/getAllRecordings",       "recording.app",           "callRecording",  "c", "beta", Rich::Yes, 4_320, 4_320),
    ("communications/adhocCalls/getAllRecordings",                                  "recording.adhoc.tenant",  "callRecording",  "c", "beta", Rich::Yes, 4_320, 4_320),
    ("communications/adhocCalls/{id}/recordings",                                   "recording.adhoc.one",     "callRecording",  "c", "beta", Rich::Yes, 4_320, 4_320),
    ("users/{id}/adhocCalls/getAllRecordings",                                      "recording.adhoc.user",    "callRecording",  "c", "beta", Rich::Yes, 4_320, 4_320),
    ("communications/onlineMeetings/getAllTranscripts",                             "transcript.tenant",       "callTranscript", "c", "v1.0", Rich::Yes, 4_320, 4_320),
    ("communications/onlineMeetings/{id}/transcripts",                              "transcript.meeting",      "callTranscript", "c", "v1.0", Rich::Yes, 4_320, 4_320),
    ("users/{id}/onlineMeetings/getAllTranscripts",                                 "transcript.user",         "callTranscript", "c", "v1.0", Rich::Yes, 4_320, 4_320),
    ("appCatalogs/teamsApps/{id}/installedToOnlineMeetings/getAllTranscripts",      "transcript.app",          "callTranscript", "c", "beta", Rich::Yes, 4_320, 4_320),
    ("communications/adhocCalls/getAllTranscripts",                                 "transcript.adhoc.tenant", "callTranscript", "c", "beta", Rich::Yes, 4_320, 4_320),
    ("communications/adhocCalls/{id}/transcripts",                                  "transcript.adhoc.one",    "callTranscript", "c", "beta", Rich::Yes, 4_320, 4_320),
    ("users/{id}/adhocCalls/getAllTranscripts",                                     "transcript.adhoc.user",   "callTranscript", "c", "beta", Rich::Yes, 4_320, 4_320),
    ("/communications/onlineMeetings(joinWebUrl='u')/meetingCallEvents",            "onlineMeeting",           "onlineMeeting",  "u", "beta", Rich::Yes, 4_230, 4_230),
    ("/communications/onlineMeetings/?$filter=JoinWebUrl eq 'u'",                   "onlineMeeting",           "onlineMeeting",  "u", "beta", Rich::Yes, 4_230, 4_230),
    ("copilot/users/{id}/interactionHistory/getAllEnterpriseInteractions",          "aiInteraction.user",      "aiInteraction", "cud", "v1.0", Rich::Yes, 4_320, 4_320),
    ("copilot/interactionHistory/getAllEnterpriseInteractions",                     "aiInteraction.tenant",    "aiInteraction", "cud", "v1.0", Rich::Yes, 4_320, 4_320),
    ("/copilot/users/{id}/onlineMeetings/getAllAiInsights",                         "aiInsight.user",          "callAiInsight",  "c", "v1.0", Rich::No, 4_230, 4_230),
    ("/copilot/users/{id}/onlineMeetings/{id}/aiInsights",                          "aiInsight.meeting",       "callAiInsight",  "c", "v1.0", Rich::No, 4_230, 4_230),
    ("solutions/virtualEvents/events",                                              "virtualEvent.tenant",     "virtualEvent",   "c", "v1.0", Rich::No, 1_440, 1_440),
    ("solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds=['1','2'])", "virtualEvent.organizers", "virtualEvent", "c", "v1.0", Rich::No, 1_440, 1_440),
    ("solutions/virtualEvents/webinars/{id}",                                       "virtualEvent.webinar",    "virtualEvent",   "u", "v1.0", Rich::No, 1_440, 1_440),
    ("solutions/virtualEvents/webinars/{id}/getAttendanceReports",       "virtualEvent.attendance",    "meetingAttendanceReport",  "c",  "v1.0", Rich::No, 1_440, 1_440),
    ("solutions/virtualEvents/webinars/{id}/sessions",                   "virtualEvent.sessions",      "virtualEventSession",      "cu", "v1.0", Rich::No, 1_440, 1_440),
    ("solutions/virtualEvents/webinars/{id}/registrations",              "virtualEvent.registrations", "virtualEventRegistration", "cu", "v1.0", Rich::No, 1_440, 1_440),
    ("communications/calls/getEmergencyEventsByPolicy(policyName='p')",  "emergency",        "emergencyCallEvent", "u", "v1.0", Rich::Required, 1_440, 1_440),
    ("/groups/{id}/events",                                              "event.group",      "event",              "?", "v1.0", Rich::No, 4_230, 4_230),
    ("/groups/{id}/calendar/events",                                     "event.group",      "event",              "?", "v1.0", Rich::No, 4_230, 4_230),
    ("/sites",                                                           "site.all",         "site",               "?", "v1.0", Rich::No, 4_230, 4_230),
    ("/drives/{id}/root/Documents/{*}",                                  "driveItem.folder", "driveItem",          "u", "v1.0", Rich::No, 42_300, 42_300),
    ("/me/drive/items/{id}",                                             "driveItem.folder", "driveItem",          "u", "v1.0", Rich::No, 42_300, 42_300),
    ("/solutions/approval/approvalItems",                                "approvals",        "approvalItem",       "?", "v1.0", Rich::No, 43_200, 43_200),
    ("print/printers/{id}/jobs",                                         "printer.jobs",     "printJob",           "u", "v1.0", Rich::No, 4_230, 4_230),
    ("print/taskDefinitions/{id}/tasks",                                 "print.task",       "printTask",          "c", "v1.0", Rich::No, 4_230, 4_230),
    ("/me/todo/lists/{id}/tasks",                                        "todoTask",         "todoTask",           "?", "v1.0", Rich::No, 4_230, 4_230),
    ("/reports/healthmonitoring/alerts",                                 "healthAlert.all",  "alert",              "?", "beta", Rich::No, 42_300, 42_300),
    ("/reports/healthmonitoring/alert",                                  "healthAlert.type", "alert",              "?", "beta", Rich::No, 42_300, 42_300),
];

#[test]
fn every_path_of_the_page_of_2020_has_the_documented_figures() {
    intro_2020::PATHS.iter().for_each(check);
}

#[test]
fn every_path_of_the_page_of_2021_has_the_documented_figures() {
    teams_2021::PATHS.iter().for_each(check);
}

#[test]
fn every_later_path_has_the_documented_figures() {
    LATER.iter().for_each(check);
}

#[test]
fn a_row_that_no_page_lists_says_so() {
    let reported: Vec<_> = rows()
        .filter(|row| row.remark == Remark::FromTheField)
        .map(|row| row.key)
        .collect();
    assert_eq!(reported, ["event.group", "site.all"]);
    let retired: Vec<_> = rows()
        .filter(|row| row.remark == Remark::Retired)
        .map(|row| row.key)
        .collect();
    assert_eq!(retired, ["alert.one", "alert.filtered"]);
}

#[test]
fn every_row_is_in_the_tables_of_this_test() {
    let checked: BTreeSet<_> = all_figures().map(|figures| figures.1).collect();
    let known: BTreeSet<_> = rows().map(|row| row.key).collect();
    assert_eq!(checked, known);
    assert_eq!(rows().count(), known.len(), "a key occurs twice");
}

#[test]
fn every_pattern_finds_its_own_row_and_no_other_demands_as_much() {
    for row in rows() {
        assert!(!row.patterns.is_empty(), "{} has no pattern", row.key);
        for text in row.patterns {
            assert_eq!(find(text).map(|found| found.key), Some(row.key), "{text}");
            assert_eq!(
                nearest(text).and_then(find).map(|found| found.entity),
                Some(row.entity),
                "{text}"
            );
        }
    }
    assert_eq!(
        INDEX.len(),
        rows().map(|row| row.patterns.len()).sum::<usize>(),
        "a pattern is malformed"
    );
}

#[test]
fn every_row_is_complete() {
    for row in rows() {
        assert!(
            !row.entity.is_empty() && !row.source.is_empty() && !row.versions.is_empty(),
            "{}",
            row.key
        );
        assert!(
            row.minutes >= 60 && row.minutes_rich >= 60 && row.minutes <= 43_200,
            "{}",
            row.key
        );
        let accesses = [Access::Delegated, Access::DelegatedPersonal, Access::Application];
        assert!(
            accesses.into_iter().any(|access| row.supports(access)),
            "{}",
            row.key
        );
        for permission in accesses.into_iter().flat_map(|access| row.permissions(access)) {
            assert!(
                permission.name().contains('.') && !permission.name().contains('*'),
                "{}",
                row.key
            );
        }
    }
}

#[test]
fn presence_and_tasks_exist_in_the_worldwide_cloud_only() {
    let limited: Vec<_> = rows()
        .filter(|row| !row.available_in(Cloud::China))
        .map(|row| row.key)
        .collect();
    assert_eq!(limited, ["presence.one", "presence.many", "todoTask"]);
    assert!(rows().all(|row| row.available_in(Cloud::Global)));
}

#[test]
fn only_print_jobs_and_health_alerts_take_query_options() {
    let taking: Vec<_> = rows()
        .filter(|row| row.remark == Remark::TakesQueryOptions)
        .map(|row| row.key)
        .collect();
    assert_eq!(taking, ["printer.jobs", "healthAlert.type"]);
}

#[test]
fn rules_on_select_follow_the_workload() {
    for (path, select) in [
        ("/me/events", Select::Required),
        ("/chats/1/messages", Select::Refused),
        ("/chats/1/members", Select::Refused),
        ("/communications/presences/1", Select::Refused),
        ("/teams", Select::Undocumented),
        ("/users", Select::Undocumented),
    ] {
        assert_eq!(find(path).unwrap().select, select, "{path}");
    }
}

fn all_figures() -> impl Iterator<Item = &'static Figures> {
    intro_2020::PATHS.iter().chain(teams_2021::PATHS).chain(LATER)
}

#[track_caller]
fn check(figures: &Figures) {
    let (path, key, entity, changes, version, rich, minutes, minutes_rich) = *figures;
    let row = find(path).unwrap_or_else(|| panic!("{path} is not found"));
    let sent: String = match row.changes {
        Changes::Known(changes) => changes
            .iter()
            .filter_map(|change| change.as_str().chars().next())
            .collect(),
        Changes::Unconfirmed => "?".to_owned(),
    };
    let found = (
        row.key,
        row.entity,
        sent.as_str(),
        row.version().as_str(),
        row.rich,
    );
    assert_eq!(found, (key, entity, changes, version, rich), "{path}");
    assert_eq!(
        (row.max_minutes(false), row.max_minutes(true)),
        (minutes, minutes_rich),
        "{path}"
    );
}
