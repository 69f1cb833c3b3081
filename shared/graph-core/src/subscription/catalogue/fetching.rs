//! How the items of each row are named in notifications, and which GET reads them: a column of the catalogue, as data.

use graph_events::path;

use super::row::{Access, Row};

/// What can be fetched for an item of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetching {
    /// The item, by a GET.
    Get,
    /// What changed in the drive: its notifications name no file.
    Drive,
    /// Nothing, with the reason in words.
    Never(&'static str),
}

/// How the items of a row are named and fetched. `{name}` is the key of that segment in the subscription's resource, `{}`
/// one of the item's own.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) row: &'static str,
    /// The path of an item.
    pub(crate) item: &'static str,
    /// What to ask for, where that is another path, which holds the item to what the subscription is for.
    pub(crate) get: Option<&'static str>,
}

impl Row {
    /// Returns what can be fetched for an item of the row.
    #[must_use]
    pub fn fetching(&self) -> Fetching {
        if self.key == "driveItem.root" {
            return Fetching::Drive;
        }
        if !self.supports(Access::Application) {
            return Fetching::Never(SIGNED_IN);
        }
        match NOT_FETCHED.iter().find(|(keys, _)| keys.contains(&self.key)) {
            Some((_, reason)) => Fetching::Never(reason),
            None => Fetching::Get,
        }
    }

    /// Returns the paths of the row's items.
    pub(crate) fn shapes(&self) -> impl Iterator<Item = &'static Shape> {
        SHAPES.iter().filter(|shape| shape.row == self.key)
    }
}

/// Returns the first query option in `resource` that a GET of one item would not obey: such an option may limit what the
/// subscription is for, and a GET by the item's key would return items outside of that limit.
#[must_use]
pub fn option_against_fetching(resource: &str) -> Option<String> {
    let mut names = path::options(resource).into_iter().map(|(name, _)| name);
    names.find_map(|name| {
        let is_obeyed = OBEYED.iter().any(|known| known.eq_ignore_ascii_case(&name));
        (!is_obeyed).then(|| name.into_owned())
    })
}

/// The options that do not limit which items a subscription is for. The GET has the same `$select`; the others choose kinds
/// of changes, and how Microsoft bills for them.
const OBEYED: &[&str] = &[
    "$select",
    "notifyOnUserSpecificProperties",
    "notifyOnIndirectMembershipUpdate",
    "model",
];

const fn shape(row: &'static str, item: &'static str, get: Option<&'static str>) -> Shape {
    Shape { row, item, get }
}

/// The reader has no signed-in user's credential.
const SIGNED_IN: &str = "only a signed-in user can subscribe, and the reader reads for the application only";

/// Why nothing is fetched for the items of some rows.
#[rustfmt::skip]
const NOT_FETCHED: &[(&[&str], &str)] = &[
    (&["group.owners", "group.members"], "a notification names the group, and says itself which owners or members changed"),
    (&["list"], "a notification names no item, and Microsoft Graph shows what changed only by a token from before"),
    (&["alert.one", "alert.filtered"], "Microsoft has retired the API of these alerts"),
    // The GET is of any chat or meeting: nothing in it would hold the item to what the subscription watches.
    (&["chatMessage.appInstalled", "chat.appInstalled", "member.appInstalled", "recording.app", "transcript.app"],
        "a GET cannot be limited to the chats and meetings in which the app is installed"),
    (&["callRecord.filtered", "virtualEvent.organizers"], "a GET cannot be limited to the filter or the organizers of the subscription"),
    (&["appInstall", "appInstall.personal", "appInstall.team", "appInstall.chat"], "a notification does not name the team, chat or user that a GET needs"),
    (&["onlineMeeting", "emergency"], "a notification is about an event of a call, which cannot be read again"),
    (&["aiInteraction.user", "aiInteraction.tenant"], "Microsoft Graph has no GET for a single interaction"),
    (&["approvals"], "only a signed-in user can read an approval, and the reader reads for the application only"),
];

/// The rows whose items a GET can read.
#[rustfmt::skip]
const SHAPES: &[Shape] = &[
    shape("message.all",                "users/{users}/messages/{}", None),
    shape("message.folder",             "users/{users}/messages/{}", Some("users/{users}/mailFolders/{mailFolders}/messages/{}")),
    shape("message.folder",             "users/{users}/mailFolders/{mailFolders}/messages/{}", None),
    shape("event.all",                  "users/{users}/events/{}", None),
    shape("event.group",                "groups/{groups}/events/{}", None),
    shape("contact.all",                "users/{users}/contacts/{}", None),
    shape("contact.folder",             "users/{users}/contacts/{}", Some("users/{users}/contactFolders/{contactFolders}/contacts/{}")),
    shape("contact.folder",             "users/{users}/contactFolders/{contactFolders}/contacts/{}", None),
    shape("user.all",                   "users/{}", None),
    shape("user.one",                   "users/{users}", None),
    shape("group.all",                  "groups/{}", None),
    shape("group.one",                  "groups/{groups}", None),
    shape("site.all",                   "sites/{}", None),
    shape("callRecord",                 "communications/callRecords/{}", None),
    shape("chatMessage.allChannels",    "teams/{}/channels/{}/messages/{}", None),
    shape("chatMessage.allChannels",    "teams/{}/channels/{}/messages/{}/replies/{}", None),
    shape("chatMessage.channel",        "teams/{teams}/channels/{channels}/messages/{}", None),
    shape("chatMessage.channel",        "teams/{teams}/channels/{channels}/messages/{}/replies/{}", None),
    shape("chatMessage.allChats",       "chats/{}/messages/{}", None),
    shape("chatMessage.chat",           "chats/{chats}/messages/{}", None),
    shape("chatMessage.user",           "chats/{}/messages/{}", Some("users/{users}/chats/{}/messages/{}")),
    shape("chatMessage.user",           "users/{users}/chats/{}/messages/{}", None),
    shape("chat.all",                   "chats/{}", None),
    shape("chat.one",                   "chats/{chats}", None),
    shape("chat.user",                  "chats/{}", Some("users/{users}/chats/{}")),
    shape("member.allChats",            "chats/{}/members/{}", None),
    shape("member.chat",                "chats/{chats}/members/{}", None),
    shape("team.all",                   "teams/{}", None),
    shape("team.one",                   "teams/{teams}", None),
    shape("member.allTeams",            "teams/{}/members/{}", None),
    shape("member.team",                "teams/{teams}/members/{}", None),
    shape("channel.all",                "teams/{}/channels/{}", None),
    shape("channel.team",               "teams/{teams}/channels/{}", None),
    shape("channel.shared",             "teams/{teams}/channels/{channels}/sharedWithTeams/{}", None),
    shape("member.teamChannels",        "teams/{teams}/channels/{}/members/{}", None),
    // Members through a shared team.
    shape("member.teamChannels",        "teams/{teams}/channels/{}/allMembers/{}", None),
    shape("member.allChannels",         "teams/{}/channels/{}/members/{}", None),
    shape("recording.tenant",           "users/{}/onlineMeetings/{}/recordings/{}", None),
    shape("recording.user",             "users/{users}/onlineMeetings/{}/recordings/{}", None),
    shape("transcript.tenant",          "users/{}/onlineMeetings/{}/transcripts/{}", None),
    shape("transcript.user",            "users/{users}/onlineMeetings/{}/transcripts/{}", None),
    shape("recording.meeting",          "users/{}/onlineMeetings/{onlineMeetings}/recordings/{}", None),
    shape("transcript.meeting",         "users/{}/onlineMeetings/{onlineMeetings}/transcripts/{}", None),
    shape("recording.adhoc.tenant",     "users/{}/adhocCalls/{}/recordings/{}", None),
    shape("recording.adhoc.one",        "users/{}/adhocCalls/{adhocCalls}/recordings/{}", None),
    shape("recording.adhoc.user",       "users/{users}/adhocCalls/{}/recordings/{}", None),
    shape("transcript.adhoc.tenant",    "users/{}/adhocCalls/{}/transcripts/{}", None),
    shape("transcript.adhoc.user",      "users/{users}/adhocCalls/{}/transcripts/{}", None),
    shape("aiInsight.user",             "copilot/users/{users}/onlineMeetings/{}/aiInsights/{}", None),
    shape("aiInsight.meeting",          "copilot/users/{users}/onlineMeetings/{onlineMeetings}/aiInsights/{}", None),
    shape("virtualEvent.tenant",        "solutions/virtualEvents/webinars/{}", None),
    shape("virtualEvent.tenant",        "solutions/virtualEvents/townhalls/{}", None),
    shape("virtualEvent.webinar",       "solutions/virtualEvents/webinars/{webinars}", None),
    shape("virtualEvent.attendance",    "solutions/virtualEvents/webinars/{webinars}/sessions/{}/attendanceReports/{}", None),
    shape("virtualEvent.sessions",      "solutions/virtualEvents/webinars/{webinars}/sessions/{}", None),
    shape("virtualEvent.registrations", "solutions/virtualEvents/webinars/{webinars}/registrations/{}", None),
    shape("shift",                      "teams/{teams}/schedule/shifts/{}", None),
    shape("openShiftChangeRequest",     "teams/{teams}/schedule/openShiftChangeRequests/{}", None),
    shape("offerShiftRequest",          "teams/{teams}/schedule/offerShiftRequests/{}", None),
    shape("swapShiftsChangeRequest",    "teams/{teams}/schedule/swapShiftsChangeRequests/{}", None),
    shape("timeOffRequest",             "teams/{teams}/schedule/timeOffRequests/{}", None),
    shape("printer.jobs",               "print/printers/{printers}/jobs/{}", None),
    shape("print.task",                 "print/taskDefinitions/{taskDefinitions}/tasks/{}", None),
    shape("print.task",                 "print/printTaskDefinition/{printTaskDefinition}/tasks/{}", Some("print/taskDefinitions/{printTaskDefinition}/tasks/{}")),
    shape("todoTask",                   "users/{users}/todo/lists/{lists}/tasks/{}", None),
    // A form of the service's own, seen in the field.
    shape("todoTask",                   "todob2/graph/v1/users/{users}/todoApp/lists/{lists}/tasks/{}", Some("users/{users}/todo/lists/{lists}/tasks/{}")),
    shape("healthAlert.all",            "reports/healthMonitoring/alerts/{}", None),
    shape("healthAlert.type",           "reports/healthMonitoring/alerts/{}", None),
    shape("healthAlert.type",           "reports/healthMonitoring/alert/{}", Some("reports/healthMonitoring/alerts/{}")),
];
