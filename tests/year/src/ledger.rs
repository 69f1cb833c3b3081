//! The record of what happened to subscriptions at Graph.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;

use super::{faults::Fault, limits::Kind, missed::Unwatched};
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
    /// The subscriptions that expired: resource, lifetime, expiry.
    pub(super) lapses: Vec<(String, SignedDuration, Timestamp)>,
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

    pub(super) fn fault(&mut self, fault: Option<Fault>) {
        let what = match fault {
            None => return,
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

    /// Forgets the open gaps of a tenant that has left.
    pub(super) fn forget(&mut self, tenant_id: &str) {
        self.open.retain(|(tenant, _), _| tenant != tenant_id);
    }

    pub(super) fn ended(&mut self, subscription: &Registered, why: EndCause, now: Timestamp) {
        *self.ended.entry(why).or_default() += 1;
        self.reauthorizations.remove(&subscription.id);
        self.open.insert(watch_key(subscription), (why, now));
        if why == EndCause::Lapsed {
            let since = subscription.patched_at.unwrap_or(now);
            let lifetime = subscription.expires_at.duration_since(since);
            self.lapses.push((subscription.resource.clone(), lifetime, now));
        }
    }
}

fn watch_key(subscription: &Registered) -> (String, String) {
    (subscription.tenant_id.clone(), subscription.resource.clone())
}
