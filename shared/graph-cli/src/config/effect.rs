//! The effects of a new configuration on subscriptions.

use std::collections::{BTreeMap, BTreeSet};

use graph_core::subscription::{
    config::{Config, Entry, ForEach},
    plan::{Action, Reason, Step, Wish, excess},
};
use serde::Serialize;

use super::diff::Change;

/// The effects on a tenant's subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// Number of subscriptions now.
    pub live: usize,
    /// Number of entries that get their first subscriptions.
    pub created: usize,
    /// Number of subscriptions that are created again, each with a short gap.
    pub replaced: usize,
    /// Number of deleted subscriptions.
    pub deleted: usize,
    /// Whether renewal holds so many deletions back.
    pub is_held_back: bool,
    /// Whether an unknown number of subscriptions is deleted.
    pub is_unknown: bool,
}

impl Effect {
    /// Returns whether a person has to confirm the deletions.
    #[must_use]
    pub fn needs_confirmation(&self) -> bool {
        self.is_held_back || self.is_unknown
    }
}

/// The subscriptions that exist now.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Number of subscriptions by tenant and entry.
    pub counts: BTreeMap<(String, String), usize>,
    /// The tenants whose subscriptions could not be listed.
    pub unlisted: BTreeSet<String>,
    /// Whether the subscriptions could not be listed at all.
    pub is_unknown: bool,
}

impl Live {
    /// Returns that no subscription is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            is_unknown: true,
            ..Self::default()
        }
    }

    fn of(&self, tenant: &str, entry: &str) -> usize {
        let key = (tenant.to_owned(), entry.to_owned());
        self.counts.get(&key).copied().unwrap_or_default()
    }

    fn knows(&self, tenant: &str) -> bool {
        !self.is_unknown && !self.unlisted.contains(tenant)
    }
}

/// Returns the effects of the next run of renewal in each affected tenant.
#[must_use]
pub fn effects(changes: &[Change], before: &Config, after: &Config, live: &Live) -> BTreeMap<String, Effect> {
    let mut effects: BTreeMap<String, Effect> = BTreeMap::new();
    let replaced: BTreeSet<&str> = changes
        .iter()
        .filter_map(subscription)
        .filter(|(_, change)| replaces(change))
        .map(|(name, _)| name)
        .collect();
    // All of them: an entry of every tenant changes with the tenants, while its own text stays.
    let names: BTreeSet<&String> = before
        .subscriptions
        .keys()
        .chain(after.subscriptions.keys())
        .collect();
    for name in names.into_iter().filter(|name| !after.refused.contains(*name)) {
        let (old, new) = (before.subscriptions.get(name), after.subscriptions.get(name));
        for tenant in tenants(old).union(&tenants(new)) {
            if after.refused_tenants.contains(tenant) {
                continue;
            }
            let is_of = |entry: &&Entry| entry.tenants.contains(tenant);
            let step = InTenant {
                before: old.filter(is_of),
                after: new.filter(is_of),
                is_replaced: replaced.contains(name.as_str()),
                live: live.of(tenant, name),
                is_known: live.knows(tenant),
            };
            effects.entry(tenant.clone()).or_default().add(&step);
        }
    }
    let asks_for_nothing = after.subscriptions.is_empty() && after.refused.is_empty();
    let wish = if asks_for_nothing {
        Wish::Nothing
    } else {
        Wish::New(BTreeSet::new())
    };
    for (tenant, effect) in &mut effects {
        let of_tenant = live.counts.iter().filter(|((of, _), _)| of == tenant);
        effect.live = of_tenant.map(|(_, count)| count).sum();
        effect.is_held_back = is_held_back(effect, &wish);
    }
    effects.retain(|_, effect| effect.is_unknown || effect.created + effect.replaced + effect.deleted > 0);
    effects
}

/// An entry in one tenant, before and after the change.
struct InTenant<'a> {
    before: Option<&'a Entry>,
    after: Option<&'a Entry>,
    is_replaced: bool,
    live: usize,
    is_known: bool,
}

impl Effect {
    fn add(&mut self, entry: &InTenant<'_>) {
        match (entry.before, entry.after) {
            (None, None) => {}
            (None, Some(_)) => self.created += 1,
            (Some(_), None) => {
                self.deleted += entry.live;
                self.is_unknown |= !entry.is_known;
            }
            (Some(before), Some(after)) => {
                if entry.is_replaced {
                    self.replaced += entry.live;
                }
                match deleted(before, after, entry.live) {
                    Deleted::UpTo(most) => {
                        self.deleted += most.min(entry.live);
                        self.is_unknown |= most > 0 && !entry.is_known;
                    }
                    Deleted::Unknown => self.is_unknown = true,
                }
            }
        }
    }
}

/// Number of deleted subscriptions of an entry.
enum Deleted {
    UpTo(usize),
    /// The selection of objects changed, and only Graph knows which remain.
    Unknown,
}

fn tenants(entry: Option<&Entry>) -> BTreeSet<String> {
    entry.map(|entry| entry.tenants.clone()).unwrap_or_default()
}

/// Returns how many of the `live` subscriptions of an entry are for removed objects.
fn deleted(before: &Entry, after: &Entry, live: usize) -> Deleted {
    match (&before.for_each, &after.for_each) {
        (old, new) if old == new => Deleted::UpTo(0),
        // Everybody is among all.
        (_, Some(ForEach::AllUsers)) if matches!(before.for_each, Some(ForEach::MembersOf(_))) => {
            Deleted::UpTo(0)
        }
        (Some(ForEach::Ids(old)), Some(ForEach::Ids(new))) => {
            let (old, new): (BTreeSet<&String>, BTreeSet<&String>) =
                (old.iter().collect(), new.iter().collect());
            Deleted::UpTo(old.difference(&new).count())
        }
        (None, _) | (_, None) => Deleted::UpTo(live.max(1)),
        _ if live == 0 => Deleted::UpTo(1),
        _ => Deleted::Unknown,
    }
}

/// Returns the name of the changed entry. Changes of a tenant reach its entries through the tenant.
fn subscription(change: &Change) -> Option<(&str, &Change)> {
    Some((change.entry.strip_prefix("subscriptions.")?, change))
}

/// Returns whether renewal has to create the subscription again, as Graph cannot change these members (Microsoft Graph,
/// *update subscription*).
fn replaces(change: &Change) -> bool {
    let fixed = [
        "resource",
        "changeType",
        "includeResourceData",
        "notificationQueryOptions",
        "immutableIds",
        "permissionChanges",
    ];
    change
        .members
        .iter()
        .any(|member| fixed.contains(&member.path.as_str()))
}

/// Applies renewal's own deletion guard.
fn is_held_back(effect: &Effect, wish: &Wish) -> bool {
    let deletion = Step {
        name: String::new(),
        action: Action::Delete(String::new()),
        reason: Reason::NoEntry,
        resource: None,
        change_type: None,
        expires_at: None,
        lifetime: None,
    };
    excess(&vec![deletion; effect.deleted], effect.live, wish).is_some()
}
