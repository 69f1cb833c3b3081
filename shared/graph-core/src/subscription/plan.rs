//! The plan that keeps subscriptions alive: what the configuration wants against what Graph lists.
//!
//! [`plan`] is told everything and does nothing. It covers one application in one tenant, the reach of one list call.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use self::listing::OwnedSubscription;
pub use self::{
    brake::{Wish, excess},
    expand::{Expansion, LeftOut, Objects, expand, one_of},
    granted::{Granted, PermissionState},
    history::SubscriptionHistory,
    limit::Limit,
    listing::{Listing, is_of_stack},
    policy::Policy,
    reason::Reason,
    state::{Look, Missing, StoredState},
    urgency::Urgency,
};
use crate::subscription::{
    catalogue::{self, Version},
    compare::{change_types, query_options_key, resource_key},
    config::EntryOptions,
    rotation::Retiring,
    url::{BaseUrl, NotificationUrl, StackId},
};

mod brake;
mod decide;
mod expand;
pub mod gap;
mod granted;
mod history;
mod limit;
mod listing;
mod policy;
mod reason;
mod state;
#[cfg(test)]
mod tests;
mod urgency;

/// A subscription that the configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Its name: the key of its entry, followed by `/` and an object's id where one entry stands for many.
    pub name: String,
    /// What to watch.
    pub resource: String,
    /// The changes to watch, separated by commas.
    pub change_type: String,
    /// Whether notifications carry the resource, encrypted.
    pub include_resource_data: bool,
    /// The `notificationQueryOptions`.
    pub query_options: Option<String>,
    /// How far ahead a new end is set.
    pub lifetime: SignedDuration,
    /// The version of the API that manages it.
    pub version: Version,
    /// What is asked for beside.
    pub options: EntryOptions,
}

impl Desired {
    /// Returns a digest of what Graph is asked for and cannot change afterwards: one for all spellings of it. It stands in
    /// the URL, so that nobody has to guess from Graph's list, which may spell things in its own way or leave them out.
    #[must_use]
    pub fn digest(&self) -> String {
        let changes: Vec<String> = change_types(&self.change_type).into_iter().collect();
        let options = self.query_options.as_deref().map(query_options_key);
        let mut digest = Sha256::new_with_prefix(DIGEST_DOMAIN);
        let parts = [
            resource_key(&self.resource),
            changes.join(","),
            options.unwrap_or_default(),
        ];
        for part in parts {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        let EntryOptions {
            fetch_content: _,
            immutable_ids,
            permission_changes,
        } = self.options;
        let flags = [self.include_resource_data, immutable_ids, permission_changes];
        digest.update(flags.map(u8::from));
        let mut digest = BASE64_URL_SAFE_NO_PAD.encode(digest.finalize());
        digest.truncate(DIGEST_LENGTH);
        digest
    }

    /// Returns the `Prefer` header of its creation. No resource has more than one.
    #[must_use]
    pub fn prefer(&self) -> Option<&'static str> {
        if self.options.immutable_ids {
            return Some("IdType=\"ImmutableId\"");
        }
        if self.options.permission_changes {
            return Some("includesecuritywebhooks");
        }
        let row = catalogue::find(&self.resource)?;
        row.entity
            .eq_ignore_ascii_case("chatMessage")
            .then_some("include-unknown-enum-members")
    }
}

/// Separates this digest from others, and this encoding from later ones.
const DIGEST_DOMAIN: &[u8] = b"graph change notifications, subscription, version 1\0";

/// How many characters of the digest stand in a URL: it tells a changed entry, and proves nothing.
const DIGEST_LENGTH: usize = 12;

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

/// One thing to do, or to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The subscription's name; empty for one of ours whose URL names none.
    pub name: String,
    /// What is to be done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// When the subscription that exists now ends.
    pub expires_at: Option<Timestamp>,
}

/// What is to be done about a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create it.
    Create(Creation),
    /// Extend it, and bring what can be changed up to date.
    Renew {
        /// Graph's id.
        id: String,
        /// The new end and what else changes.
        renewal: Renewal,
        /// What to create should it turn out to be gone.
        otherwise: Creation,
    },
    /// Extend it and leave the rest as it is: what it is to be is not known just now.
    Extend {
        /// Graph's id.
        id: String,
        /// The new end.
        renewal: Renewal,
    },
    /// Delete it and create it anew at once: what differs cannot be changed.
    Replace {
        /// Graph's id of the one to delete.
        id: String,
        /// The new one.
        creation: Creation,
    },
    /// Delete it.
    Delete {
        /// Graph's id.
        id: String,
    },
    /// Leave it.
    Keep {
        /// Graph's id.
        id: String,
    },
}

impl Action {
    /// Returns the action's name, as reports show it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Renew { .. } | Self::Extend { .. } => "renew",
            Self::Replace { .. } => "replace",
            Self::Delete { .. } => "delete",
            Self::Keep { .. } => "keep",
        }
    }

    /// Returns Graph's id of the subscription that exists now.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Create(_) => None,
            Self::Renew { id, .. }
            | Self::Extend { id, .. }
            | Self::Replace { id, .. }
            | Self::Delete { id }
            | Self::Keep { id } => Some(id),
        }
    }
}

/// A subscription to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// What is asked for.
    pub desired: Desired,
    /// When it is to end.
    pub expires_at: Timestamp,
    /// Where notifications go.
    pub notification_url: String,
    /// Where lifecycle notifications go.
    pub lifecycle_url: String,
    /// The client-state key to mint with.
    pub key_id: String,
    /// The certificate to encrypt for, with resource data only.
    pub certificate_id: Option<String>,
}

/// What a renewal changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The version of the API that manages the subscription.
    pub version: Version,
    /// The new end.
    pub expires_at: Timestamp,
    /// The new address, where it changes.
    pub notification_url: Option<String>,
    /// The new certificate, where it changes.
    pub certificate_id: Option<String>,
}

impl Creation {
    /// Returns the plain extension to the same end.
    #[must_use]
    pub fn extension(&self) -> Renewal {
        Renewal {
            version: self.desired.version,
            expires_at: self.expires_at,
            notification_url: None,
            certificate_id: None,
        }
    }
}

impl Renewal {
    /// Returns whether it changes more than the end.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.notification_url.is_some() || self.certificate_id.is_some()
    }

    /// Returns the part of it that is about the end alone.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self {
            notification_url: None,
            certificate_id: None,
            ..self.clone()
        }
    }
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

/// Returns the steps that delete all subscriptions of ours, whatever the configuration asks for.
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

/// Subscriptions of ours that no entry asks for, by what they watch. Of one resource, the first in the list comes first.
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
