//! What an item comes to, and why.

use std::time::Duration;

use graph_core::{
    application::Guid,
    notification::{item, tokens::TokenError},
};
use graph_edge::metrics::Metric;
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
    /// A window to read, which names a tenant: reader's, which checks it against the configuration.
    Window(Guid),
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// The message or the item in it is not of the documented form, or over one of its limits.
    Malformed(item::Malformed),
    /// The client state of the item does not hold: somebody else has written it into the queue.
    ClientStateRejected,
    /// The item was received in the future, or before anything that queues can hold.
    ReceiptRejected,
    /// The item says that it is for another tenant than the one that its client state proves.
    OtherTenant,
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
    /// Returns the value of the message attribute `Reason`.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Malformed(_) => "Malformed",
            Self::ClientStateRejected => "ClientStateRejected",
            Self::ReceiptRejected => "ReceiptRejected",
            Self::OtherTenant => "OtherTenant",
            Self::TokenMissing => "TokenMissing",
            Self::TokenRejected => "TokenRejected",
            Self::ContentRejected => "ContentRejected",
            Self::ReaderDisabled => "ReaderDisabled",
            Self::Panicked => "Panicked",
            Self::TriesUsedUp(obstacle) => obstacle.name(),
        }
    }

    /// Returns what an operator can do, where it is more than to look for an attacker.
    pub(crate) fn hint(self) -> Option<&'static str> {
        match self {
            Self::TokenMissing => TokenError::Missing.hint(),
            Self::ReaderDisabled => {
                Some("Set the parameter Reader to enabled and move the message back, or delete the message")
            }
            Self::Malformed(_)
            | Self::ClientStateRejected
            | Self::ReceiptRejected
            | Self::OtherTenant
            | Self::TokenRejected
            | Self::ContentRejected
            | Self::Panicked
            | Self::TriesUsedUp(_) => None,
        }
    }

    /// Returns the metric that counts such items.
    pub(crate) fn metric(self) -> Metric {
        match self {
            Self::Malformed(_) => Metric::FailedMalformed,
            Self::ClientStateRejected => Metric::FailedClientStateRejected,
            Self::ReceiptRejected => Metric::FailedReceiptRejected,
            Self::OtherTenant => Metric::FailedOtherTenant,
            Self::TokenMissing => Metric::FailedTokenMissing,
            Self::TokenRejected => Metric::FailedTokenRejected,
            Self::ContentRejected => Metric::FailedContentRejected,
            Self::ReaderDisabled => Metric::FailedReaderDisabled,
            Self::Panicked => Metric::FailedPanicked,
            Self::TriesUsedUp(_) => Metric::FailedTriesUsedUp,
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
    /// Returns the value of the message attribute `Reason`, where this is in the way until the last try.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoClientStateKeys => "NoClientStateKeys",
            Self::NoDecryptionKeys => "NoDecryptionKeys",
            Self::UnknownTenant => "UnknownTenant",
            Self::UnknownCertificate => "UnknownCertificate",
            Self::NoSigningKeys => "NoSigningKeys",
            Self::NotStored => "NotStored",
            Self::OutOfTime => "OutOfTime",
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
