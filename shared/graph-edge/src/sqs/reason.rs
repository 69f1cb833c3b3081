//! Why a message is in FailedQueue.

use graph_core::notification::queued::{Unfit, Unproven};

use crate::metrics::{Metric, Metrics};

/// Why a message is in FailedQueue, whichever function has put it there (docs/consuming.md says what each means).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The message, or the item in it, is not of the documented form, or over one of its limits.
    Malformed,
    /// No function of this stack wrote the message.
    SealRejected,
    /// The client state of the item does not hold.
    ClientStateRejected,
    /// The item was received in the future, or before anything that queues can hold.
    ReceiptRejected,
    /// The item says that it is for another tenant than the one that its client state proves.
    OtherTenant,
    /// The item is encrypted and came without a validation token for its tenant and application.
    TokenMissing,
    /// The validation tokens for the encrypted item were over a limit, so the webhook left them out.
    TokenLeftOut,
    /// No validation token vouches for the item.
    TokenRejected,
    /// The encrypted content is not what Graph encrypted for us.
    ContentRejected,
    /// The message is a window to read, and the stack has no reader.
    ReaderDisabled,
    /// A window names what the configuration does not have.
    NotConfigured,
    /// A window was answered with what is not a page of a list.
    OddAnswer,
    /// Graph refused to list what a window asks for.
    ReadRefused,
    /// A window could not be read until the last try.
    NotReady,
    /// Processing the message panicked.
    Panicked,
    /// A lifecycle notification could not be answered until the last try.
    NotRenewed,
    /// This was in the way until the last try.
    NoClientStateKeys,
    /// As above.
    NoDecryptionKeys,
    /// As above.
    UnknownTenant,
    /// As above.
    UnknownCertificate,
    /// As above.
    NoSigningKeys,
    /// As above.
    NoConfiguration,
    /// As above.
    NotStored,
    /// As above.
    OutOfTime,
}

impl Reason {
    /// Returns the value of the message attribute `Reason`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "Malformed",
            Self::SealRejected => "SealRejected",
            Self::ClientStateRejected => "ClientStateRejected",
            Self::ReceiptRejected => "ReceiptRejected",
            Self::OtherTenant => "OtherTenant",
            Self::TokenMissing => "TokenMissing",
            Self::TokenLeftOut => "TokenLeftOut",
            Self::TokenRejected => "TokenRejected",
            Self::ContentRejected => "ContentRejected",
            Self::ReaderDisabled => "ReaderDisabled",
            Self::NotConfigured => "NotConfigured",
            Self::OddAnswer => "OddAnswer",
            Self::ReadRefused => "ReadRefused",
            Self::NotReady => "NotReady",
            Self::Panicked => "Panicked",
            Self::NoClientStateKeys => "NoClientStateKeys",
            Self::NoDecryptionKeys => "NoDecryptionKeys",
            Self::UnknownTenant => "UnknownTenant",
            Self::UnknownCertificate => "UnknownCertificate",
            Self::NoSigningKeys => "NoSigningKeys",
            Self::NotRenewed => "NotRenewed",
            Self::NoConfiguration => "NoConfiguration",
            Self::NotStored => "NotStored",
            Self::OutOfTime => "OutOfTime",
        }
    }

    /// Counts messages that are stored in FailedQueue.
    pub fn count(self, messages: usize, metrics: &mut Metrics) {
        metrics.count(Metric::Failed, messages);
        metrics.count(self.metric(), messages);
    }

    fn metric(self) -> Metric {
        match self {
            Self::Malformed => Metric::FailedMalformed,
            Self::SealRejected => Metric::FailedSealRejected,
            Self::ClientStateRejected => Metric::FailedClientStateRejected,
            Self::ReceiptRejected => Metric::FailedReceiptRejected,
            Self::OtherTenant => Metric::FailedOtherTenant,
            Self::TokenMissing | Self::TokenLeftOut => Metric::FailedTokenMissing,
            Self::TokenRejected => Metric::FailedTokenRejected,
            Self::ContentRejected => Metric::FailedContentRejected,
            Self::ReaderDisabled => Metric::FailedReaderDisabled,
            Self::NotConfigured => Metric::FailedNotConfigured,
            Self::OddAnswer | Self::ReadRefused | Self::NotReady => Metric::FailedNotRead,
            Self::Panicked => Metric::FailedPanicked,
            Self::NoClientStateKeys
            | Self::NoDecryptionKeys
            | Self::UnknownTenant
            | Self::UnknownCertificate
            | Self::NoSigningKeys
            | Self::NoConfiguration
            | Self::NotRenewed
            | Self::NotStored
            | Self::OutOfTime => Metric::FailedTriesUsedUp,
        }
    }
}

impl From<Unproven> for Reason {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            unproven if unproven.is_undecidable() => Self::NoClientStateKeys,
            Unproven::Seal(_) => Self::SealRejected,
            Unproven::Malformed(_) => Self::Malformed,
            Unproven::ClientState(_) => Self::ClientStateRejected,
        }
    }
}

impl From<Unfit> for Reason {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Malformed(_) => Self::Malformed,
            Unfit::OtherTenant => Self::OtherTenant,
            Unfit::ReceivedAt => Self::ReceiptRejected,
        }
    }
}
