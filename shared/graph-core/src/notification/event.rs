//! What is delivered: one CloudEvents 1.0 document per item.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    cloud_event::{self, CloudEvent},
    fields::{Malformed, is_readable_object},
    identity::is_of_graphs_size,
    item::Notification,
    message,
    queued::{MAX_CLOCK_DIFFERENCE, VerifiedItem, is_small},
};
use crate::{
    application::Guid,
    models::{entity, event_type},
};

/// Returns the event for an item as a JSON document that fits into a queue message.
///
/// `content` is the decrypted resource of an item that carried one, and for which a validation token vouched; it goes in
/// byte for byte. Where the document would not fit into a message it is left out, and `data.contentOmitted` says so: the
/// consumer can fetch the resource.
///
/// # Errors
///
/// Returns an error when the item does not fit into a message even without its content.
pub fn document(
    item: &VerifiedItem<'_>,
    notification: &Notification<'_>,
    content: Option<&RawValue>,
) -> Result<String, Malformed> {
    fit(Event::new(item, notification, content))
}

/// What was fetched for an item.
#[derive(Clone, Copy, Debug)]
pub struct Fetched<'a> {
    /// The resource.
    pub content: Content<'a>,
    /// When that was.
    pub read_at: Timestamp,
}

impl<'a> Content<'a> {
    /// Returns the resource in the body of an answer. What consumers could not read counts as missing.
    #[must_use]
    pub fn of(body: &'a [u8]) -> Self {
        let json: Option<&RawValue> = serde_json::from_slice(body).ok();
        json.filter(|json| is_readable_object(json))
            .map_or(Self::Missing, Self::Read)
    }
}

/// A resource that was asked for.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// It was read.
    Read(&'a RawValue),
    /// It is not there any more, or not yet, or Graph does not show it.
    Missing,
    /// It is larger than anything that is read.
    TooLarge,
}

/// Returns the event for an item whose content was fetched, or was not to be: the same event as [`document`] makes of it,
/// with the resource as it was when it was read, which may be newer than the change.
///
/// # Errors
///
/// Returns an error when the item does not fit into a message even without its content.
pub fn fetched(
    item: &VerifiedItem<'_>,
    notification: &Notification<'_>,
    fetched: Option<Fetched<'_>>,
) -> Result<String, Malformed> {
    let mut event = Event::new(item, notification, None);
    if let Some(fetched) = fetched {
        event.set(fetched);
    }
    fit(event)
}

/// Returns the event as a document that fits into a queue message: without its content where it does not fit with it, and
/// with the small members of the item alone where it does not fit even so.
fn fit(mut event: Event<'_>) -> Result<String, Malformed> {
    let fits = |json: &String| json.len() <= message::MAX_MESSAGE_BODY_BYTES;
    let json = event.to_json()?;
    if fits(&json) {
        return Ok(json);
    }
    let data = &mut event.data;
    data.content_omitted = true;
    if data.content.take().is_some() {
        let json = event.to_json()?;
        if fits(&json) {
            return Ok(json);
        }
    }
    let data = &mut event.data;
    data.resource_data = data.resource_data.filter(|raw| is_small("resourceData", raw));
    data.other.retain(|name, value| is_small(name, value));
    Some(event.to_json()?).filter(fits).ok_or(Malformed::TooLarge)
}

/// Returns when the change happened where Graph says so, else when the webhook received the item.
///
/// A time that is far from the receipt is none that Graph tells a change by: Microsoft's smallest date is of 1601. A change
/// does not happen after its receipt: consumers keep the latest state, and nothing could replace one of next month.
#[must_use]
pub fn time(item: &VerifiedItem<'_>, notification: &Notification<'_>) -> Timestamp {
    let received_at = item.queued().received_at;
    let changed_at = notification
        .resource_data
        .as_ref()
        .and_then(|data| data.event_time);
    changed_at
        .filter(|time| {
            let delay = received_at.duration_since(*time);
            (-MAX_CLOCK_DIFFERENCE..=MAX_CHANGE_DELAY).contains(&delay)
        })
        .unwrap_or(received_at)
}

/// The event for an item.
type Event<'a> = CloudEvent<'a, Data<'a>>;

impl<'a> Event<'a> {
    fn new(
        item: &'a VerifiedItem<'_>,
        notification: &'a Notification<'_>,
        content: Option<&'a RawValue>,
    ) -> Self {
        let (proven, queued) = (item.proven(), item.queued());
        let resource = notification.resource.as_deref();
        let path = resource.filter(|resource| is_of_graphs_size(resource));
        let data = notification.resource_data.as_ref();
        let entity = entity::name(data.and_then(|data| data.odata_type.as_deref()), path);
        Self {
            specversion: cloud_event::VERSION,
            id: &queued.id,
            source: proven.application.source(),
            event_type: event_type::of(&entity, notification.change_type.as_deref()).into(),
            subject: path.map(subject),
            time: time(item, notification),
            datacontenttype: cloud_event::JSON,
            subscription: &proven.subscription,
            partitionkey: &queued.partition_key,
            data: Data {
                subscription_id: notification.subscription_id.as_deref(),
                subscription_expiration_date_time: notification.subscription_expiration_date_time.as_deref(),
                change_type: notification.change_type.as_deref(),
                tenant_id: proven.application.tenant_id,
                proof: if content.is_some() { "token" } else { "clientState" },
                version: queued.version.as_deref(),
                resource,
                resource_data: data.map(|data| data.raw),
                other: others(notification),
                // Without the content no token was asked for: only the client state vouches for the item.
                content_absent: item.includes_resource_data() && content.is_none() && !queued.content_omitted,
                content_omitted: queued.content_omitted,
                content_missing: false,
                content_read_at: None,
                content,
            },
        }
    }

    /// Sets what was fetched. What kept the content away on the way here does not count any more.
    fn set(&mut self, Fetched { content, read_at }: Fetched<'a>) {
        let data = &mut self.data;
        data.content_omitted = matches!(content, Content::TooLarge);
        data.content_missing = matches!(content, Content::Missing);
        if let Content::Read(raw) = content {
            data.content_absent = false;
            data.content = Some(raw);
            data.content_read_at = Some(read_at);
        }
    }

    fn to_json(&self) -> Result<String, Malformed> {
        let data = &self.data;
        let parts = [data.resource_data, data.content].into_iter().flatten();
        let parts = parts.chain(data.other.values().copied());
        message::json(self, parts.map(|raw| raw.get().len()).sum())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_expiration_date_time: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_type: Option<&'a str>,
    tenant_id: Guid,
    proof: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_data: Option<&'a RawValue>,
    #[serde(flatten)]
    other: BTreeMap<&'a str, &'a RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    content_absent: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    content_omitted: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    content_missing: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_read_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a RawValue>,
}

/// Returns the members of an item that go into the event as they were sent: whoever may write them must not be able to
/// write what the event says of its own.
fn others<'a>(notification: &'a Notification<'_>) -> BTreeMap<&'a str, &'a RawValue> {
    let is_own = |name: &str| RESERVED_MEMBERS.iter().any(|own| own.eq_ignore_ascii_case(name));
    let others = notification.other.iter().filter(|(name, _)| !is_own(name));
    others.map(|(name, value)| (&**name, *value)).collect()
}

/// Returns a path as the subject of an event, which may hold no control characters and no noncharacters (`CloudEvents` 1.0,
/// *type system*).
fn subject(path: &str) -> Cow<'_, str> {
    let is_forbidden =
        |char: char| char.is_control() || u32::from(char) & 0xFFFE == 0xFFFE || is_arabic_gap(char);
    if !path.contains(is_forbidden) {
        return Cow::Borrowed(path);
    }
    let mut subject = String::with_capacity(path.len());
    for char in path.chars() {
        if is_forbidden(char) {
            let bytes = char.encode_utf8(&mut [0; 4]).to_owned();
            subject.extend(bytes.bytes().map(|byte| format!("%{byte:02X}")));
        } else {
            subject.push(char);
        }
    }
    Cow::Owned(subject)
}

/// Returns whether a character is one of the 32 noncharacters in the middle of a block of Arabic letters.
fn is_arabic_gap(char: char) -> bool {
    ('\u{FDD0}'..='\u{FDEF}').contains(&char)
}

/// What `data` says of its own, the reader's members among it.
const RESERVED_MEMBERS: [&str; 8] = [
    "caughtUp",
    "content",
    "contentAbsent",
    "contentMissing",
    "contentOmitted",
    "contentReadAt",
    "proof",
    "version",
];

/// How long before its receipt a change can be.
const MAX_CHANGE_DELAY: SignedDuration = SignedDuration::from_hours(30 * 24);

#[cfg(test)]
mod tests;
