//! What happened to subscriptions, as Graph sees it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;

use super::{faults::Fault, limits::Kind};
use graph_simulator::Registered;

/// Why a subscription is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// Its time was over.
    Lapsed,
    /// Graph has removed it.
    Removed,
    /// We have deleted it.
    Deleted,
}

/// What happened.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Requests that arrived, by what they are.
    pub(super) requests: BTreeMap<&'static str, u64>,
    /// Faults, by what they are.
    pub(super) faults: BTreeMap<&'static str, u64>,
    pub(super) created: u64,
    pub(super) renewed: u64,
    pub(super) ended: BTreeMap<End, u64>,
    /// Those whose time was over: resource, lifetime, end.
    pub(super) lapses: Vec<(String, SignedDuration, Timestamp)>,
    /// How long nothing watched a resource, and what had ended there.
    pub(super) gaps: Vec<(End, Timestamp, SignedDuration)>,
    /// Resources that nothing watches, since when and why.
    pub(super) open: BTreeMap<(String, String), (End, Timestamp)>,
    /// When each challenge that is not answered yet came, by subscription.
    challenges: BTreeMap<String, Timestamp>,
    pub(super) challenged: u64,
    /// How long each challenge waited for the renewal that answered it.
    pub(super) answers: Vec<SignedDuration>,
    /// Renewals for a challenge that came less than ten minutes after the renewal or creation before.
    pub(super) too_soon: Vec<(String, SignedDuration)>,
}

impl Ledger {
    pub(super) fn request(&mut self, kind: Option<Kind>, method: &Method) {
        let what = match (kind, method.as_str()) {
            (None, _) => "lists of users, teams and members",
            (Some(Kind::List), _) => "pages of subscriptions",
            (Some(Kind::One), _) => "subscriptions looked at",
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
        if let Some((why, since)) = self.open.remove(&place(new)) {
            self.gaps.push((why, since, now.duration_since(since)));
        }
    }

    pub(super) fn renewed(&mut self, before: &Registered, now: Timestamp) {
        self.renewed += 1;
        let Some(since) = self.challenges.remove(&before.id) else {
            return;
        };
        self.answers.push(now.duration_since(since));
        let last = before.patched_at.unwrap_or(Timestamp::MIN);
        // What was renewed after the challenge came, by another run under way, is not renewed because of it.
        let apart = now.duration_since(last);
        if last < since && apart < SignedDuration::from_mins(10) {
            self.too_soon.push((before.resource.clone(), apart));
        }
    }

    pub(super) fn challenge(&mut self, subscription: &Registered, now: Timestamp) {
        self.challenged += 1;
        self.challenges.insert(subscription.id.clone(), now);
    }

    /// Forgets what nobody wants any more: a tenant has gone.
    pub(super) fn forget(&mut self, tenant_id: &str) {
        self.open.retain(|(tenant, _), _| tenant != tenant_id);
    }

    pub(super) fn ended(&mut self, subscription: &Registered, why: End, now: Timestamp) {
        *self.ended.entry(why).or_default() += 1;
        self.challenges.remove(&subscription.id);
        self.open.insert(place(subscription), (why, now));
        if why == End::Lapsed {
            let since = subscription.patched_at.unwrap_or(now);
            let lifetime = subscription.expires_at.duration_since(since);
            self.lapses.push((subscription.resource.clone(), lifetime, now));
        }
    }
}

fn place(subscription: &Registered) -> (String, String) {
    (subscription.tenant_id.clone(), subscription.resource.clone())
}
