//! The brake of a tenant: what a person has to want before many subscriptions are deleted or replaced.

use graph_core::subscription::{
    config::Problem,
    plan::{Action, Reason, Step, Wish, excess},
};

use crate::{
    apply::Applier,
    memory::lock,
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
                let action = Action::Delete { id };
                return Some(Step { action, ..step });
            }
            if is_left(&result) { Some(step) } else { step.kept() }
        });
        let all = lock(&self.known).all();
        excess(&left.collect::<Vec<_>>(), self.listing(&all).ours(), &Wish::Old).is_none()
    }
}
