//! Why a message of LifecycleQueue is rejected.

use graph_core::notification::{
    client_state::{Proven, Refused},
    item::Malformed,
    queued::Unfit,
};
use graph_edge::{metrics::Metric, sqs::Message};

/// A message that goes to FailedQueue.
pub(super) struct Rejection {
    /// Why it is rejected.
    pub(super) reason: Rejected,
    /// The owner, where the client state proves one.
    owner: Option<Proven>,
}

impl Rejection {
    /// Returns the message with the attributes that operators sort by, which decryption uses as well.
    pub(super) fn message(&self, body: &str) -> Message {
        let message = match &self.owner {
            Some(owner) => Message::of(owner, body.to_owned()),
            None => Message::of_nobody(body.to_owned()),
        };
        message.failed(self.reason.name())
    }
}

/// Why a message goes to FailedQueue. Anyone who can write into the queue can write any text, so only the proof in the
/// client state counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// The body is not a lifecycle notification.
    Malformed,
    /// The client state is missing or invalid.
    ClientState,
    /// The time of receipt is implausible.
    Receipt,
    /// The item names another tenant than its client state.
    OtherTenant,
}

impl Rejected {
    /// Returns the value of the message attribute `Reason`, as decryption has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Malformed => "Malformed",
            Self::ClientState => "ClientStateRejected",
            Self::Receipt => "ReceiptRejected",
            Self::OtherTenant => "OtherTenant",
        }
    }

    /// Returns the rejection of a message of `owner`.
    pub(super) fn of(self, owner: Option<&Proven>) -> Rejection {
        Rejection {
            reason: self,
            owner: owner.cloned(),
        }
    }

    /// Returns the metric that counts such messages.
    pub(super) fn metric(self) -> Metric {
        match self {
            Self::Malformed => Metric::FailedMalformed,
            Self::ClientState => Metric::FailedClientStateRejected,
            Self::Receipt => Metric::FailedReceiptRejected,
            Self::OtherTenant => Metric::FailedOtherTenant,
        }
    }
}

impl From<Malformed> for Rejected {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<Refused> for Rejected {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::OtherTenant => Self::OtherTenant,
            // The document was read after the message arrived, so an application that it does not contain is not
            // trusted.
            Refused::NoClientState
            | Refused::UnknownKey
            | Refused::UnknownApplication
            | Refused::TooLong
            | Refused::WrongClientState => Self::ClientState,
        }
    }
}

impl From<Unfit> for Rejected {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Malformed(malformed) => malformed.into(),
            Unfit::OtherTenant => Self::OtherTenant,
            Unfit::ReceivedAt => Self::Receipt,
        }
    }
}
