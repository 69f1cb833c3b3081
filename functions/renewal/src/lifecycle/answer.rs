//! Answers one event at once, by the subscription's id.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex},
};

use futures_util::{StreamExt, stream};
use graph_core::{
    application::Application,
    subscription::{
        catalogue::Version,
        config::{Config, Tenant},
        model::{Subscription, SubscriptionUpdate},
        plan::{Desired, Made, Policy, gap::Gap, lifetime, one_of},
        url::NotificationUrl,
    },
};
use graph_edge::graph::{GraphError, GraphErrorKind};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tracing::{info, warn};

use super::{Event, Kind, is_id};
use crate::{
    Deps,
    apply::{get, renew},
    catch_up::Loss,
    memory::{Known, lock},
    ports::{Clock, Ports},
    report::describe,
    run::RunRequest,
};

/// The answer to an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The event names no subscription of its application, or asks for nothing.
    Ignored,
    /// The subscription exists, and notifications were missed.
    Known(Box<Loss>),
    /// Another subscription has replaced the named one, whose notifications were missed.
    Replaced(Box<Loss>),
    /// The subscription was renewed.
    Extended,
    /// The subscription is gone: a run over its application decides what to do.
    Gone,
    /// The event has to come again.
    Failed,
}

impl Verdict {
    /// Returns the loss of notifications that `event` reports: equal events share a verdict, and each arrived at its own time.
    pub(super) fn loss(self, event: &Event, now: Timestamp) -> Option<Loss> {
        let (mut loss, until) = match self {
            Self::Known(loss) => (loss, event.received_at),
            Self::Replaced(loss) => {
                let until = loss.gap.until;
                (loss, until)
            }
            Self::Ignored | Self::Extended | Self::Gone | Self::Failed => return None,
        };
        loss.gap.until = until;
        loss.is_read = event.is_recent(now);
        Some(*loss)
    }

    /// Returns which verdict counts where several logins of an application have one: the subscription may belong to any of
    /// them, and a login that fails says nothing about it.
    fn rank(&self) -> u8 {
        match self {
            Self::Ignored => 0,
            Self::Failed => 1,
            Self::Replaced(_) => 2,
            Self::Gone => 3,
            Self::Known(_) | Self::Extended => FOUND,
        }
    }
}

/// The rank of a verdict on a subscription that exists.
const FOUND: u8 = 4;

/// Answers events.
pub(super) struct Answers<'a, P: Ports> {
    pub(super) deps: &'a Deps<P>,
    pub(super) request: &'a RunRequest,
    pub(super) config: &'a Config,
}

/// The subscription that an event names, as one login of the application has it.
struct Named<'a> {
    tenant: &'a Tenant,
    /// What the entry asks for; nothing while the entry cannot be used.
    desired: Option<Desired>,
    known: Arc<Mutex<Known>>,
}

impl Named<'_> {
    /// Returns the API versions that may show the subscription with this id.
    fn versions(&self, id: &str) -> Vec<Version> {
        let known = lock(&self.known).get(id).map(Subscription::version);
        let desired = self.desired.as_ref().map(|desired| desired.version);
        known
            .or(desired)
            .map_or_else(|| vec![Version::V1, Version::Beta], |version| vec![version])
    }

    /// Returns the resource of a subscription, as Graph shows it or as the entry has it.
    fn resource(&self, one: &Subscription) -> Option<String> {
        let asked = self.desired.as_ref().map(|desired| &desired.resource);
        one.resource.as_ref().or(asked).cloned()
    }

    /// Returns for how long the subscription is renewed by runs that are a `period` apart.
    fn lifetime(&self, one: &Subscription, period: SignedDuration) -> SignedDuration {
        if let Some(desired) = &self.desired {
            return desired.lifetime;
        }
        let url = one.notification_url.as_deref().map(NotificationUrl::anywhere);
        let is_rich = url.is_some_and(|url| url.certificate_id.is_some());
        lifetime::of(one.resource.as_deref(), is_rich, period)
    }

    /// Returns the verdict on an event about a subscription that is gone, from the subscription that this process knows
    /// under its name.
    ///
    /// Nothing proves that the id of the event ever existed: Graph forgets deleted subscriptions, and another process
    /// may have replaced it. The client state proves only the name. So the current subscription stands for all before
    /// it, and invented ids cause at most one gap for each real subscription. The first subscription of a name replaced
    /// nothing, so it causes none.
    fn successor(&self, event: &Event, now: Timestamp) -> Option<Verdict> {
        let known = lock(&self.known);
        let one = known.get(known.history.id_of(&event.name)?)?;
        let made = known.history.made_of(&event.name, &one.id);
        if made.is_some_and(Made::is_first) {
            return Some(Verdict::Ignored);
        }
        let first_at = made.and_then(|made| made.first_at);
        let mut loss = event.missed(self.resource(one), first_at, now);
        loss.gap = Gap {
            // Nothing proves the id in the event, so it does not become part of the gap.
            subscription_id: None,
            new_subscription_id: Some(one.id.clone()),
            until: made.map_or(now, |made| made.at),
            reason: "Graph could not deliver some notifications of a subscription that was replaced since"
                .to_owned(),
            ..loss.gap
        };
        Some(Verdict::Replaced(Box::new(loss)))
    }
}

impl<P: Ports> Answers<'_, P> {
    /// Answers events and returns the verdicts in their order. Repeated events about one subscription are answered
    /// once.
    pub(super) async fn to(&self, events: &[(&Value, Event)]) -> Vec<Verdict> {
        let mut same: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, (_, event)) in events.iter().enumerate() {
            let key = (event.application, &event.subscription_id, &event.name, event.kind);
            same.entry(key).or_default().push(index);
        }
        // Unanswered counts as failed, so that SQS hands the message over again.
        let mut verdicts = vec![Verdict::Failed; events.len()];
        // In turns, so that a storm of one application does not delay the events of another.
        let answers = in_turns(events, same.into_values().collect())
            .into_iter()
            .map(|(indices, event)| async move { (indices, self.to_one(event).await) });
        let mut answers = pin!(stream::iter(answers).buffer_unordered(CONCURRENT_ANSWERS));
        while let Some((indices, verdict)) = answers.next().await {
            for index in indices {
                if let Some(of_event) = verdicts.get_mut(index) {
                    of_event.clone_from(&verdict);
                }
            }
        }
        verdicts
    }

    async fn to_one(&self, event: &Event) -> Verdict {
        if event.kind == Kind::Unknown || !is_id(&event.subscription_id) {
            return Verdict::Ignored;
        }
        let mut so_far = Verdict::Ignored;
        // Graph shows a signed-in user only the subscriptions of that user, and answers 404 for all others.
        for named in self.named(event) {
            let verdict = self.with_login(event, named).await;
            if verdict.rank() > so_far.rank() {
                so_far = verdict;
            }
            // The login has the subscription, so no other one is asked.
            if so_far.rank() == FOUND {
                break;
            }
        }
        so_far
    }

    async fn with_login(&self, event: &Event, named: Named<'_>) -> Verdict {
        // In a block of its own: the lock must not be held across the calls below.
        let (known, was_listed, is_told) = {
            let known = lock(&named.known);
            let one = known.get(&event.subscription_id).cloned();
            let is_told = !known.history.may_be_untold(&event.subscription_id, &event.name);
            (one, known.was_listed_since(event.received_at), is_told)
        };
        let existing = match (known, event.kind) {
            // The run that made this list has reported the loss, or the next creation does.
            (None, Kind::Removed) if was_listed && is_told => return Verdict::Ignored,
            // Whether it existed before is checked by the run.
            (None, Kind::Removed) => return Verdict::Gone,
            (Some(one), Kind::Removed | Kind::Missed) => one,
            // Notifications were missed, even if the subscription has been replaced since.
            (None, Kind::Missed) if was_listed => {
                return named
                    .successor(event, self.deps.clock.now())
                    .unwrap_or(Verdict::Gone);
            }
            (None, _) if was_listed => return Verdict::Ignored,
            // Asked by id even if known: another process may have renewed it just now, and Graph wants ten minutes
            // between renewals.
            (_, _) => match self.find(&named, &event.subscription_id).await {
                Ok(one) => one,
                Err(error) => {
                    let verdict = verdict(&error);
                    let is_replaced = verdict == Verdict::Gone && event.kind == Kind::Missed;
                    let successor = is_replaced
                        .then(|| named.successor(event, self.deps.clock.now()))
                        .flatten();
                    return successor.unwrap_or(verdict);
                }
            },
        };
        if !self.is_called(&existing, &event.name) {
            return Verdict::Ignored;
        }
        match event.kind {
            Kind::Missed => {
                warn!(
                    subscription.name = event.name,
                    subscription.id = event.subscription_id,
                    "Graph could not deliver some notifications of subscription {}; consumers have to catch up",
                    event.name
                );
                let known = lock(&named.known);
                let made = known.history.made_of(&event.name, &existing.id);
                let made_at = made.map(|made| made.at);
                let now = self.deps.clock.now();
                Verdict::Known(Box::new(event.missed(named.resource(&existing), made_at, now)))
            }
            Kind::Removed => Verdict::Gone,
            Kind::Challenge => self.extend(event, &named, existing).await,
            Kind::Unknown => Verdict::Ignored,
        }
    }

    /// Asks for the subscription with this id. It is gone only if no version that may show it does.
    async fn find(&self, named: &Named<'_>, id: &str) -> Result<Subscription, GraphError> {
        let versions = named.versions(id);
        get(self.deps, self.request, named.tenant, &versions, id, &named.known).await
    }

    /// Returns the verdict on an event about a lost subscription, after a run over its application.
    pub(super) fn after_run(&self, event: &Event) -> Option<Verdict> {
        let named = self.named(event);
        named
            .iter()
            .find_map(|named| named.successor(event, self.deps.clock.now()))
    }

    /// Returns whether this process has created the subscription of the event's name since the event arrived.
    pub(super) fn has_made(&self, event: &Event) -> bool {
        let mut named = self.named(event).into_iter().map(|named| named.known);
        named.any(|known| {
            lock(&known)
                .history
                .was_made_since(&event.name, event.received_at)
        })
    }

    /// Returns the subscription of the event's name for each login of its application, the login that knows the
    /// subscription first.
    fn named(&self, event: &Event) -> Vec<Named<'_>> {
        let of_tenant = |name: &String| one_of(self.config.entry(name, &event.name)?, &event.name);
        let tenants = self.config.tenants.iter();
        let (mut named, others): (Vec<Named<'_>>, Vec<_>) = tenants
            .filter(|(_, tenant)| tenant.application == event.application)
            .map(|(name, tenant)| Named {
                tenant,
                desired: of_tenant(name),
                known: self.deps.memory.known(name, tenant, Known::default),
            })
            .partition(|named| named.desired.is_some());
        // A subscription that no entry asks for may be one that runs keep, because its entry cannot be read or too much
        // would be deleted: as long as it exists, it is kept alive.
        if named.is_empty() {
            named = others;
        }
        // The login that knows the subscription comes first, because each wrong one costs a call.
        named.sort_by_key(|named| lock(&named.known).get(&event.subscription_id).is_none());
        named
    }

    /// Returns whether a subscription is ours under this name.
    fn is_called(&self, one: &Subscription, name: &str) -> bool {
        let url = one.notification_url.as_deref().unwrap_or_default();
        let ours: Option<NotificationUrl> = self.deps.stack.read(url);
        ours.is_some_and(|ours| ours.name == name)
    }

    // Graph does not say which key or certificate the subscription has, so only its expiry is sent.
    async fn extend(&self, event: &Event, named: &Named<'_>, existing: Subscription) -> Verdict {
        let now = self.deps.clock.now();
        let mut lifetime = named.lifetime(&existing, self.deps.policy.period);
        let entry = event.name.split('/').next().unwrap_or_default();
        if let Some(minutes) = self.deps.memory.longest(named.tenant, entry) {
            lifetime = lifetime.min(SignedDuration::from_mins(minutes.into()));
        }
        let end = existing.expiration_date_time;
        if end.is_some_and(|end| Policy::is_met(end, lifetime, event.received_at, now)) {
            lock(&named.known).put(existing);
            return Verdict::Ignored;
        }
        // Never earlier than now: the entry may not be readable, and then its lifetime is unknown.
        let until = end.max(now.saturating_add(lifetime).ok()).unwrap_or(now);
        let update = SubscriptionUpdate {
            expiration_date_time: until,
            notification_url: None,
            certificate: None,
        };
        let Self { deps, request, .. } = self;
        match renew(deps, request, named.tenant, &event.name, existing, update).await {
            Ok(one) => {
                info!(
                    subscription.id = one.id,
                    "Graph asked to reauthorize subscription {}; it was renewed", event.name
                );
                lock(&named.known).put(one);
                Verdict::Extended
            }
            Err(error) => {
                let verdict = verdict(&error);
                if verdict == Verdict::Failed {
                    warn!(
                        "Could not reauthorize subscription {}: {}",
                        event.name,
                        describe(&error)
                    );
                }
                verdict
            }
        }
    }
}

fn verdict(error: &GraphError) -> Verdict {
    match error.kind {
        GraphErrorKind::NotFound { .. } => Verdict::Gone,
        _ => Verdict::Failed,
    }
}

/// Returns the latest event of each group of `indices`, because an older one may have been answered since, ordered so that
/// applications take turns.
fn in_turns<'a>(events: &'a [(&Value, Event)], mut groups: Vec<Vec<usize>>) -> Vec<(Vec<usize>, &'a Event)> {
    let mut turns: BTreeMap<Application, usize> = BTreeMap::new();
    groups.sort();
    let in_turn = |indices: Vec<usize>| {
        let of_group = indices.iter().filter_map(|index| events.get(*index));
        let (_, latest) = of_group.max_by_key(|(_, event)| event.received_at)?;
        let turn = turns.entry(latest.application).or_default();
        *turn += 1;
        Some((*turn, indices, latest))
    };
    let mut ordered: Vec<_> = groups.into_iter().filter_map(in_turn).collect();
    // The sort is stable: within a turn the first event comes first.
    ordered.sort_by_key(|(turn, ..)| *turn);
    let ordered = ordered.into_iter();
    ordered.map(|(_, indices, event)| (indices, event)).collect()
}

/// How many events are answered at once.
const CONCURRENT_ANSWERS: usize = 96;
