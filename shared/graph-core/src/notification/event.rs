//! What is delivered: one CloudEvents 1.0 document per item.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use sha2::{Digest, Sha256};

use crate::notification::{
    fields::{Malformed, optional_text, pick},
    item::Notification,
    message,
    queued::QueuedItem,
};
use graph_events::entity;

/// Returns the event for an item as a JSON document that fits into a queue message.
///
/// `content` is the decrypted resource of an item that carried one; it goes in byte for byte. Where the document would
/// not fit into a message it is left out, and `data.contentOmitted` says so: the consumer can fetch the resource.
///
/// # Errors
///
/// Returns an error when the item does not fit into a message even without its content.
pub fn document(
    queued: &QueuedItem<'_>,
    notification: &Notification<'_>,
    content: Option<&RawValue>,
) -> Result<String, Malformed> {
    let event = Event::new(queued, notification, content).to_json()?;
    if event.len() <= message::MAX_MESSAGE_BODY_BYTES {
        return Ok(event);
    }
    let mut event = Event::new(queued, notification, None);
    event.data.content_omitted = true;
    let event = event.to_json()?;
    if event.len() <= message::MAX_MESSAGE_BODY_BYTES {
        Ok(event)
    } else {
        Err(Malformed::TooLarge)
    }
}

/// Returns when the change happened where Graph says so, else when the webhook received the item.
#[must_use]
pub fn time(queued: &QueuedItem<'_>, notification: &Notification<'_>) -> Timestamp {
    let changed_at = notification.resource_data_text("eventTime");
    changed_at
        .and_then(|time| time.parse().ok())
        .unwrap_or(queued.received_at)
}

/// A CloudEvents 1.0 event in the JSON format; `subscription` is an extension attribute.
#[derive(Serialize)]
struct Event<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    event_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    time: Timestamp,
    datacontenttype: &'static str,
    subscription: &'a str,
    data: Data<'a>,
}

impl<'a> Event<'a> {
    fn new(queued: &'a QueuedItem<'_>, item: &'a Notification<'_>, content: Option<&'a RawValue>) -> Self {
        let resource = item.resource.as_deref().filter(|resource| !resource.is_empty());
        let entity = entity::name(
            item.resource_data_text("@odata.type").as_deref(),
            resource.filter(|resource| resource.len() <= MAX_RESOURCE_BYTES),
        );
        Self {
            specversion: "1.0",
            id: id(queued, item),
            source: format!("/tenants/{}/applications/{}", queued.tenant_id, queued.client_id),
            event_type: entity::event_type(&entity, item.change_type.as_deref()),
            subject: resource,
            time: time(queued, item),
            datacontenttype: "application/json",
            subscription: &queued.subscription,
            data: Data {
                subscription_id: item.subscription_id.as_deref(),
                change_type: item.change_type.as_deref(),
                tenant_id: &queued.tenant_id,
                resource,
                resource_data: item.resource_data,
                content_omitted: queued.content_omitted,
                content,
            },
        }
    }

    fn to_json(&self) -> Result<String, Malformed> {
        serde_json::to_string(self)
            .map(message::storable)
            .map_err(|_| Malformed::Form)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_type: Option<&'a str>,
    tenant_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    content_omitted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a RawValue>,
}

/// Returns the id of the event: the same for every delivery of the same item.
///
/// Graph documents no id that is stable over its retries. Subscription, change and resource name the change, together
/// with the first of these that is there: the entity's etag, the signature or the cipher text of the content (each
/// item is encrypted under a key of its own), the item itself.
fn id(queued: &QueuedItem<'_>, item: &Notification<'_>) -> String {
    let (source, version) = version(item);
    let mut digest = Sha256::new();
    for part in [
        &*queued.tenant_id,
        &*queued.client_id,
        item.subscription_id.as_deref().unwrap_or(&queued.subscription),
        item.change_type.as_deref().unwrap_or_default(),
        item.resource.as_deref().unwrap_or_default(),
        source,
        &*version,
    ] {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    BASE64_URL_SAFE_NO_PAD.encode(digest.finalize())
}

/// Returns what tells this change of the resource from another one, and where it stands.
fn version<'a>(item: &'a Notification<'_>) -> (&'static str, Cow<'a, str>) {
    if let Some(etag) = item.resource_data_text("@odata.etag") {
        return ("etag", etag);
    }
    let content = item.encrypted_content.and_then(|raw| pick(raw, &VERSIONS).ok());
    for (name, value) in VERSIONS.into_iter().zip(content.unwrap_or_default()) {
        if let Ok(Some(text)) = optional_text(value) {
            return (name, text);
        }
    }
    ("item", canonical(item.raw))
}

/// Returns the item in one spelling: keys sorted, white space gone, and without the change type, which counts already,
/// and what belongs to the subscription and may differ between two deliveries of the same change.
///
/// An item that is larger than Graph's are stays as it was sent: as a tree it could take a hundred times its size.
fn canonical(raw: &RawValue) -> Cow<'_, str> {
    if raw.get().len() > MAX_CANONICAL_BYTES {
        return Cow::Borrowed(raw.get());
    }
    match serde_json::from_str(raw.get()) {
        Ok(Value::Object(mut members)) => {
            members.retain(|key, _| !NOT_CANONICAL.iter().any(|name| key.eq_ignore_ascii_case(name)));
            let mut item = Value::Object(members);
            item.sort_all_objects();
            Cow::Owned(item.to_string())
        }
        _ => Cow::Borrowed(raw.get()),
    }
}

/// The members of encrypted content that differ from one item to the next, the first that is there counts.
const VERSIONS: [&str; 2] = ["dataSignature", "data"];

/// The longest resource path in which an entity is looked for; finding one takes time in the square of the length.
pub const MAX_RESOURCE_BYTES: usize = 4_096;

/// The largest item that is read as a tree, to tell it from others whatever its spelling.
pub const MAX_CANONICAL_BYTES: usize = 64 * 1_024;

const NOT_CANONICAL: [&str; 3] = ["changeType", "clientState", "subscriptionExpirationDateTime"];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_rich_item_becomes_the_documented_event() {
        let content = raw(r#"{"id":"1", "n":1.10,"big":12345678901234567890123}"#);
        let event = deliver(&rich(), Some(&content));
        assert!(event.contains(content.get()), "{event}");
        let mut event: Value = serde_json::from_str(&event).unwrap();
        let id = event["id"].take();
        event["data"]["content"].take();
        assert_eq!(id.as_str().unwrap().len(), 43);
        assert_eq!(
            event,
            json!({
                "specversion": "1.0", "id": null, "source": "/tenants/t/applications/c",
                "type": "Microsoft.Graph.ChatMessageCreated",
                "subject": "teams('a')/channels('b')/messages('1')", "time": "2026-11-22T10:00:00Z",
                "datacontenttype": "application/json", "subscription": "team-messages",
                "data": {
                    "subscriptionId": "s", "changeType": "created", "tenantId": "t",
                    "resource": "teams('a')/channels('b')/messages('1')",
                    "resourceData": {"id": "1", "@odata.type": "#Microsoft.Graph.chatMessage"}, "content": null
                }
            })
        );
    }

    #[test]
    fn a_basic_item_has_no_content() {
        let event: Value = serde_json::from_str(&deliver(&basic(), None)).unwrap();
        assert!(event["data"].get("content").is_none());
        assert!(event["data"].get("contentOmitted").is_none());
    }

    #[test]
    fn neither_client_state_nor_key_material_is_delivered() {
        let event = deliver(&rich(), None);
        for secret in ["proof", "c2ln", "ZGF0YQ", "encrypted"] {
            assert!(!event.contains(secret), "{secret} in {event}");
        }
    }

    #[test]
    fn the_same_item_has_the_same_id_whatever_its_spelling_and_expiry() {
        let mut again = basic();
        again["subscriptionExpirationDateTime"] = json!("2027-01-01T00:00:00Z");
        again["clientState"] = json!("another proof");
        again["changeType"] = json!("Updated");
        assert_eq!(id_of(&basic()), id_of(&again));
    }

    #[test]
    fn an_item_larger_than_graphs_is_told_apart_as_it_was_sent() {
        let id_of = |filler: usize, space: &str| {
            let item = raw(&format!(
                r#"{{{space}"resourceData":{{"filler":"{}"}}}}"#,
                "x".repeat(filler)
            ));
            let event: Value = serde_json::from_str(
                &document(&queued(&item), &Notification::parse(&item).unwrap(), None).unwrap(),
            )
            .unwrap();
            event["id"].clone()
        };
        assert_eq!(id_of(1, ""), id_of(1, " "));
        assert_ne!(id_of(MAX_CANONICAL_BYTES, ""), id_of(MAX_CANONICAL_BYTES, " "));
    }

    #[test]
    fn no_entity_is_looked_for_in_an_endless_path() {
        let event_of = |resource: String| {
            let item = json!({"changeType": "created", "resource": resource});
            let event: Value = serde_json::from_str(&deliver(&item, None)).unwrap();
            event["type"].clone()
        };
        assert_eq!(
            event_of("users('1')/messages".to_owned()),
            "Microsoft.Graph.MessageCreated"
        );
        let endless = format!("{}messages", "lists/".repeat(40_000));
        assert_eq!(event_of(endless), "Microsoft.Graph.EntityCreated");
    }

    #[test]
    fn another_change_has_another_id() {
        let ids = [
            id_of(&basic()),
            id_of(&with(basic(), "changeType", &json!("deleted"))),
            id_of(&with(basic(), "resource", &json!("users('2')"))),
            id_of(&with(basic(), "subscriptionId", &json!("s2"))),
            id_of(&with(basic(), "resourceData", &json!({"@odata.etag": "1"}))),
            id_of(&with(basic(), "resourceData", &json!({"@odata.etag": "2"}))),
            id_of(&with(basic(), "encryptedContent", &json!({"dataSignature": "1"}))),
            id_of(&with(basic(), "encryptedContent", &json!({"dataSignature": "2"}))),
            id_of(&with(basic(), "encryptedContent", &json!({"data": "1"}))),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn content_that_does_not_fit_is_left_out_and_marked() {
        let content = raw(&format!("\"{}\"", "x".repeat(message::MAX_MESSAGE_BODY_BYTES)));
        let event: Value = serde_json::from_str(&deliver(&rich(), Some(&content))).unwrap();
        assert!(event["data"].get("content").is_none());
        assert_eq!(event["data"]["contentOmitted"], true);
    }

    #[test]
    fn the_time_of_the_change_is_graphs_own_where_known() {
        let item = with(
            basic(),
            "resourceData",
            &json!({"eventTime": "2026-11-21T09:00:00.5Z"}),
        );
        let event: Value = serde_json::from_str(&deliver(&item, None)).unwrap();
        assert_eq!(event["time"], "2026-11-21T09:00:00.5Z");
    }

    fn rich() -> Value {
        json!({
            "subscriptionId": "s", "changeType": "Created", "clientState": "proof", "tenantId": "t",
            "resource": "teams('a')/channels('b')/messages('1')",
            "resourceData": {"id": "1", "@odata.type": "#Microsoft.Graph.chatMessage"},
            "encryptedContent": {"data": "ZGF0YQ", "dataSignature": "c2ln"}
        })
    }

    fn basic() -> Value {
        json!({
            "subscriptionId": "s", "changeType": "updated", "clientState": "proof", "tenantId": "t",
            "subscriptionExpirationDateTime": "2026-12-01T00:00:00Z", "resource": "users('1')",
            "resourceData": {"id": "1", "@odata.type": "#microsoft.graph.user"}
        })
    }

    fn with(mut item: Value, key: &str, value: &Value) -> Value {
        item[key] = value.clone();
        item
    }

    fn id_of(item: &Value) -> String {
        let event: Value = serde_json::from_str(&deliver(item, None)).unwrap();
        event["id"].as_str().unwrap().to_owned()
    }

    fn deliver(item: &Value, content: Option<&RawValue>) -> String {
        let item = raw(&item.to_string());
        document(&queued(&item), &Notification::parse(&item).unwrap(), content).unwrap()
    }

    fn queued(item: &RawValue) -> QueuedItem<'_> {
        QueuedItem {
            subscription: "team-messages".into(),
            tenant_id: "t".into(),
            client_id: "c".into(),
            received_at: "2026-11-22T10:00:00Z".parse().unwrap(),
            content_omitted: false,
            validation_tokens: Vec::new(),
            item,
        }
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }
}
