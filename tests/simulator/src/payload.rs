//! Realistic payloads: the item about a resource, and the resource itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::random;
use super::rules::{Resource, Rich, Rule};
use super::subscription::Registered;

/// The payload of a notification.
#[derive(Debug)]
pub(crate) struct Payload {
    /// The members of the item: `resource`, `resourceData`, and others of the resource.
    pub(crate) item: Map<String, Value>,
    /// The `@odata.type` of an item without resource data, if it differs.
    pub(crate) basic_type: Option<String>,
    /// The JSON of the resource; nothing if the resource is never sent.
    pub(crate) content: Option<String>,
}

/// Makes the payload of a notification. Each call is about another object, unless its id is given.
pub(crate) fn payload(subscription: &Registered, object: Option<&str>, now: Timestamp) -> Option<Payload> {
    let (rule, ids) = subscription.rule()?;
    let resource = Resource::parse(&subscription.resource)?;
    let mut names = names(subscription, rule, &resource, ids, now);
    if let (Some(object), Some(name)) = (object, name_of_object(template(rule.entity))) {
        names.insert(name.to_owned(), object.to_owned());
    }
    let text = fill(template(rule.entity), names);
    let template: Template<'_> = serde_json::from_str(&text).ok()?;
    let content = template.content.map(|raw| raw.get().to_owned());
    let content = match (rule.rich, resource.options.get("$select")) {
        (Rich::Selected, Some(select)) => content.and_then(|json| selected(&json, select)),
        _ => content,
    };
    Some(Payload {
        item: template.item,
        basic_type: template.basic_type,
        content,
    })
}

/// Returns the placeholder of the object's id in a payload file: the last one in the path of the resource. If the path
/// is the subscription's own, no object is named.
fn name_of_object(template: &str) -> Option<&str> {
    let (_, rest) = template.split_once("\"resource\": \"")?;
    let (path, _) = rest.split_once('"')?;
    let (name, _) = path.rsplit_once("{{")?.1.split_once("}}")?;
    Some(name).filter(|name| *name != "path")
}

/// Returns an expiry in the form of the resource's service.
pub(crate) fn expiry(rule: &Rule, expires_at: Timestamp) -> String {
    let (offset, format) = match rule.rich {
        _ if rule.teams => (Offset::constant(-8), "%Y-%m-%dT%H:%M:%S%.7f-08:00"),
        Rich::Selected => (Offset::UTC, "%Y-%m-%dT%H:%M:%S%.3fZ"),
        Rich::No | Rich::Whole | Rich::Only => (Offset::UTC, "%Y-%m-%dT%H:%M:%S%.7f+00:00"),
    };
    offset.to_datetime(expires_at).strftime(format).to_string()
}

/// A payload file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Template<'a> {
    item: Map<String, Value>,
    basic_type: Option<String>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

/// Returns the known values of the placeholders in a payload file.
fn names(
    subscription: &Registered,
    rule: &Rule,
    resource: &Resource,
    ids: BTreeMap<String, String>,
    now: Timestamp,
) -> BTreeMap<String, String> {
    // Distinct even within a millisecond, because the last digits count the payloads.
    static MADE: AtomicI64 = AtomicI64::new(0);
    let millis = now
        .as_millisecond()
        .saturating_add(MADE.fetch_add(1, Ordering::Relaxed));
    let filtered = resource
        .options
        .get("$filter")
        .and_then(|filter| filter.split('\'').nth(1));
    let mut names = ids;
    names.extend([
        ("tenantId".to_owned(), subscription.tenant_id.clone()),
        ("millis".to_owned(), millis.to_string()),
        (
            "now".to_owned(),
            now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        ),
        ("path".to_owned(), resource.segments.join("/")),
        ("entity".to_owned(), rule.entity.to_owned()),
        ("etag".to_owned(), random::opaque::<12>()),
    ]);
    if let Some(user) = filtered.filter(|_| rule.entity == "presence") {
        names.insert("userId".to_owned(), user.to_owned());
    }
    names
}

/// Replaces each `{{name}}` by its value. Unknown names become new ids.
fn fill(template: &str, mut names: BTreeMap<String, String>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else {
            break;
        };
        let value = names.entry(name.to_owned()).or_insert_with(|| new_id(name));
        let quoted = Value::String(value.clone()).to_string();
        let inner = quoted.strip_prefix('"').and_then(|open| open.strip_suffix('"'));
        filled.push_str(before);
        filled.push_str(inner.unwrap_or_default());
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Returns a new id that looks like a real one of its kind.
fn new_id(name: &str) -> String {
    match name {
        "channelId" => format!("19:{}@thread.tacv2", random::hex::<16>()),
        "chatId" => format!("19:{}_{}@unq.gbl.spaces", random::guid(), random::guid()),
        "itemId" => format!("AAMkAG{}=", random::opaque::<48>()),
        "memberId" | "noticeId" => random::opaque::<24>(),
        _ => random::guid(),
    }
}

/// Keeps only the properties of an Outlook item that the subscription selects.
fn selected(json: &str, select: &str) -> Option<String> {
    let mut members: Map<String, Value> = serde_json::from_str(json).ok()?;
    let wanted: Vec<String> = select.split(',').map(|name| name.trim().to_lowercase()).collect();
    members.retain(|name, _| name.starts_with("@odata.") || wanted.contains(&name.to_lowercase()));
    Some(Value::Object(members).to_string())
}

/// Returns the payload file of an entity.
fn template(entity: &str) -> &'static str {
    match entity {
        "alert" => include_str!("../../fixtures/alert.json"),
        "callRecord" => include_str!("../../fixtures/callRecord.json"),
        "callRecording" => include_str!("../../fixtures/callRecording.json"),
        "callTranscript" => include_str!("../../fixtures/callTranscript.json"),
        "channel" => include_str!("../../fixtures/channel.json"),
        "channelMember" => include_str!("../../fixtures/channelMember.json"),
        "chat" => include_str!("../../fixtures/chat.json"),
        "chatMember" => include_str!("../../fixtures/chatMember.json"),
        "chatMessage" => include_str!("../../fixtures/chatMessage.json"),
        "chatMessageInChat" => include_str!("../../fixtures/chatMessageInChat.json"),
        "contact" => include_str!("../../fixtures/contact.json"),
        "conversation" => include_str!("../../fixtures/conversation.json"),
        "driveItem" => include_str!("../../fixtures/driveItem.json"),
        "event" => include_str!("../../fixtures/event.json"),
        "group" => include_str!("../../fixtures/group.json"),
        "groupEvent" => include_str!("../../fixtures/groupEvent.json"),
        "listItem" => include_str!("../../fixtures/listItem.json"),
        "message" => include_str!("../../fixtures/message.json"),
        "presence" => include_str!("../../fixtures/presence.json"),
        "team" => include_str!("../../fixtures/team.json"),
        "teamMember" => include_str!("../../fixtures/teamMember.json"),
        "user" => include_str!("../../fixtures/user.json"),
        _ => include_str!("../../fixtures/other.json"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::RULES;
    use super::*;

    #[test]
    fn every_resource_has_a_payload() {
        for rule in RULES {
            let resource = rule.pattern.replace(['{', '}'], "");
            let payload = payload(&subscription(&resource), None, Timestamp::UNIX_EPOCH).unwrap();
            assert!(payload.item.contains_key("resource"), "{resource}");
            assert!(
                payload.item["resourceData"]["@odata.type"].is_string(),
                "{resource}"
            );
            assert!(rule.rich == Rich::No || payload.content.is_some(), "{resource}");
        }
    }

    #[test]
    fn ids_of_the_subscribed_path_appear_in_the_item() {
        let payload = payload(&subscription("/teams/t-1/channels"), None, Timestamp::UNIX_EPOCH).unwrap();

        let resource = payload.item["resource"].as_str().unwrap();
        assert!(resource.starts_with("teams('t-1')/channels('19:"), "{resource}");
        assert!(payload.content.unwrap().contains("groupId=t-1&"));
    }

    #[test]
    fn two_payloads_are_about_two_objects() {
        let subscription = subscription("/teams/t/channels/c/messages");
        let [first, second] = [0, 1].map(|_| payload(&subscription, None, Timestamp::UNIX_EPOCH).unwrap());

        assert_ne!(first.item["resource"], second.item["resource"]);
    }

    #[test]
    fn two_payloads_can_be_about_one_object() {
        for (resource, tells_apart) in [
            ("/teams/t/channels/c/messages", false),
            ("/users/u/messages", true),
            ("/groups/g/events", true),
            ("/users/u/drive/root", false),
        ] {
            let subscription = subscription(resource);
            let [first, second] = [0, 1].map(|_| {
                payload(&subscription, Some("object"), Timestamp::UNIX_EPOCH)
                    .unwrap()
                    .item
            });
            assert_eq!(first["resource"], second["resource"], "{resource}");
            let etag = |item: &Map<String, Value>| item["resourceData"]["@odata.etag"].clone();
            assert_eq!(etag(&first) != etag(&second), tells_apart, "{resource}");
        }
    }

    #[test]
    fn an_outlook_item_has_the_selected_properties_only() {
        let subscription = subscription("users/u/messages?$select=Subject,id");

        let content = payload(&subscription, None, Timestamp::UNIX_EPOCH)
            .unwrap()
            .content
            .unwrap();

        let members: Map<String, Value> = serde_json::from_str(&content).unwrap();
        let names: Vec<&str> = members.keys().map(String::as_str).collect();
        assert_eq!(names, ["@odata.context", "@odata.etag", "id", "subject"]);
    }

    #[test]
    fn ids_cannot_break_out_of_their_text() {
        let payload = payload(
            &subscription("/groups/a\"b\\/conversations"),
            None,
            Timestamp::UNIX_EPOCH,
        )
        .unwrap();

        assert!(
            payload.item["resource"]
                .as_str()
                .unwrap()
                .starts_with("groups('a\"b\\')")
        );
    }

    #[test]
    fn expiries_come_in_the_forms_of_their_services() {
        let at = "2026-11-22T10:00:00.5Z".parse().unwrap();
        let form = |resource: &str| expiry(subscription(resource).rule().unwrap().0, at);

        assert_eq!(form("/teams"), "2026-11-22T02:00:00.5000000-08:00");
        assert_eq!(form("/users/1/events"), "2026-11-22T10:00:00.500Z");
        assert_eq!(form("/users"), "2026-11-22T10:00:00.5000000+00:00");
    }

    fn subscription(resource: &str) -> Registered {
        Registered {
            id: random::guid(),
            tenant_id: random::guid(),
            client_id: random::guid(),
            resource: resource.to_owned(),
            change_type: "updated".to_owned(),
            notification_url: String::new(),
            lifecycle_notification_url: None,
            client_state: None,
            include_resource_data: false,
            encryption_certificate: None,
            encryption_certificate_id: None,
            latest_supported_tls_version: "v1_2".to_owned(),
            notification_url_app_id: None,
            notification_query_options: None,
            expires_at: Timestamp::MAX,
            patched_at: None,
            reauthorized_at: None,
        }
    }
}
