//! The history of subscriptions: Graph's list does not show which ones are gone.
//!
//! Graph removes some subscriptions silently (Microsoft Graph, *lifecycle notifications*: `subscriptionRemoved` is sent
//! for few resources), and lapsed ones leave the list. A process remembers what it saw, and [`StoredState`] what others
//! saw. A subscription that neither remembers counts as lost: an unnecessary catch-up is better than a missed one.
//!
//! [`StoredState`]: super::StoredState

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    Action, Context, LostSubscription, Reason, Step,
    existing::{self, Existing},
    gap::Gap,
    removals::{Predecessors, Removals},
    state::{Before, Look, Missing},
};

/// The history of an application's subscriptions.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionHistory {
    looked_at: Option<Timestamp>,
    /// The look before the last one, of this process or another.
    looked_before: Option<Timestamp>,
    /// When each name was last seen; nothing if it has been missing since before the first look.
    names: BTreeMap<String, Option<Seen>>,
    /// What existed before the current subscriptions.
    predecessors: Predecessors,
    /// The subscriptions that this process created, the last one of each name.
    made: BTreeMap<String, Made>,
    /// The names that are missing and never had a subscription.
    new: BTreeSet<String>,
    /// The missing names that may have a successor of which consumers have not heard.
    followed: BTreeSet<String>,
    /// What another process has seen since this one looked last.
    recalled: Option<Look>,
    /// Whether no other process has looked since this one did.
    is_latest: bool,
    /// What existed of the entries whose objects could not be listed at the last look, as an earlier look saw it.
    carried: BTreeMap<String, Existing>,
}

/// The last sight of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// Graph's id, if this process has seen it.
    id: Option<String>,
    /// The last look at which it existed, as far as was known.
    at: Timestamp,
    /// When Graph last showed it: lists leave out what exists, and a recent list is not read again.
    proven_at: Timestamp,
}

impl Seen {
    fn earlier(at: Timestamp) -> Self {
        Self {
            id: None,
            at,
            proven_at: at,
        }
    }

    /// Returns the last sight, at `proven_at`, of what was missing at the look at `missed_at`: a run may lose what it has
    /// seen.
    fn missing(id: Option<String>, proven_at: Timestamp, missed_at: Timestamp) -> Self {
        let before = missed_at.saturating_sub(SignedDuration::from_nanos(1));
        Self {
            id,
            at: proven_at.min(before.unwrap_or(Timestamp::MIN)),
            proven_at,
        }
    }
}

impl LostSubscription {
    fn of(seen: Option<&Seen>) -> Self {
        Self {
            id: seen.and_then(|seen| seen.id.clone()),
            seen_at: seen.map(|seen| seen.proven_at),
        }
    }
}

impl Step {
    /// Says that the subscription was lost before and exists again, unless it is not its entry's own.
    fn find_again(&mut self, lost: Option<&Seen>) {
        let is_own = !matches!(self.reason, Reason::Held(_) | Reason::Duplicate(_));
        if is_own && matches!(self.action, Action::Keep(_) | Action::Renew { .. }) {
            self.reason = Reason::FoundAgain(LostSubscription::of(lost));
        }
    }
}

/// A subscription that this process created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    id: String,
    /// When it was created.
    pub at: Timestamp,
    /// When the first subscription of its name was created, if this process created it: nothing can have been lost
    /// before.
    pub first_at: Option<Timestamp>,
}

impl Made {
    /// Returns whether its name had no subscription before.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.first_at == Some(self.at)
    }
}

impl SubscriptionHistory {
    /// Returns the history of an application that had no subscription until `now`.
    #[must_use]
    pub fn none(now: Timestamp) -> Self {
        Self {
            looked_at: Some(now),
            ..Self::default()
        }
    }

    /// Adds what another process stored about the same subscriptions, unless this process has looked later.
    pub fn recall(&mut self, look: Look) {
        // Of its own look this process knows every name, with its id.
        self.is_latest = self.looked_at == Some(look.at);
        if self.looked_at.is_some_and(|looked_at| looked_at >= look.at) {
            return;
        }
        let before = std::mem::take(&mut self.names);
        // Found again with the same id, it was never lost. An older id may have had successors since.
        let id = |name: &str, at: Timestamp| {
            let known = before.get(name)?.as_ref().filter(|known| known.at >= at)?;
            known.id.clone()
        };
        let seen = |name: &str, at: Timestamp| Seen::missing(id(name, at), at, look.at);
        let lost = look.missing.lost.iter();
        self.names = lost
            .map(|(name, at)| (name.clone(), at.map(|at| seen(name, at))))
            .collect();
        self.followed.clone_from(&look.missing.followed);
        self.looked_at = Some(look.at);
        self.recalled = Some(look);
    }

    /// Remembers that the subscription called `name` was deleted and is missing again.
    pub fn deleted(&mut self, name: &str, id: &str, seen_at: Timestamp) {
        let seen = Seen {
            id: Some(id.to_owned()),
            ..Seen::earlier(seen_at)
        };
        self.names.entry(name.to_owned()).or_insert(Some(seen));
    }

    /// Returns what was missing at the look at `now` and still is, and what exists of the entries with `forEach`; nothing
    /// if that look did not happen.
    #[must_use]
    pub fn missing<'e>(&self, now: Timestamp, for_each: impl Iterator<Item = &'e str>) -> Option<Missing> {
        self.looked_at.filter(|looked_at| *looked_at == now)?;
        let lost = self.names.iter().filter_map(|(name, seen)| match seen {
            None => Some((name.clone(), None)),
            Some(seen) if seen.at < now => Some((name.clone(), Some(seen.proven_at))),
            Some(_) => None,
        });
        let never = self.new.iter().map(String::as_str);
        let missing = Missing::of(never, lost.collect(), self.existing(now, for_each));
        Some(missing.with_followed(&self.followed))
    }

    fn existing<'e>(
        &self,
        now: Timestamp,
        for_each: impl Iterator<Item = &'e str>,
    ) -> BTreeMap<String, Existing> {
        let is_there = |seen: &Option<Seen>| seen.as_ref().is_some_and(|seen| seen.at >= now);
        let names = self.names.iter().filter(|(_, seen)| is_there(seen));
        let mut existing = existing::by_entry(names.map(|(name, _)| name.as_str()));
        existing.extend(self.carried.clone());
        for_each
            .map(|entry| (entry.to_owned(), existing.remove(entry).unwrap_or_default()))
            .collect()
    }

    /// Records the `steps` of a plan made at `now`: for creations, sets whether a subscription existed before, and
    /// remembers which subscriptions exist.
    ///
    /// A look older than `holds` counts as forgotten: another process may have created a subscription since, and Graph
    /// may have removed it again.
    ///
    /// `reported` has the ids and names that Graph reported as removed. Those that fit the history are returned; the
    /// others are inventions, or their entries ask for nothing, and are ignored.
    pub fn observe(
        &mut self,
        steps: &mut [Step],
        reported: &BTreeSet<(String, String)>,
        context: &Context,
        holds: SignedDuration,
        now: Timestamp,
    ) -> Removals {
        let recalled = self.recalled.take();
        let existing = existing::by_entry(existing::names(steps));
        let is_known = recalled.is_some()
            || std::mem::take(&mut self.is_latest)
            || self
                .looked_at
                .is_some_and(|looked_at| now.duration_since(looked_at) <= holds);
        let removed = self.confirmed(steps, reported, context, is_known);
        // An event that no queue takes comes again, when the successor is no longer missing.
        self.predecessors.add(removed.clone());
        // A run may look twice.
        if self.looked_at != Some(now) {
            self.looked_before = self.looked_at.replace(now);
        }
        self.new.clear();
        let carried = std::mem::take(&mut self.carried);
        let stored = |name: &str| {
            let Some(look) = &recalled else {
                let entry = name.split('/').next()?;
                let before = carried.get(entry)?;
                let is_same = before.is_same(existing.get(entry).unwrap_or(&Existing::default()));
                return (!is_same).then_some(None);
            };
            match look.before(name, &existing) {
                Before::New => None,
                Before::There(since) => Some(since.map(Seen::earlier)),
            }
        };
        let mut names: BTreeMap<String, Option<Seen>> = BTreeMap::new();
        for step in &mut *steps {
            match &step.action {
                Action::Create(_) => {
                    let before = self.names.get(&step.name).cloned();
                    let before = before.or_else(|| stored(&step.name));
                    // Missing now and at a recent look: a new entry.
                    let Some(before) = before.or((!is_known).then_some(None)) else {
                        self.new.insert(step.name.clone());
                        continue;
                    };
                    if step.reason == Reason::Missing {
                        step.reason = Reason::Lost(LostSubscription::of(before.as_ref()));
                    }
                    // Graph's report explains a gap better than absence does.
                    if removed.has_name(&step.name) {
                        step.reason = Reason::Removed;
                    }
                    names.insert(step.name.clone(), before);
                }
                Action::Renew { id, .. } | Action::Replace { id, .. } | Action::Keep(id) => {
                    let before = self.names.get(&step.name);
                    // It stays missing in the history until consumers have heard of the gap.
                    if let Some(lost) = before.filter(|seen| self.has_lost(&step.name, seen.as_ref(), id)) {
                        names.insert(step.name.clone(), lost.clone());
                        step.find_again(lost.as_ref());
                        continue;
                    }
                    let before = before.and_then(Option::as_ref).filter(|seen| {
                        context.unproven.contains(id) && seen.id.as_deref().is_none_or(|known| known == id)
                    });
                    let seen = Seen {
                        id: Some(id.clone()),
                        at: now,
                        proven_at: before.map_or(now, |seen| seen.proven_at),
                    };
                    names.insert(step.name.clone(), Some(seen));
                }
                // No entry asks for it, so nobody misses its notifications.
                Action::Delete(_) => {}
            }
        }
        let earlier = recalled.as_ref().map_or(&carried, |look| &look.missing.existing);
        let is_unread = |entry: &&String| !context.complete && !existing.contains_key(*entry);
        let unlisted = context.held.keys().chain(earlier.keys().filter(is_unread));
        let unlisted = unlisted.filter_map(|entry| {
            let before = match &recalled {
                Some(look) => look.existing(entry),
                None if is_known => carried.get(entry).cloned(),
                None => Some(Existing::unknown()),
            };
            Some((entry.clone(), before?.carried()))
        });
        self.carried = unlisted.collect();
        // Entries that cannot be read now may still ask for these names, so their history is kept.
        let unread = std::mem::take(&mut self.names);
        let unread = unread
            .into_iter()
            .filter(|(name, _)| context.held_because(name).is_some());
        for (name, seen) in unread {
            names.entry(name).or_insert(seen);
        }
        self.names = names;
        let is_missing = |name: &String| match self.names.get(name) {
            Some(seen) => seen.as_ref().is_none_or(|seen| seen.at < now),
            None => false,
        };
        self.followed.retain(is_missing);
        removed
    }

    /// Returns those of the `reported` removals that fit the history, before a look that planned these `steps`.
    fn confirmed(
        &self,
        steps: &[Step],
        reported: &BTreeSet<(String, String)>,
        context: &Context,
        is_known: bool,
    ) -> Removals {
        let mut removed = Removals::default();
        for (id, name) in reported {
            let is_wanted =
                |step: &&Step| step.name == *name && !matches!(step.action, Action::Delete { .. });
            let has_unknown = |step: &Step| match step.action.id() {
                Some(current) => self.predecessors.may_be_untold(name, current),
                None => !is_known || self.id_of(name).is_none(),
            };
            if context.removed.contains(id) || self.has_been(id, name) {
                removed.add(id, name);
            } else if steps.iter().find(is_wanted).is_some_and(has_unknown) {
                removed.add_name(name);
            }
        }
        removed
    }

    /// Returns whether the subscription called `name` existed at the look of another process, no longer than `holds` before
    /// the last one, and only the last list does not show it. Lists leave out what exists, and this process does not know its
    /// id to ask for it.
    #[must_use]
    pub fn is_first_missed(&self, name: &str, holds: SignedDuration) -> bool {
        let seen = self.names.get(name).and_then(Option::as_ref);
        seen.filter(|seen| seen.id.is_none()).is_some_and(|seen| {
            let is_recent = |now: Timestamp| now.duration_since(seen.at) <= holds;
            Some(seen.at) == self.looked_before && self.looked_at.is_some_and(is_recent)
        })
    }

    /// Returns whether `id` is that of a successor of the lost subscription called `name`, of which consumers may not have
    /// heard. Where this process does not know the id of the lost one, a creation has to have been tried: Graph's lists leave
    /// out what exists.
    #[must_use]
    pub fn is_successor(&self, name: &str, id: &str) -> bool {
        self.names.get(name).is_some_and(|seen| {
            let known = seen.as_ref().and_then(|seen| seen.id.as_deref());
            known.map_or_else(|| self.followed.contains(name), |known| known != id)
        })
    }

    /// Returns whether the subscription that was `seen` last was missing at the look before the last one, and what exists now
    /// as `id` is another one.
    fn has_lost(&self, name: &str, seen: Option<&Seen>, id: &str) -> bool {
        if seen.is_some_and(|seen| Some(seen.at) >= self.looked_before) {
            return false;
        }
        match seen.and_then(|seen| seen.id.as_deref()) {
            Some(known) => known != id,
            None => self.followed.contains(name),
        }
    }

    /// Sets the reason of creations whose subscription this process has seen, and which is gone now.
    pub fn name_lost(&self, steps: &mut [Step]) {
        for step in steps {
            let seen = self.names.get(&step.name).and_then(Option::as_ref);
            if let (Action::Create(_), Some(seen)) = (&step.action, seen.filter(|seen| seen.id.is_some())) {
                step.reason = Reason::Lost(LostSubscription::of(Some(seen)));
            }
        }
    }

    /// Returns whether consumers may not have heard that the subscription called `name` with this id, which exists no more, was
    /// removed.
    #[must_use]
    pub fn may_be_untold(&self, id: &str, name: &str) -> bool {
        let current = self.id_of(name);
        self.predecessors.has_untold(id, name)
            || current.is_some_and(|current| self.predecessors.may_be_untold(name, current))
    }

    /// Remembers that consumers have an event about a gap.
    pub fn told(&mut self, gap: &Gap) {
        let current = gap.new_subscription_id.as_deref();
        let current = current.filter(|current| self.id_of(&gap.name) == Some(current));
        self.predecessors
            .told(&gap.name, gap.subscription_id.as_deref(), current);
    }

    /// Returns whether the subscription called `name` had this id.
    fn has_been(&self, id: &str, name: &str) -> bool {
        self.id_of(name) == Some(id) || self.predecessors.has_untold(id, name)
    }

    /// Remembers that the subscription called `name` was created. The step that creates it knows what is lost.
    pub fn made(&mut self, name: &str, id: &str, at: Timestamp) {
        self.predecessors.settle(name, id);
        let first_at = if self.new.contains(name) {
            Some(at)
        } else {
            self.made.get(name).and_then(|before| before.first_at)
        };
        let made = Made {
            id: id.to_owned(),
            at,
            first_at,
        };
        self.made.insert(name.to_owned(), made);
        self.seen(name, id, at);
    }

    /// Remembers that the subscription called `name` exists.
    pub fn seen(&mut self, name: &str, id: &str, at: Timestamp) {
        self.new.remove(name);
        self.followed.remove(name);
        let seen = Seen {
            id: Some(id.to_owned()),
            at,
            proven_at: at,
        };
        self.names.insert(name.to_owned(), Some(seen));
    }

    /// Remembers that consumers have not heard of the loss of the subscription called `name`, which has a successor: to the
    /// next look, it was missing at this one.
    pub fn unreported(&mut self, name: &str, lost: LostSubscription) {
        let LostSubscription { id, seen_at } = lost;
        let looked_at = self.looked_at.unwrap_or(Timestamp::MAX);
        let seen = seen_at.map(|at| Seen::missing(id, at, looked_at));
        self.names.insert(name.to_owned(), seen);
        self.followed.insert(name.to_owned());
    }

    /// Remembers that the subscription called `name` with this id is gone and has no successor that Graph has shown: to the next
    /// look, it was missing at this one.
    pub fn gone(&mut self, name: &str, id: &str) {
        let looked_at = self.looked_at.unwrap_or(Timestamp::MAX);
        let seen = self.names.get_mut(name).and_then(Option::as_mut);
        if let Some(seen) = seen.filter(|seen| seen.id.as_deref() == Some(id)) {
            *seen = Seen::missing(seen.id.take(), seen.proven_at, looked_at);
        }
    }

    /// Remembers that Graph may have created the subscription called `name`, but did not say so.
    pub fn may_exist(&mut self, name: &str) {
        self.followed.insert(name.to_owned());
    }

    /// Returns the id under which this process last saw the subscription called `name`.
    #[must_use]
    pub fn id_of(&self, name: &str) -> Option<&str> {
        self.names.get(name)?.as_ref()?.id.as_deref()
    }

    /// Returns when this process created the subscription that existed before a step, if it did. What exists under a name
    /// is as old at most as the last creation.
    #[must_use]
    pub fn made_before(&self, step: &Step) -> Option<Timestamp> {
        let made = self.made.get(&step.name)?;
        // That one may be the successor.
        let is_of_successor = matches!(step.reason, Reason::FoundAgain(_));
        (!is_of_successor).then_some(made.at)
    }

    /// Returns whether this process has created a subscription called `name` since `at`.
    #[must_use]
    pub fn was_made_since(&self, name: &str, at: Timestamp) -> bool {
        self.made.get(name).is_some_and(|made| made.at >= at)
    }

    /// Returns the creation of the subscription called `name` with this id, if this process created it.
    #[must_use]
    pub fn made_of(&self, name: &str, id: &str) -> Option<&Made> {
        self.made.get(name).filter(|made| made.id == id)
    }
}
