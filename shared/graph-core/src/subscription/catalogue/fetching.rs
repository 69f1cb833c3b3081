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

/// How some rows' items are named and fetched. `{name}` is the key of that segment in the subscription's resource, `{}`
/// one of the item's own.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) rows: &'static [&'static str],
    /// The path of an item.
    pub(crate) item: &'static str,
    /// What to ask for, where that is another path.
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
        SHAPES.iter().filter(|shape| shape.rows.contains(&self.key))
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

const fn shape(rows: &'static [&'static str], item: &'static str) -> Shape {
    Shape {
        rows,
        item,
        get: None,
    }
}

/// Asks for another path, which holds the item to what the subscription is for.
const fn held(rows: &'static [&'static str], item: &'static str, get: &'static str) -> Shape {
    Shape {
        rows,
        item,
        get: Some(get),
    }
}

/// The reader has no signed-in user's credential.
const SIGNED_IN: &str = "only a signed-in user can subscribe, and the reader reads for the application only";

/// Why nothing is fetched for the items of some rows.
const NOT_FETCHED: &[(&[&str], &str)] = &[
    (
        &["group.owners", "group.members"],
        "a notification names the group, and says itself which owners or members changed",
    ),
    (
        &["list"],
        "a notification names no item, and Microsoft Graph shows what changed only by a token from before",
    ),
    (
        &["alert.one", "alert.filtered"],
        "Microsoft has retired the API of these alerts",
    ),
    // The GET is of any chat or meeting: nothing in it would hold the item to what the subscription watches.
    (
        &[
            "chatMessage.appInstalled",
            "chat.appInstalled",
            "member.appInstalled",
            "recording.app",
            "transcript.app",
        ],
        "a GET cannot be limited to the chats and meetings in which the app is installed",
    ),
    (
        &["callRecord.filtered", "virtualEvent.organizers"],
        "a GET cannot be limited to the filter or the organizers of the subscription",
    ),
    (
        &[
            "appInstall",
            "appInstall.personal",
            "appInstall.team",
            "appInstall.chat",
        ],
        "a notification does not name the team, chat or user that a GET needs",
    ),
    (
        &["onlineMeeting", "emergency"],
        "a notification is about an event of a call, which cannot be read again",
    ),
    (
        &["aiInteraction.user", "aiInteraction.tenant"],
        "Microsoft Graph has no GET for a single interaction",
    ),
    (
        &["approvals"],
        "only a signed-in user can read an approval, and the reader reads for the application only",
    ),
];

/// The rows whose items a GET can read.
const SHAPES: &[Shape] = &[
    shape(&["message.all"], "users/{users}/messages/{}"),
    held(
        &["message.folder"],
        "users/{users}/messages/{}",
        "users/{users}/mailFolders/{mailFolders}/messages/{}",
    ),
    shape(
        &["message.folder"],
        "users/{users}/mailFolders/{mailFolders}/messages/{}",
    ),
    shape(&["event.all"], "users/{users}/events/{}"),
    shape(&["event.group"], "groups/{groups}/events/{}"),
    shape(&["contact.all"], "users/{users}/contacts/{}"),
    held(
        &["contact.folder"],
        "users/{users}/contacts/{}",
        "users/{users}/contactFolders/{contactFolders}/contacts/{}",
    ),
    shape(
        &["contact.folder"],
        "users/{users}/contactFolders/{contactFolders}/contacts/{}",
    ),
    shape(&["user.all"], "users/{}"),
    shape(&["user.one"], "users/{users}"),
    shape(&["group.all"], "groups/{}"),
    shape(&["group.one"], "groups/{groups}"),
    shape(&["site.all"], "sites/{}"),
    shape(&["callRecord"], "communications/callRecords/{}"),
    shape(&["chatMessage.allChannels"], "teams/{}/channels/{}/messages/{}"),
    shape(
        &["chatMessage.allChannels"],
        "teams/{}/channels/{}/messages/{}/replies/{}",
    ),
    shape(
        &["chatMessage.channel"],
        "teams/{teams}/channels/{channels}/messages/{}",
    ),
    shape(
        &["chatMessage.channel"],
        "teams/{teams}/channels/{channels}/messages/{}/replies/{}",
    ),
    shape(&["chatMessage.allChats"], "chats/{}/messages/{}"),
    shape(&["chatMessage.chat"], "chats/{chats}/messages/{}"),
    held(
        &["chatMessage.user"],
        "chats/{}/messages/{}",
        "users/{users}/chats/{}/messages/{}",
    ),
    shape(&["chatMessage.user"], "users/{users}/chats/{}/messages/{}"),
    shape(&["chat.all"], "chats/{}"),
    shape(&["chat.one"], "chats/{chats}"),
    held(&["chat.user"], "chats/{}", "users/{users}/chats/{}"),
    shape(&["member.allChats"], "chats/{}/members/{}"),
    shape(&["member.chat"], "chats/{chats}/members/{}"),
    shape(&["team.all"], "teams/{}"),
    shape(&["team.one"], "teams/{teams}"),
    shape(&["member.allTeams"], "teams/{}/members/{}"),
    shape(&["member.team"], "teams/{teams}/members/{}"),
    shape(&["channel.all"], "teams/{}/channels/{}"),
    shape(&["channel.team"], "teams/{teams}/channels/{}"),
    shape(
        &["channel.shared"],
        "teams/{teams}/channels/{channels}/sharedWithTeams/{}",
    ),
    shape(&["member.teamChannels"], "teams/{teams}/channels/{}/members/{}"),
    // Members through a shared team.
    shape(
        &["member.teamChannels"],
        "teams/{teams}/channels/{}/allMembers/{}",
    ),
    shape(&["member.allChannels"], "teams/{}/channels/{}/members/{}"),
    shape(&["recording.tenant"], "users/{}/onlineMeetings/{}/recordings/{}"),
    shape(
        &["recording.user"],
        "users/{users}/onlineMeetings/{}/recordings/{}",
    ),
    shape(
        &["transcript.tenant"],
        "users/{}/onlineMeetings/{}/transcripts/{}",
    ),
    shape(
        &["transcript.user"],
        "users/{users}/onlineMeetings/{}/transcripts/{}",
    ),
    shape(
        &["recording.meeting"],
        "users/{}/onlineMeetings/{onlineMeetings}/recordings/{}",
    ),
    shape(
        &["transcript.meeting"],
        "users/{}/onlineMeetings/{onlineMeetings}/transcripts/{}",
    ),
    shape(
        &["recording.adhoc.tenant"],
        "users/{}/adhocCalls/{}/recordings/{}",
    ),
    shape(
        &["recording.adhoc.one"],
        "users/{}/adhocCalls/{adhocCalls}/recordings/{}",
    ),
    shape(
        &["recording.adhoc.user"],
        "users/{users}/adhocCalls/{}/recordings/{}",
    ),
    shape(
        &["transcript.adhoc.tenant"],
        "users/{}/adhocCalls/{}/transcripts/{}",
    ),
    shape(
        &["transcript.adhoc.user"],
        "users/{users}/adhocCalls/{}/transcripts/{}",
    ),
    shape(
        &["aiInsight.user"],
        "copilot/users/{users}/onlineMeetings/{}/aiInsights/{}",
    ),
    shape(
        &["aiInsight.meeting"],
        "copilot/users/{users}/onlineMeetings/{onlineMeetings}/aiInsights/{}",
    ),
    shape(&["virtualEvent.tenant"], "solutions/virtualEvents/webinars/{}"),
    shape(&["virtualEvent.tenant"], "solutions/virtualEvents/townhalls/{}"),
    shape(
        &["virtualEvent.webinar"],
        "solutions/virtualEvents/webinars/{webinars}",
    ),
    shape(
        &["virtualEvent.attendance"],
        "solutions/virtualEvents/webinars/{webinars}/sessions/{}/attendanceReports/{}",
    ),
    shape(
        &["virtualEvent.sessions"],
        "solutions/virtualEvents/webinars/{webinars}/sessions/{}",
    ),
    shape(
        &["virtualEvent.registrations"],
        "solutions/virtualEvents/webinars/{webinars}/registrations/{}",
    ),
    shape(&["shift"], "teams/{teams}/schedule/shifts/{}"),
    shape(
        &["openShiftChangeRequest"],
        "teams/{teams}/schedule/openShiftChangeRequests/{}",
    ),
    shape(
        &["offerShiftRequest"],
        "teams/{teams}/schedule/offerShiftRequests/{}",
    ),
    shape(
        &["swapShiftsChangeRequest"],
        "teams/{teams}/schedule/swapShiftsChangeRequests/{}",
    ),
    shape(&["timeOffRequest"], "teams/{teams}/schedule/timeOffRequests/{}"),
    shape(&["printer.jobs"], "print/printers/{printers}/jobs/{}"),
    shape(
        &["print.task"],
        "print/taskDefinitions/{taskDefinitions}/tasks/{}",
    ),
    held(
        &["print.task"],
        "print/printTaskDefinition/{printTaskDefinition}/tasks/{}",
        "print/taskDefinitions/{printTaskDefinition}/tasks/{}",
    ),
    shape(&["todoTask"], "users/{users}/todo/lists/{lists}/tasks/{}"),
    // A form of the service's own, seen in the field.
    held(
        &["todoTask"],
        "todob2/graph/v1/users/{users}/todoApp/lists/{lists}/tasks/{}",
        "users/{users}/todo/lists/{lists}/tasks/{}",
    ),
    shape(
        &["healthAlert.all", "healthAlert.type"],
        "reports/healthMonitoring/alerts/{}",
    ),
    held(
        &["healthAlert.type"],
        "reports/healthMonitoring/alert/{}",
        "reports/healthMonitoring/alerts/{}",
    ),
];
