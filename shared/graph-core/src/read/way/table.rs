//! The ways, a row each.

use graph_events::Change;

use super::{Pages, PartList, Shows, Way};
use crate::read::limits::Limit;

const ALL: &[Change] = &Change::ALL;
const CREATED_UPDATED: &[Change] = &[Change::Created, Change::Updated];
const CREATED: &[Change] = &[Change::Created];

/// What most ways have in common.
const BASE: Way = Way {
    rows: &[],
    suffix: "",
    query: &[],
    pages: Pages::Link,
    shows: Shows::Times,
    sees: ALL,
    unseen: &[],
    unseen_of_new_ids: &[],
    item: "",
    reply: None,
    odata_type: "",
    horizon_days: None,
    deleted_days: None,
    lead_minutes: 0,
    selects: false,
    parts: None,
    limit: Limit::OTHER,
};

/// Mail, calendar and contacts. `$orderby` has to stand in `$filter`, first and in the same order, else the answer is 400
/// `InefficientFilter` (Microsoft Graph, *list messages*).
const OUTLOOK: Way = Way {
    query: &[
        ("$filter", "lastModifiedDateTime ge {from}"),
        ("$orderby", "lastModifiedDateTime"),
        ("$top", "1000"),
    ],
    pages: Pages::Time,
    sees: CREATED_UPDATED,
    selects: true,
    limit: Limit::OUTLOOK,
    ..BASE
};

const CHANNEL_MESSAGE: &str =
    "teams('{channelIdentity/teamId}')/channels('{channelIdentity/channelId}')/messages('{id}')";
const CHANNEL_REPLY: &str = "teams('{channelIdentity/teamId}')/channels('{channelIdentity/channelId}')/messages('{replyToId}')/replies('{id}')";

/// The ways, each for the rows that it names.
pub(in crate::read) const WAYS: &[Way] = &[
    // Whether a move changes the time is not documented: what moved out looks like nothing, what moved in may as well. In the
    // list of all mail nothing moves in or out, but a message gets another id, unless ids are immutable.
    Way {
        rows: &["message.all"],
        item: "users('{@users}')/messages('{id}')",
        odata_type: "#Microsoft.Graph.Message",
        unseen_of_new_ids: &["moved"],
        ..OUTLOOK
    },
    Way {
        rows: &["message.folder"],
        item: "users('{@users}')/messages('{id}')",
        odata_type: "#Microsoft.Graph.Message",
        unseen: &["moved"],
        ..OUTLOOK
    },
    // Series and single events only: a change of one occurrence is seen where it changes the series.
    Way {
        rows: &["event.all"],
        item: "users('{@users}')/events('{id}')",
        odata_type: "#Microsoft.Graph.Event",
        unseen: &["occurrences"],
        ..OUTLOOK
    },
    // This list shows the default folder only (Microsoft Graph, *list contacts*), so a contact can move out of it and into it.
    Way {
        rows: &["contact.all"],
        item: "users('{@users}')/contacts('{id}')",
        odata_type: "#Microsoft.Graph.Contact",
        unseen: &["moved"],
        ..OUTLOOK
    },
    Way {
        rows: &["contact.folder"],
        item: "users('{@users}')/contacts('{id}')",
        odata_type: "#Microsoft.Graph.Contact",
        unseen: &["moved"],
        ..OUTLOOK
    },
    // Takes `gt` only, and answers with whole chains, old replies among them (Microsoft Graph, *chatMessage: delta*).
    Way {
        rows: &["chatMessage.channel"],
        suffix: "/delta",
        query: &[
            ("$filter", "lastModifiedDateTime gt {before}"),
            ("$expand", "replies"),
            ("$top", "50"),
        ],
        item: "teams('{@teams}')/channels('{@channels}')/messages('{id}')",
        reply: Some("teams('{@teams}')/channels('{@channels}')/messages('{replyToId}')/replies('{id}')"),
        odata_type: "#Microsoft.Graph.chatMessage",
        horizon_days: Some(240),
        limit: Limit::CHANNEL,
        ..BASE
    },
    Way {
        rows: &["chatMessage.allChannels"],
        query: &[
            (
                "$filter",
                "lastModifiedDateTime gt {before} and lastModifiedDateTime lt {until}",
            ),
            ("$top", "50"),
        ],
        item: CHANNEL_MESSAGE,
        reply: Some(CHANNEL_REPLY),
        odata_type: "#Microsoft.Graph.chatMessage",
        deleted_days: Some(21),
        parts: Some(PartList {
            list: "/teams",
            resource: "/teams/{id}/channels/getAllMessages",
            permission: "Team.ReadBasic.All",
        }),
        limit: Limit::EXPORT,
        ..BASE
    },
    // `$filter` is ignored, without a word, unless `$orderby` names the same property; descending only (Microsoft Graph,
    // *list messages in a chat*).
    Way {
        rows: &["chatMessage.chat"],
        query: &[
            (
                "$filter",
                "lastModifiedDateTime gt {before} and lastModifiedDateTime lt {until}",
            ),
            ("$orderby", "lastModifiedDateTime desc"),
            ("$top", "50"),
        ],
        item: "chats('{@chats}')/messages('{id}')",
        odata_type: "#Microsoft.Graph.chatMessage",
        limit: Limit::CHAT,
        ..BASE
    },
    Way {
        rows: &["chatMessage.user"],
        query: &[
            (
                "$filter",
                "lastModifiedDateTime gt {before} and lastModifiedDateTime lt {until}",
            ),
            ("$top", "50"),
        ],
        item: "chats('{chatId}')/messages('{id}')",
        odata_type: "#Microsoft.Graph.chatMessage",
        deleted_days: Some(21),
        limit: Limit::EXPORT,
        ..BASE
    },
    // The filter is on the start of the call. A meeting of Teams lasts 30 hours at most, and a record comes up to 150
    // minutes after the end.
    Way {
        rows: &["callRecord"],
        query: &[("$filter", "startDateTime ge {from} and startDateTime lt {until}")],
        shows: Shows::Version,
        sees: CREATED_UPDATED,
        item: "communications/callRecords/{id}",
        odata_type: "#Microsoft.Graph.callrecord",
        horizon_days: Some(30),
        lead_minutes: MAX_MEETING_MINUTES,
        limit: Limit::CALL_RECORDS,
        ..BASE
    },
    // The query form of the token only; deletions in this form are not confirmed.
    Way {
        rows: &["driveItem.root"],
        suffix: "/delta",
        query: &[("token", "{from}")],
        shows: Shows::Facets,
        unseen: &["deleted"],
        item: "drives('{parentReference/driveId|@drives}')/items('{id}')",
        odata_type: "#Microsoft.Graph.DriveItem",
        horizon_days: Some(60),
        ..BASE
    },
    Way {
        rows: &["recording.user"],
        item: "users('{meetingOrganizer/user/id}')/onlineMeetings('{meetingId}')/recordings('{id}')",
        odata_type: "#Microsoft.Graph.callRecording",
        ..MEETINGS
    },
    Way {
        rows: &["recording.tenant"],
        item: "users('{meetingOrganizer/user/id}')/onlineMeetings('{meetingId}')/recordings('{id}')",
        odata_type: "#Microsoft.Graph.callRecording",
        parts: Some(PartList {
            list: "/users",
            resource: "/users/{id}/onlineMeetings/getAllRecordings",
            permission: "User.ReadBasic.All",
        }),
        ..MEETINGS
    },
    Way {
        rows: &["transcript.user"],
        item: "users('{meetingOrganizer/user/id}')/onlineMeetings('{meetingId}')/transcripts('{id}')",
        odata_type: "#Microsoft.Graph.callTranscript",
        ..MEETINGS
    },
    Way {
        rows: &["transcript.tenant"],
        item: "users('{meetingOrganizer/user/id}')/onlineMeetings('{meetingId}')/transcripts('{id}')",
        odata_type: "#Microsoft.Graph.callTranscript",
        parts: Some(PartList {
            list: "/users",
            resource: "/users/{id}/onlineMeetings/getAllTranscripts",
            permission: "User.ReadBasic.All",
        }),
        ..MEETINGS
    },
    Way {
        rows: &["aiInteraction.user"],
        query: &[
            (
                "$filter",
                "createdDateTime gt {before} and createdDateTime lt {until}",
            ),
            ("$top", "100"),
        ],
        shows: Shows::Creation,
        sees: CREATED,
        item: "copilot/interactionHistory/interactions('{id}')",
        odata_type: "#Microsoft.Graph.aiInteraction",
        ..BASE
    },
    Way {
        rows: &["todoTask"],
        query: &[("$filter", "lastModifiedDateTime ge {from}")],
        pages: Pages::Count,
        sees: CREATED_UPDATED,
        item: "users('{@users}')/todo/lists('{@lists}')/tasks('{id}')",
        odata_type: "#Microsoft.Graph.todoTask",
        ..BASE
    },
    Way {
        rows: &["shift"],
        item: "teams('{@teams}')/schedule/shifts('{id}')",
        odata_type: "#Microsoft.Graph.shift",
        ..SHIFTS
    },
    Way {
        rows: &["openShiftChangeRequest"],
        item: "teams('{@teams}')/schedule/openShiftChangeRequests('{id}')",
        odata_type: "#Microsoft.Graph.openShiftChangeRequest",
        ..SHIFTS
    },
    Way {
        rows: &["offerShiftRequest"],
        item: "teams('{@teams}')/schedule/offerShiftRequests('{id}')",
        odata_type: "#Microsoft.Graph.offerShiftRequest",
        ..SHIFTS
    },
    Way {
        rows: &["swapShiftsChangeRequest"],
        item: "teams('{@teams}')/schedule/swapShiftsChangeRequests('{id}')",
        odata_type: "#Microsoft.Graph.swapShiftsChangeRequest",
        ..SHIFTS
    },
    Way {
        rows: &["timeOffRequest"],
        item: "teams('{@teams}')/schedule/timeOffRequests('{id}')",
        odata_type: "#Microsoft.Graph.timeOffRequest",
        ..SHIFTS
    },
];

/// Recordings and transcripts. `createdDateTime` is the beginning of what they record, and they are there some time after
/// its end; how long after is not documented.
const MEETINGS: Way = Way {
    suffix: "(meetingOrganizerUserId='{@users}',startDateTime={from},endDateTime={until})",
    shows: Shows::Creation,
    sees: CREATED,
    unseen: &["late"],
    lead_minutes: MAX_MEETING_MINUTES,
    ..BASE
};

/// A meeting of Teams lasts 30 hours at most, and what comes of it is there 150 minutes later.
const MAX_MEETING_MINUTES: i64 = 33 * 60;

/// Lists without a filter by time; the time of each item is compared here.
const SHIFTS: Way = Way {
    sees: CREATED_UPDATED,
    ..BASE
};

/// Why the other rows are not read.
pub(super) const NOT_READABLE: &[(&[&str], &str)] = &[
    (
        &[
            "user.all",
            "user.one",
            "group.all",
            "group.one",
            "group.owners",
            "group.members",
            "list",
        ],
        "Microsoft Graph shows changes of this resource only by a token from before the loss",
    ),
    (
        &["driveItem.folder"],
        "a personal drive shows its changes only by a token from before the loss",
    ),
    (
        &["onlineMeeting", "emergency"],
        "call events cannot be read again",
    ),
    (&["presence.one", "presence.many"], "presence has no history"),
    (
        &["chatMessage.allChats"],
        "the messages of all chats of a tenant are not read; subscribe to each user's",
    ),
    (
        &["callRecord.filtered"],
        "the subscription's own filter cannot be joined with one by time",
    ),
];
