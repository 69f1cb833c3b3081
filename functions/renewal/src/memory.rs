//! What is remembered from one run to the next while the process lives.
//!
//! A run without it does the same, with some calls more, and tells consumers of a gap for every subscription that it
//! makes, unless the application is new: it cannot know which of them were there before.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use graph_core::{
    application::{Application, Guid},
    subscription::{
        config::{Credential, Tenant},
        model::Subscription,
        plan::{Policy, SubscriptionHistory},
    },
};
use graph_edge::graph::Listed;
use jiff::{SignedDuration, Timestamp};

pub(crate) use self::refusal_backoff::{RefusalBackoff, What};

mod refusal_backoff;

/// What is remembered from one run to the next while the process lives.
#[derive(Debug, Default)]
pub struct Memory {
    logins: Mutex<BTreeMap<LoginId, Arc<Mutex<Known>>>>,
    pub(crate) refusals: Mutex<RefusalBackoff>,
    /// The most minutes that Graph takes a subscription for, by entry, where it has taken none for as long as was asked.
    pub(crate) longest: Mutex<BTreeMap<String, u32>>,
    /// What was left over by the last run that looked after everything.
    pub(crate) left_over: Mutex<BTreeSet<(String, String)>>,
    /// The gap that consumers were told of last, of what those of a name have missed that were replaced.
    pub(crate) missed: Mutex<BTreeMap<(Application, String), MissedGap>>,
    /// How many subscriptions lived after it.
    pub(crate) live: Mutex<Option<i64>>,
}

/// A gap of what those of a name have missed that were replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MissedGap {
    /// The id of the event.
    pub(crate) id: String,
    /// Whether the reader was asked to read it.
    pub(crate) is_read: bool,
}

impl MissedGap {
    /// Returns whether this one leaves nothing to do about `other`: one that is only told takes no reading from another.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.id == other.id && (self.is_read || !other.is_read)
    }
}

/// Whose list it is: an application's in a tenant, or that of a user who has signed in to it.
type LoginId = (Application, Option<String>);

impl Memory {
    /// Returns what is known of a login's subscriptions.
    pub(crate) fn known(
        &self,
        name: &str,
        tenant: &Tenant,
        fresh: impl FnOnce() -> Known,
    ) -> Arc<Mutex<Known>> {
        let id = login_id(name, tenant);
        let mut logins = lock(&self.logins);
        Arc::clone(logins.entry(id).or_insert_with(|| Arc::new(Mutex::new(fresh()))))
    }

    /// Returns a copy of what is known of a login's subscriptions.
    pub(crate) fn glimpse(&self, name: &str, tenant: &Tenant, fresh: impl FnOnce() -> Known) -> Known {
        let logins = lock(&self.logins);
        logins
            .get(&login_id(name, tenant))
            .map_or_else(fresh, |known| lock(known).clone())
    }

    /// Returns how many pages the lists of an application take in all tenants.
    pub(crate) fn pages(&self, client_id: Guid) -> usize {
        let logins = lock(&self.logins);
        let of_application = logins.iter().filter(|((one, _), _)| one.client_id == client_id);
        of_application.map(|(_, known)| lock(known).pages).sum()
    }
}

fn login_id(name: &str, tenant: &Tenant) -> LoginId {
    let user = matches!(tenant.credential, Credential::RefreshToken { .. }).then(|| name.to_owned());
    (tenant.application, user)
}

/// What is known of the subscriptions of a login.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// What was there.
    pub(crate) history: SubscriptionHistory,
    by_id: BTreeMap<String, Subscription>,
    listed_at: Option<Timestamp>,
    pages: usize,
    /// The version of the configuration that the last run went by.
    pub(crate) version: Option<String>,
}

impl Known {
    /// Returns what is known of an application that has had no subscription.
    pub(crate) fn none(now: Timestamp) -> Self {
        Self {
            history: SubscriptionHistory::none(now),
            ..Self::default()
        }
    }

    /// Returns whether the list is to be taken at `now`. A list that fits into one window of Graph's limit is taken at every
    /// run, so that what Graph removes in silence is noticed; a larger one, and those of many tenants, less often.
    pub(crate) fn is_stale(&self, pages_of_application: usize, policy: &Policy, now: Timestamp) -> bool {
        let Some(listed_at) = self.listed_at else {
            return true;
        };
        let periods = self
            .pages
            .div_ceil(PAGES_IN_TENANT)
            .max(pages_of_application.div_ceil(PAGES_IN_ALL));
        let periods = i32::try_from(periods).unwrap_or(i32::MAX).max(1);
        let rest = policy
            .period
            .saturating_mul(periods)
            .saturating_sub(policy.period / 2);
        now.duration_since(listed_at) >= rest.min(LONGEST_UNLISTED)
    }

    /// Returns whether an event that came at `received_at` is older than the last list.
    pub(crate) fn was_listed_since(&self, received_at: Timestamp) -> bool {
        self.listed_at.is_some_and(|listed_at| listed_at > received_at)
    }

    /// Returns the subscription with this id.
    pub(crate) fn get(&self, id: &str) -> Option<&Subscription> {
        self.by_id.get(id)
    }

    /// Returns all subscriptions.
    pub(crate) fn all(&self) -> Vec<Subscription> {
        self.by_id.values().cloned().collect()
    }

    /// Takes a list, and returns those that it leaves out though they should live.
    pub(crate) fn take_list(&mut self, listed: Listed, now: Timestamp) -> Vec<Subscription> {
        let mut before = std::mem::take(&mut self.by_id);
        for mut one in listed.subscriptions {
            if let Some(known) = before.remove(&one.id) {
                keep_query(&mut one, &known);
            }
            self.put(one);
        }
        self.pages = listed.pages;
        self.listed_at = Some(now);
        let lives = |one: &Subscription| one.expiration_date_time.is_some_and(|end| end > now);
        before.into_values().filter(lives).collect()
    }

    /// Remembers a subscription as it is now.
    pub(crate) fn put(&mut self, one: Subscription) {
        self.by_id.insert(one.id.clone(), one);
    }

    /// Forgets a subscription that is gone.
    pub(crate) fn remove(&mut self, id: &str) {
        self.by_id.remove(id);
    }
}

/// Keeps what was shown before and is not now: Graph shows some notification URLs without their query at times.
pub(crate) fn keep_query(one: &mut Subscription, known: &Subscription) {
    one.expiration_date_time = one.expiration_date_time.or(known.expiration_date_time);
    let before_query = |url: &str| url.split('?').next().map(str::to_owned);
    let (Some(shown), Some(remembered)) = (&one.notification_url, &known.notification_url) else {
        return;
    };
    if !shown.contains('?') && before_query(remembered).as_ref() == Some(shown) {
        one.notification_url.clone_from(&known.notification_url);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many pages of a list fit into one window of Graph's limit, as far as the client uses it.
const PAGES_IN_TENANT: usize = 12;

/// How many pages an application reads in all tenants in one period: a fifth of Graph's limit in ten minutes.
const PAGES_IN_ALL: usize = 240;

/// How long a list is believed at the longest.
const LONGEST_UNLISTED: SignedDuration = SignedDuration::from_mins(55);
