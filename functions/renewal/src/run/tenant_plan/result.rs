//! The result of a run for one tenant.

use std::collections::{BTreeMap, BTreeSet};

use graph_core::{
    application::Application,
    subscription::{
        config::Problem,
        plan::{Removals, SubscriptionCount},
        rotation::KeysInUse,
    },
};

use crate::{
    ports::Ports,
    report::{ManyLine, Margin, Need, TenantLine},
    result::{Status, StepResult},
    tenant_run::TenantRun,
};

/// The result of a run for one tenant.
#[derive(Debug)]
pub(crate) struct TenantResult {
    pub(crate) application: Application,
    pub(crate) line: TenantLine,
    /// The results of the steps.
    pub(crate) steps: Vec<StepResult>,
    /// The removals that Graph reported and the list confirmed.
    pub(crate) removed: Removals,
    /// The keys that its subscriptions name; nothing if Graph could not list them.
    pub(in crate::run) in_use: Option<KeysInUse>,
    /// What is known of its subscriptions.
    pub(in crate::run) knowledge: Knowledge,
    /// The names that were missing at an earlier look and have no step, because their entries cannot be read now.
    pub(in crate::run) missing_before: BTreeSet<String>,
    /// Whether the changes of the configuration are made.
    pub(in crate::run) has_settled: bool,
    /// How many deletions and replacements the brake holds back.
    pub(in crate::run) held: usize,
    /// The lists that ended for lack of time: those of objects by entry, and that of the subscriptions under an empty name.
    pub(in crate::run) late: BTreeSet<String>,
    /// Whether Graph refuses the credential until a person acts.
    pub(in crate::run) is_locked_out: bool,
    /// Whether the application is new and Graph has never listed its subscriptions.
    pub(in crate::run) is_unseen: bool,
    pub(in crate::run) many: Vec<ManyLine>,
    pub(in crate::run) problems: Vec<Problem>,
    /// How long renewals may fail without a lapse.
    pub(in crate::run) margins: Vec<Margin>,
    /// The permissions that entries need, in a dry run.
    pub(in crate::run) needs: BTreeMap<String, Vec<Need>>,
}

impl TenantResult {
    pub(super) fn of<P: Ports>(run: &TenantRun<'_, P>) -> Self {
        Self {
            application: run.tenant.application,
            line: TenantLine {
                tenant: run.name.to_owned(),
                taken_out: run.config.departed.contains(run.name),
                ..TenantLine::default()
            },
            steps: Vec::new(),
            removed: Removals::default(),
            in_use: None,
            knowledge: Knowledge::Complete,
            missing_before: BTreeSet::new(),
            has_settled: false,
            held: 0,
            late: BTreeSet::new(),
            is_locked_out: false,
            is_unseen: false,
            many: Vec::new(),
            problems: Vec::new(),
            margins: Vec::new(),
            needs: BTreeMap::new(),
        }
    }

    /// Returns whether Graph could list its subscriptions.
    pub(crate) fn is_listed(&self) -> bool {
        self.in_use.is_some()
    }

    /// Returns the result of two looks at a tenant in one run: that of the second, with what the first has done.
    pub(in crate::run) fn joined(self, mut second: Self) -> Self {
        second.removed.extend(self.removed);
        for first in self
            .steps
            .into_iter()
            .filter(|first| first.status != Status::Planned)
        {
            let is_same = |result: &&mut StepResult| {
                result.step.name == first.step.name && result.subscription_id == first.subscription_id
            };
            match second.steps.iter_mut().find(is_same) {
                // The second look had nothing to do, because the first has done it.
                Some(result) if result.status == Status::Planned => *result = first,
                None if first.status == Status::Done => second.steps.push(first),
                Some(_) | None => {}
            }
        }
        second.steps.sort_by(|one, other| one.order().cmp(&other.order()));
        second
    }

    /// Returns whether a tenant that was removed from the configuration has no subscription left.
    pub(in crate::run) fn is_emptied(&self) -> bool {
        let is_gone = || self.is_listed() && self.steps.iter().all(StepResult::has_deleted);
        // An application that is locked out for good can never list again, so nothing more can be deleted for it.
        self.line.taken_out && (self.is_locked_out || is_gone())
    }
}

/// What is known of a tenant's subscriptions.
#[derive(Debug)]
pub(in crate::run) enum Knowledge {
    /// Each has a step.
    Complete,
    /// Graph has not listed them to this process. This is their state by the last look of another one.
    Earlier(SubscriptionCount),
    /// The same, but of only some or none of them: entries cannot be read.
    Part(SubscriptionCount),
    /// Graph has not listed them to this process, and no look of another one is stored.
    Unknown,
    /// Nobody has listed them, and the tenant was published just now: there are none, or those of its first runs.
    New,
}
