//! Turns entries into single subscriptions: a `forEach` entry may have thousands.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use jiff::SignedDuration;

use super::{
    Desired, Listing,
    limit::{self, Limit},
};
use crate::{
    notification::client_state,
    subscription::{
        compare::{is_key, query_options_key, resource_key},
        config::Entry,
    },
};

#[cfg(test)]
mod tests;

/// The objects of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objects {
    /// The entry has no `forEach`: it stands for itself.
    Itself,
    /// The objects with these ids.
    Known(Vec<String>),
    /// The objects could not be listed, for this reason: existing subscriptions stay, and none is added.
    Unknown(String),
}

/// The result of expanding entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// The wanted subscriptions.
    pub desired: Vec<Desired>,
    /// How many objects of an entry are left out, by reason.
    pub left_out: BTreeMap<String, BTreeMap<LeftOut, usize>>,
    /// The entries whose subscriptions are not deleted, with the reason.
    pub held: BTreeMap<String, String>,
    /// How many objects each `forEach` entry has.
    pub objects: BTreeMap<String, usize>,
}

/// Why an object gets no subscription.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// The id is too long beside the entry's name, or has characters that would change the resource path.
    UnfitId,
    /// This other entry already asks for the same subscription, and Graph allows one.
    Shared(String),
    /// This other entry watches other change types of the same resource, and Graph allows one subscription to the
    /// resource.
    Taken(String),
    /// Graph's limit is reached.
    Over(Limit),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnfitId => write!(f, "whose id does not fit into a client state or a resource path"),
            Self::Shared(entry) => write!(f, "that `subscriptions.{entry}` already watches"),
            Self::Taken(entry) => write!(
                f,
                "for which `subscriptions.{entry}` has the only subscription that Graph allows; write the change types of both \
                 into that entry"
            ),
            Self::Over(limit) => write!(f, "over the limit of {limit}"),
        }
    }
}

/// Returns the subscriptions that `entries` ask for, given Graph's list for the application.
///
/// They are sorted by name. Where Graph's limit allows only some, entries without `forEach` come first, then existing
/// subscriptions, then the others in order: no subscription loses its place to a new one.
#[must_use]
pub fn expand(entries: &[(&Entry, Objects)], listing: &Listing<'_>) -> Expansion {
    let existing: HashSet<&str> = listing.ours.iter().map(|ours| ours.url.name.as_str()).collect();
    let mut expansion = Expansion::default();
    let mut candidates = Vec::new();
    for (entry, objects) in entries {
        let limit = limit::of(&entry.resource);
        let mut ids: Vec<&str> = match objects {
            Objects::Itself => {
                candidates.push(Candidate::of(entry, None, limit, &existing));
                continue;
            }
            Objects::Known(ids) => ids.iter().map(String::as_str).collect(),
            // Existing subscriptions stay: an outage of the directory must not delete thousands of them.
            Objects::Unknown(why) => {
                expansion.held.insert(entry.name.clone(), why.clone());
                existing
                    .iter()
                    .filter_map(|name| name.strip_prefix(&entry.name)?.strip_prefix('/'))
                    .collect()
            }
        };
        // Graph may list an object on two pages if the list changes in between.
        ids.sort_unstable();
        ids.dedup();
        expansion.objects.insert(entry.name.clone(), ids.len());
        for id in ids {
            if is_fit(&entry.name, id) {
                candidates.push(Candidate::of(entry, Some(id), limit, &existing));
            } else {
                expansion.leave_out(&entry.name, LeftOut::UnfitId);
            }
        }
    }
    expansion.choose(candidates, listing);
    expansion
}

/// Returns the subscription called `name` of `entry`, whether or not the object is currently listed.
#[must_use]
pub fn one_of(entry: &Entry, name: &str) -> Option<Desired> {
    let of_entry = name.strip_prefix(entry.name.as_str())?;
    let resource = match (of_entry.strip_prefix('/'), &entry.for_each) {
        (None, None) if of_entry.is_empty() => entry.resource.clone(),
        (Some(id), Some(_)) if is_fit(&entry.name, id) => entry.resource.replace(PLACEHOLDER, id),
        _ => return None,
    };
    Some(desired(entry, name.to_owned(), resource))
}

impl Expansion {
    /// Takes the candidates that Graph's limits allow.
    fn choose(&mut self, mut candidates: Vec<Candidate<'_>>, listing: &Listing<'_>) {
        // The order decides who keeps a place where Graph allows too few.
        candidates.sort_by(|one, other| one.order().cmp(&other.order()));
        let mut used = used_by_others(listing, &candidates);
        let mut watched: HashMap<Watched<'_>, &Entry> = HashMap::with_capacity(candidates.len());
        self.desired.reserve(candidates.len());
        for candidate in candidates {
            let Candidate {
                entry,
                desired,
                limit,
                rank,
            } = candidate;
            // Graph answers 409 to a second subscription for the same; the order decides which one is kept, not chance.
            let key = (
                resource_key(&desired.resource),
                (!limit::is_one_altogether(&entry.resource)).then_some(entry.change_type.as_str()),
                desired.query_options.as_deref().map(query_options_key),
            );
            if let Some(first) = watched.get(&key) {
                let why = if first.change_type == entry.change_type {
                    LeftOut::Shared(first.name.clone())
                } else {
                    LeftOut::Taken(first.name.clone())
                };
                self.leave_out(&entry.name, why);
                continue;
            }
            if let Some(limit) = limit {
                let used = used.entry(limit).or_default();
                // Existing subscriptions have their place already; only new ones are left out.
                if *used >= limit.most && rank == Rank::New {
                    self.leave_out(&entry.name, LeftOut::Over(limit));
                    continue;
                }
                *used += 1;
            }
            watched.insert(key, entry);
            self.desired.push(desired);
        }
        self.desired.sort_by(|one, other| one.name.cmp(&other.name));
    }

    fn leave_out(&mut self, entry: &str, why: LeftOut) {
        let reasons = self.left_out.entry(entry.to_owned()).or_default();
        *reasons.entry(why).or_default() += 1;
    }
}

/// The key of which Graph allows one subscription: resource, change types where they matter (every entry spells them in the
/// same way), query options.
type Watched<'e> = (String, Option<&'e str>, Option<String>);

/// A subscription that an entry asks for.
struct Candidate<'a> {
    entry: &'a Entry,
    desired: Desired,
    limit: Option<Limit>,
    rank: Rank,
}

/// The order in which candidates get a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Itself,
    Existing,
    New,
}

impl<'a> Candidate<'a> {
    /// Returns the subscription of `entry` itself, or that for the object `id`.
    fn of(entry: &'a Entry, id: Option<&str>, limit: Option<Limit>, existing: &HashSet<&str>) -> Self {
        let (name, resource) = match id {
            None => (entry.name.clone(), entry.resource.clone()),
            Some(id) => (
                format!("{}/{id}", entry.name),
                entry.resource.replace(PLACEHOLDER, id),
            ),
        };
        let rank = match id {
            None => Rank::Itself,
            Some(_) if existing.contains(name.as_str()) => Rank::Existing,
            Some(_) => Rank::New,
        };
        Self {
            entry,
            desired: desired(entry, name, resource),
            limit,
            rank,
        }
    }

    fn order(&self) -> (Rank, &str) {
        (self.rank, &self.desired.name)
    }
}

fn desired(entry: &Entry, name: String, resource: String) -> Desired {
    Desired {
        name,
        resource,
        change_type: entry.change_type.clone(),
        include_resource_data: entry.include_resource_data,
        query_options: entry.query_options.clone(),
        lifetime: SignedDuration::from_mins(i64::from(entry.minutes)),
        version: entry.version,
        options: entry.options,
    }
}

/// Counts the listed subscriptions that use up a limit and are not among the candidates.
fn used_by_others(listing: &Listing<'_>, candidates: &[Candidate<'_>]) -> BTreeMap<Limit, usize> {
    let names: HashSet<&str> = candidates.iter().map(|one| one.desired.name.as_str()).collect();
    let ours = listing.ours.iter();
    let not_wanted = ours.filter(|ours| !names.contains(ours.url.name.as_str()));
    let others = not_wanted
        .map(|ours| ours.subscription)
        .chain(listing.others.iter().copied());
    let mut used = BTreeMap::new();
    for limit in others.filter_map(|one| limit::of(one.resource.as_deref()?)) {
        *used.entry(limit).or_default() += 1;
    }
    used
}

/// Returns whether an object's id can be part of a name, which is in the client state, and of a resource path.
fn is_fit(entry: &str, id: &str) -> bool {
    is_key(id) && entry.len() + 1 + id.len() <= client_state::MAX_NAME
}

/// The placeholder for the object's id in a resource.
const PLACEHOLDER: &str = "{id}";
