//! The record of what happened to subscriptions at Graph.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;

use super::{faults::Fault, limits::Kind, minimum_renewals::lifetime, missed::Unwatched};
use graph_simulator::Registered;

/// Why a subscription no longer exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EndCause {
    /// It expired.
    Lapsed,
    /// Graph removed it.
    Removed,
    /// Renewal deleted it.
    Deleted,
}

/// A subscription that expired.
#[derive(Clone, Debug)]
pub(super) struct Lapse {
    pub(super) resource: String,
    /// For how long renewal can have it live.
    pub(super) lifetime: SignedDuration,
    pub(super) end: Timestamp,
    /// When the last complete run before that began.
    pub(super) last_complete: Timestamp,
    /// Whether the last report before said that something failed.
    pub(super) is_told: bool,
}

/// The record.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The requests that arrived, by kind.
    pub(super) requests: BTreeMap<&'static str, u64>,
    /// The faults, by kind.
    pub(super) faults: BTreeMap<&'static str, u64>,
    pub(super) created: u64,
    pub(super) renewed: u64,
    pub(super) ended: BTreeMap<EndCause, u64>,
    /// When each subscription was created, by id.
    created_at: BTreeMap<String, Timestamp>,
    /// The subscriptions that expired.
    pub(super) lapses: Vec<Lapse>,
    /// When the last complete run began that has ended.
    last_complete: Option<Timestamp>,
    /// Whether the last report said that something failed.
    says_failed: bool,
    /// How many subscriptions Graph removed and said so, and how many in silence.
    pub(super) removed: (u64, u64),
    /// Until when renewal may report a failure, because of what happened.
    pub(super) disturbed_until: Option<Timestamp>,
    /// The client-state keys that a person has replaced.
    pub(super) replaced_keys: BTreeSet<String>,
    /// The subscriptions that were deleted though they were wanted and had the current key: resource, and when.
    pub(super) wrong_deletions: Vec<(String, Timestamp)>,
    /// The gaps in which no subscription watched a resource: their cause, beginning and length.
    pub(super) gaps: Vec<(EndCause, Timestamp, SignedDuration)>,
    /// The same gaps, with their resources.
    pub(super) unwatched: Vec<Unwatched>,
    /// The open gaps: since when no subscription watches a resource, and why.
    pub(super) open: BTreeMap<(String, String), (EndCause, Timestamp)>,
    /// When each unanswered request for reauthorization was sent, by subscription.
    reauthorizations: BTreeMap<String, Timestamp>,
    pub(super) reauthorizations_sent: u64,
    /// How long each reauthorization waited for its renewal.
    pub(super) answers: Vec<SignedDuration>,
    /// Renewals for a reauthorization less than ten minutes after the previous renewal or creation.
    pub(super) too_soon: Vec<(String, SignedDuration)>,
}

impl Ledger {
    pub(super) fn request(&mut self, kind: Option<Kind>, method: &Method) {
        let what = match (kind, method.as_str()) {
            (None, _) => "lists of users, teams and members",
            (Some(Kind::List), _) => "pages of subscriptions",
            (Some(Kind::One), _) => "reads of one subscription",
            (_, "POST") => "POST",
            (_, "PATCH") => "PATCH",
            _ => "DELETE",
        };
        *self.requests.entry(what).or_default() += 1;
    }

    /// Notes a fault that hits a request, in the outage or at another time.
    pub(super) fn fault(&mut self, fault: Option<Fault>, is_out: bool, now: Timestamp) {
        if !matches!(fault, None | Some(Fault::Slow(_))) {
            self.disturb(now);
        }
        let what = match fault {
            None => return,
            Some(_) if is_out => "no answer or 503 in the outage",
            Some(Fault::Throttled(..60)) => "429, some seconds",
            Some(Fault::Throttled(_)) => "429, some minutes",
            Some(Fault::Unavailable) => "503",
            Some(Fault::Slow(_)) => "answers that took 55 s",
            Some(Fault::Silence { carried_out: false }) => "no answer",
            Some(Fault::Silence { carried_out: true }) => "no answer, though carried out",
            Some(Fault::Handshake) => "failed handshakes",
        };
        *self.faults.entry(what).or_default() += 1;
    }

    pub(super) fn created(&mut self, new: &Registered, now: Timestamp) {
        self.created += 1;
        self.created_at.insert(new.id.clone(), now);
        if let Some((why, since)) = self.open.remove(&watch_key(new)) {
            self.gaps.push((why, since, now.duration_since(since)));
            let (tenant_id, resource) = watch_key(new);
            self.unwatched.push(Unwatched {
                tenant_id,
                resource,
                from: since,
                until: now,
            });
        }
    }

    pub(super) fn renewed(&mut self, before: &Registered, now: Timestamp) {
        self.renewed += 1;
        let Some(since) = self.reauthorizations.remove(&before.id) else {
            return;
        };
        self.answers.push(now.duration_since(since));
        let last = before.patched_at.unwrap_or(Timestamp::MIN);
        // A renewal by a run that began before the request is not an answer to it.
        let apart = now.duration_since(last);
        if last < since && apart < SignedDuration::from_mins(10) {
            self.too_soon.push((before.resource.clone(), apart));
        }
    }

    pub(super) fn request_reauthorization(&mut self, subscription: &Registered, now: Timestamp) {
        self.reauthorizations_sent += 1;
        self.reauthorizations.insert(subscription.id.clone(), now);
    }

    /// Returns how long a subscription has lived until `now`.
    pub(super) fn age(&self, subscription: &Registered, now: Timestamp) -> SignedDuration {
        let created_at = self.created_at.get(&subscription.id).copied();
        now.duration_since(created_at.unwrap_or(now))
    }

    /// Notes that something happened that renewal may call a failure in the next runs.
    pub(super) fn disturb(&mut self, now: Timestamp) {
        self.disturb_for(now, SignedDuration::from_mins(30));
    }

    /// Notes a call that timed out. The next run reads again; what could not be changed may have to wait for longer.
    pub(super) fn time_out(&mut self, is_read: bool, now: Timestamp) {
        let minutes = if is_read { 10 } else { 30 };
        self.disturb_for(now, SignedDuration::from_mins(minutes));
    }

    pub(super) fn disturb_for(&mut self, now: Timestamp, time: SignedDuration) {
        self.disturbed_until = self.disturbed_until.max(Some(now + time));
    }

    /// Closes the open gaps of a tenant that leaves.
    pub(super) fn forget(&mut self, tenant_id: &str, now: Timestamp) {
        let gone = self.open.extract_if(.., |(tenant, _), _| tenant == tenant_id);
        let gaps = gone.map(|(_, (why, since))| (why, since, now.duration_since(since)));
        self.gaps.extend(gaps);
    }

    /// Notes a run that has ended with a report.
    pub(super) fn reported(&mut self, begun: Timestamp, is_complete: bool, says_failed: bool) {
        if is_complete {
            self.last_complete = Some(begun);
        }
        self.says_failed = says_failed;
    }

    pub(super) fn ended(&mut self, subscription: &Registered, why: EndCause, now: Timestamp) {
        *self.ended.entry(why).or_default() += 1;
        self.reauthorizations.remove(&subscription.id);
        self.open.insert(watch_key(subscription), (why, now));
        if why == EndCause::Lapsed {
            self.lapses.push(Lapse {
                resource: subscription.resource.clone(),
                lifetime: lifetime(subscription),
                end: now,
                last_complete: self.last_complete.unwrap_or(Timestamp::MIN),
                is_told: self.says_failed,
            });
        }
        let key = subscription.client_state.as_deref().and_then(key_id);
        if why == EndCause::Deleted && !key.is_some_and(|key| self.replaced_keys.contains(key)) {
            self.wrong_deletions.push((subscription.resource.clone(), now));
        }
    }
}

/// The kinds of faults, as they are counted.
pub(super) const FAULTS: [&str; 8] = [
    "429, some seconds",
    "429, some minutes",
    "503",
    "answers that took 55 s",
    "no answer",
    "no answer, though carried out",
    "failed handshakes",
    "no answer or 503 in the outage",
];

/// Returns the key id in a client state, `{name}.{t}.{keyId}.{mac}`.
fn key_id(client_state: &str) -> Option<&str> {
    client_state.rsplit('.').nth(1)
}

fn watch_key(subscription: &Registered) -> (String, String) {
    (subscription.tenant_id.clone(), subscription.resource.clone())
}
