use serde_json::{Value, json};

use super::*;
use crate::notification::{
    client_state::test_util,
    identity::Receipt,
    item::Unadmitted,
    queued::QueuedItem,
    testing::{CLIENT, TENANT, admitted, key, keys},
};

#[test]
fn a_rich_item_becomes_the_documented_event() {
    let content = raw(r#"{"id":"1", "n":1.10,"big":12345678901234567890123}"#);
    let event = deliver(&rich(), Some(&content));
    assert!(event.contains(content.get()), "{event}");
    let mut event: Value = serde_json::from_str(&event).unwrap();
    let [id, partition_key] = ["id", "partitionkey"].map(|name| event[name].take());
    let version = event["data"]["version"].take();
    event["data"]["content"].take();
    assert_eq!(id.as_str().unwrap().len(), 43);
    assert_eq!(partition_key.as_str().unwrap().len(), 22);
    assert_eq!(version.as_str().unwrap().len(), 22);
    assert_eq!(
        event,
        json!({
            "specversion": "1.0", "id": null, "source": format!("/tenants/{TENANT}/applications/{CLIENT}"),
            "type": "Microsoft.Graph.ChatMessageCreated",
            "subject": "teams('a')/channels('b')/messages('1')", "time": "2026-11-22T10:00:00Z",
            "datacontenttype": "application/json", "subscription": "team-messages", "partitionkey": null,
            "data": {
                "subscriptionId": "s", "changeType": "created", "tenantId": TENANT, "proof": "token", "version": null,
                "resource": "teams('a')/channels('b')/messages('1')",
                "resourceData": {"id": "1", "@odata.type": "#Microsoft.Graph.chatMessage"}, "content": null
            }
        })
    );
}

#[test]
fn a_basic_item_has_no_content_and_the_proof_client_state() {
    let event = event(&basic());
    assert!(event["data"].get("content").is_none());
    assert!(event["data"].get("contentOmitted").is_none());
    assert_eq!(event["data"]["proof"], "clientState");
}

#[test]
fn neither_client_state_nor_key_material_is_delivered() {
    let event = deliver(&rich(), None);
    for secret in ["clientState\":", ".k1.", "c2ln", "ZGF0YQ", "encrypted"] {
        assert!(!event.contains(secret), "{secret} in {event}");
    }
}

/// The form in which SharePoint sends items, as captured.
#[test]
fn every_other_member_of_an_item_reaches_the_event() {
    let others = json!({
        "id": "notification", "organizationId": TENANT, "siteUrl": "/sites/a", "webId": "w", "later": [1.10, null],
        "subscriptionExpirationDateTime": "2026-12-01T00:00:00Z", "@odata.type": "t"
    });
    let mut item = basic();
    item.as_object_mut()
        .unwrap()
        .extend(others.as_object().unwrap().clone());
    let data = &event(&item)["data"];
    for (name, value) in others.as_object().unwrap() {
        assert_eq!(data[name], *value, "{name}");
    }
}

#[test]
fn an_item_cannot_replace_the_events_own_members() {
    let mut item = basic();
    for name in RESERVED_MEMBERS {
        item[name] = json!("forged");
        item[name.to_uppercase()] = json!("forged");
    }
    let event = deliver(&item, None);
    assert!(!event.contains("forged"), "{event}");
}

#[test]
fn an_endless_path_has_no_entity() {
    let event_of = |resource: String| event(&json!({"changeType": "created", "resource": resource}));
    assert_eq!(
        event_of("users('1')/messages".to_owned())["type"],
        "Microsoft.Graph.MessageCreated"
    );
    let endless = event_of(format!("{}messages", "lists/".repeat(40_000)));
    assert_eq!(endless["type"], "Microsoft.Graph.EntityCreated");
    assert!(endless.get("subject").is_none());
}

#[test]
fn text_in_a_type_has_a_limited_length() {
    let item = json!({"changeType": "c".repeat(70_000), "resourceData": {"@odata.type": "a".repeat(70_000)}});
    assert_eq!(event(&item)["type"], "Microsoft.Graph.EntityChanged");
}

#[test]
fn a_subject_has_no_characters_that_cloudevents_forbids() {
    for (resource, subject) in [
        ("r\u{0}\r\n\u{7f}\u{85}", "r%00%0D%0A%7F%C2%85"),
        ("\u{FFFE}\u{FDD0}\u{1FFFF}", "%EF%BF%BE%EF%B7%90%F0%9F%BF%BF"),
        ("teams('ü%20')", "teams('ü%20')"),
    ] {
        let event = event(&json!({"resource": resource}));
        assert_eq!(event["subject"], subject);
        assert_eq!(event["data"]["resource"], resource);
    }
}

#[test]
fn content_that_does_not_fit_is_left_out_and_marked() {
    let content = raw(&format!("\"{}\"", "x".repeat(message::MAX_MESSAGE_BODY_BYTES)));
    let event: Value = serde_json::from_str(&deliver(&rich(), Some(&content))).unwrap();
    assert!(event["data"].get("content").is_none());
    assert_eq!(event["data"]["contentOmitted"], true);
    assert_eq!(event["data"]["proof"], "token");
}

/// An event is a little larger than the message of its item, as it has the path twice.
#[test]
fn an_item_of_any_size_becomes_an_event() {
    let limit = message::MAX_MESSAGE_BODY_BYTES;
    for bytes in [limit - 8_000, limit - 4_000, limit - 500, limit, 2 * limit] {
        for member in ["resourceData", "later"] {
            let mut item = basic();
            item["resource"] = json!(format!("users('{}')", "a".repeat(2_000)));
            item[member] = json!({"id": "1", "filler": "x".repeat(bytes)});
            let event = deliver(&item, None);
            assert!(event.len() <= limit, "{bytes} {member}");
            let event: Value = serde_json::from_str(&event).unwrap();
            let data = &event["data"];
            assert_eq!(
                data["contentOmitted"].is_null(),
                !data[member].is_null(),
                "{bytes} {member}"
            );
            assert_eq!(data["resource"], item["resource"]);
        }
    }
}

#[test]
fn the_time_of_the_change_is_graphs_if_plausible() {
    for (told, expected) in [
        ("2026-11-21T09:00:00.5Z", "2026-11-21T09:00:00.5Z"),
        ("2026-11-22T10:00:30Z", "2026-11-22T10:00:30Z"),
        ("2026-10-23T10:00:00Z", "2026-10-23T10:00:00Z"),
        ("2026-10-23T09:59:59Z", "2026-11-22T10:00:00Z"),
        ("2026-11-22T10:05:00Z", "2026-11-22T10:05:00Z"),
        ("2026-11-22T10:05:01Z", "2026-11-22T10:00:00Z"),
        ("2026-12-21T10:00:00Z", "2026-11-22T10:00:00Z"),
        ("1601-01-01T00:00:00Z", "2026-11-22T10:00:00Z"),
        ("9999-12-31T23:59:59Z", "2026-11-22T10:00:00Z"),
        ("soon", "2026-11-22T10:00:00Z"),
        ("", "2026-11-22T10:00:00Z"),
    ] {
        let event = event(&json!({"resourceData": {"eventTime": told}}));
        assert_eq!(event["time"], expected, "{told}");
    }
}

/// An item of which parts were left out on its way, and whose content was fetched then.
#[test]
fn fetched_content_is_not_omitted() {
    let omitted = |content: Content<'_>| {
        let event = of_subscription(false, |verified, notification| {
            let mut event = Event::new(verified, notification, None);
            event.data.content_omitted = true;
            event.set(Fetched {
                content,
                read_at: Timestamp::UNIX_EPOCH,
            });
            fit(event)
        });
        [&event["data"]["contentOmitted"], &event["data"]["contentMissing"]].map(Clone::clone)
    };
    let resource = raw("{}");
    assert_eq!(omitted(Content::Read(&resource)), [json!(null), json!(null)]);
    assert_eq!(omitted(Content::TooLarge), [json!(true), json!(null)]);
    assert_eq!(omitted(Content::Missing), [json!(null), json!(true)]);
}

/// Whoever has the client state alone can send such an item, for which no token is asked.
#[test]
fn an_item_without_the_data_that_was_asked_for_says_so() {
    for (is_rich, content, expected) in [
        (true, None, json!(true)),
        (true, Some(raw("{}")), json!(null)),
        (false, None, json!(null)),
    ] {
        let event = of_subscription(is_rich, |item, notification| {
            document(item, notification, content.as_deref())
        });
        assert_eq!(event["data"]["contentAbsent"], expected, "{event}");
    }
    let resource = raw("{}");
    for (content, expected) in [
        (Content::Read(&resource), json!(null)),
        (Content::Missing, json!(true)),
        (Content::TooLarge, json!(true)),
    ] {
        let read_at = Timestamp::UNIX_EPOCH;
        let event = of_subscription(true, |item, notification| {
            fetched(item, notification, Some(Fetched { content, read_at }))
        });
        assert_eq!(event["data"]["contentAbsent"], expected, "{event}");
    }
}

/// Returns the event that `make` makes of an item without content, of a subscription with resource data or of one without.
fn of_subscription(
    is_rich: bool,
    make: impl FnOnce(&VerifiedItem<'_>, &Notification<'_>) -> Result<String, Malformed>,
) -> Value {
    let client_state = test_util::client_state(&key(), (TENANT, CLIENT), "chat", is_rich).unwrap();
    let item = raw(&json!({"clientState": client_state}).to_string());
    let admitted = Unadmitted::parse(&item).unwrap().admit(&keys()).unwrap();
    let receipt = Receipt {
        at: Timestamp::UNIX_EPOCH,
        index: 0,
    };
    let verified = QueuedItem::new(&admitted, receipt, Vec::new()).as_admitted(&admitted);
    let notification = verified.read(receipt.at).unwrap();
    serde_json::from_str(&make(&verified, &notification).unwrap()).unwrap()
}

fn rich() -> Value {
    json!({
        "subscriptionId": "s", "changeType": "Created", "tenantId": TENANT,
        "resource": "teams('a')/channels('b')/messages('1')",
        "resourceData": {"id": "1", "@odata.type": "#Microsoft.Graph.chatMessage"},
        "encryptedContent": {"data": "ZGF0YQ", "dataSignature": "c2ln"}
    })
}

fn basic() -> Value {
    json!({
        "subscriptionId": "s", "changeType": "updated", "tenantId": TENANT, "resource": "users('1')",
        "resourceData": {"id": "1", "@odata.type": "#microsoft.graph.user"}
    })
}

fn event(item: &Value) -> Value {
    serde_json::from_str(&deliver(item, None)).unwrap()
}

fn deliver(item: &Value, content: Option<&RawValue>) -> String {
    let receipt = Receipt {
        at: "2026-11-22T10:00:00Z".parse().unwrap(),
        index: 0,
    };
    admitted(&raw(&item.to_string()), "team-messages", |admitted| {
        let item = QueuedItem::new(admitted, receipt, Vec::new()).as_admitted(admitted);
        document(&item, &item.read(receipt.at).unwrap(), content).unwrap()
    })
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}
