//! Each row: what is asked for, and what is said when it cannot be.

use super::*;
#[test]
fn every_row_is_readable_or_has_a_reason() {
    for row in catalogue::rows() {
        match way(row) {
            Ok(way) => assert!(way.rows.contains(&row.key) && !way.item.is_empty(), "{}", row.key),
            Err(why) => assert!(!why.is_empty(), "{}", row.key),
        }
    }
    for key in super::super::way::WAYS.iter().flat_map(|way| way.rows) {
        assert!(catalogue::rows().any(|row| row.key == *key), "{key}");
    }
}

#[test]
fn each_list_is_asked_for_in_the_form_that_graph_documents() {
    for (resource, path, query) in [
        (
            "/users/u1/messages",
            "/users/u1/messages",
            "$filter=lastModifiedDateTime ge 2026-11-22T10:00:00Z&$orderby=lastModifiedDateTime&$top=1000&$select=id,createdDateTime,lastModifiedDateTime",
        ),
        (
            "/users/u1/mailFolders/inbox/messages?$filter=isRead eq false",
            "/users/u1/mailFolders/inbox/messages",
            "$filter=lastModifiedDateTime ge 2026-11-22T10:00:00Z and (isRead eq false)&$orderby=lastModifiedDateTime&$top=1000&$select=id,createdDateTime,lastModifiedDateTime",
        ),
        (
            "/teams/t1/channels/19:a@thread.tacv2/messages",
            "/teams/t1/channels/19:a@thread.tacv2/messages/delta",
            "$filter=lastModifiedDateTime gt 2026-11-22T09:59:59Z&$expand=replies&$top=50",
        ),
        (
            "/chats/19:a/messages",
            "/chats/19:a/messages",
            "$filter=lastModifiedDateTime gt 2026-11-22T09:59:59Z and lastModifiedDateTime lt 2026-11-22T12:01:00Z&$orderby=lastModifiedDateTime desc&$top=50",
        ),
        (
            "/users/u1/chats/getAllMessages",
            "/users/u1/chats/getAllMessages",
            "$filter=lastModifiedDateTime gt 2026-11-22T09:59:59Z and lastModifiedDateTime lt 2026-11-22T12:01:00Z&$top=50",
        ),
        (
            "/communications/callRecords",
            "/communications/callRecords",
            "$filter=startDateTime ge 2026-11-21T01:00:00Z and startDateTime lt 2026-11-22T12:01:00Z",
        ),
        (
            "/drives/d1/root",
            "/drives/d1/root/delta",
            "token=2026-11-22T10:00:00Z",
        ),
        (
            "/users/u1/onlineMeetings/getAllRecordings",
            "/users/u1/onlineMeetings/getAllRecordings(meetingOrganizerUserId='u1',startDateTime=2026-11-21T01:00:00Z,endDateTime=2026-11-22T12:01:00Z)",
            "",
        ),
        ("/teams/t1/schedule/shifts", "/teams/t1/schedule/shifts", ""),
    ] {
        let request = reading(resource, "created,updated").request().unwrap();
        let query_found = percent_encoding::percent_decode_str(&request.query)
            .decode_utf8()
            .unwrap();
        assert_eq!(
            (request.path.as_str(), &*query_found),
            (path, query),
            "{resource}"
        );
    }
}

#[test]
fn changes_that_a_list_cannot_show_are_reported() {
    for (resource, change_type, unseen) in [
        ("/users/u1/messages", "created,updated", vec![]),
        ("/users/u2/messages", "created,updated", vec!["moved"]),
        ("/users/u1/messages", "created,deleted", vec!["deleted"]),
        (
            "/users/u1/mailFolders/f/messages",
            "created,updated,deleted",
            vec!["deleted", "moved"],
        ),
        ("/chats/c1/messages", "created,updated,deleted", vec![]),
        ("/drives/d1/root", "updated", vec!["deleted"]),
        (
            "/users/u1/messages?$filter=isRead eq false",
            "created,updated",
            vec!["moved", "filtered"],
        ),
        (
            "/users/u1/mailFolders/f/messages?$filter=isRead eq false",
            "created",
            vec!["moved", "filtered"],
        ),
        ("/users/u1/events", "created,updated", vec!["occurrences"]),
        ("/users/u1/contacts", "created,updated", vec!["moved"]),
        (
            "/users/u1/contactFolders/f/contacts",
            "created,updated",
            vec!["moved"],
        ),
        (
            "/users/u1/onlineMeetings/getAllRecordings",
            "created",
            vec!["late"],
        ),
    ] {
        let mut reading = reading(resource, change_type);
        reading.take(&Page::parse(br#"{"value":[]}"#).unwrap());
        let completed = reading.completed();
        assert_eq!(completed.unseen, unseen, "{resource}");
        assert_eq!(completed.is_complete(), unseen.is_empty(), "{resource}");
    }
}

#[test]
fn an_unreadable_resource_is_never_complete() {
    for resource in [
        "/users",
        "/drives/d1/items",
        "/chats/getAllMessages",
        "/me/messages?$search=a",
        "/users/u1/messages?$search=\"a\"",
        "/users/u1/messages?$filter=isRead eq false) or (isRead eq true",
        "/users/u1/messages?$filter=subject eq 'a') or (b eq 'c",
        "/users/u1/messages?$filter=(isRead eq false",
    ] {
        let config = config("/users/u1/messages", "updated");
        let (entry, tenant) = (&config.subscriptions["one"], &config.tenants["contoso"]);
        let Plan::Nothing(completed) = Plan::of(window(resource, at(0), at(1)), entry, tenant, true, at(2))
        else {
            panic!("{resource} cannot be read");
        };
        let event = completed.documents(at(2)).remove(0);
        assert_eq!(event["data"]["complete"], false);
        assert!(event["data"]["reason"].is_string(), "{event}");
    }
}

#[test]
fn a_window_before_the_horizon_is_clipped_and_reported() {
    let resource = "/communications/callRecords";
    let config = config(resource, "created,updated");
    let (entry, tenant) = (&config.subscriptions["one"], &config.tenants["contoso"]);
    let now = at(60 * 24 * 3_600);
    let Plan::Read(reading) = Plan::of(window(resource, at(0), at(1)), entry, tenant, true, now) else {
        panic!("it can be read");
    };
    assert!(
        reading
            .request()
            .unwrap()
            .query
            .contains("2026-12-22T10%3A00%3A00Z")
    );
    assert_eq!(reading.completed().shortfall, Some(Shortfall::TooOld));
}

#[test]
fn refusals_end_the_reading_and_say_why() {
    for (status, shortfall, permission) in [
        (401, Shortfall::NotSignedIn, None),
        (403, Shortfall::Forbidden, Some("ChatMessage.Read.Chat")),
        (404, Shortfall::NotFound, None),
        (410, Shortfall::TooOld, None),
        (418, Shortfall::Refused, None),
    ] {
        let mut reading = reading("/chats/c1/messages", "created");
        assert_eq!(reading.refused(status), Turned::Over);
        assert_eq!(reading.request(), None);
        let completed = reading.completed();
        assert_eq!(
            (completed.shortfall, completed.permission),
            (Some(shortfall), permission)
        );
        assert!(!completed.is_complete());
    }
}

#[test]
fn replies_are_examined_one_by_one_over_all_their_pages() {
    let mut reading = reading("/teams/t1/channels/c1/messages", "created,updated,deleted");
    let answer = json!({"value": [{
        "id": "1", "createdDateTime": "2026-11-01T00:00:00Z", "etag": "a",
        "replies": [
            {"id": "2", "replyToId": "1", "createdDateTime": "2026-11-02T00:00:00Z", "etag": "b"},
            {"id": "3", "replyToId": "1", "createdDateTime": at(60), "etag": "c"},
        ],
        "replies@odata.nextLink": "https://graph.microsoft.com/v1.0/teams/t1/channels/c1/messages/1/replies?$skip=2",
    }], "@odata.deltaLink": "d"}).to_string();
    let page = Page::parse(answer.as_bytes()).unwrap();
    let changes = reading.take(&page);
    assert_eq!(changes.len(), 1);
    assert_eq!(
        changes[0].path,
        "teams('t1')/channels('c1')/messages('1')/replies('3')"
    );
    assert!(reading.request().unwrap().link.unwrap().contains("/replies?"));
    for _ in 0..2 {
        // The rest of the replies, and once more what changed since.
        reading.take(&Page::parse(br#"{"value":[]}"#).unwrap());
    }
    assert_eq!(reading.request(), None);
    assert!(reading.completed().is_complete());
}

#[test]
fn an_item_that_cannot_be_understood_keeps_the_reading_from_being_complete() {
    for item in [
        json!(1),
        json!({"id": "1"}),
        json!({"id": "1", "lastModifiedDateTime": "soon"}),
        json!({"lastModifiedDateTime": at(60), "createdDateTime": at(60)}),
    ] {
        let mut reading = reading("/chats/c1/messages", "created,updated");
        let answer = json!({"value": [item]}).to_string();
        assert!(reading.take(&Page::parse(answer.as_bytes()).unwrap()).is_empty());
        assert_eq!(reading.completed().shortfall, Some(Shortfall::OddItem), "{item}");
    }
}

#[test]
fn a_list_that_leads_back_to_itself_ends() {
    let mut reading = reading("/chats/c1/messages", "created");
    let answer = br#"{"value":[],"@odata.nextLink":"https://h/1"}"#;
    for _ in 0..2 {
        reading.take(&Page::parse(answer).unwrap());
    }
    assert_eq!(reading.request(), None);
    assert_eq!(reading.completed().shortfall, Some(Shortfall::OddAnswer));
}

#[test]
fn a_tenant_wide_resource_is_read_in_parts() {
    let resource = "/teams/getAllMessages";
    let config = config(resource, "created");
    let (entry, tenant) = (&config.subscriptions["one"], &config.tenants["contoso"]);
    let Plan::Split(mut parts) = Plan::of(window(resource, at(0), at(1)), entry, tenant, true, at(2)) else {
        panic!("it is split");
    };
    assert_eq!(parts.request().unwrap().path, "/teams");
    parts.take(&Page::parse(br#"{"value":[{"id":"t-2"},{"id":"t-1"}]}"#).unwrap());
    assert_eq!(parts.request(), None);
    let windows = parts.windows();
    assert_eq!(
        windows
            .iter()
            .map(|window| window.part.as_ref().unwrap().id.as_str())
            .collect::<Vec<_>>(),
        ["t-1", "t-2"]
    );
    let Plan::Read(reading) = Plan::of(windows[0].clone(), entry, tenant, true, at(2)) else {
        panic!("a part is read");
    };
    assert_eq!(
        reading.request().unwrap().path,
        "/teams/t-1/channels/getAllMessages"
    );
    let event = reading.completed().documents(at(2)).remove(0);
    assert_eq!(
        (&event["data"]["part"], &event["data"]["parts"]),
        (&json!("t-1"), &json!(2))
    );
}

#[test]
fn a_part_whose_id_is_none_ends_the_list() {
    let resource = "/teams/getAllMessages";
    let config = config(resource, "created");
    let (entry, tenant) = (&config.subscriptions["one"], &config.tenants["contoso"]);
    for id in ["../me", "", "a/b", "t?x"] {
        let Plan::Split(mut parts) = Plan::of(window(resource, at(0), at(1)), entry, tenant, true, at(2))
        else {
            panic!("it is split");
        };
        let answer = json!({"value": [{"id": "t-1"}, {"id": id}]}).to_string();
        parts.take(&Page::parse(answer.as_bytes()).unwrap());
        let completed = parts.completed().expect("it is over");
        assert_eq!(completed.shortfall, Some(Shortfall::OddItem), "{id}");
    }
}

#[test]
fn a_signed_in_users_subscription_is_not_read() {
    let document = json!({
        "tenants": {"contoso": {
            "tenantId": "11111111-2222-3333-4444-555555555555", "clientId": "66666666-7777-8888-9999-000000000000",
            "credential": {"refreshToken": "t"},
        }},
        "subscriptions": {"one": {"resource": MAIL, "changeType": "created"}},
    });
    let config = Config::parse(&document.to_string()).unwrap().0;
    let (entry, tenant) = (&config.subscriptions["one"], &config.tenants["contoso"]);
    let Plan::Nothing(completed) = Plan::of(window(MAIL, at(0), at(1)), entry, tenant, true, at(2)) else {
        panic!("it is not read");
    };
    assert_eq!(completed.shortfall, Some(Shortfall::Delegated));
}

/// Exports of Teams show what was deleted for 21 days.
#[test]
fn deletions_of_more_than_three_weeks_ago_are_unseen() {
    let resource = "/users/u1/chats/getAllMessages";
    let config = config(resource, "created,deleted");
    let (entry, tenant) = (&config.subscriptions["one"], &config.tenants["contoso"]);
    for (days, unseen) in [(20, vec![]), (22, vec!["deleted"])] {
        let now = at(days * 24 * 3_600);
        let Plan::Read(reading) = Plan::of(window(resource, at(0), at(1)), entry, tenant, true, now) else {
            panic!("it can be read");
        };
        assert_eq!(reading.completed().unseen, unseen, "{days}");
    }
}

#[test]
fn a_list_with_too_many_pages_or_links_is_given_up() {
    let mut chat = reading(CHAT, "created");
    for number in 0..=20_000 {
        assert!(chat.request().is_some(), "{number}");
        let answer = format!(r#"{{"value":[],"@odata.nextLink":"https://h/{number}"}}"#);
        chat.take(&Page::parse(answer.as_bytes()).unwrap());
    }
    assert_eq!(chat.completed().shortfall, Some(Shortfall::TooMuch));
    let mut channel = reading(CHANNEL, "created");
    let chain = |number: usize| {
        json!({
            "id": number.to_string(), "createdDateTime": at(60), "replies": [], "replies@odata.nextLink": format!("https://h/{number}"),
        })
    };
    let answer = json!({"value": (0..101).map(chain).collect::<Vec<_>>()}).to_string();
    channel.take(&Page::parse(answer.as_bytes()).unwrap());
    assert_eq!(channel.completed().shortfall, Some(Shortfall::TooMuch));
}

#[test]
fn a_list_that_is_another_each_time_is_not_complete() {
    let mut reading = reading(CHAT, "created");
    let mut rounds = 0;
    while reading.request().is_some() {
        rounds += 1;
        let first = json!({
            "value": [{"id": rounds.to_string(), "createdDateTime": at(60)}], "@odata.nextLink": format!("https://h/{rounds}"),
        });
        for answer in [first, json!({"value": []})] {
            reading.take(&Page::parse(answer.to_string().as_bytes()).unwrap());
        }
    }
    assert_eq!(
        (rounds, reading.completed().shortfall),
        (6, Some(Shortfall::Shifted))
    );
}

#[test]
fn many_parts_become_windows_in_portions_of_one_list() {
    let resource = "/teams/getAllMessages";
    let config = config(resource, "created");
    let (entry, tenant) = (&config.subscriptions["one"], &config.tenants["contoso"]);
    let ids: Vec<_> = (0..1_200)
        .map(|number| json!({"id": format!("t-{number:04}")}))
        .collect();
    let answer = json!({"value": ids}).to_string();
    let (mut split, mut found, mut asked) = (Some(window(resource, at(0), at(1))), Vec::new(), 0);
    while let Some(window) = split.take() {
        let Plan::Split(mut parts) = Plan::of(window, entry, tenant, true, at(2)) else {
            panic!("it is split");
        };
        while parts.request().is_some() {
            asked += 1;
            parts.take(&Page::parse(answer.as_bytes()).unwrap());
        }
        assert_eq!(parts.completed(), None);
        for window in parts.windows() {
            let window = reread(&window).expect("it comes out of the queue");
            match window.part {
                Some(part) => found.push(part),
                None => split = Some(window),
            }
        }
    }
    assert_eq!((asked, found.len()), (1, 1_200));
    assert!(found.iter().all(|part| part.of == 1_200));
}

#[test]
fn an_answer_that_is_too_large_is_asked_for_in_smaller_pages() {
    let mut reading = reading(MAIL, "created");
    for top in [1_000, 125, 15, 1] {
        assert!(
            reading.request().unwrap().query.contains(&format!("$top={top}&")),
            "{top}"
        );
        reading.too_large();
    }
    assert_eq!(reading.request(), None);
    assert_eq!(reading.completed().shortfall, Some(Shortfall::OddAnswer));
}

fn reading(resource: &str, change_type: &str) -> Reading {
    let change_type = match resource {
        "/drives/d1/root" => "updated",
        "/users/u1/onlineMeetings/getAllRecordings" => "created",
        _ => change_type,
    };
    let config = config(resource, change_type);
    let entry = config
        .subscriptions
        .get("one")
        .unwrap_or_else(|| panic!("{resource} is configured"));
    let now = at(0) + minutes(120);
    match Plan::of(
        window(resource, at(0), now),
        entry,
        &config.tenants["contoso"],
        false,
        now,
    ) {
        Plan::Read(reading) => *reading,
        other => panic!("{resource}: {other:?}"),
    }
}
