//! What Graph refuses: by tenant, entry and object, and until when it is not asked again.
//!
//! Two others pause calls, and both are of the client: the throttle of a host, which closes when Graph asks for it, and the
//! answer of the token endpoint, which is kept for the callers that wait for it.

use std::collections::BTreeMap;

use graph_core::subscription::plan::Desired;
use jiff::{SignedDuration, Timestamp};

/// The refusals by Graph, and when to ask again: after half an hour, and for one creation twice as long each time up to a
/// day.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    by_subject: BTreeMap<Subject, Refusal>,
    /// When the forgotten ones were last removed.
    tidied_at: Timestamp,
}

/// Whom Graph refuses: one subscription, all objects of an entry, or a whole tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    /// The tenant's name in the configuration.
    tenant: String,
    /// The subscription's name, which has entry and object; the entry and `/` for all of its objects; empty for the tenant.
    name: String,
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
    /// The creation that Graph refuses; nothing if it refuses every call.
    creation: Option<String>,
    /// How many came in a row, in the run that noted the last one; none if Graph has accepted another one in that run.
    in_a_row: usize,
    pause: SignedDuration,
}

impl Subject {
    /// Returns the validation of a tenant's notification URLs.
    pub(crate) fn tenant(tenant: &str) -> Self {
        Self::one(tenant, "")
    }

    /// Returns all objects of the entry of the subscription called `name`.
    pub(crate) fn entry(tenant: &str, name: &str) -> Self {
        let entry = name.split('/').next().unwrap_or_default();
        Self::one(tenant, &format!("{entry}/"))
    }

    /// Returns the subscription called `name`.
    pub(crate) fn one(tenant: &str, name: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl Refusal {
    fn at(now: Timestamp) -> Self {
        Self {
            at: now,
            until: now,
            is_skipped: false,
            creation: None,
            in_a_row: 1,
            pause: MIN_PAUSE,
        }
    }

    /// Returns whether Graph refuses this creation. A corrected entry is another creation, so it does not wait.
    pub(crate) fn is_of(&self, desired: &Desired) -> bool {
        self.creation == Some(creation(desired))
    }

    /// Returns whether Graph refuses every call for the subscription.
    pub(crate) fn is_of_all(&self) -> bool {
        self.creation.is_none()
    }

    /// Returns whether it came at least `count` times in a row in a run that began at `begun`.
    pub(crate) fn is_repeated(&self, count: usize, begun: Timestamp) -> bool {
        self.at >= begun && self.in_a_row >= count
    }
}

impl Refusals {
    /// Returns the last refusal.
    pub(crate) fn get(&self, subject: &Subject) -> Option<&Refusal> {
        self.by_subject.get(subject)
    }

    /// Notes that Graph refuses a creation, and returns when Graph may be asked again.
    pub(crate) fn note(
        &mut self,
        subject: Subject,
        desired: &Desired,
        is_skipped: bool,
        now: Timestamp,
    ) -> Timestamp {
        let before = self.get(&subject).filter(|before| before.is_of(desired));
        // Several at once are one refusal.
        let pause = match before {
            Some(before) if before.until > now => before.pause,
            Some(before) => before.pause.saturating_mul(2).min(MAX_PAUSE),
            None => MIN_PAUSE,
        };
        let refusal = Refusal {
            until: now.saturating_add(pause).unwrap_or(now),
            is_skipped,
            creation: Some(creation(desired)),
            pause,
            ..Refusal::at(now)
        };
        self.put(subject, refusal)
    }

    /// Notes that Graph asked to wait until `until`, and returns when it may be asked again.
    pub(crate) fn hold(&mut self, subject: Subject, until: Timestamp, now: Timestamp) -> Timestamp {
        let latest = now.saturating_add(MAX_PAUSE).unwrap_or(now);
        let refusal = Refusal {
            until: until.min(latest),
            ..Refusal::at(now)
        };
        self.put(subject, refusal)
    }

    /// Counts one more refusal in a row in a run that began at `begun`. One may be bad luck: from the second on, and as long
    /// as they go on, there is a pause.
    pub(crate) fn count(&mut self, subject: Subject, begun: Timestamp, now: Timestamp) {
        let before = self.get(&subject);
        let in_this_run = before.filter(|before| before.at >= begun);
        let in_a_row = match in_this_run.map(|before| before.in_a_row) {
            // Graph refuses single ones, and not all.
            Some(0) => 0,
            before => before.unwrap_or_default() + 1,
        };
        let goes_on = in_a_row > 1 || before.is_some_and(|before| before.until > now);
        let pause = if goes_on { MIN_PAUSE } else { SignedDuration::ZERO };
        let refusal = Refusal {
            until: now.saturating_add(pause).unwrap_or(now),
            in_a_row,
            ..Refusal::at(now)
        };
        self.put(subject, refusal);
    }

    /// Notes that Graph accepts one of the subject: refusals of others in this run say nothing about the rest.
    pub(crate) fn accept(&mut self, subject: Subject, now: Timestamp) {
        let accepted = Refusal {
            in_a_row: 0,
            ..Refusal::at(now)
        };
        self.put(subject, accepted);
    }

    /// Forgets a refusal.
    pub(crate) fn forget(&mut self, subject: &Subject) {
        self.by_subject.remove(subject);
    }

    fn put(&mut self, subject: Subject, refusal: Refusal) -> Timestamp {
        let (now, until) = (refusal.at, refusal.until);
        // Those of deleted entries would stay for ever otherwise; a day without a new refusal also resets the pause. Once a
        // moment is enough: thousands of refusals in a run would each look at all of them.
        if now.duration_since(self.tidied_at) >= MIN_PAUSE {
            self.tidied_at = now;
            self.by_subject.retain(|_, refusal| {
                let forgotten = refusal.until.saturating_add(MAX_PAUSE);
                forgotten.is_ok_and(|forgotten| forgotten > now)
            });
        }
        self.by_subject.insert(subject, refusal);
        until
    }
}

/// Returns everything that a creation asks for, and the resource as its entry spells it.
fn creation(desired: &Desired) -> String {
    format!("{} {}", desired.resource, desired.digest())
}

/// The first pause. Graph frees the place of a deleted subscription after one to three hours.
const MIN_PAUSE: SignedDuration = SignedDuration::from_mins(30);

const MAX_PAUSE: SignedDuration = SignedDuration::from_hours(24);
