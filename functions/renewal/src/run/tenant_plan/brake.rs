//! The brake of a tenant: what a person has to want before many subscriptions are deleted or replaced.

use std::{collections::BTreeSet, sync::Mutex};

use graph_core::subscription::{
    config::{ForEach, Problem},
    plan::{Action, Reason, Step, Wish, excess},
};
use jiff::SignedDuration;

use crate::{
    apply::Applier,
    memory::{Known, lock},
    ports::Ports,
    result::{Status, StepResult},
    tenant_run::TenantRun,
};

impl<P: Ports> TenantRun<'_, P> {
    /// Returns what the configuration says about wanted deletions.
    pub(super) fn wish(&self) -> Wish {
        if self.config.subscriptions.is_empty() && self.config.refused.is_empty() {
            return Wish::Nothing;
        }
        let edits = self.read.edits(self.name, &self.stored.settled);
        let edits = edits.filter(|edits| !edits.is_empty());
        edits.map_or(Wish::Old, Wish::New)
    }

    /// Returns the names of the subscriptions that the `steps` delete because a list lacks their objects, and that wait for
    /// another one. A person's edit of the entry does not wait.
    pub(super) fn absent(&self, steps: &[Step], known: &Mutex<Known>) -> BTreeSet<String> {
        let edits = self
            .read
            .edits(self.name, &self.stored.settled)
            .unwrap_or_default();
        let of_lists = |name: &str| {
            let entry = name.split_once('/').map(|(entry, _)| entry);
            let entry = entry.filter(|entry| self.may_brake() && !edits.contains(*entry));
            let entry = entry.and_then(|entry| self.config.subscriptions.get(entry));
            let entry = entry.filter(|entry| entry.tenants.contains(self.name));
            entry.is_some_and(|entry| !matches!(entry.for_each, None | Some(ForEach::Ids(_))))
        };
        let stored = |name: &str| self.stored.absent_at(self.name, name);
        // Runs do not begin to the second.
        let period = self.deps.policy.period - SignedDuration::from_mins(1);
        let absences = &mut lock(known).absences;
        absences.wait(steps, of_lists, stored, self.begun, period)
    }

    /// Returns whether the brake may hold deletions: not if a person asked for them.
    pub(super) fn may_brake(&self) -> bool {
        !(self.request.options.confirms(self.name) || self.config.departed.contains(self.name))
    }

    /// Returns the problem of deletions that the brake holds.
    pub(super) fn braked(&self, count: usize, live: usize) -> Problem {
        Problem::error(
            format!("tenants.{}", self.name),
            format!(
                "has {live} subscriptions, of which the configuration would delete or replace {count}; renewal renews all \
                 and deletes none. If you want the deletions, invoke renewal with {{\"confirmDeletions\": [\"{}\"]}}",
                self.name
            ),
        )
    }
}

impl<P: Ports> Applier<'_, P> {
    /// Returns whether a run with these results has made the changes of the configuration: not if so many of its deletions and
    /// replacements are left that the brake would hold them in the next run, which must still see them as new.
    pub(in crate::run) fn has_settled(&self, results: &[StepResult]) -> bool {
        if self.context.braked {
            return false;
        }
        let is_left = |result: &&StepResult| {
            result.status != Status::Done && (result.step.action.deletes() || result.step.action.creates())
        };
        // A list of objects that fails holds what the next run may delete or replace. Mistakes hold more, but the version that
        // corrects them is another one.
        let is_held = |step: &Step| {
            let is_read = self.run.config.is_whole_for(self.run.name);
            is_read && !self.context.complete && matches!(step.reason, Reason::Held(_))
        };
        // As the next run counts: what this run has deleted is no longer there.
        let rest = results.iter().filter(|result| !result.has_deleted());
        let left = rest.filter_map(|result| {
            let step = result.step.clone();
            if is_held(&step) {
                let id = step.action.id()?.to_owned();
                let action = Action::Delete(id);
                return Some(Step { action, ..step });
            }
            if is_left(&result) { Some(step) } else { step.kept() }
        });
        let all = lock(&self.known).all();
        excess(&left.collect::<Vec<_>>(), self.listing(&all).ours(), &Wish::Old).is_none()
    }
}
