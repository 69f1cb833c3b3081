//! Canonical names of entities.
//!
//! Notifications spell the same type in several ways (`#Microsoft.Graph.callrecord`, `#Microsoft.Graph.Teams`), and
//! some have no type. Consumers see one name for each.

use crate::path;

/// Returns the canonical name of a notification's entity: from `odata_type` if present, otherwise from the path of
/// `resource`, otherwise `entity`.
///
/// Unknown types keep their spelling, unless it is longer than any of Graph's names.
#[must_use]
pub fn name(odata_type: Option<&str>, resource: Option<&str>) -> String {
    let typed = odata_type
        .map(unqualified)
        .filter(|name| !name.is_empty())
        .map(|name| known(name).unwrap_or(name))
        .map(|name| {
            if name.len() > MAX_NAME_BYTES {
                "entity"
            } else {
                name
            }
        });
    let name = typed.or_else(|| resource.and_then(from_path)).unwrap_or("entity");
    name.to_owned()
}

/// Returns `odata_type` without `#` and namespace.
fn unqualified(odata_type: &str) -> &str {
    let name = odata_type.trim().trim_start_matches('#');
    name.rsplit_once('.').map_or(name, |(_, name)| name)
}

/// Returns the canonical spelling of a known type.
fn known(name: &str) -> Option<&'static str> {
    let aliased = ALIASES
        .iter()
        .find(|(alias, _)| alias.eq_ignore_ascii_case(name))
        .map(|(_, name)| *name);
    let entities = || {
        COLLECTIONS
            .iter()
            .map(|(.., entity)| *entity)
            .find(|entity| entity.eq_ignore_ascii_case(name))
    };
    aliased.or_else(entities)
}

/// Returns the type of the entity at the path `resource`.
fn from_path(resource: &str) -> Option<&'static str> {
    let tokens = path::tokens(resource)?;
    let names = || tokens.iter().map(path::Token::text);
    let is_under = |parent: &str| parent.is_empty() || names().any(|name| name.eq_ignore_ascii_case(parent));
    // Decided once for the whole path and not for each of its names, because a path may be long.
    let possible: Vec<_> = COLLECTIONS
        .iter()
        .filter(|(_, parent, _)| is_under(parent))
        .collect();
    // From the end: the last collection contains the entity, the ones before it are its parents.
    names().rev().find_map(|last| {
        let found = possible
            .iter()
            .find(|(collection, ..)| collection.eq_ignore_ascii_case(last));
        found.map(|(.., entity)| *entity)
    })
}

/// The longest name of a type. Graph's have up to about 40 bytes.
const MAX_NAME_BYTES: usize = 64;

/// Other spellings of types.
const ALIASES: &[(&str, &str)] = &[("teams", "team"), ("channels", "channel"), ("list", "listItem")];

/// The collections and functions in entity paths, their parent if it matters (the first matching line counts), and
/// their entities.
const COLLECTIONS: &[(&str, &str, &str)] = &[
    ("replies", "", "chatMessage"),
    ("getAllMessages", "", "chatMessage"),
    ("messages", "teams", "chatMessage"),
    ("messages", "chats", "chatMessage"),
    ("messages", "", "message"),
    ("events", "virtualEvents", "virtualEvent"),
    ("events", "", "event"),
    ("contacts", "", "contact"),
    ("conversations", "", "conversation"),
    ("threads", "", "conversation"),
    ("members", "groups", "group"),
    ("owners", "groups", "group"),
    ("members", "", "aadUserConversationMember"),
    ("allMembers", "", "aadUserConversationMember"),
    ("getAllMembers", "", "aadUserConversationMember"),
    ("sharedWithTeams", "", "sharedWithChannelTeamInfo"),
    ("channels", "", "channel"),
    ("getAllChannels", "", "channel"),
    ("chats", "", "chat"),
    ("installedToChats", "", "chat"),
    ("presences", "", "presence"),
    ("presence", "", "presence"),
    ("callRecords", "", "callRecord"),
    ("recordings", "", "callRecording"),
    ("getAllRecordings", "", "callRecording"),
    ("transcripts", "", "callTranscript"),
    ("getAllTranscripts", "", "callTranscript"),
    ("aiInsights", "", "callAiInsight"),
    ("getAllAiInsights", "", "callAiInsight"),
    ("interactions", "", "aiInteraction"),
    ("getAllEnterpriseInteractions", "", "aiInteraction"),
    ("meetingCallEvents", "", "onlineMeeting"),
    ("onlineMeetings", "", "onlineMeeting"),
    ("installations", "", "teamsAppInstallation"),
    ("installedApps", "", "teamsAppInstallation"),
    ("shifts", "", "shift"),
    ("openShiftChangeRequests", "", "openShiftChangeRequest"),
    ("offerShiftRequests", "", "offerShiftRequest"),
    ("swapShiftsChangeRequests", "", "swapShiftsChangeRequest"),
    ("timeOffRequests", "", "timeOffRequest"),
    ("approvalItems", "", "approvalItem"),
    ("sessions", "", "virtualEventSession"),
    ("registrations", "", "virtualEventRegistration"),
    ("getAttendanceReports", "", "meetingAttendanceReport"),
    ("attendanceReports", "", "meetingAttendanceReport"),
    ("webinars", "", "virtualEvent"),
    ("townhalls", "", "virtualEvent"),
    ("getEmergencyEventsByPolicy", "", "emergencyCallEvent"),
    ("tasks", "print", "printTask"),
    ("tasks", "", "todoTask"),
    ("jobs", "", "printJob"),
    ("alerts", "", "alert"),
    ("alert", "", "alert"),
    ("items", "lists", "listItem"),
    ("items", "", "driveItem"),
    ("root", "", "driveItem"),
    ("drive", "", "driveItem"),
    ("drives", "", "driveItem"),
    ("lists", "sites", "listItem"),
    ("sites", "", "site"),
    ("teams", "", "team"),
    ("groups", "", "group"),
    ("users", "", "user"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_casing_of_a_type_has_one_name() {
        for (odata_type, expected) in [
            ("#Microsoft.Graph.Message", "message"),
            ("#microsoft.graph.message", "message"),
            ("#Microsoft.Graph.Team", "team"),
            ("#Microsoft.Graph.Teams", "team"),
            ("#Microsoft.Graph.Channel", "channel"),
            ("#Microsoft.Graph.chatMessage", "chatMessage"),
            ("#Microsoft.Graph.ChatMessage", "chatMessage"),
            ("#microsoft.graph.chat", "chat"),
            ("#Microsoft.Graph.callrecord", "callRecord"),
            (
                "#Microsoft.Graph.aadUserConversationMember",
                "aadUserConversationMember",
            ),
            ("#Microsoft.Graph.DriveItem", "driveItem"),
            ("#Microsoft.Graph.ListItem", "listItem"),
            ("#Microsoft.Graph.Event", "event"),
            ("#Microsoft.Graph.Contact", "contact"),
            ("#Microsoft.Graph.User", "user"),
            ("#Microsoft.Graph.Group", "group"),
            ("#Microsoft.Graph.presence", "presence"),
            ("#Microsoft.OutlookServices.Message", "message"),
            ("#microsoft.graph.security.alert", "alert"),
            ("MESSAGE", "message"),
        ] {
            assert_eq!(name(Some(odata_type), Some("users/1")), expected, "{odata_type}");
        }
    }

    #[test]
    fn an_unknown_type_keeps_its_spelling() {
        assert_eq!(
            name(Some("#microsoft.graph.virtualEventWebinar"), Some("/users/1")),
            "virtualEventWebinar"
        );
        assert_eq!(name(Some("Odd"), None), "Odd");
        assert_eq!(name(Some(&"a".repeat(65)), Some("users/1")), "entity");
    }

    #[test]
    fn without_a_type_the_path_decides() {
        for (resource, expected) in [
            (
                "teams('1')/channels('19:a@thread.tacv2')/messages('2')/replies('3')",
                "chatMessage",
            ),
            (
                "teams('1')/channels('19:a@thread.tacv2')/messages('2')",
                "chatMessage",
            ),
            ("chats('19:a@unq.gbl.spaces')/messages('2')", "chatMessage"),
            ("users('1')/chats('2')/messages('3')", "chatMessage"),
            ("teams('1')/channels('2')", "channel"),
            ("teams('1')", "team"),
            ("chats('1')", "chat"),
            ("chats('1')/members('2')", "aadUserConversationMember"),
            (
                "teams('1')/channels('2')/allMembers('3')",
                "aadUserConversationMember",
            ),
            ("Users('1')/messages('2')", "message"),
            ("Users/1/Messages/2", "message"),
            ("users/1@2/messages/3", "message"),
            ("Users/1/Events/2", "event"),
            ("Users/1/Contacts/2", "contact"),
            ("Users/1", "user"),
            ("users('1')", "user"),
            ("Groups/1", "group"),
            ("groups/1/conversations/2", "conversation"),
            ("drives/b!1/root", "driveItem"),
            ("me/drive/root", "driveItem"),
            ("sites/a,b,c/lists/1", "listItem"),
            ("security/alerts/1", "alert"),
            ("communications/callRecords/1", "callRecord"),
            ("communications/presences('1')", "presence"),
            (
                "communications/onlineMeetings(joinWebUrl='a%2Fb')/meetingCallEvents",
                "onlineMeeting",
            ),
            ("users/1/onlineMeetings('2')/transcripts('3')", "callTranscript"),
            ("users/1/adhoccalls/2/transcripts('3')", "callTranscript"),
            ("users/1/adhocCalls/2/transcripts/3", "callTranscript"),
            ("users/1/adhoccalls/adhocCalls/2/recordings('3')", "callRecording"),
            ("copilot/interactionHistory/interactions('1')", "aiInteraction"),
            ("solutions/virtualEvents/events/", "virtualEvent"),
            ("todob2/graph/v1/users('1')/todoApp/lists('2')/tasks", "todoTask"),
            ("print/taskDefinitions/1/tasks/2", "printTask"),
            ("somewhere/else", "entity"),
            ("", "entity"),
        ] {
            assert_eq!(name(None, Some(resource)), expected, "{resource}");
            assert_eq!(name(Some("#"), Some(resource)), expected, "{resource}");
        }
        assert_eq!(name(None, None), "entity");
    }
}
