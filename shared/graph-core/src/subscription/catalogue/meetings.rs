//! Recordings, transcripts, meetings, virtual events, emergency calls and Copilot.

use graph_events::Change::{Created, Updated};

use super::row::{
    BASIC_TEAMS, BETA, BETA_OR_V1, CREATED, CUD, Changes, LifecycleUrl, Rich, Row, Select, TEAMS, UPDATED,
};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        key: "recording.tenant",
        patterns: &["/communications/onlineMeetings/getAllRecordings"],
        application: &["OnlineMeetingRecording.Read.All"],
        ..RECORDING
    },
    Row {
        key: "recording.meeting",
        patterns: &["/communications/onlineMeetings/{id}/recordings"],
        delegated: &["OnlineMeetingRecording.Read.All"],
        application: &[
            "OnlineMeetingRecording.Read.Chat*",
            "OnlineMeetingRecording.Read.All",
        ],
        ..RECORDING
    },
    Row {
        key: "recording.user",
        patterns: &["/users/{id}/onlineMeetings/getAllRecordings"],
        delegated: &["OnlineMeetingRecording.Read.All"],
        application: &["OnlineMeetingRecording.Read.All"],
        ..RECORDING
    },
    Row {
        key: "recording.app",
        patterns: &["/appCatalogs/teamsApps/{id}/installedToOnlineMeetings/getAllRecordings"],
        versions: BETA,
        application: &[
            "OnlineMeetingRecording.Read.Chat*",
            "OnlineMeetingRecording.Read.All",
        ],
        ..RECORDING
    },
    // All samples of ad hoc calls are beta; nothing says that v1.0 has none of them.
    Row {
        key: "recording.adhoc.tenant",
        patterns: &["/communications/adhocCalls/getAllRecordings"],
        versions: BETA_OR_V1,
        application: &["CallRecordings.Read.All"],
        ..RECORDING
    },
    Row {
        key: "recording.adhoc.one",
        patterns: &["/communications/adhocCalls/{id}/recordings"],
        versions: BETA_OR_V1,
        delegated: &["CallRecordings.Read.All"],
        application: &["CallRecordings.Read.All"],
        ..RECORDING
    },
    Row {
        key: "recording.adhoc.user",
        patterns: &["/users/{id}/adhocCalls/getAllRecordings"],
        versions: BETA_OR_V1,
        delegated: &["CallRecordings.Read.All"],
        application: &["CallRecordings.Read.All"],
        ..RECORDING
    },
    Row {
        key: "transcript.tenant",
        patterns: &["/communications/onlineMeetings/getAllTranscripts"],
        application: &["OnlineMeetingTranscript.Read.All"],
        ..TRANSCRIPT
    },
    Row {
        key: "transcript.meeting",
        patterns: &["/communications/onlineMeetings/{id}/transcripts"],
        delegated: &["OnlineMeetingTranscript.Read.All"],
        application: &[
            "OnlineMeetingTranscript.Read.Chat*",
            "OnlineMeetingTranscript.Read.All",
        ],
        ..TRANSCRIPT
    },
    Row {
        key: "transcript.user",
        patterns: &["/users/{id}/onlineMeetings/getAllTranscripts"],
        delegated: &["OnlineMeetingTranscript.Read.All"],
        application: &["OnlineMeetingTranscript.Read.All"],
        ..TRANSCRIPT
    },
    // Two pages misspell the last segment; the API has it as here.
    Row {
        key: "transcript.app",
        patterns: &["/appCatalogs/teamsApps/{id}/installedToOnlineMeetings/getAllTranscripts"],
        versions: BETA,
        application: &[
            "OnlineMeetingTranscript.Read.Chat*",
            "OnlineMeetingTranscript.Read.All",
        ],
        ..TRANSCRIPT
    },
    Row {
        key: "transcript.adhoc.tenant",
        patterns: &["/communications/adhocCalls/getAllTranscripts"],
        versions: BETA,
        application: &["CallTranscripts.Read.All"],
        ..TRANSCRIPT
    },
    Row {
        key: "transcript.adhoc.one",
        patterns: &["/communications/adhocCalls/{id}/transcripts"],
        versions: BETA_OR_V1,
        delegated: &["CallTranscripts.Read.All"],
        ..TRANSCRIPT
    },
    Row {
        key: "transcript.adhoc.user",
        patterns: &["/users/{id}/adhocCalls/getAllTranscripts"],
        versions: BETA_OR_V1,
        delegated: &["CallTranscripts.Read.All"],
        application: &["CallTranscripts.Read.All"],
        ..TRANSCRIPT
    },
    // Two figures are documented for the lifetime, 4,320 and 4,230: the shorter is safe.
    Row {
        key: "onlineMeeting",
        patterns: &[
            "/communications/onlineMeetings(joinWebUrl='{url}')/meetingCallEvents",
            "/communications/onlineMeetings?$filter=JoinWebUrl eq '{url}'",
        ],
        entity: "onlineMeeting",
        changes: UPDATED,
        versions: BETA,
        select: Select::Refused,
        minutes: 4_230,
        minutes_rich: 4_230,
        application: &["OnlineMeetings.Read.All", "OnlineMeetings.ReadWrite.All"],
        source: "changenotifications-for-onlinemeeting",
        ..TEAMS
    },
    Row {
        key: "aiInteraction.user",
        patterns: &["/copilot/users/{id}/interactionHistory/getAllEnterpriseInteractions"],
        delegated: &["AiEnterpriseInteraction.Read"],
        application: &[
            "AiEnterpriseInteraction.Read.User*",
            "AiEnterpriseInteraction.Read.All",
        ],
        ..AI_INTERACTION
    },
    Row {
        key: "aiInteraction.tenant",
        patterns: &["/copilot/interactionHistory/getAllEnterpriseInteractions"],
        application: &["AiEnterpriseInteraction.Read.All"],
        ..AI_INTERACTION
    },
    Row {
        key: "aiInsight.user",
        patterns: &["/copilot/users/{id}/onlineMeetings/getAllAiInsights"],
        ..AI_INSIGHT
    },
    Row {
        key: "aiInsight.meeting",
        patterns: &["/copilot/users/{id}/onlineMeetings/{id}/aiInsights"],
        ..AI_INSIGHT
    },
    Row {
        key: "virtualEvent.tenant",
        patterns: &["/solutions/virtualEvents/events"],
        changes: CREATED,
        delegated: &[],
        ..VIRTUAL_EVENT
    },
    Row {
        key: "virtualEvent.organizers",
        patterns: &["/solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds=['{id}'])"],
        changes: CREATED,
        delegated: &[],
        ..VIRTUAL_EVENT
    },
    Row {
        key: "virtualEvent.webinar",
        patterns: &["/solutions/virtualEvents/webinars/{id}"],
        changes: UPDATED,
        ..VIRTUAL_EVENT
    },
    // What type the notifications name is not documented.
    Row {
        key: "virtualEvent.attendance",
        patterns: &["/solutions/virtualEvents/webinars/{id}/getAttendanceReports"],
        entity: "meetingAttendanceReport",
        changes: CREATED,
        ..VIRTUAL_EVENT
    },
    Row {
        key: "virtualEvent.sessions",
        patterns: &["/solutions/virtualEvents/webinars/{id}/sessions"],
        entity: "virtualEventSession",
        changes: Changes::Known(&[Created, Updated]),
        ..VIRTUAL_EVENT
    },
    Row {
        key: "virtualEvent.registrations",
        patterns: &["/solutions/virtualEvents/webinars/{id}/registrations"],
        entity: "virtualEventRegistration",
        changes: Changes::Known(&[Created, Updated]),
        ..VIRTUAL_EVENT
    },
    Row {
        key: "emergency",
        patterns: &["/communications/calls/getEmergencyEventsByPolicy(policyName='{name}')"],
        entity: "emergencyCallEvent",
        changes: UPDATED,
        rich: Rich::Required,
        minutes: 1_440,
        minutes_rich: 1_440,
        lifecycle: LifecycleUrl::Unconfirmed,
        application: &["CallEvents-Emergency.Read.All"],
        source: "changenotifications-for-emergencycalls",
        ..TEAMS
    },
];

/// What the rows of recordings have in common.
const RECORDING: Row = Row {
    entity: "callRecording",
    changes: CREATED,
    source: "teams-changenotifications-callrecording-and-calltranscript",
    ..TEAMS
};

/// What the rows of transcripts have in common.
const TRANSCRIPT: Row = Row {
    entity: "callTranscript",
    ..RECORDING
};

/// What the rows of Copilot interactions have in common.
const AI_INTERACTION: Row = Row {
    entity: "aiInteraction",
    changes: CUD,
    source: "aiinteraction change notifications",
    ..TEAMS
};

/// What the rows of meeting insights have in common; their lifetime is not documented, so the shortest of the
/// three-day figures is used.
const AI_INSIGHT: Row = Row {
    entity: "callAiInsight",
    changes: CREATED,
    minutes: 4_230,
    minutes_rich: 4_230,
    delegated: &["OnlineMeetingAiInsight.Read.All"],
    application: &["OnlineMeetingAiInsight.Read.All"],
    source: "AI insights change notifications",
    ..BASIC_TEAMS
};

/// What the rows of virtual events have in common.
const VIRTUAL_EVENT: Row = Row {
    entity: "virtualEvent",
    minutes: 1_440,
    minutes_rich: 1_440,
    lifecycle: LifecycleUrl::Unconfirmed,
    delegated: &["VirtualEvent.Read"],
    application: &["VirtualEvent.Read.All"],
    source: "changenotifications-for-virtualevent",
    ..BASIC_TEAMS
};
