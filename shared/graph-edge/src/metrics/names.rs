//! The names of all metrics. The template's alarms and dashboard use them, and a test compares both.

use serde::Serialize;

/// Defines the enumeration and its lists from one table, so that no list can miss a metric.
macro_rules! metrics {
    ($($(#[$doc:meta])* $name:ident: $unit:ident,)+) => {
        /// A metric. A count by reason has a metric for each reason, because one line can give a dimension only one
        /// value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $($(#[$doc])* $name,)+
        }

        impl Metric {
            /// All metrics.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the name in CloudWatch.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// Returns the unit of its values.
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
    /// Answered handshakes, of any caller.
    Handshakes: Count,
    /// Items with a valid client state.
    Admitted: Count,
    /// Admitted change notifications, without lifecycle notifications.
    AdmittedChanges: Count,
    /// Rejected items; each is also counted under its reason.
    Rejected: Count,
    /// Items without a client state.
    RejectedNoClientState: Count,
    /// Items with a forged client state.
    RejectedClientState: Count,
    /// Items whose client state names a key that ClientStateSecret does not hold: forged, or made with a deleted key.
    RejectedUnknownKey: Count,
    /// Items that do not have Graph's form.
    RejectedMalformed: Count,
    /// POSTs that cannot be parsed or are too large.
    RejectedPosts: Count,
    /// Items with an unknown client-state key while ClientStateSecret cannot be read; Graph retries.
    Undecided: Count,
    /// Admitted items that were stored in a queue.
    Enqueued: Count,
    /// Admitted items that were not stored in a queue; Graph retries.
    NotEnqueued: Count,

    // Decryption.
    /// Events that were stored in DeliveryQueue.
    Delivered: Count,
    /// Messages that were moved back from FailedQueue and that decryption passed on to renewal or the reader.
    Forwarded: Count,
    /// Items that were put into FailedQueue; each is also counted under its reason.
    Failed: Count,
    /// See docs/consuming.md for this reason and those below.
    FailedMalformed: Count,
    /// As above.
    FailedClientStateRejected: Count,
    /// Messages that no function of this stack wrote.
    FailedSealRejected: Count,
    /// As above.
    FailedReceiptRejected: Count,
    /// As above.
    FailedOtherTenant: Count,
    /// Items without a validation token that is for them and within the limits; `Reason` says which.
    FailedTokenMissing: Count,
    /// As above.
    FailedTokenRejected: Count,
    /// As above.
    FailedContentRejected: Count,
    /// As above.
    FailedReaderDisabled: Count,
    /// As above.
    FailedNotConfigured: Count,
    /// Windows that could not be read; `Reason` says why.
    FailedNotRead: Count,
    /// As above.
    FailedPanicked: Count,
    /// Items with an obstacle at their last try; `Reason` names the obstacle.
    FailedTriesUsedUp: Count,
    /// Items that SQS hands over again; each is also counted under its reason.
    Retried: Count,
    /// ClientStateSecret holds no key, or does not hold the item's key and cannot be read.
    RetriedNoClientStateKeys: Count,
    /// DecryptionSecret holds no key or cannot be read.
    RetriedNoDecryptionKeys: Count,
    /// DecryptionSecret does not list the tenant.
    RetriedUnknownTenant: Count,
    /// DecryptionSecret does not hold the certificate's key.
    RetriedUnknownCertificate: Count,
    /// Microsoft's signing keys are not available.
    RetriedNoSigningKeys: Count,
    /// SQS did not store the event or the item.
    RetriedNotStored: Count,
    /// The invocation ended before the item's turn came.
    RetriedOutOfTime: Count,
    /// Lifecycle notifications that SQS hands over again.
    LifecycleRetried: Count,
    /// Time to decrypt one item.
    DecryptTime: Microseconds,
    /// Age of an item when its event is delivered: since the change if Graph says when it happened, otherwise since its receipt.
    Age: Milliseconds,

    // Reader.
    /// Events about changes whose notifications were lost.
    CaughtUp: Count,
    /// Windows that were read completely.
    WindowsComplete: Count,
    /// Windows that were read incompletely; the event says what is missing.
    WindowsIncomplete: Count,
    /// Events with fetched content.
    Fetched: Count,
    /// Items that name a resource outside of their subscription.
    FetchRefused: Count,
    /// Reads that Graph refused with 401 or 403: the application lacks a permission, or its credential has expired.
    ReadForbidden: Count,
    /// Windows and items that SQS hands over again.
    ReadRetried: Count,

    // Renewal: of runs over all tenants, as the schedule starts them.
    /// 1 for a run that finished, otherwise 0.
    RunSucceeded: Count,
    /// Tenants, entries and subscriptions with a failure.
    RunFailures: Count,
    /// Failures that two runs in a row have had, and no run before: an alarm on older ones hides them.
    NewFailures: Count,
    /// Tenants whose subscriptions could not be read.
    TenantsFailed: Count,
    /// Entries with a failure.
    EntriesFailed: Count,
    /// Objects that cannot have a subscription, such as guests without a mailbox.
    ObjectsSkipped: Count,
    /// Subscriptions whose client-state key ClientStateSecret does not hold. The webhook rejects their notifications until the run
    /// has replaced them.
    SubscriptionsWithoutKey: Count,
    /// Subscriptions that the run had no time for.
    RunUnfinished: Count,
    /// Subscriptions that two runs in a row had no time for.
    LeftOverTwice: Count,
    /// Subscriptions that a run did not delete or replace, because they are too many at once. A person has to confirm.
    DeletionsHeld: Count,
    /// Subscriptions that exist.
    SubscriptionsLive: Count,
    /// Percentage by which the subscriptions are fewer than the most of this day and the day before (UTC); 0 for a few.
    SubscriptionsDropPercent: Percent,
    /// Configured subscriptions that do not exist.
    SubscriptionsMissing: Count,
    /// Overdue subscriptions: less than half of their renewal margin is left.
    SubscriptionsInDanger: Count,
    /// Remaining time of the subscription that expires first.
    SoonestExpiryMinutes: None,
    /// Remaining time of the most overdue subscription, in percent of its renewal margin. Below 100 it is due, below 50 it is
    /// overdue.
    LeastLeftPercent: Percent,
    /// Days until the first credential or certificate expires, of those with a known expiry date.
    DaysLeft: None,
    /// Subscriptions created, including replacements.
    Created: Count,
    /// Subscriptions renewed.
    Renewed: Count,
    /// Calls that Graph answered with 429.
    ThrottledCalls: Count,
}

/// The unit of a metric, in CloudWatch's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// A number of things.
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
