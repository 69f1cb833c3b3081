//! What a dry run says about each entry: what would change, and which permission it needs.

use std::collections::BTreeMap;

use graph_core::subscription::plan::PermissionState;
use serde::Serialize;

use super::Line;

/// An entry in a tenant, against what lives there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryLine {
    /// The entry's name.
    pub name: String,
    /// The tenant's name in the configuration.
    pub tenant: String,
    /// What the configuration changes about it.
    pub effect: Effect,
    /// How many subscriptions each action would be taken for.
    pub counts: BTreeMap<&'static str, usize>,
    /// What it needs, and whether the access token names that.
    pub permissions: Vec<Need>,
}

/// What the configuration changes about an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It has no subscription yet.
    New,
    /// Some of its subscriptions would be made, made again or deleted.
    Changed,
    /// Its subscriptions would be deleted.
    Removed,
    /// Its subscriptions stay.
    Unchanged,
}

/// What an entry needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// What for: `resource`, or `forEach` for the list of its objects.
    #[serde(rename = "for")]
    pub purpose: &'static str,
    /// The permissions of which one is enough, the least privileged first.
    pub any_of: Vec<String>,
    /// What the access token says. It is a hint: Graph decides.
    pub state: PermissionState,
    /// The least privileged one that the token names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<String>,
}

/// Returns the lines of a tenant's entries: of those in the configuration, with what they need, and of those that only live.
pub(crate) fn entries(tenant: &str, lines: &[Line], needs: &BTreeMap<String, Vec<Need>>) -> Vec<EntryLine> {
    let mut counts: BTreeMap<&str, BTreeMap<&'static str, usize>> = needs
        .keys()
        .map(|name| (name.as_str(), BTreeMap::new()))
        .collect();
    for line in lines {
        let entry = line.name.split('/').next().unwrap_or_default();
        *counts.entry(entry).or_default().entry(line.action).or_default() += 1;
    }
    let line = |(name, counts): (&str, BTreeMap<_, _>)| EntryLine {
        name: name.to_owned(),
        tenant: tenant.to_owned(),
        effect: Effect::of(&counts),
        counts,
        permissions: needs.get(name).cloned().unwrap_or_default(),
    };
    counts.into_iter().map(line).collect()
}

impl Effect {
    fn of(counts: &BTreeMap<&'static str, usize>) -> Self {
        let only =
            |actions: &[&str]| !counts.is_empty() && counts.keys().all(|action| actions.contains(action));
        if only(&["create"]) {
            Self::New
        } else if only(&["delete"]) {
            Self::Removed
        } else if counts.is_empty() || only(&["keep", "renew"]) {
            Self::Unchanged
        } else {
            Self::Changed
        }
    }
}
