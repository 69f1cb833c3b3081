//! The queue message that carries one admitted item to the function that acts on it.
//!
//! A queue is not trusted: whoever can write to it could put anything there. So a message is sealed ([`seal`](super::seal)),
//! and whoever takes it checks the seal and the client state of the item once more ([`VerifiedItem::open`]).

use std::{borrow::Cow, collections::BTreeMap, fmt};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    client_state::{ClientStateKeys, Proven, Refused},
    fields::{Malformed, retain},
    identity::{Identity, Receipt, digest},
    item::{Admitted, MAX_CLIENT_STATES, Notification, Unadmitted},
    message,
    seal::{BrokenSeal, MAX_SEAL_BYTES, Sealed},
    tokens::MAX_RELEVANT_BYTES,
};
use crate::application::{Application, Guid};

/// One admitted item on its way. Prints neither the item nor its tokens.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedItem<'a> {
    /// The name that the message gives the subscription. Nobody acts on it: see [`VerifiedItem::proven`].
    #[serde(borrow)]
    pub subscription: Cow<'a, str>,
    /// The tenant that the message names.
    #[serde(borrow)]
    pub tenant_id: Cow<'a, str>,
    /// The application that the message names.
    #[serde(borrow)]
    pub client_id: Cow<'a, str>,
    /// The id of the event that the item becomes.
    #[serde(default, borrow)]
    pub id: Cow<'a, str>,
    /// The version of the resource, as far as Graph tells one.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    pub version: Option<Cow<'a, str>>,
    /// What events about the same thing have in common.
    #[serde(default, borrow)]
    pub partition_key: Cow<'a, str>,
    /// When the webhook received the item.
    pub received_at: Timestamp,
    /// Whether the item was too large for a message, so that parts of it were left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub content_omitted: bool,
    /// Whether reader fetches the item's content. It chooses the way, and reader takes no item without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fetches_content: bool,
    /// Whether none of the validation tokens for the item came along, because they were over a limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub token_left_out: bool,
    /// The validation tokens that can vouch for the item, unverified.
    #[serde(default, skip_serializing_if = "Vec::is_empty", borrow)]
    pub validation_tokens: Vec<Cow<'a, str>>,
    /// The item as Graph sent it.
    #[serde(borrow)]
    pub item: &'a RawValue,
}

impl<'a> QueuedItem<'a> {
    /// Puts an admitted item on its way.
    pub fn new(admitted: &'a Admitted<'_>, receipt: Receipt, validation_tokens: Vec<Cow<'a, str>>) -> Self {
        let identity = Identity::of(admitted, receipt);
        let proven = admitted.proven();
        Self {
            subscription: Cow::Borrowed(&proven.subscription),
            tenant_id: proven.application.tenant_id.to_string().into(),
            client_id: proven.application.client_id.to_string().into(),
            id: identity.id.into(),
            version: identity.version.map(Into::into),
            partition_key: identity.partition_key.into(),
            received_at: receipt.at,
            content_omitted: false,
            fetches_content: false,
            token_left_out: false,
            validation_tokens,
            item: admitted.raw(),
        }
    }

    /// Reads the body of a queue message to look at it. To act on it takes [`VerifiedItem::open`].
    ///
    /// # Errors
    ///
    /// Returns an error when the body is not one that [`QueuedItem::to_body`] makes.
    pub fn parse(body: &'a str) -> Result<Self, Malformed> {
        serde_json::from_str(body).map_err(|_| Malformed::Form)
    }

    /// Returns whom the message names as the owner. Only a seal proves it, and nobody acts on it.
    pub(crate) fn stated_owner(&self) -> Option<Proven> {
        let application = Application {
            tenant_id: Guid::parse(&self.tenant_id)?,
            client_id: Guid::parse(&self.client_id)?,
        };
        Some(Proven {
            application,
            subscription: self.subscription.clone().into_owned(),
        })
    }

    /// Returns the item as verified by the admission that it has just passed.
    #[must_use]
    pub fn as_admitted(self, admitted: &Admitted<'a>) -> VerifiedItem<'a> {
        VerifiedItem {
            admitted: admitted.clone(),
            queued: self,
        }
    }

    /// Returns the body of the queue message, which with its seal is at most [`message::MAX_MESSAGE_BODY_BYTES`] long.
    ///
    /// An item that is too large goes on without its encrypted content, which its consumer can still fetch by the
    /// item's resource; one that is too large even so keeps its small members alone, or those that Graph documents. The item
    /// alone decides: Graph's repeats of it come at other times and with other tokens.
    ///
    /// # Errors
    ///
    /// Returns an error when the item is not an object, which no admitted one is.
    pub fn to_body(&self) -> Result<String, Malformed> {
        if fits(self.item) {
            return self.to_json();
        }
        let item = retain(self.item, |key, _| !key.eq_ignore_ascii_case("encryptedContent"))?;
        if fits(&item) {
            return self.reduced(&item);
        }
        let item = retain(self.item, is_small)?;
        if fits(&item) {
            return self.reduced(&item);
        }
        let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
        let item = retain(self.item, |key, value| {
            let documented = DOCUMENTED.iter().find(|(name, _)| key.eq_ignore_ascii_case(name));
            is_small(key, value)
                && documented.is_some_and(|(name, most)| {
                    let kept = kept.entry(name).or_default();
                    *kept += 1;
                    *kept <= *most
                })
        })?;
        self.reduced(&item)
    }

    /// Returns the body with what is left of the item, and no token: there is nothing to open.
    fn reduced(&self, item: &RawValue) -> Result<String, Malformed> {
        let is_encrypted = Unadmitted::parse(self.item).is_ok_and(|item| item.is_encrypted());
        let reduced = QueuedItem {
            subscription: Cow::Borrowed(&self.subscription),
            tenant_id: Cow::Borrowed(&self.tenant_id),
            client_id: Cow::Borrowed(&self.client_id),
            // No token vouches for what is left: it must not have the id of an item for which one does.
            id: if is_encrypted {
                digest(&["reduced", &self.id]).into()
            } else {
                Cow::Borrowed(&self.id)
            },
            version: self.version.as_deref().map(Cow::Borrowed),
            partition_key: Cow::Borrowed(&self.partition_key),
            received_at: self.received_at,
            content_omitted: true,
            fetches_content: self.fetches_content,
            token_left_out: false,
            validation_tokens: Vec::new(),
            item,
        };
        reduced.to_json()
    }

    fn to_json(&self) -> Result<String, Malformed> {
        let tokens = self.validation_tokens.iter().map(|token| token.len());
        message::json(self, self.item.get().len() + tokens.sum::<usize>())
    }
}

impl fmt::Debug for QueuedItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedItem")
            .field("id", &self.id)
            .field("received_at", &self.received_at)
            .field("content_omitted", &self.content_omitted)
            .finish_non_exhaustive()
    }
}

/// An item whose client state holds: what it proves counts, and what the item says besides can be read. Prints what is
/// proven and nothing else.
pub struct VerifiedItem<'a> {
    admitted: Admitted<'a>,
    queued: QueuedItem<'a>,
}

impl<'a> VerifiedItem<'a> {
    /// Returns the item of a sealed message when its client state proves that it comes from a subscription of this stack.
    ///
    /// # Errors
    ///
    /// Returns why nobody may act on it.
    pub fn open(message: Sealed<'a>, keys: &ClientStateKeys) -> Result<Self, Unproven> {
        let queued = QueuedItem::parse(message.body())?;
        let item = Unadmitted::parse(queued.item).map_err(|_| Refused::NoClientState)?;
        let admitted = item.admit(keys)?;
        Ok(Self { admitted, queued })
    }

    /// Returns whose the client state proves the item to be.
    pub fn proven(&self) -> &Proven {
        self.admitted.proven()
    }

    /// Returns whether the client state is one of a subscription with resource data.
    #[must_use]
    pub fn includes_resource_data(&self) -> bool {
        self.admitted.proof().includes_resource_data
    }

    /// Returns the message that carries the item.
    pub fn queued(&self) -> &QueuedItem<'a> {
        &self.queued
    }

    /// Returns the item in full.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it: that it is not of Graph's form, that it says it is for another tenant than the one of
    /// its client state, or that the time of its receipt cannot be true.
    pub fn read(&self, now: Timestamp) -> Result<Notification<'a>, Unfit> {
        let age = now.duration_since(self.queued.received_at);
        if age > MAX_AGE || age < -MAX_CLOCK_DIFFERENCE {
            return Err(Unfit::ReceivedAt);
        }
        let digests = [&self.queued.id, &self.queued.partition_key];
        if !digests.into_iter().all(|text| is_digest(text)) {
            return Err(Unfit::Malformed(Malformed::Form));
        }
        let notification = self.admitted.read()?;
        let is_other = |tenant_id: &str| !self.proven().application.tenant_id.is(tenant_id);
        if notification.tenant_id.as_deref().is_some_and(is_other) {
            return Err(Unfit::OtherTenant);
        }
        Ok(notification)
    }
}

impl fmt::Debug for VerifiedItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedItem")
            .field("proven", self.proven())
            .field("queued", &self.queued)
            .finish()
    }
}

/// Why nobody may act on a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// No function of this stack wrote it.
    #[error(transparent)]
    Seal(#[from] BrokenSeal),
    /// It carries no item.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The client state of its item does not hold.
    #[error(transparent)]
    ClientState(#[from] Refused),
}

impl Unproven {
    /// Returns whether a newer ClientStateSecret may prove what this one does not.
    #[must_use]
    pub fn may_be_proven_by_now(self) -> bool {
        match self {
            Self::Seal(BrokenSeal::UnknownKey | BrokenSeal::UnusableKey) => true,
            Self::ClientState(refused) => refused.may_be_known_by_now(),
            Self::Seal(BrokenSeal::Broken) | Self::Malformed(_) => false,
        }
    }

    /// Returns whether nobody can judge the message until somebody corrects ClientStateSecret.
    #[must_use]
    pub fn is_undecidable(self) -> bool {
        matches!(
            self,
            Self::Seal(BrokenSeal::UnusableKey) | Self::ClientState(Refused::UnusableEntry)
        )
    }
}

/// Why nothing can be made of an item from a subscription of this stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unfit {
    /// It is not of Graph's form, or over one of the limits.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It says that it is for another tenant than the one of its client state.
    #[error("item is for another tenant than its client state")]
    OtherTenant,
    /// It was received in the future, or before anything that queues can hold.
    #[error("time of receipt cannot be true")]
    ReceivedAt,
}

/// Returns whether a text has the form of the digests that are made at admission.
fn is_digest(text: &str) -> bool {
    (1..=43).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Returns whether an item fits into a message, whatever else the message says.
fn fits(item: &RawValue) -> bool {
    message::stored_bytes(item.get()) <= MAX_ITEM_BYTES
}

/// Returns whether a member is left of an item that no message can hold.
pub(super) fn is_small(key: &str, value: &RawValue) -> bool {
    most_bytes(key, value) <= SMALL_MEMBER_BYTES
}

/// Returns the most bytes that a member can take in a message: a character of the key may become an escape of six, and
/// one that SQS refuses grows from three to six.
fn most_bytes(key: &str, value: &RawValue) -> usize {
    key.len()
        .saturating_mul(6)
        .saturating_add(value.get().len().saturating_mul(2))
}

/// The longest item that a message holds as it is.
pub const MAX_ITEM_BYTES: usize =
    message::MAX_MESSAGE_BODY_BYTES - MAX_SEAL_BYTES - MAX_RELEVANT_BYTES - MAX_OTHER_BYTES;

/// The most bytes that a message takes besides item, tokens and seal: mostly the version, whose 128 characters may become
/// escapes.
const MAX_OTHER_BYTES: usize = 2_048;

/// What a member of an oversize item may take; the most members of an object times this fits into a message.
const SMALL_MEMBER_BYTES: usize = 4_000;

/// The members that Graph documents and that are small, and how many of each are left of an item that no message can hold. Any
/// of the client states that are verified may be the one that holds.
const DOCUMENTED: [(&str, usize); 9] = [
    ("changeType", 1),
    ("clientState", MAX_CLIENT_STATES),
    ("id", 1),
    ("lifecycleEvent", 1),
    ("organizationId", 1),
    ("resource", 1),
    ("subscriptionExpirationDateTime", 1),
    ("subscriptionId", 1),
    ("tenantId", 1),
];

/// How long an item can be on its way: four days in its queue, fourteen in FailedQueue (template.yaml), and a day over.
pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(19 * 24);

/// How far the clocks of two machines may be apart.
pub const MAX_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_mins(5);

#[cfg(test)]
mod tests;
