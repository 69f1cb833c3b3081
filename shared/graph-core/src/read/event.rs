//! The event for a change that was read.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{change::Change, window::Window};
use crate::{
    application::Guid,
    models::{entity, event_type},
    notification::{
        cloud_event::{self, CloudEvent},
        fields::Malformed,
        identity::{Identity, ReadChange, ReadVersion, is_version},
        message,
    },
    subscription::config::Entry,
};

/// Where the events of a subscription get their content from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentSource {
    /// They have none.
    None,
    /// Graph sends it, encrypted.
    Notification,
    /// The reader fetches it.
    Reader,
}

impl ContentSource {
    /// Returns the source for the events of an entry.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        if entry.include_resource_data {
            Self::Notification
        } else if entry.options.fetch_content {
            Self::Reader
        } else {
            Self::None
        }
    }
}

/// Returns the event as a JSON document that fits into a queue message: the one that the change's notification would have
/// become, and `data.caughtUp` with the id of the gap.
///
/// # Errors
///
/// Returns an error when the event does not fit into a message even without its content.
pub fn event(change: &Change<'_>, window: &Window, content: ContentSource) -> Result<String, Malformed> {
    let version = change.version.as_deref().filter(|etag| is_version(etag));
    let read = ReadChange {
        change: change.kind,
        path: &change.path,
        version: version.map_or(ReadVersion::Time(change.time), ReadVersion::Etag),
        is_sent_with_content: content == ContentSource::Notification,
    };
    let identity = Identity::of_read(window.application, &window.subscription, &read);
    let mut event = CloudEvent {
        specversion: cloud_event::VERSION,
        id: &identity.id,
        source: window.application.source(),
        event_type: event_type::of(
            &entity::name(Some(change.odata_type), None),
            Some(change.kind.as_str()),
        )
        .into(),
        subject: Some((&*change.path).into()),
        time: change.time,
        datacontenttype: cloud_event::JSON,
        subscription: &window.subscription,
        partitionkey: &identity.partition_key,
        data: Data {
            change_type: change.kind.as_str(),
            tenant_id: window.application.tenant_id,
            proof: "read",
            version: identity.version.as_deref(),
            resource: &change.path,
            resource_data: ResourceData {
                odata_type: change.odata_type,
                odata_id: &change.path,
                odata_etag: change.etag.as_deref(),
                id: &change.id,
            },
            caught_up: window.gap.as_deref(),
            content_omitted: false,
            content: (content != ContentSource::None).then_some(change.raw),
        },
    };
    let parts = event.data.content.map_or(0, |content| content.get().len());
    let json = message::json(&event, parts)?;
    if json.len() <= message::MAX_MESSAGE_BODY_BYTES {
        return Ok(json);
    }
    event.data.content_omitted = event.data.content.take().is_some();
    let json = message::json(&event, 0)?;
    (json.len() <= message::MAX_MESSAGE_BODY_BYTES)
        .then_some(json)
        .ok_or(Malformed::TooLarge)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    change_type: &'static str,
    tenant_id: Guid,
    proof: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    resource: &'a str,
    resource_data: ResourceData<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caught_up: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    content_omitted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct ResourceData<'a> {
    #[serde(rename = "@odata.type")]
    odata_type: &'static str,
    #[serde(rename = "@odata.id")]
    odata_id: &'a str,
    #[serde(rename = "@odata.etag", skip_serializing_if = "Option::is_none")]
    odata_etag: Option<&'a str>,
    id: &'a str,
}
