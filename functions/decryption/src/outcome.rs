//! What an item comes to, and why.

use std::time::Duration;

use graph_core::notification::{
    queued::{Unfit, Unproven},
    tokens::TokenError,
};
use graph_edge::{metrics::Metric, sqs::Reason};
use jiff::Timestamp;

/// What becomes of one queue message. Cannot be printed: the event is what was encrypted.
pub(crate) enum Outcome {
    /// The event to deliver.
    Deliver(Delivery),
    /// The message belongs into another queue. It comes this way from FailedQueue, whose messages are all moved back to one
    /// queue.
    Forward(Unit),
    /// The item can never be processed: kept in FailedQueue at once, with the reason.
    Fail(Failure),
    /// The item may be processed later: tried again by the queue, and kept in FailedQueue when its tries are used up.
    Retry(Obstacle),
}

/// What a message is that belongs into another queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// An item that tells of a subscription itself: renewal's.
    Lifecycle,
    /// An item whose content is fetched: reader's.
    Fetch,
    /// A window to read: reader's.
    Window,
}

/// An event, and what may be told of it. Cannot be printed: the event is what was encrypted.
pub(crate) struct Delivery {
    /// The event.
    pub(crate) event: String,
    /// What may be told.
    pub(crate) facts: Facts,
}

/// What may be told of an event.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The subscription's name, proven by the client state.
    pub(crate) subscription: String,
    /// When the change happened, or when its item was received.
    pub(crate) changed_at: Timestamp,
    /// How long it took to open the content, if there was any.
    pub(crate) opened_in: Option<Duration>,
}

/// What has become of the messages of a batch.
pub(crate) struct Results {
    /// The events that are stored in DeliveryQueue.
    pub(crate) delivered: Vec<Facts>,
    /// Why messages are stored in FailedQueue.
    pub(crate) failed: Vec<Failure>,
    /// The ids of the messages to try again, and what is in their way.
    pub(crate) retried: Vec<(String, Obstacle)>,
}

/// Why an item is kept in FailedQueue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nobody may act on the message.
    Unproven(Unproven),
    /// Nothing can be made of the item in it.
    Unfit(Unfit),
    /// The item is encrypted and came without a validation token for its tenant and application.
    TokenMissing,
    /// No validation token vouches for the item.
    TokenRejected,
    /// The encrypted content is not what Graph encrypted for us.
    ContentRejected,
    /// The message is a window to read, and the stack has no reader.
    ReaderDisabled,
    /// Processing the item panicked; this is a defect of the product.
    Panicked,
    /// This was still in the way at the last try.
    TriesUsedUp(Obstacle),
}

impl Failure {
    /// Returns the reason in FailedQueue.
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::Unproven(unproven) => unproven.into(),
            Self::Unfit(unfit) => unfit.into(),
            Self::TokenMissing => Reason::TokenMissing,
            Self::TokenRejected => Reason::TokenRejected,
            Self::ContentRejected => Reason::ContentRejected,
            Self::ReaderDisabled => Reason::ReaderDisabled,
            Self::Panicked => Reason::Panicked,
            Self::TriesUsedUp(obstacle) => obstacle.reason(),
        }
    }

    /// Returns what an operator can do, where it is more than to look for an attacker.
    pub(crate) fn hint(self) -> Option<&'static str> {
        match self {
            Self::TokenMissing => TokenError::Missing.hint(),
            Self::ReaderDisabled => {
                Some("Set the parameter Reader to enabled and move the message back, or delete the message")
            }
            Self::Unproven(_)
            | Self::Unfit(_)
            | Self::TokenRejected
            | Self::ContentRejected
            | Self::Panicked
            | Self::TriesUsedUp(_) => None,
        }
    }
}

/// What is in the way of an item at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Obstacle {
    /// ClientStateSecret holds no key yet, or cannot be read although the item names a key that is not known.
    NoClientStateKeys,
    /// DecryptionSecret holds no key yet or cannot be read.
    NoDecryptionKeys,
    /// DecryptionSecret does not list the item's tenant and application.
    UnknownTenant,
    /// DecryptionSecret holds no key for the item's certificate.
    UnknownCertificate,
    /// Microsoft's signing keys cannot be fetched, or are too old to judge the item's token.
    NoSigningKeys,
    /// DeliveryQueue or FailedQueue did not store the item.
    NotStored,
    /// The invocation ended before the item's turn came, or while something hung.
    OutOfTime,
}

impl Obstacle {
    /// Returns the reason in FailedQueue, where this is in the way until the last try.
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::NoClientStateKeys => Reason::NoClientStateKeys,
            Self::NoDecryptionKeys => Reason::NoDecryptionKeys,
            Self::UnknownTenant => Reason::UnknownTenant,
            Self::UnknownCertificate => Reason::UnknownCertificate,
            Self::NoSigningKeys => Reason::NoSigningKeys,
            Self::NotStored => Reason::NotStored,
            Self::OutOfTime => Reason::OutOfTime,
        }
    }

    /// Returns the metric that counts items with this in their way.
    pub(crate) fn metric(self) -> Metric {
        match self {
            Self::NoClientStateKeys => Metric::RetriedNoClientStateKeys,
            Self::NoDecryptionKeys => Metric::RetriedNoDecryptionKeys,
            Self::UnknownTenant => Metric::RetriedUnknownTenant,
            Self::UnknownCertificate => Metric::RetriedUnknownCertificate,
            Self::NoSigningKeys => Metric::RetriedNoSigningKeys,
            Self::NotStored => Metric::RetriedNotStored,
            Self::OutOfTime => Metric::RetriedOutOfTime,
        }
    }
}
