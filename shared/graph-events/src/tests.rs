use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

mod samples;

#[test]
fn every_sample_is_the_same_after_a_round_trip() {
    for (entity, sample) in samples::all() {
        let read = Resource::read(entity, &sample.to_string()).unwrap();
        assert!(!matches!(read, Resource::Other(_)), "{entity}");
        assert_eq!(serde_json::to_value(read).unwrap(), sample, "{entity}");
    }
}

#[test]
fn every_member_of_the_samples_is_known_and_of_the_documented_form() {
    for (entity, sample) in samples::all() {
        let read = Resource::read(entity, &sample.to_string()).unwrap();
        let debug = format!("{read:?}");
        assert!(!debug.contains("Unexpected("), "{entity}: {debug}");
        assert!(!debug.contains("Unknown("), "{entity}: {debug}");
        let known = debug.matches("other: {}").count();
        assert_eq!(debug.matches("other: {").count(), known, "{entity}: {debug}");
    }
}

#[test]
fn null_stays_null_and_absence_stays_absence() {
    let channel: Channel = read(&json!({"moderationSettings": null, "email": ""}));
    assert!(channel.moderation_settings.is_null());
    assert!(channel.description.is_absent());
    assert_eq!(channel.email.as_deref(), Some(""));
    assert_eq!(
        serde_json::to_value(&channel).unwrap(),
        json!({"moderationSettings": null, "email": ""})
    );
}

#[test]
fn texts_that_are_not_in_the_list_keep_their_spelling() {
    let presence: Presence = read(&json!({"availability": "busy", "activity": "Gardening"}));
    assert_eq!(
        presence.availability.value(),
        Some(&Availability::Unknown("busy".to_owned()))
    );
    assert_eq!(presence.activity.value().unwrap().as_str(), "Gardening");
    let presence: Presence = read(&json!({"availability": "DoNotDisturb"}));
    assert_eq!(presence.availability.value(), Some(&Availability::DoNotDisturb));
}

#[test]
fn unknown_members_and_values_are_kept() {
    let message = json!({
        "later": {"a": [1, 2.5, null]}, "subject@odata.type": "#String", "mentions": {"not": "a list"},
        "createdDateTime": 5, "from": {"bot": {"id": "1"}, "user": {"id": "2", "mood": "good"}}
    });
    let read: ChatMessage = read(&message);
    assert_eq!(read.other["later"], message["later"]);
    assert_eq!(read.mentions.value(), None);
    let user = read.from.value().unwrap().user.value().unwrap();
    assert_eq!(user.id.as_deref(), Some("2"));
    assert_eq!(serde_json::to_value(&read).unwrap(), message);
}

#[test]
fn answers_are_messages() {
    let message: ChatMessage = read(&json!({
        "replies": [{"id": "1", "replies": [{"id": "2", "subject": null}]}, "not a message"]
    }));
    let answers: Vec<_> = message.answers().collect();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].id.as_deref(), Some("1"));
    assert_eq!(answers[0].answers().next().unwrap().id.as_deref(), Some("2"));
    assert_eq!(ChatMessage::default().answers().count(), 0);
}

#[test]
fn answers_within_answers_as_deep_as_json_may_be_are_read() {
    let depth = 63;
    let text = format!(
        r#"{}{{"id":"1"}}{}"#,
        r#"{"replies":["#.repeat(depth),
        "]}".repeat(depth)
    );
    let message: ChatMessage = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&message).unwrap(), text);
}

#[test]
fn the_time_of_an_event_is_known_in_utc_only() {
    let time = |json: Value| read::<DateTimeTimeZone>(&json).timestamp();
    let expected: Timestamp = "2026-12-01T08:30:00Z".parse().unwrap();
    assert_eq!(
        time(json!({"dateTime": "2026-12-01T08:30:00.0000000", "timeZone": "UTC"})),
        Some(expected)
    );
    assert_eq!(
        time(json!({"dateTime": "2026-12-01T08:30:00", "timeZone": "Pacific Standard Time"})),
        None
    );
    assert_eq!(time(json!({"dateTime": "then", "timeZone": "UTC"})), None);
    assert_eq!(time(json!({"dateTime": "2026-12-01T08:30:00"})), None);
}

#[test]
fn numbers_beyond_64_bits_are_rounded_in_models_only() {
    let event = r#"{
        "specversion": "1.0", "id": "x", "source": "s", "type": "t", "time": "2026-11-22T10:00:00Z", "subscription": "s",
        "data": {"tenantId": "t", "content": {"id":"1","big":18446744073709551616,"price":1.10}}
    }"#;
    let event = DeliveredEvent::parse(event).unwrap();
    let content = event.data.content.as_deref().unwrap().get();
    assert_eq!(content, r#"{"id":"1","big":18446744073709551616,"price":1.10}"#);
    let message: ChatMessage = event.content_as().unwrap().unwrap();
    assert_eq!(message.other["big"].as_f64(), Some(18_446_744_073_709_551_616.0));
    let user: User = read(&json!({"sequenceNumber": u64::MAX}));
    assert_eq!(user.sequence_number.value().unwrap().as_u64(), Some(u64::MAX));
}

proptest! {
    #[test]
    fn any_object_is_the_same_after_a_round_trip_through_any_model(object in object()) {
        let text = object.to_string();
        // Parsed from the text that is tested: serde_json may change the last digit of a decimal when it parses.
        let object: Value = serde_json::from_str(&text).unwrap();
        for (entity, _) in samples::all() {
            let read = Resource::read(entity, &text).unwrap();
            prop_assert_eq!(&serde_json::to_value(read).unwrap(), &object, "{}", entity);
        }
    }
}

fn read<T: DeserializeOwned>(json: &Value) -> T {
    serde_json::from_str(&json.to_string()).unwrap()
}

/// Returns a strategy for objects with members that models know, of every JSON type.
fn object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "[a-zA-Z]{0,6}|text|html|2026-01-01T00:00:00Z".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            members(inner),
        ]
    });
    members(value)
}

fn members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "id",
        "@odata.type",
        "from",
        "user",
        "body",
        "content",
        "contentType",
        "replies",
        "mentions",
        "mentioned",
        "createdDateTime",
        "memberSettings",
        "allowGiphy",
        "funSettings",
        "size",
        "start",
        "timeZone",
        "attendees",
        "emailAddress",
        "members@delta",
        "severity",
        "modalities",
        "sequenceNumber",
        "availability",
        "isRead",
        "importance",
        "other",
        "unknown",
    ]);
    prop::collection::btree_map(names, value, 0..6).prop_map(|members| {
        let members: BTreeMap<_, _> = members;
        members.into_iter().collect()
    })
}
