//! What the pipeline makes of an item, the models read without loss.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json, value::RawValue};

use graph_core::{
    application::{Application, Guid},
    cloud::Cloud,
    models::{Change, ChatMessage, DeliveredEvent, ReadError, Resource},
    notification::{
        client_state::{ClientStateKeys, Subject, mint},
        event,
        queued::{QueuedItem, VerifiedItem},
        seal::{Sealed, seal},
    },
    secrets::{ClientStateDocument, ClientStateKeyEntry, KeyLife, TrustedTenants},
};

/// Programs that count in UTF-16 write half a character where they cut a text.
#[test]
fn a_lone_surrogate_is_a_replacement_character_and_nothing_more() {
    let content = r#"{"id":"1","subject":"cut \ud83d","body":{"content":"x"}}"#;
    let body = produced(&rich(), Some(content), false);
    let body = body.replacen(r#""content":"#, r#""later":"\ud83d","content":"#, 1);
    let event = DeliveredEvent::parse(&body).unwrap();
    let message: ChatMessage = event.content_as().unwrap().unwrap();
    assert_eq!(message.subject.as_deref(), Some("cut \u{FFFD}"));
    let Resource::ChatMessage(message) = event.resource().unwrap() else {
        unreachable!("{event:?}");
    };
    assert_eq!(message.subject.as_deref(), Some("cut \u{FFFD}"));
    assert_eq!(event.data.other.get("later"), Some(&json!("\u{FFFD}")));
    let readable = DeliveredEvent::parse(&produced(&rich(), Some(content), false)).unwrap();
    assert_eq!(readable.data.content.unwrap().get(), content, "byte for byte");
}

#[test]
fn an_event_of_the_pipeline_is_read_and_written_without_loss() {
    for (item, content) in [
        (
            rich(),
            Some(r#"{"id":"1", "n":1.10,"big":12345678901234567890123}"#),
        ),
        (rich(), None),
        (
            json!({"changeType": "updated", "resource": "me/drive/root", "resourceData": null}),
            None,
        ),
        (
            json!({"resourceData": {"id": 5, "sequenceNumber": 638_991_231_234_567_890_u64}}),
            None,
        ),
        (json!({}), None),
    ] {
        let body = produced(&item, content, false);
        let event = DeliveredEvent::parse(&body).unwrap();
        let written = serde_json::to_string(&event).unwrap();
        assert_eq!(parsed(&written), parsed(&body));
        assert_eq!(event.data.content.as_deref().map(RawValue::get), content);
        assert!(
            content.is_none_or(|content| written.contains(content)),
            "{written}"
        );
        assert!(event.other.is_empty() && event.data.other.is_empty(), "{body}");
    }
}

#[test]
fn an_events_attributes_are_where_they_are_documented() {
    let event = DeliveredEvent::parse(&produced(&rich(), Some("{}"), false)).unwrap();
    assert_eq!(event.specversion, "1.0");
    assert_eq!(event.id, "id");
    assert_eq!(event.source, application().source());
    assert_eq!(event.event_type, "Microsoft.Graph.ChatMessageCreated");
    assert_eq!(
        event.subject.as_deref(),
        Some("teams('a')/channels('b')/messages('1')")
    );
    assert_eq!(event.time.as_str(), "2026-11-22T10:00:00Z");
    assert_eq!(event.datacontenttype.as_deref(), Some("application/json"));
    assert_eq!(event.subscription, "team-messages");
    assert_eq!(event.data.subscription_id.as_deref(), Some("s"));
    assert_eq!(event.data.tenant_id, TENANT);
    assert_eq!(event.change(), Some(Change::Created));
    assert_eq!(event.entity(), "chatMessage");
    assert_eq!(event.path().unwrap().id("channels"), Some("b"));
    assert_eq!(event.resource_data().unwrap().id.as_deref(), Some("1"));
    assert!(!event.data.content_omitted);
}

#[test]
fn content_that_was_left_out_is_marked() {
    let body = produced(&rich(), None, true);
    let event = DeliveredEvent::parse(&body).unwrap();
    assert!(event.data.content_omitted);
    assert_eq!(parsed(&serde_json::to_string(&event).unwrap()), parsed(&body));
    assert!(event.content_as::<ChatMessage>().unwrap().is_none());
}

#[test]
fn the_resource_is_the_content_or_else_the_resource_data() {
    let Resource::ChatMessage(message) = with_content(r#"{"id":"from content"}"#).resource().unwrap() else {
        panic!("not a chat message");
    };
    assert_eq!(message.id.as_deref(), Some("from content"));
    let basic = DeliveredEvent::parse(&produced(&rich(), None, false)).unwrap();
    let Resource::ChatMessage(message) = basic.resource().unwrap() else {
        panic!("not a chat message");
    };
    assert_eq!(message.id.as_deref(), Some("1"));
}

#[test]
fn an_event_without_resource_data_has_the_type_of_its_path() {
    for data in [json!({}), json!({"resourceData": null})] {
        let mut body = parsed(&produced(&json!({"resource": "me/drive/root"}), None, false));
        body["data"]
            .as_object_mut()
            .unwrap()
            .extend(data.as_object().unwrap().clone());
        let event = DeliveredEvent::parse(&body.to_string()).unwrap();
        assert_eq!(event.resource().unwrap(), Resource::DriveItem(Box::default()));
        assert_eq!(serde_json::to_value(&event).unwrap(), body);
    }
}

#[test]
fn a_resource_without_a_model_is_a_map() {
    let item = json!({"resource": "chats('1')", "resourceData": {"id": "1", "@odata.type": "#microsoft.graph.chat"}});
    let event = DeliveredEvent::parse(&produced(&item, Some(r#"{"topic":"x"}"#), false)).unwrap();
    assert_eq!(event.entity(), "chat");
    let Resource::Other(members) = event.resource().unwrap() else {
        panic!("a model");
    };
    assert_eq!(members["topic"], "x");
}

#[test]
fn later_members_of_an_event_are_kept() {
    let mut body = parsed(&produced(&rich(), None, false));
    body["traceparent"] = json!("00-1");
    body["data"]["lostFrom"] = json!({"a": [1]});
    let event = DeliveredEvent::parse(&body.to_string()).unwrap();
    assert_eq!(event.other["traceparent"], "00-1");
    assert_eq!(serde_json::to_value(&event).unwrap(), body);
}

#[test]
fn a_malformed_event_or_a_wrong_type_is_an_error() {
    for body in ["", "[]", "{}", r#"{"id":"1"}"#] {
        assert!(
            matches!(DeliveredEvent::parse(body), Err(ReadError::Event(_))),
            "{body}"
        );
    }
    for content in ["null", "5", "[]", r#"{"id":"1","id":"2"}"#, r#"{"x":1e400}"#] {
        let event = with_content(content);
        assert!(
            matches!(event.content_as::<ChatMessage>(), Err(ReadError::Content(_))),
            "{content}"
        );
        assert!(
            matches!(event.resource(), Err(ReadError::Content(_))),
            "{content}"
        );
    }
}

fn with_content(content: &str) -> DeliveredEvent {
    DeliveredEvent::parse(&produced(&rich(), Some(content), false)).unwrap()
}

fn rich() -> Value {
    json!({
        "subscriptionId": "s", "changeType": "created", "tenantId": TENANT,
        "resource": "teams('a')/channels('b')/messages('1')",
        "resourceData": {"id": "1", "@odata.type": "#Microsoft.Graph.chatMessage"}
    })
}

/// Returns the event that the pipeline delivers for `item`.
fn produced(item: &Value, content: Option<&str>, content_omitted: bool) -> String {
    let keys = keys();
    let subject = Subject {
        name: "team-messages",
        application: application(),
        includes_resource_data: true,
    };
    let client_state = keys.keys.first().map(|key| mint(key, &subject).unwrap());
    let mut item = item.clone();
    let members = item.as_object_mut().unwrap();
    members.insert("clientState".to_owned(), json!(client_state));
    let item = RawValue::from_string(item.to_string()).unwrap();
    let content = content.map(|content| RawValue::from_string(content.to_owned()).unwrap());
    let received_at = "2026-11-22T10:00:00Z".parse().unwrap();
    let queued = QueuedItem {
        subscription: "team-messages".into(),
        tenant_id: TENANT.into(),
        client_id: CLIENT.into(),
        id: "id".into(),
        version: Some("1".into()),
        partition_key: "key".into(),
        received_at,
        content_omitted,
        token_left_out: false,
        fetches_content: false,
        validation_tokens: Vec::new(),
        item: &item,
    };
    let (keys, _) = ClientStateKeys::parse(&keys);
    let body = seal(&queued.to_body().unwrap(), &keys, received_at).unwrap();
    let item = VerifiedItem::open(Sealed::open(&body, &keys).unwrap(), &keys).unwrap();
    event::document(&item, &item.read(received_at).unwrap(), content.as_deref()).unwrap()
}

/// Returns the content of ClientStateSecret.
fn keys() -> ClientStateDocument {
    let key = ClientStateKeyEntry {
        id: "k1".to_owned(),
        key: BASE64_STANDARD.encode([7; 32]),
        created_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        life: KeyLife::default(),
    };
    let trusted = TrustedTenants {
        client_id: application().client_id,
        cloud: Cloud::Global,
        from: None,
        tenants: vec![application().tenant_id],
    };
    ClientStateDocument::new(vec![key], vec![trusted])
}

fn application() -> Application {
    Application {
        tenant_id: Guid::parse(TENANT).unwrap(),
        client_id: Guid::parse(CLIENT).unwrap(),
    }
}

const TENANT: &str = "11111111-2222-3333-4444-555555555555";

const CLIENT: &str = "66666666-7777-8888-9999-000000000000";

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}
