//! The event that says what was read of a gap, and whether that is all.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::window::{Counts, Window};

/// Why something may have been left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shortfall {
    /// Microsoft Graph, or a queue, was not ready until the last try.
    NotReady,
    /// The loss may have begun before the window.
    Clipped,
    /// The window begins before what Microsoft Graph still shows.
    TooOld,
    /// The list was read by links that count items while items changed.
    Shifted,
    /// An item could not be understood, or no event could be made of it.
    OddItem,
    /// There is more than one reading works off.
    TooMuch,
    /// An answer was not a page of the list.
    OddAnswer,
    /// The resource has no list by time.
    NotReadable,
    /// The subscription has a `$search`, a `$filter` or another option that a list by time does not take.
    Options,
    /// The tenant has a delegated credential, which the reader does not use.
    Delegated,
    /// The application lacks a permission.
    Forbidden,
    /// The resource is not there.
    NotFound,
    /// Microsoft Graph refuses the application's token or credential.
    NotSignedIn,
    /// Microsoft Graph refused the request.
    Refused,
}

impl Shortfall {
    /// Returns the reason in words.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotReady => "Microsoft Graph could not be read until the last try",
            Self::Clipped => "the loss may have begun before the time that was read",
            Self::TooOld => {
                "tooOld: Microsoft Graph does not show changes from the beginning of the window any more"
            }
            Self::Shifted => {
                "the list cannot be read in order, and its pages may have shifted while it was read"
            }
            Self::OddItem => {
                "an item of the list has no id, no time or no path, or is too large for a message"
            }
            Self::TooMuch => "more changed than one reading works off",
            Self::OddAnswer => "an answer of Microsoft Graph was not a page of the list",
            Self::NotReadable => "the resource has no list by time",
            Self::Options => {
                "the options of the subscription's resource cannot be joined with a window of time"
            }
            Self::Delegated => "subscriptions of a signed-in user are not read",
            Self::Forbidden => "Microsoft Graph refused the list (403); grant the application the permission",
            Self::NotFound => "Microsoft Graph does not know the resource (404)",
            Self::NotSignedIn => {
                "Microsoft Graph or Microsoft Entra refused the application's credential (401)"
            }
            Self::Refused => "Microsoft Graph refused the list",
        }
    }
}

/// What was read of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The window.
    pub window: Window,
    /// How much was read.
    pub counts: Counts,
    /// What the list does not show.
    pub unseen: Vec<&'static str>,
    /// Why something may be missing.
    pub shortfall: Option<Shortfall>,
    /// Why the resource has no list by time.
    pub why: Option<&'static str>,
    /// The least permission that reads the list, after a 403.
    pub permission: Option<&'static str>,
}

impl Completed {
    /// Returns whether everything that changed in the window was delivered.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.shortfall.is_none() && self.unseen.is_empty() && !self.window.clipped
    }

    /// Returns the `CloudEvents` 1.0 documents, one for each gap that was read. The same reading has the same id.
    #[must_use]
    pub fn documents(&self, now: Timestamp) -> Vec<Value> {
        let gaps = self.window.gap.iter().chain(&self.window.also);
        gaps.filter_map(|gap| self.document(gap, now)).collect()
    }

    fn document(&self, gap: &str, now: Timestamp) -> Option<Value> {
        let window = &self.window;
        let clipped = window.clipped.then_some(Shortfall::Clipped);
        let event = Event {
            specversion: "1.0",
            id: self.id(gap),
            source: format!("/tenants/{}/applications/{}", window.tenant_id, window.client_id),
            event_type: COMPLETED,
            subject: format!("subscriptions/{}", window.subscription),
            time: now,
            datacontenttype: "application/json",
            subscription: &window.subscription,
            data: Data {
                gap,
                tenant_id: &window.tenant_id,
                resource: &window.resource,
                part: window.part.as_ref().map(|part| part.id.as_str()),
                parts: window.part.as_ref().map(|part| part.of),
                from: window.from,
                until: window.until,
                complete: self.is_complete(),
                created: self.counts.created,
                updated: self.counts.updated,
                deleted: self.counts.deleted,
                pages: self.counts.pages,
                unseen: &self.unseen,
                reason: self.why.or(self.shortfall.or(clipped).map(Shortfall::reason)),
                permission: self.permission,
            },
        };
        serde_json::to_value(event).ok()
    }

    fn id(&self, gap: &str) -> String {
        let window = &self.window;
        let part = window.part.as_ref().map_or("", |part| part.id.as_str());
        let mut digest = Sha256::new();
        for text in [
            COMPLETED,
            &window.tenant_id,
            &window.client_id,
            &window.subscription,
            gap,
            part,
        ] {
            digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(text);
        }
        BASE64_URL_SAFE_NO_PAD.encode(digest.finalize())
    }
}

const COMPLETED: &str = "Microsoft.Graph.CatchUpCompleted";

#[derive(Serialize)]
struct Event<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    event_type: &'static str,
    subject: String,
    time: Timestamp,
    datacontenttype: &'static str,
    subscription: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    gap: &'a str,
    tenant_id: &'a str,
    resource: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<usize>,
    from: Timestamp,
    until: Timestamp,
    complete: bool,
    created: u64,
    updated: u64,
    deleted: u64,
    pages: u64,
    unseen: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permission: Option<&'static str>,
}
