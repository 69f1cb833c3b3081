//! The permissions of every row against Microsoft's documentation (*create subscription*, and the pages of the workloads).

use std::collections::BTreeMap;

use super::super::{Access, rows};

#[test]
fn every_row_has_the_documented_permissions_least_privileged_first() {
    let expected: BTreeMap<_, _> = PERMISSIONS
        .iter()
        .map(|(key, work, personal, application)| (*key, [*work, *personal, *application]))
        .collect();
    assert_eq!(expected.len(), PERMISSIONS.len(), "a key occurs twice");
    let found: BTreeMap<_, _> = rows()
        .map(|row| {
            let accesses = [Access::Delegated, Access::DelegatedPersonal, Access::Application];
            (
                row.key,
                accesses.map(|access| {
                    let names: Vec<_> = row
                        .permissions(access)
                        .map(|one| {
                            format!(
                                "{}{}",
                                one.name(),
                                if one.is_resource_specific() { "*" } else { "" }
                            )
                        })
                        .collect();
                    names.join(" ")
                }),
            )
        })
        .collect();
    for (key, expected) in &expected {
        assert_eq!(
            found.get(key).map(|found| found.each_ref().map(String::as_str)),
            Some(*expected),
            "{key}"
        );
    }
    assert!(found.keys().eq(expected.keys()));
}

/// A row's key; permissions for work accounts, personal accounts and applications, `*` for resource-specific consent.
#[rustfmt::skip]
const PERMISSIONS: &[(&str, &str, &str, &str)] = &[
    ("message.all", "Mail.ReadBasic Mail.Read", "Mail.ReadBasic Mail.Read", "Mail.ReadBasic Mail.Read"),
    ("message.folder", "Mail.ReadBasic Mail.Read", "Mail.ReadBasic Mail.Read", "Mail.ReadBasic Mail.Read"),
    ("event.all", "Calendars.Read", "Calendars.Read", "Calendars.Read"),
    ("event.group", "Group.Read.All", "", "Group.Read.All"),
    ("contact.all", "Contacts.Read", "Contacts.Read", "Contacts.Read"),
    ("contact.folder", "Contacts.Read", "Contacts.Read", "Contacts.Read"),
    ("user.all", "User.Read.All", "", "User.Read.All"),
    ("user.one", "User.Read.All", "", "User.Read.All"),
    ("group.all", "Group.Read.All", "", "Group.Read.All"),
    ("group.one", "Group.Read.All", "", "Group.Read.All"),
    ("group.owners", "Group.Read.All", "", "Group.Read.All"),
    ("group.members", "Group.Read.All", "", "Group.Read.All"),
    ("conversation", "Group.Read.All", "", ""),
    ("driveItem.folder", "", "Files.Read", ""),
    ("driveItem.root", "Files.Read.All", "Files.Read", "Files.Read.All"),
    ("list", "Sites.Read.All", "", "Sites.Read.All"),
    ("site.all", "Sites.Read.All", "", "Sites.Read.All"),
    ("alert.one", "SecurityEvents.ReadWrite.All", "", "SecurityEvents.ReadWrite.All"),
    ("alert.filtered", "SecurityEvents.ReadWrite.All", "", "SecurityEvents.ReadWrite.All"),
    ("callRecord", "", "", "CallRecords.Read.All"),
    ("callRecord.filtered", "", "", "CallRecords.Read.All"),
    ("chatMessage.allChannels", "", "", "ChannelMessage.Read.All"),
    ("chatMessage.channel", "ChannelMessage.Read.All", "", "ChannelMessage.Read.Group* ChannelMessage.Read.All"),
    ("chatMessage.allChats", "", "", "Chat.Read.All"),
    ("chatMessage.chat", "Chat.Read Chat.ReadWrite", "", "ChatMessage.Read.Chat* Chat.Read.All"),
    ("chatMessage.user", "Chat.Read Chat.ReadWrite", "", "Chat.Read.All Chat.ReadWrite.All"),
    ("chatMessage.appInstalled", "", "", "Chat.Read.WhereInstalled Chat.ReadWrite.WhereInstalled"),
    ("presence.one", "Presence.Read.All", "", ""),
    ("presence.many", "Presence.Read.All", "", ""),
    ("team.all", "", "", "Team.ReadBasic.All TeamSettings.Read.All"),
    ("team.one", "Team.ReadBasic.All TeamSettings.Read.All", "", "TeamSettings.Read.Group* TeamSettings.ReadWrite.Group* Team.ReadBasic.All TeamSettings.Read.All"),
    ("channel.all", "", "", "Channel.ReadBasic.All ChannelSettings.Read.All"),
    ("channel.team", "Channel.ReadBasic.All ChannelSettings.Read.All", "", "ChannelSettings.Read.Group* ChannelSettings.ReadWrite.Group* Channel.ReadBasic.All ChannelSettings.Read.All"),
    ("channel.shared", "ChannelMember.Read.All ChannelMember.ReadWrite.All", "", "ChannelMember.Read.All ChannelMember.ReadWrite.All"),
    ("chat.all", "", "", "Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All"),
    ("chat.one", "Chat.ReadBasic Chat.Read Chat.ReadWrite", "", "ChatSettings.Read.Chat* ChatSettings.ReadWrite.Chat* Chat.Manage.Chat* Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All"),
    ("chat.user", "Chat.ReadBasic Chat.Read Chat.ReadWrite", "", "Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All"),
    ("chat.appInstalled", "", "", "Chat.ReadBasic.WhereInstalled Chat.Read.WhereInstalled Chat.ReadWrite.WhereInstalled"),
    ("member.allChats", "", "", "ChatMember.Read.All ChatMember.ReadWrite.All Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All"),
    ("member.chat", "ChatMember.Read ChatMember.ReadWrite Chat.ReadBasic Chat.Read Chat.ReadWrite", "", "ChatMember.Read.Chat* Chat.Manage.Chat* ChatMember.Read.All ChatMember.ReadWrite.All Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All"),
    ("member.appInstalled", "", "", "ChatMember.Read.WhereInstalled ChatMember.ReadWrite.WhereInstalled Chat.ReadBasic.WhereInstalled Chat.Read.WhereInstalled Chat.ReadWrite.WhereInstalled"),
    ("member.team", "TeamMember.Read.All", "", "TeamMember.Read.Group* TeamMember.Read.All"),
    ("member.allTeams", "", "", "TeamMember.Read.All TeamMember.ReadWrite.All"),
    ("member.teamChannels", "ChannelMember.Read.All", "", "ChannelMember.Read.All ChannelMember.ReadWrite.All"),
    ("member.allChannels", "", "", "ChannelMember.Read.All ChannelMember.ReadWrite.All"),
    ("appInstall", "", "", "TeamsAppInstallation.Read.User* TeamsAppInstallation.Read.Group* TeamsAppInstallation.Read.Chat* TeamsAppInstallation.Read.All"),
    ("appInstall.personal", "", "", "TeamsAppInstallation.ReadForUser.All TeamsAppInstallation.Read.All"),
    ("appInstall.team", "", "", "TeamsAppInstallation.ReadForTeam.All TeamsAppInstallation.Read.All"),
    ("appInstall.chat", "", "", "TeamsAppInstallation.ReadForChat.All TeamsAppInstallation.Read.All"),
    ("recording.tenant", "", "", "OnlineMeetingRecording.Read.All"),
    ("recording.meeting", "OnlineMeetingRecording.Read.All", "", "OnlineMeetingRecording.Read.Chat* OnlineMeetingRecording.Read.All"),
    ("recording.user", "OnlineMeetingRecording.Read.All", "", "OnlineMeetingRecording.Read.All"),
    ("recording.app", "", "", "OnlineMeetingRecording.Read.Chat* OnlineMeetingRecording.Read.All"),
    ("recording.adhoc.tenant", "", "", "CallRecordings.Read.All"),
    ("recording.adhoc.one", "CallRecordings.Read.All", "", "CallRecordings.Read.All"),
    ("recording.adhoc.user", "CallRecordings.Read.All", "", "CallRecordings.Read.All"),
    ("transcript.tenant", "", "", "OnlineMeetingTranscript.Read.All"),
    ("transcript.meeting", "OnlineMeetingTranscript.Read.All", "", "OnlineMeetingTranscript.Read.Chat* OnlineMeetingTranscript.Read.All"),
    ("transcript.user", "OnlineMeetingTranscript.Read.All", "", "OnlineMeetingTranscript.Read.All"),
    ("transcript.app", "", "", "OnlineMeetingTranscript.Read.Chat* OnlineMeetingTranscript.Read.All"),
    ("transcript.adhoc.tenant", "", "", "CallTranscripts.Read.All"),
    ("transcript.adhoc.one", "CallTranscripts.Read.All", "", ""),
    ("transcript.adhoc.user", "CallTranscripts.Read.All", "", "CallTranscripts.Read.All"),
    ("onlineMeeting", "", "", "OnlineMeetings.Read.All OnlineMeetings.ReadWrite.All"),
    ("approvals", "", "", "ApprovalSolution.ReadWrite.All"),
    ("shift", "Schedule.Read.All Schedule.ReadWrite.All", "", "Schedule.Read.All Schedule.ReadWrite.All"),
    ("openShiftChangeRequest", "Schedule.Read.All Schedule.ReadWrite.All", "", "Schedule.Read.All Schedule.ReadWrite.All"),
    ("offerShiftRequest", "Schedule.Read.All Schedule.ReadWrite.All", "", "Schedule.Read.All Schedule.ReadWrite.All"),
    ("swapShiftsChangeRequest", "Schedule.Read.All Schedule.ReadWrite.All", "", "Schedule.Read.All Schedule.ReadWrite.All"),
    ("timeOffRequest", "Schedule.Read.All Schedule.ReadWrite.All", "", "Schedule.Read.All Schedule.ReadWrite.All"),
    ("aiInteraction.user", "AiEnterpriseInteraction.Read", "", "AiEnterpriseInteraction.Read.User* AiEnterpriseInteraction.Read.All"),
    ("aiInteraction.tenant", "", "", "AiEnterpriseInteraction.Read.All"),
    ("aiInsight.user", "OnlineMeetingAiInsight.Read.All", "", "OnlineMeetingAiInsight.Read.All"),
    ("aiInsight.meeting", "OnlineMeetingAiInsight.Read.All", "", "OnlineMeetingAiInsight.Read.All"),
    ("virtualEvent.tenant", "", "", "VirtualEvent.Read.All"),
    ("virtualEvent.organizers", "", "", "VirtualEvent.Read.All"),
    ("virtualEvent.webinar", "VirtualEvent.Read", "", "VirtualEvent.Read.All"),
    ("virtualEvent.attendance", "VirtualEvent.Read", "", "VirtualEvent.Read.All"),
    ("virtualEvent.sessions", "VirtualEvent.Read", "", "VirtualEvent.Read.All"),
    ("virtualEvent.registrations", "VirtualEvent.Read", "", "VirtualEvent.Read.All"),
    ("emergency", "", "", "CallEvents-Emergency.Read.All"),
    ("printer.jobs", "", "", "Printer.Read.All Printer.ReadWrite.All"),
    ("print.task", "", "", "PrintTaskDefinition.ReadWrite.All"),
    ("todoTask", "Tasks.ReadWrite", "Tasks.ReadWrite", "Tasks.ReadWrite.All"),
    ("healthAlert.all", "HealthMonitoringAlert.Read.All", "", "HealthMonitoringAlert.Read.All"),
    ("healthAlert.type", "HealthMonitoringAlert.Read.All", "", "HealthMonitoringAlert.Read.All"),
];
