//! The brake: holds deletions and replacements that are suspiciously many, as after a wrong list or an emptied
//! document.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Reason, Step};

/// How the configuration relates to that of the last run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It is the same for the tenant, or nobody knows whether it has changed.
    Old,
    /// These entries of the tenant have changed, or its application, whose name is empty.
    New(BTreeSet<String>),
    /// It has no entries.
    Nothing,
}

/// Returns how many of `live` subscriptions the steps would delete or replace, if that is too many: more than half
/// deleted, or more than half of those of one unchanged entry with `forEach` deleted, or, with an unchanged configuration,
/// more than a fifth deleted or replaced. Up to five are always allowed, except if the configuration has no entries: that is how an emptied document or a newly created stack looks.
#[must_use]
pub fn excess(steps: &[Step], live: usize, wish: &Wish) -> Option<usize> {
    let count = |is: fn(&Step) -> bool| steps.iter().filter(|step| is(step)).count();
    let (deleted, replaced) = (count(is_deleted), count(is_replaced_by_choice));
    let changed = deleted + replaced;
    let is_over = |share: usize| changed > A_FEW && changed.saturating_mul(share) > live;
    let is_most = deleted > A_FEW && deleted.saturating_mul(2) > live;
    let is_too_much = match wish {
        Wish::Nothing => deleted > 0,
        Wish::Old => is_over(5) || empties_an_entry(steps, &BTreeSet::new()),
        Wish::New(changed) => is_most || empties_an_entry(steps, changed),
    };
    is_too_much.then_some(changed)
}

/// Returns whether an entry with `forEach` that has not `changed` loses more than half of its subscriptions: Graph may have listed too few of
/// its objects, and in a large tenant they are a small part of all.
fn empties_an_entry(steps: &[Step], changed: &BTreeSet<String>) -> bool {
    let mut entries: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for step in steps.iter().filter(|step| step.action.id().is_some()) {
        let entry = step.name.split_once('/').map(|(entry, _)| entry);
        if let Some(entry) = entry.filter(|entry| !changed.contains(*entry)) {
            let (all, deleted) = entries.entry(entry).or_default();
            *all += 1;
            *deleted += usize::from(is_deleted(step));
        }
    }
    let is_emptied = |(all, deleted): &(usize, usize)| *deleted > A_FEW && deleted.saturating_mul(2) > *all;
    entries.values().any(is_emptied)
}

fn is_deleted(step: &Step) -> bool {
    matches!(step.action, Action::Delete(_))
}

fn is_replaced_by_choice(step: &Step) -> bool {
    matches!(step.action, Action::Replace { .. }) && step.reason.is_of_choice()
}

impl Reason {
    /// Returns whether a replacement for this reason can wait, because the existing subscription works.
    pub(super) fn is_of_choice(&self) -> bool {
        matches!(
            self,
            Self::OtherResource(_)
                | Self::OtherChangeType(_)
                | Self::OtherEntry(_)
                | Self::OtherLifecycleUrl
                | Self::Renamed(_)
        )
    }
}

/// How many subscriptions are deleted without confirmation.
const A_FEW: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_is_too_much_and_a_few_are_not() {
        for (deleted, live, wish, expected) in [
            (5, 5, Wish::Old, None),
            (6, 12, Wish::Old, Some(6)),
            (7, 12, Wish::New(BTreeSet::new()), Some(7)),
            (6, 30, Wish::Old, None),
            (7, 30, Wish::Old, Some(7)),
            (6, 12, Wish::New(BTreeSet::new()), None),
            (1, 30, Wish::Nothing, Some(1)),
            (0, 30, Wish::Nothing, None),
        ] {
            let steps: Vec<Step> = (0..deleted).map(|_| deletion()).collect();
            assert_eq!(excess(&steps, live, &wish), expected, "{deleted} of {live}");
        }
    }

    fn deletion() -> Step {
        Step {
            name: String::new(),
            action: Action::Delete(String::new()),
            reason: Reason::NoEntry,
            resource: None,
            change_type: None,
            expires_at: None,
            lifetime: None,
        }
    }
}
