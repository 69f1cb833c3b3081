//! What is remembered of subscriptions from one look at Graph's list to the next: the list does not show what is gone.
//!
//! Graph removes some subscriptions without a word (Microsoft Graph, *lifecycle notifications*: `subscriptionRemoved` is
//! sent for few resources), and a lapsed one leaves the list. A process remembers what it saw, and [`StoredState`] what others
//! did. What neither remembers counts as lost: a consumer that catches up in vain is better off than one that is told of nothing.
//!
//! [`StoredState`]: super::StoredState

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    Action, Context, Reason, Step, held_because,
    state::{Before, Look, Missing},
};

/// What is remembered of an application's subscriptions.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionHistory {
    looked_at: Option<Timestamp>,
    /// When each was last there; nothing where it has been missing since before the first look.
    names: BTreeMap<String, Option<Seen>>,
    /// The ids and names of those that Graph has removed: it may tell of them again.
    replaced: BTreeSet<(String, String)>,
    /// Those that this process has made, the last of each name.
    made: BTreeMap<String, Made>,
    /// Those that are missing and have never been there.
    new: BTreeSet<String>,
    /// What another process has seen since this one looked last.
    recalled: Option<Look>,
}

/// A subscription that was there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// Graph's id of it, where this process has seen it.
    id: Option<String>,
    at: Timestamp,
}

/// A subscription that this process has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    id: String,
    /// When it was made.
    pub at: Timestamp,
    /// When the first one of its name was made, where this process has made that: none of them can have missed anything earlier.
    pub first_at: Option<Timestamp>,
}

impl Made {
    /// Returns whether there was no subscription of its name before.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.first_at == Some(self.at)
    }
}

impl SubscriptionHistory {
    /// Returns the history of an application that has had no subscription until `now`.
    #[must_use]
    pub fn none(now: Timestamp) -> Self {
        Self {
            looked_at: Some(now),
            ..Self::default()
        }
    }

    /// Takes in what was stored of a look at the same subscriptions, unless this process has looked later.
    pub fn recall(&mut self, look: Look) {
        match self.looked_at {
            Some(looked_at) if looked_at > look.at => return,
            Some(looked_at) if looked_at == look.at => {}
            _ => {
                let seen = |at: &Option<Timestamp>| at.map(|at| Seen { id: None, at });
                let lost = look.missing.lost.iter();
                self.names = lost.map(|(name, at)| (name.clone(), seen(at))).collect();
                self.looked_at = Some(look.at);
            }
        }
        self.recalled = Some(look);
    }

    /// Returns what was missing at the look at `now` and is still; nothing when there was none.
    #[must_use]
    pub fn missing(&self, now: Timestamp) -> Option<Missing> {
        self.looked_at.filter(|looked_at| *looked_at == now)?;
        let lost = self.names.iter().filter_map(|(name, seen)| match seen {
            None => Some((name.clone(), None)),
            Some(seen) if seen.at < now => Some((name.clone(), Some(seen.at))),
            Some(_) => None,
        });
        Some(Missing {
            new: self.new.clone(),
            lost: lost.collect(),
        })
    }

    /// Takes a look at the `steps` of a plan made at `now`: says of those that create whether there was a subscription
    /// before, and remembers what there is.
    ///
    /// What was not looked at for `holds` counts as not remembered: another process may have made a subscription since,
    /// and Graph removed it again.
    ///
    /// Of what is in `removed`, ids and names, Graph tells that it has removed it. Those are returned that do not contradict
    /// what is remembered; the others are an invention, and nothing is done about them.
    pub fn observe(
        &mut self,
        steps: &mut [Step],
        removed: &BTreeSet<(String, String)>,
        context: &Context,
        holds: SignedDuration,
        now: Timestamp,
    ) -> BTreeSet<(String, String)> {
        let recalled = self.recalled.take();
        let is_known = recalled.is_some()
            || self
                .looked_at
                .is_some_and(|looked_at| now.duration_since(looked_at) <= holds);
        let removed: BTreeSet<_> = removed
            .iter()
            .filter(|(id, name)| !is_known || self.may_have_been(id, name) || context.removed.contains(id))
            .cloned()
            .collect();
        // Graph repeats what it says, also after a successor was made under the same name.
        self.replaced.extend(removed.iter().cloned());
        self.looked_at = Some(now);
        self.new.clear();
        let stored = |name: &str| match recalled.as_ref()?.before(name) {
            Before::New => None,
            Before::There(since) => Some(since.map(|at| Seen { id: None, at })),
        };
        let mut names: BTreeMap<String, Option<Seen>> = BTreeMap::new();
        for step in &mut *steps {
            match &step.action {
                Action::Create(_) => {
                    let before = self.names.get(&step.name).cloned();
                    let before = before.or_else(|| stored(&step.name));
                    // Missing, and not lately: an entry that is new.
                    let Some(before) = before.or((!is_known).then_some(None)) else {
                        self.new.insert(step.name.clone());
                        continue;
                    };
                    if step.reason == Reason::Missing {
                        step.reason = before.as_ref().map_or(Reason::PerhapsLost, |seen| Reason::Lost {
                            id: seen.id.clone(),
                            seen_at: seen.at,
                        });
                    }
                    // Graph's own word is the better reason for a gap than what is merely missing.
                    if removed.iter().any(|(_, name)| *name == step.name) {
                        step.reason = Reason::Removed;
                    }
                    names.insert(step.name.clone(), before);
                }
                Action::Renew { id, .. }
                | Action::Extend { id, .. }
                | Action::Replace { id, .. }
                | Action::Keep { id } => {
                    let (id, at) = (Some(id.clone()), now);
                    names.insert(step.name.clone(), Some(Seen { id, at }));
                }
                // Nobody asks for it any more, so nobody misses it.
                Action::Delete { .. } => {}
            }
        }
        // What an entry may still ask for that cannot be read just now.
        let unread = std::mem::take(&mut self.names);
        let unread = unread
            .into_iter()
            .filter(|(name, _)| held_because(name, context).is_some());
        for (name, seen) in unread {
            names.entry(name).or_insert(seen);
        }
        self.names = names;
        removed
    }

    /// Returns whether the subscription called `name` may have had this id.
    fn may_have_been(&self, id: &str, name: &str) -> bool {
        let seen = self.names.get(name).and_then(Option::as_ref);
        seen.is_none_or(|seen| seen.id.as_deref().is_none_or(|known| known == id))
            || self.replaced.contains(&(id.to_owned(), name.to_owned()))
    }

    /// Remembers that the subscription called `name` has been made.
    pub fn made(&mut self, name: &str, id: &str, at: Timestamp) {
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

    /// Remembers that the subscription called `name` is there.
    pub fn seen(&mut self, name: &str, id: &str, at: Timestamp) {
        self.new.remove(name);
        let id = Some(id.to_owned());
        self.names.insert(name.to_owned(), Some(Seen { id, at }));
    }

    /// Returns Graph's id of the subscription called `name`, as this process has seen it last.
    #[must_use]
    pub fn id_of(&self, name: &str) -> Option<&str> {
        self.names.get(name)?.as_ref()?.id.as_deref()
    }

    /// Returns how the subscription called `name` with this id was made, where this process has made it.
    #[must_use]
    pub fn made_of(&self, name: &str, id: &str) -> Option<&Made> {
        self.made.get(name).filter(|made| made.id == id)
    }
}
