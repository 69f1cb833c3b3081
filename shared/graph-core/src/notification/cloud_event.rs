//! The envelope of every event.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

/// A `CloudEvents` 1.0 event in the JSON format; `subscription` and `partitionkey` are extension attributes.
#[derive(Serialize)]
pub(crate) struct CloudEvent<'a, D> {
    pub(crate) specversion: &'static str,
    pub(crate) id: &'a str,
    pub(crate) source: String,
    #[serde(rename = "type")]
    pub(crate) event_type: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Cow<'a, str>>,
    pub(crate) time: Timestamp,
    pub(crate) datacontenttype: &'static str,
    pub(crate) subscription: &'a str,
    pub(crate) partitionkey: &'a str,
    pub(crate) data: D,
}

/// The version of `CloudEvents`.
pub(crate) const VERSION: &str = "1.0";

/// The content type of `data`.
pub(crate) const JSON: &str = "application/json";
