//! The names of all metrics. The template's alarms and its dashboard use them: a test compares the two.

use serde::Serialize;

/// Makes the enumeration and everything that goes over all of it, so that no metric can be forgotten.
macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident: $unit:ident,)+) => {
        /// What is counted or measured. Where a count is taken apart by reason, each reason is a metric of its own: one
        /// line cannot give a dimension two values.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $($(#[$doc])* $name,)+
        }

        impl Metric {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the name in CloudWatch.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// Returns what its values are.
            pub const fn unit(self) -> Unit {
                match self {
                    $(Self::$name => Unit::$unit,)+
                }
            }
        }
    };
}

metrics! {
    // The webhook.
    /// Handshakes that were answered, whoever asked.
    Handshakes: Count,
    /// Items whose client state holds.
    Admitted: Count,
    /// Admitted items that tell of a change, and not of their subscription's life.
    AdmittedChanges: Count,
    /// Items that are turned away; each is also counted under its reason.
    Rejected: Count,
    /// Items without a client state.
    RejectedNoClientState: Count,
    /// Items whose client state is forged.
    RejectedClientState: Count,
    /// Items whose client state names a key that ClientStateSecret does not hold: forged, or made with a key that is gone.
    RejectedUnknownKey: Count,
    /// Items that are not of Graph's form.
    RejectedMalformed: Count,
    /// POSTs of which nothing can be read, or that are too large.
    RejectedPosts: Count,
    /// Items whose client-state key is not known while ClientStateSecret cannot be read; Graph sends them again.
    Undecided: Count,
    /// Admitted items that are stored in a queue.
    Enqueued: Count,
    /// Admitted items that no queue has taken; Graph sends them again.
    NotEnqueued: Count,

    // Decryption.
    /// Events that are stored in DeliveryQueue.
    Delivered: Count,
    /// Items that were put into FailedQueue; each is also counted under its reason.
    Failed: Count,
    /// See docs/consuming.md for this reason and those below.
    FailedMalformed: Count,
    /// As above.
    FailedClientStateRejected: Count,
    /// As above.
    FailedReceiptRejected: Count,
    /// As above.
    FailedOtherTenant: Count,
    /// As above.
    FailedTokenMissing: Count,
    /// As above.
    FailedTokenRejected: Count,
    /// As above.
    FailedContentRejected: Count,
    /// As above.
    FailedReaderDisabled: Count,
    /// As above.
    FailedPanicked: Count,
    /// Items that something was in the way of at their last try; `Reason` says what.
    FailedTriesUsedUp: Count,
    /// Items that the queue will hand over again; each is also counted under its reason.
    Retried: Count,
    /// ClientStateSecret holds no key, or not the item's and cannot be read.
    RetriedNoClientStateKeys: Count,
    /// DecryptionSecret holds no key or cannot be read.
    RetriedNoDecryptionKeys: Count,
    /// DecryptionSecret does not list the tenant.
    RetriedUnknownTenant: Count,
    /// DecryptionSecret does not hold the certificate's key.
    RetriedUnknownCertificate: Count,
    /// Microsoft's signing keys are not to be had.
    RetriedNoSigningKeys: Count,
    /// A queue did not take the item.
    RetriedNotStored: Count,
    /// The invocation ended before the item's turn came.
    RetriedOutOfTime: Count,
    /// Lifecycle notifications that LifecycleQueue will hand over again.
    LifecycleRetried: Count,
    /// The time that opening one item takes.
    DecryptTime: Microseconds,
    /// How old an item is when its event is delivered, from the change where Graph says when it was, else from its receipt.
    Age: Milliseconds,

    // Reader.
    /// Events of what was lost.
    CaughtUp: Count,
    /// Windows that were read, with nothing left out.
    WindowsComplete: Count,
    /// Windows that were read as far as Graph shows them; the event says what is missing.
    WindowsIncomplete: Count,
    /// Events with content that was fetched.
    Fetched: Count,
    /// Items that name a resource which is not one of their subscription's.
    FetchRefused: Count,
    /// Windows and items that the queue will hand over again.
    ReadRetried: Count,

    // Renewal. Of runs that look after everything, as the schedule has them made.
    /// 1 for a run that came to its end, else 0.
    RunSucceeded: Count,
    /// How many tenants, entries and subscriptions something failed for.
    RunFailures: Count,
    /// How many tenants could not be looked at.
    TenantsFailed: Count,
    /// How many entries something failed for.
    EntriesFailed: Count,
    /// How many objects have no subscription for a reason that nobody here can change.
    ObjectsSkipped: Count,
    /// How many subscriptions time did not suffice for.
    RunUnfinished: Count,
    /// How many of them the run before had left over as well.
    LeftOverTwice: Count,
    /// How many subscriptions would be deleted or replaced, and are not: too many at once. A person has to confirm.
    DeletionsHeld: Count,
    /// Subscriptions that are as they should be.
    SubscriptionsLive: Count,
    /// How many of a hundred subscriptions are gone since the run before, where this process knows of one.
    SubscriptionsDropPercent: Percent,
    /// Subscriptions that should exist and do not.
    SubscriptionsMissing: Count,
    /// Subscriptions of which less is left than half of the time before their end at which renewal begins.
    SubscriptionsInDanger: Count,
    /// What is left of the subscription that ends first.
    SoonestExpiryMinutes: None,
    /// What is left of the subscription that is the furthest behind, of the time before its end at which renewal begins:
    /// from 100 down it is due, below 50 it is in danger.
    LeastLeftPercent: Percent,
    /// The days that are left of the credential or certificate that ends first, where its end is known.
    DaysLeft: None,
    /// Subscriptions that were made, also in the place of others.
    Created: Count,
    /// Subscriptions whose end was put off.
    Renewed: Count,
    /// Calls that Graph answered with 429.
    ThrottledCalls: Count,
}

/// What the values of a metric are, in CloudWatch's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// How many.
    Count,
    /// A duration.
    Microseconds,
    /// A duration.
    Milliseconds,
    /// A share.
    Percent,
    /// What CloudWatch has no word for.
    None,
}
