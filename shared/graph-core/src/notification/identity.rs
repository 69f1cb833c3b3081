//! The identity of an event: made once, when its item is admitted, from the whole item, and the same ever after.
//!
//! Two changes share an id only if Graph gave both the same version of the same thing. Every repeat and try of one receipt has the
//! same id, and so has what Graph sends again, wherever Graph gives the change a version.

use std::{borrow::Cow, fmt::Write};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    client_state::Proven,
    item::{Admitted, Features},
};
use crate::{
    application::{Application, Guid},
    models::{Change, ResourcePath},
};

/// When an item came, and as which of the items of its POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// When the POST came.
    pub at: Timestamp,
    /// The place of the item among the items of the POST.
    pub index: usize,
}

/// The beginning of 2000 in seconds of Unix: before any change that Graph tells of.
const MIN_CHANGE_TIME: Timestamp = Timestamp::constant(946_684_800, 0);

/// Returns whether a resource path is of the size of Graph's. Only such a path is parsed, and becomes the subject of an event:
/// parsing compares each segment with all names, and a POST has room for millions of segments.
pub(crate) fn is_of_graphs_size(resource: &str) -> bool {
    resource.len() <= MAX_RESOURCE_BYTES
        && resource.bytes().filter(|byte| *byte == b'/').count() < MAX_SEGMENTS
}

/// The longest path. Graph's longest are those of folders and of meetings by their URL.
const MAX_RESOURCE_BYTES: usize = 4_096;

/// The most segments of a path. Graph's have about ten, and folders a few more.
const MAX_SEGMENTS: usize = 64;

/// What names an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id of the event: a digest of what is proven of the subscription, the change, the resource and its version.
    pub id: String,
    /// The version, as far as Graph tells one.
    pub version: Option<String>,
    /// A digest of tenant and resource: events with the same one are about the same thing.
    pub partition_key: String,
}

impl Identity {
    /// Returns the identity of the event for an item.
    ///
    /// The subscription counts by its name, which the client state proves. Graph's id of it is what anybody writes into an
    /// item, and another one once the subscription had to be created again.
    pub fn of(admitted: &Admitted<'_>, receipt: Receipt) -> Self {
        let Proven {
            subscription,
            application,
            ..
        } = admitted.proven();
        let received = || format!("{} {}", receipt.at, receipt.index);
        Self::made(*application, subscription, &admitted.features(), received)
    }

    /// Returns the identity of the event for a change that was read: the same as that of its notification, wherever both have
    /// the same version.
    #[must_use]
    pub fn of_read(application: Application, subscription: &str, read: &ReadChange<'_>) -> Self {
        let (etag, event_time) = match read.version {
            ReadVersion::Etag(etag) => (Some(etag.into()), None),
            ReadVersion::Time(time) => (None, Some(time.to_string().into())),
        };
        let features = Features {
            has_content: read.is_sent_with_content,
            change_type: Some(read.change.as_str().into()),
            resource: Some(read.path.into()),
            etag,
            event_time,
            ..Features::default()
        };
        Self::made(application, subscription, &features, String::new)
    }

    /// Makes the identity of what is proven of the subscription (application and name) and what the item says.
    fn made(
        application: Application,
        subscription: &str,
        features: &Features<'_>,
        received: impl FnOnce() -> String,
    ) -> Self {
        let [tenant_id, client_id] = [application.tenant_id, application.client_id].map(|id| id.to_string());
        // Once: parsing compares each segment with all names, which is a tenth of the work of a large POST.
        let parsed = features.resource.as_deref().and_then(parsed);
        let (path, entity) = (path(features, parsed.as_ref()), entity(features, parsed.as_ref()));
        let change = features.change_type.as_deref().unwrap_or_default();
        let (source, version) = version(features).unwrap_or_else(|| ("receipt", received().into()));
        let id = digest(&[
            "event",
            &tenant_id,
            &client_id,
            subscription,
            &change.to_ascii_lowercase(),
            &path,
            &entity,
            // Whoever has the client state alone must not take the id of an item that needs a token as well.
            if features.has_content { "with content" } else { "" },
            source,
            &version,
        ]);
        let partition_key = partition_key(&tenant_id, &path, &entity);
        Self {
            id,
            version: (source != "receipt").then(|| shown(source, version)),
            partition_key,
        }
    }
}

/// A change that was read.
#[derive(Clone, Copy, Debug)]
pub struct ReadChange<'a> {
    /// What happened.
    pub change: Change,
    /// The path of the resource.
    pub path: &'a str,
    /// What tells the change from others of the resource.
    pub version: ReadVersion<'a>,
    /// Whether its notification carries encrypted content.
    pub is_sent_with_content: bool,
}

/// What tells a change that was read from others of the same resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadVersion<'a> {
    /// The version of the resource.
    Etag(&'a str),
    /// When it changed, where it has no version.
    Time(Timestamp),
}

/// Returns the partition key of events about what a subscription watches as a whole.
pub(crate) fn partition_of_resource(tenant_id: Guid, resource: &str) -> String {
    partition_key(&tenant_id.to_string(), &canonical(resource), "")
}

fn partition_key(tenant_id: &str, path: &str, entity: &str) -> String {
    let mut key = digest(&["entity", tenant_id, path, entity]);
    key.truncate(SHORT_DIGEST_LENGTH);
    key
}

/// Returns a digest of `parts`, each of which counts with its length.
pub(crate) fn digest(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    BASE64_URL_SAFE_NO_PAD.encode(digest.finalize())
}

/// Returns what tells this change of the resource from another one, and where it stands.
///
/// The signature is one over the encrypted content, which Graph encrypts under a key of its own each time (Microsoft Graph,
/// *change notifications with resource data*). The `id` of the notification is not a version: Microsoft does not document
/// that two notifications have different ones, and the one in its samples is a part of the etag that all items share.
fn version<'a>(features: &Features<'a>) -> Option<(&'static str, Cow<'a, str>)> {
    let versions = [
        ("etag", &features.etag),
        ("signature", &features.signature),
        ("sequenceNumber", &features.sequence_number),
        ("eventTime", &features.event_time),
    ];
    let mut versions = versions
        .into_iter()
        .filter_map(|(source, version)| Some((source, version.clone()?)));
    versions.find(|(source, version)| match *source {
        "etag" => is_version(version),
        "sequenceNumber" => version != "0",
        "eventTime" => is_set(version),
        _ => true,
    })
}

/// Returns whether an etag has a value: `W/""` says no more than an empty text (RFC 9110, section 8.8.3).
pub(crate) fn is_version(etag: &str) -> bool {
    let opaque = etag.strip_prefix("W/").unwrap_or(etag);
    !opaque.trim_matches('"').trim().is_empty()
}

/// Returns whether a time is one of a change. Microsoft's software writes a date of the year 1, 1601 or 1970 where it has none.
fn is_set(time: &str) -> bool {
    time.parse::<Timestamp>()
        .is_ok_and(|time| time >= MIN_CHANGE_TIME)
}

/// Returns the version as consumers see it. A signature belongs to the encrypted content, which stays here; and a version
/// that is longer than Graph's must not make the event so much larger.
fn shown(source: &str, version: Cow<'_, str>) -> String {
    if source == "signature" || version.len() > MAX_VERSION_BYTES {
        let mut short = digest(&[&version]);
        short.truncate(SHORT_DIGEST_LENGTH);
        short
    } else {
        version.into_owned()
    }
}

/// Returns the path of the resource in one spelling.
fn path(features: &Features<'_>, parsed: Option<&ResourcePath>) -> String {
    let resource = features.resource.as_deref().unwrap_or_default();
    parsed.map_or_else(|| resource.to_owned(), spelling)
}

/// Returns what names the entity where the path names only what it is in: some items have the path of the collection that
/// is subscribed to (Microsoft Graph, *virtual events*), and others nothing at all.
fn entity(features: &Features<'_>, path: Option<&ResourcePath>) -> String {
    if path.is_some_and(|path| path.entity_id().is_some()) {
        return String::new();
    }
    match (&features.odata_id, &features.entity_id) {
        (Some(odata_id), _) => canonical(odata_id),
        (None, Some(id)) => id.clone().into_owned(),
        (None, None) => String::new(),
    }
}

fn parsed(resource: &str) -> Option<ResourcePath> {
    is_of_graphs_size(resource)
        .then(|| ResourcePath::parse(resource).ok())
        .flatten()
}

/// Returns a path in one spelling, or as it is when it is none.
fn canonical(resource: &str) -> String {
    parsed(resource).map_or_else(|| resource.to_owned(), |path| spelling(&path))
}

/// Returns the one spelling of a path. Outlook writes the tenant behind some ids of users.
fn spelling(path: &ResourcePath) -> String {
    let mut text = String::with_capacity(USUAL_PATH_BYTES);
    let _written = write!(text, "{path}");
    match (path.id("users"), path.user_id()) {
        (Some(id), Some(user)) if id != user => {
            text.replacen(&format!("/users/{id}"), &format!("/users/{user}"), 1)
        }
        _ => text,
    }
}

/// The length of most paths: so a path is not moved while it is written.
const USUAL_PATH_BYTES: usize = 256;

/// The length of a digest where few are compared: 132 bits.
const SHORT_DIGEST_LENGTH: usize = 22;

/// The longest version that an event shows as it is. Graph's have up to about 60 bytes.
const MAX_VERSION_BYTES: usize = 128;

#[cfg(test)]
mod tests;
