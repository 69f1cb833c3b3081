//! Pauses before Graph is asked again for what it refused.

use std::collections::BTreeMap;

use graph_core::subscription::plan::Desired;
use jiff::{SignedDuration, Timestamp};

/// The refusals by Graph, and when to ask again: after half an hour, and twice as long each time up to a day.
#[derive(Debug, Default)]
pub(crate) struct RefusalBackoff(BTreeMap<RefusalKey, Refusal>);

/// What Graph refuses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RefusalKey {
    /// The creation of a subscription. A corrected entry is another key, so it does not wait.
    Creation {
        /// The tenant's name in the configuration.
        tenant: String,
        /// The subscription's name.
        name: String,
        /// The resource as the entry spells it.
        resource: String,
        /// The digest of everything that the entry asks for.
        digest: String,
    },
    /// The calls for the subscription of this name in the tenant of this name, which Graph throttles.
    Throttled(String, String),
    /// The validation of the notification URLs in the tenant of this name.
    Handshake(String),
}

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// When Graph last refused it.
    pub(crate) at: Timestamp,
    /// When Graph may be asked again.
    pub(crate) until: Timestamp,
    /// Whether nobody who operates this stack can cure the refusal.
    pub(crate) is_skipped: bool,
    pause: SignedDuration,
}

impl RefusalKey {
    pub(crate) fn of(tenant: &str, desired: &Desired) -> Self {
        Self::Creation {
            tenant: tenant.to_owned(),
            name: desired.name.clone(),
            resource: desired.resource.clone(),
            digest: desired.digest(),
        }
    }
}

impl RefusalBackoff {
    /// Returns the last refusal.
    pub(crate) fn get(&self, key: &RefusalKey) -> Option<&Refusal> {
        self.0.get(key)
    }

    /// Notes a refusal, and returns when Graph may be asked again.
    pub(crate) fn note(&mut self, key: RefusalKey, is_skipped: bool, now: Timestamp) -> Timestamp {
        // Refusals of deleted entries would stay for ever otherwise; a day without a new refusal also resets the pause.
        self.0.retain(|_, refusal| {
            refusal
                .until
                .saturating_add(MAX_BACKOFF)
                .is_ok_and(|forgotten| forgotten > now)
        });
        let before = self.0.get(&key);
        // Several at once are one refusal.
        let pause = match before {
            Some(before) if before.until > now => before.pause,
            Some(before) => before.pause.saturating_mul(2).min(MAX_BACKOFF),
            None => MIN_BACKOFF,
        };
        let until = now.saturating_add(pause).unwrap_or(now);
        let refusal = Refusal {
            at: now,
            until,
            is_skipped,
            pause,
        };
        self.0.insert(key, refusal);
        until
    }

    /// Notes that Graph asked to wait until `until`.
    pub(crate) fn hold(&mut self, key: RefusalKey, until: Timestamp, now: Timestamp) {
        let latest = now.saturating_add(MAX_BACKOFF).unwrap_or(now);
        let refusal = Refusal {
            at: now,
            until: until.min(latest),
            is_skipped: false,
            pause: MIN_BACKOFF,
        };
        self.0.insert(key, refusal);
    }

    /// Forgets a refusal.
    pub(crate) fn forget(&mut self, key: &RefusalKey) {
        self.0.remove(key);
    }
}

/// The first pause. Graph frees the place of a deleted subscription after one to three hours.
const MIN_BACKOFF: SignedDuration = SignedDuration::from_mins(30);

const MAX_BACKOFF: SignedDuration = SignedDuration::from_hours(24);
