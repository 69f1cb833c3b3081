//! The plan that keeps subscriptions alive: what the configuration wants against what Graph lists.
//!
//! [`plan`] is told everything and does nothing. It covers one application in one tenant, the reach of one list call.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use self::listing::OwnedSubscription;
pub use self::{
    brake::{Wish, excess},
    desired::Desired,
    expand::{Expansion, LeftOut, Objects, expand, one_of},
    granted::{Granted, PermissionState},
    history::{Made, SubscriptionHistory},
    limit::Limit,
    listing::{Listing, is_of_stack},
    policy::Policy,
    reason::Reason,
    state::{Look, Missing, StoredState},
    step::{Action, Creation, Renewal, Step},
    urgency::Urgency,
};
use crate::subscription::{
    compare::resource_key,
    rotation::Retiring,
    url::{BaseUrl, NotificationUrl, StackId},
};

mod brake;
mod decide;
mod desired;
mod expand;
pub mod gap;
mod granted;
mod history;
mod limit;
mod listing;
mod policy;
mod reason;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod urgency;

/// What a plan is made against, besides the two lists.
#[derive(Clone, Debug)]
pub struct Context {
    /// Whose subscriptions these are.
    pub stack: StackId,
    /// Where our notifications go.
    pub notifications: BaseUrl,
    /// Where our lifecycle notifications go.
    pub lifecycle: BaseUrl,
    /// The id of the client-state key that new subscriptions are minted with.
    pub mint_key: String,
    /// The ids of all client-state keys of this application in this tenant, retired ones included.
    pub keys: BTreeSet<String>,
    /// The certificate that resource data is encrypted for from now on.
    pub certificate: String,
    /// The certificates whose private key is still at hand.
    pub certificates: BTreeSet<String>,
    /// The client-state keys that subscriptions are to leave.
    pub retiring_keys: BTreeMap<String, Retiring>,
    /// The certificates that subscriptions are to leave.
    pub retiring_certificates: BTreeMap<String, Retiring>,
    /// Whether all entries are known. Where not, nothing is deleted for the lack of one.
    pub complete: bool,
    /// Whether nothing that lives is deleted or replaced because of what the list shows: too much of it would be.
    pub braked: bool,
    /// Whether what another stack has left for an entry is replaced.
    pub takes_over: bool,
    /// Entries whose subscriptions are left as they are, with the reason.
    pub held: BTreeMap<String, String>,
    /// Subscriptions for which Graph asked for reauthorization.
    pub reauthorization_required: BTreeSet<String>,
    /// Subscriptions that Graph says it has removed.
    pub removed: BTreeSet<String>,
}

/// Returns the steps that make `listing` what `desired` asks for, soonest expiry first; what does not exist comes
/// before all.
///
/// Subscriptions of others get no step. The steps are such that, once they are done, a second plan at the same time only
/// keeps.
#[must_use]
pub fn plan(
    desired: &[Desired],
    listing: &Listing<'_>,
    context: &Context,
    now: Timestamp,
    policy: &Policy,
) -> Vec<Step> {
    let now = whole_second(now);
    let mut by_name: HashMap<&str, Vec<&OwnedSubscription<'_>>> = HashMap::with_capacity(listing.ours.len());
    for ours in &listing.ours {
        by_name.entry(&ours.url.name).or_default().push(ours);
    }
    let mut steps = Vec::with_capacity(desired.len().max(listing.ours.len()));
    let mut missing = Vec::new();
    for desired in desired {
        match by_name.remove(desired.name.as_str()) {
            Some(candidates) => decide::one_of(candidates, desired, context, now, policy, &mut steps),
            None => missing.push(desired),
        }
    }
    let not_wanted = listing
        .ours
        .iter()
        .filter(|ours| by_name.contains_key(ours.url.name.as_str()));
    // Only what is certain to have no entry is deleted. Configuration that cannot be read deletes nothing.
    let (held, orphans): (Vec<_>, Vec<_>) =
        not_wanted.partition(|ours| held_because(&ours.url.name, context).is_some());
    steps.extend(
        held.into_iter()
            .map(|ours| decide::held(ours, context, now, policy)),
    );
    let mut orphans = Orphans::of(&orphans);
    steps.extend(missing.into_iter().map(|desired| {
        if let Some(orphan) = orphans.take(&desired.resource) {
            return decide::renamed(desired, orphan, context, now);
        }
        let left = context.takes_over.then(|| listing.left_for(desired));
        match left.flatten() {
            Some(left) => decide::taken_over(desired, left, context, now),
            None => decide::missing(desired, context, now),
        }
    }));
    steps.extend(orphans.rest().map(|ours| ours.delete(Reason::NoEntry)));
    sort(&mut steps);
    steps
}

/// Returns the steps that delete all subscriptions of this stack, whatever the configuration asks for.
#[must_use]
pub fn delete_all(listing: &Listing<'_>) -> Vec<Step> {
    let mut steps: Vec<Step> = listing
        .ours
        .iter()
        .map(|ours| ours.delete(Reason::AllGo))
        .collect();
    sort(&mut steps);
    steps
}

/// Puts steps in order. No expiry sorts first: what does not exist loses notifications already. What ends next comes after
/// it, in case the run is cut short.
fn sort(steps: &mut [Step]) {
    fn key(step: &Step) -> (Option<Timestamp>, &str, Option<&str>) {
        (step.expires_at, &step.name, step.action.id())
    }
    steps.sort_by(|one, other| key(one).cmp(&key(other)));
}

/// Subscriptions of this stack that no entry asks for, by what they watch. Of one resource, the first in the list comes first.
struct Orphans<'a>(BTreeMap<String, Vec<&'a OwnedSubscription<'a>>>);

impl<'a> Orphans<'a> {
    fn of(all: &[&'a OwnedSubscription<'a>]) -> Self {
        let mut by_resource: BTreeMap<String, Vec<&'a OwnedSubscription<'a>>> = BTreeMap::new();
        for ours in all.iter().rev() {
            // What does not say what it watches stands in nobody's place.
            let key = ours.subscription.resource.as_deref().map(resource_key);
            by_resource.entry(key.unwrap_or_default()).or_default().push(ours);
        }
        Self(by_resource)
    }

    /// Takes one that watches `resource`.
    fn take(&mut self, resource: &str) -> Option<&'a OwnedSubscription<'a>> {
        self.0.get_mut(&resource_key(resource))?.pop()
    }

    fn rest(self) -> impl Iterator<Item = &'a OwnedSubscription<'a>> {
        self.0.into_values().flatten()
    }
}

/// Returns what to create for `desired`.
#[must_use]
pub fn creation(desired: &Desired, context: &Context, now: Timestamp) -> Creation {
    let certificate_id = desired.include_resource_data.then(|| context.certificate.clone());
    let url = NotificationUrl {
        stack_id: context.stack.as_str().to_owned(),
        name: desired.name.clone(),
        key_id: context.mint_key.clone(),
        certificate_id: certificate_id.clone(),
        digest: desired.digest(),
        fetch_content: desired.options.fetch_content,
        immutable_ids: desired.options.immutable_ids,
    };
    Creation {
        desired: desired.clone(),
        expires_at: after(whole_second(now), desired.lifetime),
        notification_url: context.notifications.url(&url),
        lifecycle_url: context.lifecycle.url(&url),
        key_id: context.mint_key.clone(),
        certificate_id,
    }
}

/// Returns why subscriptions called `name`, or standing under it, are left alone though no entry asks for them.
fn held_because<'a>(name: &str, context: &'a Context) -> Option<&'a str> {
    let entry = name.split_once('/').map_or(name, |(entry, _)| entry);
    let held = context.held.get(entry).map(String::as_str);
    let unread = || (!context.complete).then_some("its entry may be one that could not be read");
    let braked = || context.braked.then_some("too much would be deleted at once");
    held.or_else(braked).or_else(unread)
}

/// Returns the time `duration` after `time`.
fn after(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(time)
}

/// Returns `time` without the fraction of a second, which only makes URLs and reports longer.
fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
