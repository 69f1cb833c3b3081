//! Every row of the catalogue: the GET that a real notification leads to, or why there is none.

use super::*;
use crate::subscription::catalogue::{Fetching, Row};

/// The subscribed resource, the `resource` of a notification, its `@odata.id` where that is another, and the GET.
type Gotten = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

/// The rows whose items can be fetched. Paths have the forms of Microsoft's samples, or of captured notifications.
#[rustfmt::skip]
const GOTTEN: &[Gotten] = &[
    ("message.all", "/users/7/messages", "Users/7/Messages/AAMk1=", "", "/users/7/messages/AAMk1="),
    ("message.folder", "/users/7/mailFolders('inbox')/messages", "Users/7/Messages/AAMk1=", "", "/users/7/mailFolders/inbox/messages/AAMk1="),
    ("event.all", "/users/7/events", "Users/7/Events/AAMk1=", "", "/users/7/events/AAMk1="),
    ("event.group", "/groups/7/events", "Groups/7/Events/AAMk1=", "", "/groups/7/events/AAMk1="),
    ("event.group", "/groups/7/calendar/events", "Groups/7/Events/AAMk1=", "", "/groups/7/events/AAMk1="),
    ("contact.all", "/users/7/contacts", "Users/7/Contacts/AAMk1=", "", "/users/7/contacts/AAMk1="),
    ("contact.folder", "/users/7/contactFolders/5/contacts", "Users/7/Contacts/AAMk1=", "", "/users/7/contactFolders/5/contacts/AAMk1="),
    ("user.all", "/users", "Users/7", "", "/users/7"),
    ("user.one", "/users/7", "Users/7", "", "/users/7"),
    ("group.all", "/groups", "Groups/7", "", "/groups/7"),
    ("group.one", "/groups/7", "Groups/7", "", "/groups/7"),
    ("site.all", "/sites", "sites/contoso.sharepoint.com,1,2", "", "/sites/contoso.sharepoint.com,1,2"),
    ("callRecord", "/communications/callRecords", "communications/callRecords/7", "", "/communications/callRecords/7"),
    ("chatMessage.allChannels", "/teams/getAllMessages", "teams('7')/channels('19:a@thread.tacv2')/messages('1')/replies('2')", "", "/teams/7/channels/19:a@thread.tacv2/messages/1/replies/2"),
    ("chatMessage.channel", "/teams/7/channels/19:a@thread.tacv2/messages", "teams('7')/channels('19:a@thread.tacv2')/messages('1')", "", "/teams/7/channels/19:a@thread.tacv2/messages/1"),
    ("chatMessage.allChats", "/chats/getAllMessages", "chats('19:a@thread.v2')/messages('1')", "", "/chats/19:a@thread.v2/messages/1"),
    ("chatMessage.chat", "/chats/19:a@thread.v2/messages", "chats('19:a@thread.v2')/messages('1')", "", "/chats/19:a@thread.v2/messages/1"),
    ("chatMessage.user", "/users/7/chats/getAllMessages", "chats('19:a@thread.v2')/messages('1')", "", "/users/7/chats/19:a@thread.v2/messages/1"),
    ("team.all", "/teams", "teams('7')", "", "/teams/7"),
    ("team.one", "/teams/7", "teams('7')", "", "/teams/7"),
    ("channel.all", "/teams/getAllChannels", "teams('7')/channels('19:a@thread.tacv2')", "", "/teams/7/channels/19:a@thread.tacv2"),
    ("channel.team", "/teams/7/channels", "teams('7')/channels('19:a@thread.tacv2')", "", "/teams/7/channels/19:a@thread.tacv2"),
    ("channel.shared", "/teams/7/channels/19:a@thread.tacv2/sharedWithTeams", "teams('7')/channels('19:a@thread.tacv2')/sharedWithTeams('8')", "", "/teams/7/channels/19:a@thread.tacv2/sharedWithTeams/8"),
    ("chat.all", "/chats", "chats('19:a@thread.v2')", "", "/chats/19:a@thread.v2"),
    ("chat.one", "/chats/19:a@thread.v2", "chats('19:a@thread.v2')", "", "/chats/19:a@thread.v2"),
    ("chat.user", "/users/7/chats", "chats('19:a@thread.v2')", "", "/users/7/chats/19:a@thread.v2"),
    ("member.allChats", "/chats/getAllMembers", "chats('19:a@thread.v2')/members('MCM1=')", "", "/chats/19:a@thread.v2/members/MCM1="),
    ("member.chat", "/chats/19:a@thread.v2/members", "chats('19:a@thread.v2')/members('MCM1=')", "", "/chats/19:a@thread.v2/members/MCM1="),
    ("member.team", "/teams/7/members", "teams('7')/members('MCM1=')", "", "/teams/7/members/MCM1="),
    ("member.allTeams", "/teams/getAllMembers", "teams('7')/members('MCM1=')", "", "/teams/7/members/MCM1="),
    ("member.teamChannels", "/teams/7/channels/getAllMembers", "teams('7')/channels('19:a@thread.tacv2')/members('MCM1=')", "", "/teams/7/channels/19:a@thread.tacv2/members/MCM1="),
    ("member.teamChannels", "/teams/7/channels/getAllMembers?notifyOnIndirectMembershipUpdate=true", "teams('7')/channels('19:a@thread.tacv2')/allMembers('MCM1=')", "", "/teams/7/channels/19:a@thread.tacv2/allMembers/MCM1="),
    ("member.allChannels", "/teams/getAllChannels/getAllMembers", "teams('7')/channels('19:a@thread.tacv2')/members('MCM1=')", "", "/teams/7/channels/19:a@thread.tacv2/members/MCM1="),
    ("shift", "/teams/7/schedule/shifts", "teams('7')/schedule/shifts('SHFT_1')", "", "/teams/7/schedule/shifts/SHFT_1"),
    ("openShiftChangeRequest", "/teams/7/schedule/openShiftChangeRequests", "teams('7')/schedule/openShiftChangeRequests('SREQ_1')", "", "/teams/7/schedule/openShiftChangeRequests/SREQ_1"),
    ("offerShiftRequest", "/teams/7/schedule/offerShiftRequests", "teams('7')/schedule/offerShiftRequests('SREQ_1')", "", "/teams/7/schedule/offerShiftRequests/SREQ_1"),
    ("swapShiftsChangeRequest", "/teams/7/schedule/swapShiftsChangeRequests", "teams('7')/schedule/swapShiftsChangeRequests('SREQ_1')", "", "/teams/7/schedule/swapShiftsChangeRequests/SREQ_1"),
    ("timeOffRequest", "/teams/7/schedule/timeOffRequests", "teams('7')/schedule/timeOffRequests('SREQ_1')", "", "/teams/7/schedule/timeOffRequests/SREQ_1"),
    ("recording.tenant", "/communications/onlineMeetings/getAllRecordings", "users/7/onlineMeetings('MSo1')/recordings('1')", "", "/users/7/onlineMeetings/MSo1/recordings/1"),
    ("recording.meeting", "/communications/onlineMeetings/MSo1/recordings", "users/7/onlineMeetings('MSo1')/recordings('1')", "", "/users/7/onlineMeetings/MSo1/recordings/1"),
    ("recording.user", "/users/7/onlineMeetings/getAllRecordings", "users/7/onlineMeetings('MSo1')/recordings('1')", "", "/users/7/onlineMeetings/MSo1/recordings/1"),
    ("recording.adhoc.tenant", "/communications/adhocCalls/getAllRecordings", "users/7/adhoccalls/adhocCalls/5/recordings('1')", "", "/users/7/adhocCalls/5/recordings/1"),
    ("recording.adhoc.one", "/communications/adhocCalls/5/recordings", "users/7/adhocCalls/5/recordings('1')", "", "/users/7/adhocCalls/5/recordings/1"),
    ("recording.adhoc.user", "/users/7/adhocCalls/getAllRecordings", "users/7/adhocCalls/5/recordings/1", "", "/users/7/adhocCalls/5/recordings/1"),
    ("transcript.tenant", "/communications/onlineMeetings/getAllTranscripts", "users/7/onlineMeetings('MSo1')/transcripts('1')", "", "/users/7/onlineMeetings/MSo1/transcripts/1"),
    ("transcript.meeting", "/communications/onlineMeetings/MSo1/transcripts", "users/7/onlineMeetings('MSo1')/transcripts('1')", "", "/users/7/onlineMeetings/MSo1/transcripts/1"),
    ("transcript.user", "/users/7/onlineMeetings/getAllTranscripts", "users/7/onlineMeetings('MSo1')/transcripts('1')", "", "/users/7/onlineMeetings/MSo1/transcripts/1"),
    ("transcript.adhoc.tenant", "/communications/adhocCalls/getAllTranscripts", "users/7/adhoccalls/5/transcripts('1')", "", "/users/7/adhocCalls/5/transcripts/1"),
    ("transcript.adhoc.user", "/users/7/adhocCalls/getAllTranscripts", "users/7/adhocCalls/5/transcripts/1", "", "/users/7/adhocCalls/5/transcripts/1"),
    ("aiInsight.user", "/copilot/users/7/onlineMeetings/getAllAiInsights", "copilot/users/7/onlineMeetings/MSo1/aiInsights/Z2HWbT1", "", "/copilot/users/7/onlineMeetings/MSo1/aiInsights/Z2HWbT1"),
    ("aiInsight.meeting", "/copilot/users/7/onlineMeetings/MSo1/aiInsights", "copilot/users/7/onlineMeetings/MSo1/aiInsights/Z2HWbT1", "", "/copilot/users/7/onlineMeetings/MSo1/aiInsights/Z2HWbT1"),
    ("virtualEvent.tenant", "/solutions/virtualEvents/events", "solutions/virtualEvents/events/", "solutions/virtualEvents/webinars/7@11111111-2222-3333-4444-555555555555/", "/solutions/virtualEvents/webinars/7@11111111-2222-3333-4444-555555555555"),
    ("virtualEvent.tenant", "/solutions/virtualEvents/events", "solutions/virtualEvents/events/", "solutions/virtualEvents/townhalls/4f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90@11111111-2222-3333-4444-555555555555", "/solutions/virtualEvents/townhalls/4f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90@11111111-2222-3333-4444-555555555555"),
    ("virtualEvent.webinar", "/solutions/virtualEvents/webinars/7", "solutions/virtualEvents/webinars/7/", "", "/solutions/virtualEvents/webinars/7"),
    ("virtualEvent.attendance", "/solutions/virtualEvents/webinars/7/getAttendanceReports", "solutions/virtualEvents/webinars/7/getAttendanceReports", "solutions/virtualEvents/webinars/7/sessions/5/attendanceReports/1", "/solutions/virtualEvents/webinars/7/sessions/5/attendanceReports/1"),
    ("virtualEvent.sessions", "/solutions/virtualEvents/webinars/7/sessions", "solutions/virtualEvents/webinars/7/sessions", "solutions/virtualEvents/webinars/7/sessions/5", "/solutions/virtualEvents/webinars/7/sessions/5"),
    ("virtualEvent.registrations", "/solutions/virtualEvents/webinars/7/registrations", "solutions/virtualEvents/webinars/7/registrations", "solutions/virtualEvents/webinars/7/registrations/5", "/solutions/virtualEvents/webinars/7/registrations/5"),
    ("printer.jobs", "/print/printers/7/jobs", "print/printers/7/jobs/5", "", "/print/printers/7/jobs/5"),
    ("print.task", "/print/taskDefinitions/7/tasks", "print/taskDefinitions/7/tasks/5", "", "/print/taskDefinitions/7/tasks/5"),
    ("print.task", "/print/printtaskdefinition/7/tasks", "print/printtaskdefinition('7')/tasks('5')", "", "/print/taskDefinitions/7/tasks/5"),
    ("todoTask", "/users/7/todo/lists/AAMk2=/tasks", "Users/7/todo/lists/AAMk2=/tasks/AAMk1=", "", "/users/7/todo/lists/AAMk2=/tasks/AAMk1="),
    ("todoTask", "/users/7/todo/lists/AAMk2=/tasks", "todob2/graph/v1/users('7')/todoApp/lists('AAMk2=')/tasks('AAMk1=')", "", "/users/7/todo/lists/AAMk2=/tasks/AAMk1="),
    ("healthAlert.all", "/reports/healthmonitoring/alerts", "reports/healthmonitoring/alerts/7", "", "/reports/healthMonitoring/alerts/7"),
    ("healthAlert.type", "/reports/healthmonitoring/alert", "reports/healthmonitoring/alert/7", "", "/reports/healthMonitoring/alerts/7"),
];

/// The rows of whose items nothing is fetched, and a part of the reason.
#[rustfmt::skip]
const NOT_GOTTEN: &[(&str, &str, &str)] = &[
    ("group.owners", "/groups/7/owners", "names the group"),
    ("group.members", "/groups/7/members", "names the group"),
    ("conversation", "/groups/7/conversations", "signed-in user"),
    ("driveItem.folder", "/users/7/drive/items/5", "signed-in user"),
    ("list", "/sites/7/lists/5", "names no item"),
    ("alert.one", "/security/alerts/7", "retired"),
    ("alert.filtered", "/security/alerts?$filter=a eq 'b'", "retired"),
    ("callRecord.filtered", "/communications/callRecords?$filter=a eq 'b'", "filter"),
    ("virtualEvent.organizers", "/solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds=['1'])", "organizers"),
    ("chatMessage.appInstalled", "/appCatalogs/teamsApps/7/installedToChats/getAllMessages", "is installed"),
    ("chat.appInstalled", "/appCatalogs/teamsApps/7/installedToChats", "is installed"),
    ("member.appInstalled", "/appCatalogs/teamsApps/7/installedToChats/getAllMembers", "is installed"),
    ("recording.app", "/appCatalogs/teamsApps/7/installedToOnlineMeetings/getAllRecordings", "is installed"),
    ("transcript.app", "/appCatalogs/teamsApps/7/installedToOnlineMeetings/getAllTranscripts", "is installed"),
    ("presence.one", "/communications/presences/7", "signed-in user"),
    ("presence.many", "/communications/presences?$filter=id in ('7')", "signed-in user"),
    ("appInstall", "/appCatalogs/teamsApps/7/installations", "team, chat or user"),
    ("appInstall.personal", "/appCatalogs/teamsApps/7/installations?$filter=(scopeInfo/scope eq 'personal')", "team, chat or user"),
    ("appInstall.team", "/appCatalogs/teamsApps/7/installations?$filter=(scopeInfo/scope eq 'team')", "team, chat or user"),
    ("appInstall.chat", "/appCatalogs/teamsApps/7/installations?$filter=(scopeInfo/scope eq 'groupChat')", "team, chat or user"),
    ("transcript.adhoc.one", "/communications/adhocCalls/5/transcripts", "signed-in user"),
    ("onlineMeeting", "/communications/onlineMeetings(joinWebUrl='u')/meetingCallEvents", "event"),
    ("emergency", "/communications/calls/getEmergencyEventsByPolicy(policyName='p')", "event"),
    ("aiInteraction.user", "/copilot/users/7/interactionHistory/getAllEnterpriseInteractions", "no GET"),
    ("aiInteraction.tenant", "/copilot/interactionHistory/getAllEnterpriseInteractions", "no GET"),
    ("approvals", "/solutions/approval/approvalItems", "signed-in user"),
];

#[test]
fn each_row_has_its_get_or_a_reason() {
    for (key, resource, path, named, get) in GOTTEN {
        assert_eq!(row(resource).key, *key);
        let found = fetch(
            resource,
            path,
            Some(named).filter(|named| !named.is_empty()).copied(),
            guid(TENANT),
        );
        assert_eq!(gotten(found), Some((*get).to_owned()), "{key}: {path} {named}");
    }
    for (key, resource, reason) in NOT_GOTTEN {
        assert_eq!(row(resource).key, *key);
        let Fetching::Never(found) = row(resource).fetching() else {
            panic!("{key} is fetched")
        };
        assert!(found.contains(reason), "{key}: {found}");
        assert_eq!(
            fetch(resource, "a/1", None, guid(TENANT)),
            Fetch::Nothing,
            "{key}"
        );
    }
    for row in catalogue::rows() {
        let is_gotten = GOTTEN.iter().any(|(key, ..)| *key == row.key);
        let is_not = NOT_GOTTEN.iter().any(|(key, ..)| *key == row.key);
        let is_drive = row.fetching() == Fetching::Drive;
        assert!(is_gotten ^ is_not ^ is_drive, "{}", row.key);
    }
}

/// The holder of one client state may read what the subscription watches, and nothing else.
#[test]
fn no_row_leads_to_anything_outside_of_its_subscription() {
    for (key, resource, path, named, _) in GOTTEN {
        let (collection, item) = if named.is_empty() {
            (resource, path)
        } else {
            (path, named)
        };
        let item = item.trim_end_matches('/');
        for wrong in altered(item).into_iter().chain(of_others(resource, item)) {
            let found = fetch(resource, &wrong, Some(&wrong), guid(TENANT));
            assert_eq!(found, Fetch::Refused, "{key}: {wrong}");
            // The collection of some rows is the item itself.
            let expected = fetch(resource, collection, None, guid(TENANT));
            let found = fetch(resource, collection, Some(&wrong), guid(TENANT));
            assert_eq!(found, expected, "{key}: {collection} {wrong}");
        }
    }
    for row in catalogue::rows().filter(|row| row.fetching() == Fetching::Get) {
        assert!(!row.patterns.iter().any(|path| narrows(path)), "{}", row.key);
    }
}

/// Returns whether the pattern has a filter or arguments: a GET of an item would be the same for any other.
fn narrows(pattern: &str) -> bool {
    let path = ResourcePath::parse(pattern).unwrap();
    pattern.contains('?')
        || path
            .segments()
            .iter()
            .any(|segment| segment.arguments().is_some())
}

/// Returns paths that are none of an item: longer ones, of another host, of another collection, with a query.
fn altered(path: &str) -> Vec<String> {
    let (before, last) = path.rsplit_once(['/', '(']).unwrap();
    let ends = [
        "/attachments",
        "/attachments/1",
        "?$expand=a",
        "/..",
        "/../1",
        "/$value",
        "%2F1",
    ];
    let mut altered: Vec<String> = ends.iter().map(|end| format!("{path}{end}")).collect();
    altered.extend([
        before.to_owned(),
        format!("https://graph.microsoft.com/v1.0/{path}"),
        format!("users/9/{path}"),
        format!("{before}/delta"),
        format!("{before}/.."),
        format!("users/9/drive/items/{last}"),
    ]);
    altered
}

/// Returns the path with another key in place of each that the subscription names.
fn of_others(resource: &str, path: &str) -> Vec<String> {
    let subscribed = ResourcePath::parse(resource).unwrap();
    let named = subscribed.segments().iter().filter_map(Segment::key);
    let others = named.map(|key| path.replacen(key, &format!("{key}9"), 1));
    others.filter(|other| other != path).collect()
}

fn row(resource: &str) -> &'static Row {
    catalogue::find(resource).unwrap_or_else(|| panic!("{resource} is known"))
}

fn gotten(found: Fetch) -> Option<String> {
    match found {
        Fetch::Get(request, _) => Some(request.path),
        _ => None,
    }
}

#[test]
fn each_fetch_counts_for_the_service_that_limits_it() {
    for (key, resource, path, named, _) in GOTTEN {
        let tenant = guid("11111111-2222-3333-4444-555555555555");
        let Fetch::Get(request, limit) = fetch(resource, path, Some(named), tenant) else {
            panic!("{path} is fetched");
        };
        let service = match key.split('.').next() {
            Some("message" | "contact" | "event") => "outlook",
            Some("chatMessage") if request.path.starts_with("/teams/") => "channels",
            Some("chatMessage") => "chats",
            Some("callRecord") => "callRecords",
            _ => "other",
        };
        assert_eq!(limit.service, service, "{path}");
        // Otherwise its reads would not count for the one object.
        if let Some((segment, _)) = limit.object.filter(|_| !request.path.starts_with("/groups/")) {
            let asked = ResourcePath::parse(&request.path).unwrap();
            assert!(asked.id(segment).is_some(), "{}", request.path);
        }
    }
}
