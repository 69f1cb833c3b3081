//! The result of processing a message, and its reasons.

use std::time::Duration;

use graph_core::notification::{
    envelope::OpenError,
    item::Malformed,
    queued::{Unfit, Unproven},
    tokens::TokenError,
};
use graph_edge::{metrics::Metric, sqs::Reason};
use jiff::Timestamp;

/// Why a message becomes no event now.
pub(crate) enum Undelivered {
    /// The message belongs to another function. Messages of every kind come here, because all of FailedQueue is moved back
    /// to NotificationQueue.
    Forward(MessageKind),
    /// The message can never be processed: it is kept in FailedQueue at once.
    Fail(Failure),
    /// The message may be processed later: the queue hands it over again, and after its last try it is kept in FailedQueue.
    Retry(Obstacle),
}

/// The kind of a message for another function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// A lifecycle notification, for renewal.
    Lifecycle,
    /// An item whose content is fetched, for the reader.
    Fetch,
    /// A window to read, for the reader.
    Window,
}

/// An event and its log data. It cannot be printed, because the event contains what was encrypted.
pub(crate) struct Delivery {
    /// The event.
    pub(crate) event: String,
    /// Its log data.
    pub(crate) facts: Facts,
}

/// What logs and metrics say of an event.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The subscription's name, proven by the client state.
    pub(crate) subscription: String,
    /// When the change happened, or when its item was received.
    pub(crate) changed_at: Timestamp,
    /// How long it took to open the content, if there was any.
    pub(crate) opened_in: Option<Duration>,
}

/// The results of a batch.
pub(crate) struct Results {
    /// The events that are stored in DeliveryQueue.
    pub(crate) delivered: Vec<Facts>,
    /// How many messages are stored in another function's queue.
    pub(crate) forwarded: usize,
    /// Why messages are stored in FailedQueue.
    pub(crate) failed: Vec<Failure>,
    /// The ids of the messages to retry, and their obstacles.
    pub(crate) retried: Vec<(String, Obstacle)>,
}

/// Why a message is kept in FailedQueue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The seal of the message or the client state of its item does not hold.
    Unproven(Unproven),
    /// The item is malformed or contradicts its client state.
    Unfit(Unfit),
    /// The item is encrypted and came without a validation token for its tenant and application.
    TokenMissing,
    /// The validation tokens for the item were over a limit.
    TokenLeftOut,
    /// No validation token vouches for the item.
    TokenRejected,
    /// The encrypted content does not have Graph's signature, or was not encrypted for this stack.
    ContentRejected,
    /// The message is a window to read, but the stack has no reader.
    ReaderDisabled,
    /// Processing the message panicked, which is a defect of this function.
    Panicked,
    /// The obstacle was still there at the last try.
    TriesUsedUp(Obstacle),
}

impl Failure {
    /// Returns the reason in FailedQueue.
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::Unproven(unproven) => unproven.into(),
            Self::Unfit(unfit) => unfit.into(),
            Self::TokenMissing => Reason::TokenMissing,
            Self::TokenLeftOut => Reason::TokenLeftOut,
            Self::TokenRejected => Reason::TokenRejected,
            Self::ContentRejected => Reason::ContentRejected,
            Self::ReaderDisabled => Reason::ReaderDisabled,
            Self::Panicked => Reason::Panicked,
            Self::TriesUsedUp(obstacle) => obstacle.reason(),
        }
    }

    /// Returns the advice for an operator, if there is more to do than to look for an attacker.
    pub(crate) fn hint(self) -> Option<&'static str> {
        match self {
            Self::TokenMissing => TokenError::Missing.hint(),
            Self::ReaderDisabled => {
                Some("Set the parameter Reader to enabled and move the message back, or delete the message")
            }
            Self::Unproven(_)
            | Self::Unfit(_)
            | Self::TokenLeftOut
            | Self::TokenRejected
            | Self::ContentRejected
            | Self::Panicked
            | Self::TriesUsedUp(_) => None,
        }
    }
}

/// Why a message cannot be processed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Obstacle {
    /// ClientStateSecret holds no key yet, or the item names an unknown key and the secret cannot be read.
    NoClientStateKeys,
    /// DecryptionSecret holds no key yet or cannot be read.
    NoDecryptionKeys,
    /// The secrets do not list the tenant and application of an item that was theirs when it was admitted.
    UnknownTenant,
    /// DecryptionSecret holds no key for the item's certificate.
    UnknownCertificate,
    /// Microsoft's signing keys cannot be fetched, or are too old to judge the item's token.
    NoSigningKeys,
    /// SQS did not store the event or the message.
    NotStored,
    /// The invocation ended before the message was processed.
    OutOfTime,
}

impl Obstacle {
    /// Returns the reason in FailedQueue after the last try.
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

    /// Returns the metric that counts the retried messages with this obstacle.
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

impl From<Failure> for Undelivered {
    fn from(failure: Failure) -> Self {
        Self::Fail(failure)
    }
}

impl From<Obstacle> for Undelivered {
    fn from(obstacle: Obstacle) -> Self {
        Self::Retry(obstacle)
    }
}

impl From<Malformed> for Undelivered {
    fn from(malformed: Malformed) -> Self {
        Unfit::from(malformed).into()
    }
}

impl From<Unproven> for Undelivered {
    fn from(unproven: Unproven) -> Self {
        Failure::Unproven(unproven).into()
    }
}

impl From<Unfit> for Undelivered {
    fn from(unfit: Unfit) -> Self {
        Failure::Unfit(unfit).into()
    }
}

impl From<TokenError> for Undelivered {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Missing => Failure::TokenMissing.into(),
            // The keys at hand may be older than the token.
            TokenError::UnknownKey => Obstacle::NoSigningKeys.into(),
            TokenError::Rejected => Failure::TokenRejected.into(),
        }
    }
}

impl From<OpenError> for Undelivered {
    fn from(error: OpenError) -> Self {
        match error {
            // This function may have read the secret before renewal added the key.
            OpenError::UnknownCertificate => Obstacle::UnknownCertificate.into(),
            OpenError::Rejected => Failure::ContentRejected.into(),
        }
    }
}
