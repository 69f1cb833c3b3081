//! What a process remembers from one run to the next.
//!
//! A run without this memory does the same with a few calls more. It reports a gap for every subscription that it
//! creates, unless the application is new, because it cannot know which of them existed before.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use graph_core::{
    application::{Application, Guid},
    subscription::{
        config::{Config, Credential, Tenant, requested},
        model::Subscription,
        plan::{
            Absences, FailureHistory, LiveCounts, Policy, SettledVersions, SubscriptionHistory, gap::Gap,
        },
    },
};
use graph_edge::graph::Listed;
use jiff::{SignedDuration, Timestamp};

use self::announcement::Announcement;
pub(crate) use self::refusals::{Refusal, Refusals, Subject};

mod announcement;
mod refusals;

/// What a process remembers from one run to the next.
#[derive(Debug, Default)]
pub struct Memory {
    logins: Mutex<BTreeMap<LoginId, Arc<Mutex<Known>>>>,
    /// The last configuration that could be read, with the id of its version.
    pub(crate) config: Mutex<Option<(Config, String)>>,
    pub(crate) refusals: Mutex<Refusals>,
    /// The longest lifetime in minutes that Graph grants, for each entry in a tenant whose requested lifetime it refused.
    longest: Mutex<BTreeMap<(Guid, String), u32>>,
    /// The ids of the gaps of replaced and removed subscriptions that consumers have an event about, and whether the reader reads each.
    pub(crate) missed: Mutex<BTreeMap<String, bool>>,
    /// What the last run over everything counted: the stored state may lack it.
    pub(crate) counts: Mutex<Counts>,
    /// How other processes know this one.
    pub(crate) announcement: Announcement,
}

/// What a run over everything counts, for the next one; nothing before the first one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// How many subscriptions exist.
    pub(crate) live: Option<LiveCounts>,
    /// The failures of the last runs.
    pub(crate) failures: Option<FailureHistory>,
    /// The tenants and names of the steps that are left for the next run; none after a run of another process.
    pub(crate) left_over: BTreeSet<(String, String)>,
    /// The versions whose changes the tenants have.
    pub(crate) settled: SettledVersions,
    /// When they were counted.
    pub(crate) at: Option<Timestamp>,
}

/// The owner of a list of subscriptions: an application in a tenant, or a user who signed in to the application.
type LoginId = (Application, Option<String>);

impl Memory {
    /// Returns the subscriptions of a login as far as they are known.
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

    /// Returns a copy of the subscriptions of a login as far as they are known.
    pub(crate) fn copy_of(&self, name: &str, tenant: &Tenant, fresh: impl FnOnce() -> Known) -> Known {
        let logins = lock(&self.logins);
        logins
            .get(&login_id(name, tenant))
            .map_or_else(fresh, |known| lock(known).clone())
    }

    /// Remembers that consumers have an event about a gap.
    pub(crate) fn told(&self, gap: &Gap) {
        let logins = lock(&self.logins);
        for (_, known) in logins.iter().filter(|((one, _), _)| *one == gap.application) {
            lock(known).history.told(gap);
        }
    }

    /// Returns whether the last run left the step called `name` in the tenant, if that was a run of this process.
    pub(crate) fn was_left_over(&self, tenant: &str, name: &str) -> bool {
        let step = (tenant.to_owned(), name.to_owned());
        lock(&self.counts).left_over.contains(&step)
    }

    /// Returns the longest lifetime in minutes that Graph grants to an entry in a tenant, if it refused a longer one.
    pub(crate) fn longest(&self, tenant: &Tenant, entry: &str) -> Option<u32> {
        let key = (tenant.application.tenant_id, entry.to_owned());
        lock(&self.longest).get(&key).copied()
    }

    /// Remembers that Graph grants at most `minutes` to the subscription called `name`, and returns the lifetime to
    /// request.
    pub(crate) fn shorten(&self, tenant: &Tenant, name: &str, minutes: u32) -> SignedDuration {
        let minutes = requested(minutes);
        let entry = name.split('/').next().unwrap_or_default();
        let key = (tenant.application.tenant_id, entry.to_owned());
        lock(&self.longest).insert(key, minutes);
        SignedDuration::from_mins(minutes.into())
    }

    /// Returns how many pages all tenants' lists of an application have.
    pub(crate) fn pages(&self, client_id: Guid) -> usize {
        self.sum(client_id, |known| known.pages)
    }

    /// Returns how many subscriptions an application has in all tenants, as far as is known.
    pub(crate) fn count(&self, client_id: Guid) -> usize {
        self.sum(client_id, |known| known.by_id.len())
    }

    fn sum(&self, client_id: Guid, of: impl Fn(&Known) -> usize) -> usize {
        let logins = lock(&self.logins);
        let of_application = logins.iter().filter(|((one, _), _)| one.client_id == client_id);
        of_application.map(|(_, known)| of(&lock(known))).sum()
    }
}

fn login_id(name: &str, tenant: &Tenant) -> LoginId {
    let user = matches!(tenant.credential, Credential::RefreshToken { .. }).then(|| name.to_owned());
    (tenant.application, user)
}

/// What is known about the subscriptions of a login.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Which names had a subscription, and when.
    pub(crate) history: SubscriptionHistory,
    /// Which subscriptions are kept for now, though a list lacks their objects.
    pub(crate) absences: Absences,
    by_id: BTreeMap<String, Subscription>,
    /// The ids of subscriptions that Graph has deleted or not found, and when: its lists may show them for weeks, but one
    /// answer may be wrong as well.
    denied: BTreeMap<String, Timestamp>,
    /// The ids of subscriptions that the last list left out and nothing has shown since, with when Graph last showed each.
    unproven: BTreeMap<String, Timestamp>,
    listed_at: Option<Timestamp>,
    pages: usize,
}

impl Known {
    /// Returns the memory of an application that has had no subscription.
    pub(crate) fn none(now: Timestamp) -> Self {
        Self {
            history: SubscriptionHistory::none(now),
            ..Self::default()
        }
    }

    /// Returns whether the list has to be read at `now`. A list that fits into one window of Graph's limit is read at
    /// every run, so that silent removals are noticed; a larger list, and those of many tenants, less often.
    pub(crate) fn is_stale(&self, pages_of_application: usize, policy: &Policy, now: Timestamp) -> bool {
        let Some(listed_at) = self.listed_at else {
            return true;
        };
        let periods = self
            .pages
            .div_ceil(PAGES_IN_TENANT)
            .max(pages_of_application.div_ceil(PAGES_IN_ALL));
        let periods = i32::try_from(periods).unwrap_or(i32::MAX).max(1);
        // Half a period less: runs do not begin to the second, and one that begins early would skip its list.
        let rest = policy
            .period
            .saturating_mul(periods)
            .saturating_sub(policy.period / 2);
        now.duration_since(listed_at) >= rest.min(MAX_LIST_AGE)
    }

    /// Returns whether Graph has listed the subscriptions to this process.
    pub(crate) fn is_listed(&self) -> bool {
        self.listed_at.is_some()
    }

    /// Returns whether the last list is newer than an event that arrived at `received_at`.
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

    /// Replaces what is known by a list, and returns the subscriptions to ask for by id: the living ones that the list leaves
    /// out, and those that it shows though Graph did not find them; first those of which Graph's word is oldest.
    pub(crate) fn replace_by(&mut self, listed: Listed, now: Timestamp) -> Vec<Subscription> {
        let mut before = std::mem::take(&mut self.by_id);
        let unproven = std::mem::take(&mut self.unproven);
        self.denied
            .retain(|_, at| now.duration_since(*at) < MAX_DENIED_FOR);
        let is_denied = |one: &Subscription| self.denied.contains_key(&one.id);
        let (mut doubtful, shown) = listed.subscriptions.into_iter().partition::<Vec<_>, _>(is_denied);
        for mut one in shown {
            if let Some(known) = before.remove(&one.id) {
                keep_query(&mut one, &known);
            }
            self.put(one);
        }
        self.pages = listed.pages;
        let before_that = self.listed_at.replace(now).unwrap_or(now);
        let lives = |one: &Subscription| one.expiration_date_time.is_some_and(|end| end > now);
        // The others have expired, so nobody has to look for them.
        let left_out: Vec<Subscription> = before.into_values().filter(lives).collect();
        let proven_at = |one: &Subscription| unproven.get(&one.id).copied().unwrap_or(before_that);
        self.unproven = left_out
            .iter()
            .map(|one| (one.id.clone(), proven_at(one)))
            .collect();
        doubtful.extend(left_out);
        doubtful.sort_by_key(|one| {
            self.denied
                .get(&one.id)
                .copied()
                .unwrap_or_else(|| proven_at(one))
        });
        doubtful
    }

    /// Remembers a subscription as Graph shows it now.
    pub(crate) fn put(&mut self, one: Subscription) {
        self.unproven.remove(&one.id);
        self.denied.remove(&one.id);
        self.keep(one);
    }

    /// Remembers a subscription that Graph does not show, unless it is gone by Graph's last word.
    pub(crate) fn keep(&mut self, one: Subscription) {
        if !self.denied.contains_key(&one.id) {
            self.by_id.insert(one.id.clone(), one);
        }
    }

    /// Returns the ids of the subscriptions that Graph has not shown in a run that began at `begun`.
    pub(crate) fn unproven(&self, begun: Timestamp) -> BTreeSet<String> {
        if self.listed_at == Some(begun) {
            self.unproven.keys().cloned().collect()
        } else {
            self.by_id.keys().cloned().collect()
        }
    }

    /// Forgets a subscription that is gone.
    pub(crate) fn remove(&mut self, id: &str) {
        self.by_id.remove(id);
    }

    /// Forgets a subscription that Graph has deleted or not found, and does not believe lists alone that show it.
    pub(crate) fn deny(&mut self, id: &str, now: Timestamp) {
        self.remove(id);
        self.denied.insert(id.to_owned(), now);
    }
}

/// Returns a subscription as Graph's answer to a request shows it, with what the answer leaves out from what is `known` of it
/// after the request.
pub(crate) fn filled_in(mut shown: Subscription, known: Subscription) -> Subscription {
    keep_query(&mut shown, &known);
    Subscription {
        id: shown.id,
        resource: shown.resource.or(known.resource),
        change_type: shown.change_type.or(known.change_type),
        notification_url: shown.notification_url.or(known.notification_url),
        lifecycle_notification_url: shown
            .lifecycle_notification_url
            .or(known.lifecycle_notification_url),
        notification_query_options: shown
            .notification_query_options
            .or(known.notification_query_options),
        expiration_date_time: shown.expiration_date_time,
        include_resource_data: shown.include_resource_data.or(known.include_resource_data),
        encryption_certificate_id: shown
            .encryption_certificate_id
            .or(known.encryption_certificate_id),
        application_id: shown.application_id.or(known.application_id),
    }
}

/// Restores the expiry and the query of the notification URL where Graph does not show them: some lists leave them out.
pub(crate) fn keep_query(one: &mut Subscription, known: &Subscription) {
    one.expiration_date_time = one.expiration_date_time.or(known.expiration_date_time);
    let shown = one.notification_url.as_deref();
    let before_query = known.notification_url.as_deref();
    let before_query = before_query.and_then(|url| url.split('?').next());
    if shown.is_some() && shown == before_query {
        one.notification_url.clone_from(&known.notification_url);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many pages of a tenant's list are read at every run: beside another process, they fit into one window of Graph's
/// limit.
const PAGES_IN_TENANT: usize = 10;

/// How many pages an application reads in all tenants in one period: a fifth of Graph's limit for ten minutes.
const PAGES_IN_ALL: usize = 240;

/// For how long a list alone that shows a subscription which Graph did not find by its id is not believed.
const MAX_DENIED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The longest time for which a list is used.
const MAX_LIST_AGE: SignedDuration = SignedDuration::from_mins(55);
