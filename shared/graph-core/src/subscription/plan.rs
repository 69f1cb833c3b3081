//! The plan that keeps subscriptions alive: it compares the configuration with Graph's list.
//!
//! [`plan`] is pure: it gets everything as arguments and changes nothing. It covers one application in one tenant, as
//! one call of Graph's list does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

pub use self::{
    absences::Absences,
    brake::{Wish, excess},
    caught_up::CaughtUp,
    count::{LastLook, SubscriptionCount},
    desired::Desired,
    expand::{Expansion, LeftOut, Objects, expand, one_of},
    failures::FailureHistory,
    granted::{Granted, PermissionState},
    history::{Made, SubscriptionHistory},
    limit::Limit,
    listing::{Listing, is_of_stack},
    live::LiveCounts,
    policy::Policy,
    processes::Processes,
    reason::{LostSubscription, Reason},
    removals::Removals,
    state::{Look, Missing, SettledVersions, StoredState, UnreadRemovals},
    step::{Action, Creation, Renewal, Step},
    urgency::Urgency,
};
use self::{decide::Planner, listing::OwnedSubscription};
use crate::subscription::{
    compare::resource_key,
    rotation::Retiring,
    url::{BaseUrl, NotificationUrl, StackId},
};

mod absences;
mod brake;
mod caught_up;
mod count;
mod decide;
mod desired;
mod digest;
mod existing;
mod expand;
mod failures;
pub mod gap;
mod granted;
mod history;
pub mod lifetime;
mod limit;
mod listing;
mod live;
mod policy;
mod processes;
mod reason;
mod removals;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod urgency;

/// The context of a plan: everything besides entries and list.
#[derive(Clone, Debug)]
pub struct Context {
    /// The stack that owns the subscriptions.
    pub stack: StackId,
    /// The URL for notifications.
    pub notifications: BaseUrl,
    /// The URL for lifecycle notifications.
    pub lifecycle: BaseUrl,
    /// The id of the client-state key that new subscriptions are minted with.
    pub mint_key: String,
    /// The ids of all client-state keys of this application in this tenant, retired ones included.
    pub keys: BTreeSet<String>,
    /// The id of the certificate for resource data of new subscriptions.
    pub certificate: String,
    /// The ids of the certificates whose private key still exists.
    pub certificates: BTreeSet<String>,
    /// The client-state keys that subscriptions have to leave.
    pub retiring_keys: BTreeMap<String, Retiring>,
    /// The certificates that subscriptions have to leave.
    pub retiring_certificates: BTreeMap<String, Retiring>,
    /// Whether all entries could be read, and the objects of each be listed. Otherwise no subscription is deleted for lack of
    /// an entry: one with another name may ask for it.
    pub complete: bool,
    /// Whether the brake is on: living subscriptions are neither deleted nor replaced because of what the list shows.
    pub braked: bool,
    /// Whether subscriptions that another stack left are replaced.
    pub takes_over: bool,
    /// The entries whose subscriptions stay as they are, with the reason.
    pub held: BTreeMap<String, String>,
    /// The names of subscriptions whose objects one list lacks: the next one decides.
    pub absent: BTreeSet<String>,
    /// The ids of subscriptions that Graph reported as removed.
    pub removed: BTreeSet<String>,
    /// The ids of subscriptions that are only remembered: Graph has not shown them in this run.
    pub unproven: BTreeSet<String>,
}

impl Context {
    /// Returns why subscriptions of the entry in `name` are kept though no entry asks for them; nothing if they are not
    /// kept.
    #[must_use]
    pub fn held_because(&self, name: &str) -> Option<&str> {
        let entry = name.split_once('/').map_or(name, |(entry, _)| entry);
        let held = self.held.get(entry).map(String::as_str);
        let unread = || (!self.complete).then_some(UNREAD);
        let braked = || self.braked.then_some("too much would be deleted at once");
        let absent = || self.absent.contains(name).then_some(ABSENT);
        held.or_else(braked).or_else(unread).or_else(absent)
    }
}

/// Why a subscription is kept of whose object one list is without.
const ABSENT: &str =
    "only one list of the entry's objects is without its object; it is deleted if the next one is as well";

/// Why a subscription is kept while it is not known what all entries ask for.
const UNREAD: &str = "an entry that has a mistake, or whose objects could not be listed, may ask for it";

/// Returns the steps that turn `listing` into what `desired` asks for: creations first, then by expiry, the soonest
/// first.
///
/// Subscriptions of others get no step. After all steps, a second plan at the same time only has steps that keep.
#[must_use]
pub fn plan(
    desired: &[Desired],
    listing: &Listing<'_>,
    context: &Context,
    now: Timestamp,
    policy: &Policy,
) -> Vec<Step> {
    // Without fractions of a second: URLs and reports are shorter, and the same second gives the same plan.
    let planner = Planner {
        context,
        now: whole_second(now),
        policy,
    };
    let mut by_name: HashMap<&str, Vec<&OwnedSubscription<'_>>> = HashMap::with_capacity(listing.ours.len());
    for ours in &listing.ours {
        by_name.entry(&ours.url.name).or_default().push(ours);
    }
    let mut steps = Vec::with_capacity(desired.len().max(listing.ours.len()));
    let mut missing = Vec::new();
    for desired in desired {
        match by_name.remove(desired.name.as_str()) {
            Some(candidates) => planner.one_of(candidates, desired, &mut steps),
            None => missing.push(desired),
        }
    }
    let ours = listing.ours.iter();
    let not_wanted = ours.filter(|ours| by_name.contains_key(ours.url.name.as_str()));
    // Deleted only if certainly no entry asks for it. If entries could not be read, nothing is deleted.
    let (held, orphans): (Vec<_>, Vec<_>) =
        not_wanted.partition(|ours| context.held_because(&ours.url.name).is_some());
    steps.extend(held.into_iter().map(|ours| planner.held(ours)));
    let mut orphans = Orphans::of(&orphans);
    steps.extend(missing.into_iter().map(|desired| {
        // Graph allows one subscription to a resource, so a renamed entry replaces the old subscription and does not
        // create a second.
        if let Some(orphan) = orphans.take(&desired.resource) {
            return planner.renamed(desired, orphan);
        }
        let left = context.takes_over.then(|| listing.left_for(desired));
        match left.flatten() {
            Some(left) => planner.taken_over(desired, left),
            None => planner.missing(desired),
        }
    }));
    steps.extend(orphans.rest().map(|ours| ours.delete(Reason::NoEntry)));
    sort(&mut steps);
    steps
}

/// Returns the steps that delete all subscriptions of the stack, whatever the configuration asks for.
#[must_use]
pub fn delete_all(listing: &Listing<'_>) -> Vec<Step> {
    let ours = listing.ours.iter();
    let mut steps: Vec<Step> = ours.map(|ours| ours.delete(Reason::AllGo)).collect();
    sort(&mut steps);
    steps
}

/// Sorts steps. Those without an expiry come first, because what does not exist loses notifications now; then the
/// soonest expiry, in case the run is cut short.
fn sort(steps: &mut [Step]) {
    fn key(step: &Step) -> (Option<Timestamp>, &str, Option<&str>) {
        (step.expires_at, &step.name, step.action.id())
    }
    steps.sort_by(|one, other| key(one).cmp(&key(other)));
}

/// The stack's subscriptions that no entry asks for, by resource. For one resource, the list's order is kept.
struct Orphans<'a>(BTreeMap<String, Vec<&'a OwnedSubscription<'a>>>);

impl<'a> Orphans<'a> {
    fn of(all: &[&'a OwnedSubscription<'a>]) -> Self {
        let mut by_resource: BTreeMap<String, Vec<&'a OwnedSubscription<'a>>> = BTreeMap::new();
        for ours in all.iter().rev() {
            // A subscription without a resource in the list replaces none.
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

/// Returns the subscription to create for `desired`.
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
        version: desired.version,
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

/// Returns the time `duration` after `time`.
fn after(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(time)
}

/// Returns `time` without the fraction of a second, which would only lengthen URLs and reports.
fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
