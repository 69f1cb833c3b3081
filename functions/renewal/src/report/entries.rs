//! The entries in a dry run's report: what would change, and which permissions they need.

use std::collections::BTreeMap;

use graph_core::subscription::plan::PermissionState;
use serde::Serialize;

use crate::result::StepResult;

/// An entry in a tenant, compared with its subscriptions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryLine {
    /// The entry's name.
    pub name: String,
    /// The tenant's name in the configuration.
    pub tenant: String,
    /// How the run would change its subscriptions.
    pub effect: Effect,
    /// How many subscriptions each action would be applied to.
    pub counts: BTreeMap<&'static str, usize>,
    /// The permissions that it needs, and whether the access token has them.
    pub permissions: Vec<Need>,
}

/// How a run would change the subscriptions of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It has no subscription yet.
    New,
    /// Some of its subscriptions would be created, replaced or deleted.
    Changed,
    /// Its subscriptions would be deleted.
    Removed,
    /// Its subscriptions stay.
    Unchanged,
}

/// A permission that an entry needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// The purpose: `resource`, or `forEach` to list the objects.
    #[serde(rename = "for")]
    pub purpose: &'static str,
    /// The permissions, the least privileged first. Any one of them is enough.
    pub any_of: Vec<String>,
    /// Whether the access token has one of them. This is a hint: Graph decides.
    pub state: PermissionState,
    /// The least privileged one that the token has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<String>,
}

/// Returns the lines of a tenant's entries: those in the configuration, and those that only have subscriptions left.
pub(crate) fn entries(
    tenant: &str,
    results: &[StepResult],
    needs: &BTreeMap<String, Vec<Need>>,
) -> Vec<EntryLine> {
    let mut counts: BTreeMap<&str, BTreeMap<&'static str, usize>> = needs
        .keys()
        .map(|name| (name.as_str(), BTreeMap::new()))
        .collect();
    for result in results {
        let entry = result.step.name.split('/').next().unwrap_or_default();
        *counts
            .entry(entry)
            .or_default()
            .entry(result.action())
            .or_default() += 1;
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
