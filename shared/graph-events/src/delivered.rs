//! The delivered event, as consumers read it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Map, Number, Value, value::RawValue};

use super::{DateTime, Resource, define::entity};
use crate::{
    change::Change,
    entity, event_type,
    resource_path::{NotAPath, ResourcePath},
    surrogate::mend_surrogates,
};

/// An event in the delivery queue: a document of CloudEvents 1.0 in JSON format.
///
/// Unknown members are kept. The order of members and white space between them are not, except in
/// [`EventData::resource_data`] and [`EventData::content`], which are kept byte for byte.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct DeliveredEvent {
    /// The version of CloudEvents, `1.0`.
    pub specversion: String,
    /// The id. All deliveries of a notification have the same id, and its repeats by Graph if Graph gave the change a version.
    pub id: String,
    /// The tenant and the application, as `/tenants/{tenantId}/applications/{clientId}`.
    pub source: String,
    /// What happened to which kind of resource, such as `Microsoft.Graph.ChatMessageCreated`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The path of the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When the change happened, or if that is unknown, when the notification was received.
    pub time: DateTime,
    /// The media type of [`DeliveredEvent::data`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// The name of the subscription in the configuration.
    pub subscription: String,
    /// A key that events about the same resource share, and other events do not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitionkey: Option<String>,
    /// The content of the notification.
    pub data: EventData,
    /// The members that the model does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The content of the notification in a [`DeliveredEvent`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EventData {
    /// Microsoft Graph's id of the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// `created`, `updated`, `deleted`, or a later value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_type: Option<String>,
    /// The id of the tenant.
    pub tenant_id: String,
    /// The proof of the notification: `token` if a validation token of Microsoft vouches for tenant and application and
    /// the signature of the content is valid, `clientState` if the notification carries the client state of the
    /// subscription, `read` if a function of the stack read it from Graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// The version of the resource, which tells this change from others; absent if Graph sends nothing that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The path of the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The identity of the resource, as Microsoft Graph sent it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub resource_data: Option<Box<RawValue>>,
    /// Whether the notification came without content although the subscription asks for it: no token vouches for such a
    /// notification. The resource can be fetched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub content_absent: bool,
    /// Whether the content was left out because it is too large for the queue. The resource can still be fetched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub content_omitted: bool,
    /// Whether the stack could not fetch the content that the configuration asks for. The resource may still exist.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub content_missing: bool,
    /// When the stack fetched the content, which may be newer than the change; absent if Graph sent the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_read_at: Option<DateTime>,
    /// For a change that the stack read after a gap: the id of the event about the gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caught_up: Option<String>,
    /// The resource, as Microsoft Graph encrypted it or as the stack fetched it; absent in a basic notification.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub content: Option<Box<RawValue>>,
    /// The members that the model does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

entity! {
    /// The identity of a changed resource (Microsoft Graph, *resourceData resource type*).
    pub struct ResourceData {
        /// The id of the tenant; for users and groups.
        organization_id: String,
        /// When the change happened; for users and groups.
        event_time: DateTime,
        /// The number of the change; for users and groups.
        sequence_number: Number,
    }
}

/// Why an event, or a part of one, cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The text is not a delivered event.
    #[error("delivered event is malformed")]
    Event(#[source] serde_json::Error),
    /// The content is not of the requested type.
    #[error("content of the event is not of this type")]
    Content(#[source] serde_json::Error),
    /// The resource data is not of the requested type.
    #[error("resource data of the event is not of this type")]
    ResourceData(#[source] serde_json::Error),
}

impl DeliveredEvent {
    /// Parses the body of a message of the delivery queue.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not JSON or lacks a member that every event has.
    pub fn parse(body: &str) -> Result<Self, ReadError> {
        read(body).map_err(ReadError::Event)
    }

    /// Returns the canonical name of the resource's type, such as `chatMessage`.
    #[must_use]
    pub fn entity(&self) -> String {
        if self.is_notice() {
            return "subscription".to_owned();
        }
        let data = self.resource_data().ok();
        let odata_type = data.as_ref().and_then(|data| data.odata_type.as_deref());
        entity::name(odata_type, self.data.resource.as_deref())
    }

    /// Returns whether the event is about a subscription; see [`DeliveredEvent::notice`].
    #[must_use]
    pub fn is_notice(&self) -> bool {
        event_type::is_own(&self.event_type)
    }

    /// Returns the kind of change; nothing if it is unknown.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        self.data.change_type.as_deref().and_then(Change::parse)
    }

    /// Returns the path of the resource with its ids.
    ///
    /// # Errors
    ///
    /// Returns an error if the event has no path, or an unreadable one.
    pub fn path(&self) -> Result<ResourcePath, NotAPath> {
        ResourcePath::parse(self.data.resource.as_deref().unwrap_or_default())
    }

    /// Returns the decrypted resource as a `T`; nothing if the event has no content.
    ///
    /// # Errors
    ///
    /// Returns an error if the content is not a `T`.
    pub fn content_as<T: DeserializeOwned>(&self) -> Result<Option<T>, ReadError> {
        let content = self.data.content.as_deref();
        let content = content.map(|json| read(json.get()));
        content.transpose().map_err(ReadError::Content)
    }

    /// Returns the identity of the resource as a `T`; nothing if the event has none.
    ///
    /// # Errors
    ///
    /// Returns an error if the resource data is not a `T`.
    pub fn resource_data_as<T: DeserializeOwned>(&self) -> Result<Option<T>, ReadError> {
        let data = self.data.resource_data.as_deref();
        let data = data.map(|json| read::<Option<T>>(json.get()));
        data.transpose()
            .map(Option::flatten)
            .map_err(ReadError::ResourceData)
    }

    /// Returns the identity of the resource, empty if the event has none.
    ///
    /// # Errors
    ///
    /// Returns an error if the resource data is not an object.
    pub fn resource_data(&self) -> Result<ResourceData, ReadError> {
        self.resource_data_as().map(Option::unwrap_or_default)
    }

    /// Returns the resource in the model of its type: from the content if there is one, otherwise from the resource
    /// data. An event about a subscription is [`Resource::Other`]; see [`DeliveredEvent::notice`].
    ///
    /// # Errors
    ///
    /// Returns an error if the content, or without it the resource data, is not an object.
    pub fn resource(&self) -> Result<Resource, ReadError> {
        if self.is_notice() {
            let data = serde_json::to_value(&self.data).map_err(ReadError::Event)?;
            return serde_json::from_value(data)
                .map(Resource::Other)
                .map_err(ReadError::Event);
        }
        let entity = self.entity();
        let resource = |json: &str| Resource::read(&entity, &mend_surrogates(json));
        match (&self.data.content, &self.data.resource_data) {
            (Some(content), _) => resource(content.get()).map_err(ReadError::Content),
            // A basic notification identifies the resource in members that the model has as well.
            (None, Some(data)) if data.get() != "null" => {
                resource(data.get()).map_err(ReadError::ResourceData)
            }
            (None, _) => resource("{}").map_err(ReadError::ResourceData),
        }
    }
}

/// Parses JSON. Each escape of a lone surrogate, which would make the text unreadable, becomes U+FFFD.
fn read<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    // Tried unchanged first, so that readable text is kept byte for byte.
    serde_json::from_str(json).or_else(|error| match mend_surrogates(json) {
        Cow::Borrowed(_) => Err(error),
        Cow::Owned(mended) => serde_json::from_str(&mended),
    })
}

/// Reads a member that is present, even if it is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}
