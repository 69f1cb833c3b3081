//! Every row of the catalogue that can be read by time, over the simulator's list of it.

use graph_simulator::Item;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::interrupted::{TENANT, World};

#[tokio::test]
async fn a_read_item_equals_its_notification_for_each_list() {
    let entry = |row: &Row| {
        let entry = json!({"resource": row.resource, "changeType": "created"});
        (row.name.to_owned(), entry)
    };
    let world = World::new(&ROWS.iter().map(entry).collect());
    world.simulator.set_teams(TENANT, &["t"]);
    world.simulator.set_users(TENANT, &["u"]);
    let made = world.simulator.now() - SignedDuration::from_mins(10);
    for row in &ROWS {
        let mut item = Item::new("1", made);
        let members: Value = serde_json::from_str(row.members).unwrap();
        item.members.extend(members.as_object().unwrap().clone());
        world.simulator.put_item(TENANT, row.collection, item);
    }
    let windows = ROWS.iter().map(|row| world.window(row.name, row.resource));
    world.read(windows.collect()).await;
    let events = world.events();
    for row in &ROWS {
        let of_row: Vec<&Value> = events
            .iter()
            .filter(|event| event["subscription"] == row.name)
            .collect();
        let found = of_row
            .iter()
            .find(|event| event["type"] == format!("Microsoft.Graph.{}Created", row.entity));
        let found = found.unwrap_or_else(|| panic!("{}: {of_row:#?}", row.name));
        assert_eq!(found["subject"], row.subject, "{}", row.name);
        let end = of_row
            .iter()
            .find(|event| event["type"] == "Microsoft.Graph.CatchUpCompleted");
        let end = &end.unwrap_or_else(|| panic!("{}: {of_row:#?}", row.name))["data"];
        let is_complete = unseen(row).is_empty();
        assert_eq!(
            (&end["complete"], &end["created"]),
            (&json!(is_complete), &json!(1)),
            "{}: {end:#}",
            row.name
        );
        assert_eq!(end["unseen"], json!(unseen(row)), "{}: {end:#}", row.name);
    }
}

/// Returns the changes that the row's list does not show.
fn unseen(row: &Row) -> &'static [&'static str] {
    match row.name {
        "message-all" | "message-folder" | "contact-all" | "contact-folder" => &["moved"],
        "event-all" => &["occurrences"],
        _ if ["CallRecording", "CallTranscript"].contains(&row.entity) => &["late"],
        _ => &[],
    }
}

/// A row of the catalogue, and an item of it.
struct Row {
    name: &'static str,
    resource: &'static str,
    /// Where the simulator keeps the items.
    collection: &'static str,
    /// What an item has besides its times.
    members: &'static str,
    /// The item's path in its event.
    subject: &'static str,
    entity: &'static str,
}

const fn row(
    name: &'static str,
    resource: &'static str,
    collection: &'static str,
    members: &'static str,
    subject: &'static str,
    entity: &'static str,
) -> Row {
    Row {
        name,
        resource,
        collection,
        members,
        subject,
        entity,
    }
}

/// What a recording or transcript says of its meeting.
const MEETING_MEMBERS: &str = r#"{"meetingId": "m", "meetingOrganizer": {"user": {"id": "u"}}}"#;

#[rustfmt::skip]
const ROWS: [Row; 21] = [
    row("message-all", "/users/u/messages", "/users/u/messages", "{}", "users('u')/messages('1')", "Message"),
    row("message-folder", "/users/u/mailFolders/f/messages", "/users/u/mailFolders/f/messages", "{}", "users('u')/messages('1')", "Message"),
    row("event-all", "/users/u/events", "/users/u/events", "{}", "users('u')/events('1')", "Event"),
    row("contact-all", "/users/u/contacts", "/users/u/contacts", "{}", "users('u')/contacts('1')", "Contact"),
    row("contact-folder", "/users/u/contactFolders/f/contacts", "/users/u/contactFolders/f/contacts", "{}", "users('u')/contacts('1')", "Contact"),
    row("channel", "/teams/o/channels/c/messages", "/teams/o/channels/c/messages", "{}", "teams('o')/channels('c')/messages('1')", "ChatMessage"),
    row("all-channels", "/teams/getAllMessages", "/teams/t/channels/c/messages", "{}", "teams('t')/channels('c')/messages('1')", "ChatMessage"),
    row("chat", "/chats/c1/messages", "/chats/c1/messages", "{}", "chats('c1')/messages('1')", "ChatMessage"),
    row("chats-of-user", "/users/u/chats/getAllMessages", "/chats/c2/messages", r#"{"ofUser": "u"}"#, "chats('c2')/messages('1')", "ChatMessage"),
    row("calls", "/communications/callRecords", "/communications/callRecords", r#"{"version": 1}"#, "communications/callRecords/1", "CallRecord"),
    row("recordings-of-user", "/users/u/onlineMeetings/getAllRecordings", "/users/u/onlineMeetings/getAllRecordings", MEETING_MEMBERS, "users('u')/onlineMeetings('m')/recordings('1')", "CallRecording"),
    row("recordings", "/communications/onlineMeetings/getAllRecordings", "/users/u/onlineMeetings/getAllRecordings", MEETING_MEMBERS, "users('u')/onlineMeetings('m')/recordings('1')", "CallRecording"),
    row("transcripts-of-user", "/users/u/onlineMeetings/getAllTranscripts", "/users/u/onlineMeetings/getAllTranscripts", MEETING_MEMBERS, "users('u')/onlineMeetings('m')/transcripts('1')", "CallTranscript"),
    row("transcripts", "/communications/onlineMeetings/getAllTranscripts", "/users/u/onlineMeetings/getAllTranscripts", MEETING_MEMBERS, "users('u')/onlineMeetings('m')/transcripts('1')", "CallTranscript"),
    row("interactions", "/copilot/users/u/interactionHistory/getAllEnterpriseInteractions", "/copilot/users/u/interactionHistory/getAllEnterpriseInteractions", "{}", "copilot/interactionHistory/interactions('1')", "AiInteraction"),
    row("tasks", "/users/u/todo/lists/l/tasks", "/users/u/todo/lists/l/tasks", "{}", "users('u')/todo/lists('l')/tasks('1')", "TodoTask"),
    row("shifts", "/teams/t/schedule/shifts", "/teams/t/schedule/shifts", "{}", "teams('t')/schedule/shifts('1')", "Shift"),
    row("open-shifts", "/teams/t/schedule/openShiftChangeRequests", "/teams/t/schedule/openShiftChangeRequests", "{}", "teams('t')/schedule/openShiftChangeRequests('1')", "OpenShiftChangeRequest"),
    row("offers", "/teams/t/schedule/offerShiftRequests", "/teams/t/schedule/offerShiftRequests", "{}", "teams('t')/schedule/offerShiftRequests('1')", "OfferShiftRequest"),
    row("swaps", "/teams/t/schedule/swapShiftsChangeRequests", "/teams/t/schedule/swapShiftsChangeRequests", "{}", "teams('t')/schedule/swapShiftsChangeRequests('1')", "SwapShiftsChangeRequest"),
    row("time-off", "/teams/t/schedule/timeOffRequests", "/teams/t/schedule/timeOffRequests", "{}", "teams('t')/schedule/timeOffRequests('1')", "TimeOffRequest"),
];
