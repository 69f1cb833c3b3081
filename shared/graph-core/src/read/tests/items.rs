//! Single items: which changes come out of what they show.

use graph_events::Change as Kind;

use super::*;

const CALLS: &str = "/communications/callRecords";
const RECORDINGS: &str = "/users/u1/onlineMeetings/getAllRecordings";

#[test]
fn an_item_created_and_deleted_in_the_window_is_delivered_as_both() {
    for (resource, deletion) in [
        (CHAT, json!({"deletedDateTime": at(90)})),
        (DRIVE, json!({"deleted": {"state": "deleted"}})),
    ] {
        let mut item =
            json!({"id": "1", "etag": "2", "createdDateTime": at(60), "lastModifiedDateTime": at(90)});
        item.as_object_mut()
            .unwrap()
            .extend(deletion.as_object().unwrap().clone());
        assert_eq!(
            changes(resource, "created,updated,deleted", &item),
            [(Kind::Created, at(60)), (Kind::Deleted, at(90))],
            "{resource}"
        );
    }
}

#[test]
fn an_item_deleted_after_the_window_is_still_delivered_as_created() {
    let item = json!({
        "id": "1", "etag": "2", "createdDateTime": at(60), "lastModifiedDateTime": at(5_000), "deletedDateTime": at(5_000),
    });
    assert_eq!(
        changes(CHAT, "created,updated,deleted", &item),
        [(Kind::Created, at(60))]
    );
}

#[test]
fn the_record_of_a_call_that_began_earlier_may_have_been_created() {
    let record = |version: i64, start: i64, changed: i64| {
        json!({
            "id": "1", "version": version, "startDateTime": at(start), "endDateTime": at(start + 60),
            "lastModifiedDateTime": at(changed),
        })
    };
    for (record, expected) in [
        (record(1, -7_200, 60), vec![(Kind::Created, at(60))]),
        (
            record(2, -7_200, 60),
            vec![(Kind::Created, at(0)), (Kind::Updated, at(60))],
        ),
        (
            record(3, 30, 60),
            vec![(Kind::Created, at(30)), (Kind::Updated, at(60))],
        ),
        (record(2, -7_200, 5_000), vec![(Kind::Created, at(0))]),
        (record(2, -7_200, -60), vec![]),
        (record(2, 4_000, 5_000), vec![]),
    ] {
        assert_eq!(changes(CALLS, "created,updated", &record), expected, "{record}");
    }
}

#[test]
fn a_recording_that_began_before_the_window_counts_by_its_end() {
    let recording = |start: i64, end: i64| {
        json!({
            "id": "1", "meetingId": "m", "meetingOrganizer": {"user": {"id": "u1"}},
            "createdDateTime": at(start), "endDateTime": at(end),
        })
    };
    for (start, end, expected) in [
        (-1_800, 60, vec![(Kind::Created, at(60))]),
        (60, 120, vec![(Kind::Created, at(120))]),
        (60, 5_000, vec![(Kind::Created, at(3_600))]),
        (-1_800, -60, vec![]),
        (4_000, 5_000, vec![]),
    ] {
        let item = recording(start, end);
        assert_eq!(changes(RECORDINGS, "created", &item), expected, "{item}");
    }
}

#[test]
fn a_list_of_tasks_with_several_pages_may_have_shifted() {
    let tasks = "/users/u1/todo/lists/l1/tasks";
    for (answer, shortfall) in [
        (json!({"value": []}), None),
        (
            json!({"value": [], "@odata.nextLink": "https://h/1?$skip=10"}),
            Some(Shortfall::Shifted),
        ),
    ] {
        let mut reading = read(tasks, "created,updated", None);
        reading.take(&Page::parse(answer.to_string().as_bytes()).unwrap());
        assert_eq!(reading.completed().shortfall, shortfall, "{answer}");
    }
}

#[test]
fn a_continued_reading_reads_the_list_once_more_at_its_end() {
    let first = json!({
        "value": [{"id": "1", "createdDateTime": at(60), "etag": "a"}], "@odata.nextLink": "https://h/1",
    });
    let mut reading = read(CHAT, "created,updated", None);
    reading.take(&Page::parse(first.to_string().as_bytes()).unwrap());
    let rest = reread(&reading.rest()).unwrap();
    let mut reading = read(CHAT, "created,updated", Some(rest));
    reading.take(&Page::parse(br#"{"value":[]}"#).unwrap());
    let again = reading.request().expect("what changed meanwhile is asked for");
    assert_eq!(again.link, None);
    reading.take(&Page::parse(br#"{"value":[]}"#).unwrap());
    assert_eq!(reading.request(), None);
    assert!(reading.completed().is_complete());
}

/// A drive is read for each of its notifications, a quarter of an hour back.
#[test]
fn overlapping_windows_of_a_drive_show_a_change_under_one_id() {
    let created = |etag: &str, changed: i64| json!({"id": "1", "eTag": etag, "createdDateTime": at(60), "lastModifiedDateTime": at(changed)});
    let deleted = json!({"id": "1", "deleted": {}});
    for (kind, one, other) in [
        (Kind::Created, created("a", 60), created("b", 90)),
        (Kind::Deleted, deleted.clone(), deleted),
    ] {
        let ids = [(one, 3_600), (other, 3_000)].map(|(item, until)| id_of(kind, &item, until));
        assert_eq!(ids[0], ids[1], "{kind:?}");
    }
    assert_ne!(
        id_of(Kind::Updated, &created("a", 70), 3_600),
        id_of(Kind::Updated, &created("b", 90), 3_600)
    );
}

/// A file that was restored keeps its id.
#[test]
fn two_deletions_of_one_file_have_two_ids() {
    for deleted in [
        json!({"id": "1", "deleted": {}}),
        json!({"id": "1", "eTag": "a", "deleted": {}}),
    ] {
        let [one, other] = [3_600, 9 * 24 * 3_600].map(|until| id_of(Kind::Deleted, &deleted, until));
        assert_ne!(one, other, "{deleted}");
    }
}

/// Returns the id of the event of this kind that an item of the drive shows.
fn id_of(kind: Kind, item: &serde_json::Value, until: i64) -> String {
    let mut reading = read(DRIVE, "updated", Some(window(DRIVE, at(0), at(until))));
    let answer = json!({"value": [item]}).to_string();
    let page = Page::parse(answer.as_bytes()).unwrap();
    let changes = reading.take(&page);
    let change = changes.iter().find(|change| change.kind == kind).unwrap();
    let event: serde_json::Value =
        serde_json::from_str(&event(change, reading.window(), ContentSource::None).unwrap()).unwrap();
    event["id"].to_string()
}

#[test]
fn ids_of_the_configuration_count_in_any_case() {
    let path = |user: &str| {
        let resource = format!("/users/{user}/messages");
        let mut reading = read(&resource, "created", None);
        let item = json!({"id": "1", "createdDateTime": at(60), "lastModifiedDateTime": at(60)});
        let answer = json!({"value": [item]}).to_string();
        let page = Page::parse(answer.as_bytes()).unwrap();
        reading.take(&page)[0].path.clone()
    };
    let user = "4f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90";
    assert_eq!(path(&user.to_uppercase()), path(user));
}

/// Returns the changes in the hour of the window that an item shows.
fn changes(resource: &str, change_type: &str, item: &serde_json::Value) -> Vec<(Kind, Timestamp)> {
    let mut reading = read(resource, change_type, None);
    let answer = json!({"value": [item]}).to_string();
    let page = Page::parse(answer.as_bytes()).unwrap();
    let changes = reading.take(&page);
    changes.iter().map(|change| (change.kind, change.time)).collect()
}

fn read(resource: &str, change_type: &str, rest: Option<Window>) -> Reading {
    let change_type = if resource == DRIVE { "updated" } else { change_type };
    let config = config(resource, change_type);
    let window = rest.unwrap_or_else(|| window(resource, at(0), at(3_600)));
    let (entry, tenant) = window.configured(&config).unwrap();
    let (entry, tenant) = (entry.clone(), tenant.clone());
    match Plan::of(window, &entry, &tenant, true, at(7_200)) {
        Plan::Read(reading) => *reading,
        other => panic!("{resource}: {other:?}"),
    }
}
