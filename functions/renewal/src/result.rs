//! The result of a step. Report, metrics and the answers to lifecycle notifications are made from it.

use std::collections::BTreeMap;

use graph_core::subscription::plan::{Action, Step};
use jiff::Timestamp;
use serde::Serialize;

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepResult {
    /// The step as planned.
    pub(crate) step: Step,
    /// What became of it.
    pub(crate) status: Status,
    /// The action and its reason, where they differ from the plan.
    pub(crate) otherwise: Option<(&'static str, String)>,
    /// Graph's id of the subscription after the step.
    pub(crate) subscription_id: Option<String>,
    /// When the subscription expires after the step.
    pub(crate) expires_at: Option<Timestamp>,
    /// When this process created the subscription that existed before the step, if it did.
    pub(crate) made_before: Option<Timestamp>,
    /// The period in which notifications may have been lost.
    pub(crate) lost: Option<Lost>,
    /// Whether consumers could not be informed of that period.
    pub(crate) is_unreported: bool,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It failed, for this reason. A person can change that.
    Failed(String),
    /// It failed, for a reason that nobody here can change.
    Skipped(String),
    /// It was applied.
    Done,
    /// It was not applied, because nothing was to be done, or in a dry run.
    Planned,
    /// It is left for the next run.
    Unfinished,
}

/// A period in which notifications may have been lost. `DeliveryQueue` has an event about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// When it began; absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// When it ended.
    pub until: Timestamp,
}

impl Status {
    /// Returns the sort key of results in a report: what needs a person first.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Failed(_) => 0,
            Self::Skipped(_) => 1,
            Self::Done | Self::Planned => 2,
            Self::Unfinished => 3,
        }
    }
}

impl StepResult {
    /// Returns the result of a step that is not applied.
    pub(crate) fn planned(step: Step) -> Self {
        let expires_at = step.action.creation().map(|creation| creation.expires_at);
        Self {
            expires_at: expires_at.or(step.expires_at),
            ..Self::of(step, Status::Planned)
        }
    }

    /// Returns the result of a step that changed nothing.
    pub(crate) fn of(step: Step, status: Status) -> Self {
        Self {
            subscription_id: step.action.id().map(str::to_owned),
            expires_at: step.expires_at,
            status,
            otherwise: None,
            made_before: None,
            lost: None,
            is_unreported: false,
            step,
        }
    }

    /// Returns the action's name.
    pub(crate) fn action(&self) -> &'static str {
        let otherwise = self.otherwise.as_ref();
        otherwise.map_or_else(|| self.step.action.name(), |(action, _)| action)
    }

    /// Returns why the action was chosen.
    pub(crate) fn reason(&self) -> String {
        let otherwise = self.otherwise.as_ref();
        otherwise.map_or_else(|| self.step.reason.to_string(), |(_, reason)| reason.clone())
    }

    /// Returns whether an entry asks for the subscription, or may ask for it.
    pub(crate) fn is_wanted(&self) -> bool {
        !matches!(self.step.action, Action::Delete(_))
    }

    /// Returns whether the step has to be repeated.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.status, Status::Failed(_) | Status::Unfinished)
    }

    /// Returns whether the step created the subscription.
    pub(crate) fn has_created(&self) -> bool {
        self.status == Status::Done && matches!(self.action(), "create" | "replace")
    }

    /// Returns whether the step deleted an unwanted subscription.
    pub(crate) fn has_deleted(&self) -> bool {
        self.status == Status::Done && !self.is_wanted()
    }

    /// Returns when the subscription expires if no later run renews it. A subscription that is to be deleted ends on
    /// purpose, so its expiry is not one to watch.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        let is_planned = self.status == Status::Planned;
        let unchanged = self.step.expires_at.filter(|_| is_planned);
        unchanged.or(self.expires_at).filter(|_| self.is_wanted())
    }

    /// Returns the sort key of results: the soonest expiry first.
    pub(crate) fn order(&self) -> (Option<Timestamp>, &str, Option<&str>) {
        (
            self.step.expires_at,
            &self.step.name,
            self.subscription_id.as_deref(),
        )
    }
}

/// How many steps had which result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// How many failures need a person.
    pub failed: usize,
    /// How many subscriptions do not exist for a reason that nobody here can change: the object has no mailbox, or a
    /// policy blocks the application.
    pub skipped: usize,
    /// How many subscriptions and lists are left for the next run, because the time was too short or the configuration
    /// changed.
    pub unfinished: usize,
    /// How many subscriptions each action was applied to, without failures.
    pub counts: BTreeMap<&'static str, usize>,
    /// When the first subscription expires if no later run renews it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_expiry: Option<Timestamp>,
}

impl Tally {
    /// Counts a result.
    pub(crate) fn add(&mut self, result: &StepResult) {
        match result.status {
            Status::Failed(_) => self.failed += 1,
            Status::Skipped(_) => self.skipped += 1,
            Status::Unfinished => self.unfinished += 1,
            Status::Done | Status::Planned => *self.counts.entry(result.action()).or_default() += 1,
        }
        self.next_expiry = self.next_expiry.into_iter().chain(result.next_expiry()).min();
    }

    /// Returns how many subscriptions `action` was applied to.
    pub(crate) fn count(&self, action: &str) -> usize {
        self.counts.get(action).copied().unwrap_or_default()
    }
}
