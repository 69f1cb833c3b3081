//! A message, and what is written on it.

use std::{collections::BTreeMap, fmt, time::Duration};

use graph_core::{
    application::Guid,
    notification::{client_state::Proven, message::MAX_BYTES},
};
use serde::Serialize;

use super::Reason;

/// A message to be sent. Prints its size, not its body.
///
/// Its attributes let an operator sort FailedQueue without opening a body; SQS keeps them when it moves a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The body.
    pub body: String,
    /// Whose message it is.
    tenant: Option<String>,
    /// What it is queued with: SQS keeps a group with many messages from delaying the others (Amazon SQS, *fair queues*).
    group: Option<String>,
    /// The name of the subscription that it is for.
    subscription: Option<String>,
    /// Why the body could not be processed.
    pub reason: Option<&'static str>,
    /// How many seconds the queue keeps it back.
    delay_seconds: Option<i32>,
}

impl Message {
    /// Returns a message of a tenant. SQS does not encrypt the group.
    pub fn of_tenant(tenant_id: Guid, body: String) -> Self {
        let tenant = tenant_id.to_string();
        Self {
            group: Some(tenant.clone()),
            tenant: Some(tenant),
            ..Self::of_nobody(body)
        }
    }

    /// Returns a message with a window of a subscription.
    pub fn of_window(owner: &Proven, body: String) -> Self {
        Self::of(owner, body).grouped_with_windows()
    }

    /// Returns the message in the group of its tenant's windows. Thousands of windows at once must not delay the tenant's items
    /// to fetch in the same queue, nor the events that are read in them its live events, so they are a group of their own.
    #[must_use]
    pub fn grouped_with_windows(self) -> Self {
        Self {
            group: self.group.map(|tenant| format!("{tenant}.windows")),
            ..self
        }
    }

    /// Returns a message for a subscription, with what an operator sorts by.
    pub fn of(proven: &Proven, body: String) -> Self {
        Self {
            subscription: Some(proven.subscription.clone()),
            ..Self::of_tenant(proven.application.tenant_id, body)
        }
    }

    /// Returns a message for a subscription, where it is proven whose it is.
    pub fn of_any(proven: Option<&Proven>, body: String) -> Self {
        match proven {
            Some(proven) => Self::of(proven, body),
            None => Self::of_nobody(body),
        }
    }

    /// Returns a message that does not say whose it is.
    pub fn of_nobody(body: String) -> Self {
        Self {
            body,
            tenant: None,
            group: None,
            subscription: None,
            reason: None,
            delay_seconds: None,
        }
    }

    /// Returns the message with the reason for which its body could not be processed.
    ///
    /// What the functions write leaves room for the attributes. A body that does not is of somebody else who may write into a
    /// queue: it is cut, as SQS would refuse it, and it never becomes an event.
    #[must_use]
    pub fn failed(self, reason: Reason) -> Self {
        let mut failed = Self {
            reason: Some(reason.name()),
            ..self
        };
        let excess = failed.size().saturating_sub(MAX_BYTES);
        if excess > 0 {
            let room = failed.body.len().saturating_sub(excess);
            failed.body.truncate(failed.body.floor_char_boundary(room));
        }
        failed
    }

    /// Returns the message, to be kept back by the queue for `time`, or for as long as SQS can: 15 minutes.
    #[must_use]
    pub fn delayed(self, time: Duration) -> Self {
        // Rather a second too late than too early: Microsoft Graph has asked for the time.
        let seconds = time
            .as_secs()
            .saturating_add(u64::from(time.subsec_nanos() > 0))
            .min(MAX_DELAY_SECONDS);
        Self {
            delay_seconds: i32::try_from(seconds).ok().filter(|seconds| *seconds > 0),
            ..self
        }
    }

    /// Returns for how many seconds the queue keeps it back.
    pub fn delay_seconds(&self) -> i32 {
        self.delay_seconds.unwrap_or_default()
    }

    /// Returns what it is queued with.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Returns the message attributes.
    pub fn attributes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        // A message that is for no subscription is an event, whose reader needs no attributes.
        let tenant = self.subscription.as_ref().and(self.tenant.as_deref());
        let attributes = [
            (REASON, self.reason),
            (TENANT, tenant),
            (SUBSCRIPTION, self.subscription.as_deref()),
        ];
        attributes
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
    }

    /// Returns the size that counts towards the limits of SQS.
    pub(super) fn size(&self) -> usize {
        let attributes = self.attributes();
        let attributes: usize = attributes
            .map(|(name, value)| name.len() + TEXT.len() + value.len())
            .sum();
        self.body.len() + attributes
    }

    /// Returns the message as an entry of a call.
    pub(super) fn entry(&self, id: String) -> Entry<'_> {
        let attributes = self.attributes().map(|(name, value)| {
            let data_type = TEXT;
            (
                name,
                Attribute {
                    data_type,
                    string_value: value,
                },
            )
        });
        Entry {
            id,
            message_body: &self.body,
            delay_seconds: self.delay_seconds,
            message_attributes: attributes.collect(),
            message_group_id: self.group(),
        }
    }
}

/// The body of a call of `SendMessageBatch`.
///
/// The SDK escapes texts byte by byte, which is a seventh of the time of a POST, and copies each message first.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch<'a> {
    pub(super) queue_url: &'a str,
    pub(super) entries: Vec<Entry<'a>>,
}

impl Batch<'_> {
    /// Returns the body.
    pub(super) fn body(&self) -> serde_json::Result<Vec<u8>> {
        // Of the JSON that the messages are, some of the characters need an escape.
        let messages: usize = self.entries.iter().map(|entry| entry.message_body.len()).sum();
        let mut body = Vec::with_capacity(messages + messages / 4 + self.entries.len() * ENTRY_BYTES);
        serde_json::to_writer(&mut body, self)?;
        Ok(body)
    }
}

/// A message in a call.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entry<'a> {
    id: String,
    message_body: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_seconds: Option<i32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<&'static str, Attribute<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<&'a str>,
}

/// The value of a message attribute.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute<'a> {
    data_type: &'static str,
    string_value: &'a str,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("bytes", &self.body.len())
            .field("tenant", &self.tenant)
            .field("subscription", &self.subscription)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// The message attribute that says why an item failed.
pub const REASON: &str = "Reason";

/// The message attribute that says which tenant an item is for.
pub const TENANT: &str = "Tenant";

/// The message attribute that names the subscription that an item is for.
pub const SUBSCRIPTION: &str = "Subscription";

/// What an entry usually has besides its message.
const ENTRY_BYTES: usize = 512;

/// The longest that SQS keeps a message back (Amazon SQS, *delay queues*).
const MAX_DELAY_SECONDS: u64 = 900;

const TEXT: &str = "String";
