//! Pauses before Graph is asked again for a subscription that it refused.

use std::collections::BTreeMap;

use graph_core::subscription::plan::Desired;
use jiff::{SignedDuration, Timestamp};

/// The refusals by Graph, and when to ask again: after half an hour, and twice as long each time up to a day.
#[derive(Debug, Default)]
pub(crate) struct RefusalBackoff(BTreeMap<RefusalKey, Refusal>);

/// A tenant's name in the configuration and the requested subscription. A corrected entry is another key, so it does not
/// wait.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RefusalKey(String, String, String, Option<String>);

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// When Graph may be asked again.
    pub(crate) until: Timestamp,
    /// Whether nobody who operates this stack can cure the refusal.
    pub(crate) is_skipped: bool,
    pause: SignedDuration,
}

impl RefusalKey {
    pub(crate) fn of(tenant: &str, desired: &Desired) -> Self {
        Self(
            tenant.to_owned(),
            desired.name.clone(),
            desired.resource.clone(),
            desired.query_options.clone(),
        )
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
        let before = self.0.get(&key).map(|refusal| refusal.pause);
        let pause = before.map_or(MIN_BACKOFF, |before| before.saturating_mul(2).min(MAX_BACKOFF));
        let until = now.saturating_add(pause).unwrap_or(now);
        let refusal = Refusal {
            until,
            is_skipped,
            pause,
        };
        self.0.insert(key, refusal);
        until
    }

    /// Forgets a refusal.
    pub(crate) fn forget(&mut self, key: &RefusalKey) {
        self.0.remove(key);
    }
}

/// The first pause. Graph frees the place of a deleted subscription after one to three hours.
const MIN_BACKOFF: SignedDuration = SignedDuration::from_mins(30);

const MAX_BACKOFF: SignedDuration = SignedDuration::from_hours(24);
