//! How the items of each row are named and fetched.

/// How some rows' items are named and fetched. `{name}` is the key of that segment in the subscription's resource, `{}`
/// one of the item's own.
pub(super) struct Shape {
    pub(super) rows: &'static [&'static str],
    /// The path of an item.
    pub(super) item: &'static str,
    /// What to ask for, where that is another path.
    pub(super) get: Option<&'static str>,
}

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

/// The rows whose items a GET can read.
pub(super) const SHAPES: &[Shape] = &[
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
];
