//! What a run is to do.

use std::collections::{BTreeMap, BTreeSet};

use graph_core::{application::Application, subscription::config::Tenant};
use jiff::{SignedDuration, Timestamp};

use crate::invocation::Options;

/// What a run is to do.
#[derive(Clone, Debug)]
pub(crate) struct RunRequest {
    /// What a person asks for.
    pub(crate) options: Options,
    /// Whether Graph is not asked again for what it has refused a short while ago: a person wants to see its answer.
    pub(crate) is_patient: bool,
    /// When the function is ended, finished or not.
    pub(crate) deadline: Timestamp,
    /// When the run began.
    pub(crate) begun: Timestamp,
    /// Whether lists are taken, however fresh the last ones are.
    pub(crate) lists: bool,
    /// The applications to look after; all of them when there are none.
    pub(crate) only: Option<BTreeSet<Application>>,
    /// What Graph tells of subscriptions, by application: an id means nothing with another one.
    pub(crate) notices: BTreeMap<Application, Notices>,
}

/// What Graph tells of an application's subscriptions, each an id and the name in the client state that proves it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    /// Those for which it asks for reauthorization.
    pub(crate) challenged: BTreeSet<(String, String)>,
    /// Those that it says it has removed.
    pub(crate) removed: BTreeSet<(String, String)>,
}

impl RunRequest {
    /// Returns the request of a run over everything that has to be over by `deadline`.
    pub(crate) fn everything(options: Options, begun: Timestamp, deadline: Timestamp) -> Self {
        Self {
            options,
            is_patient: options.is_scheduled,
            deadline,
            begun,
            lists: false,
            only: None,
            notices: BTreeMap::new(),
        }
    }

    /// Returns whether the run looks after the tenant's application.
    pub(super) fn covers(&self, tenant: &Tenant) -> bool {
        let only = self.only.as_ref();
        only.is_none_or(|only| only.contains(&tenant.application))
    }

    /// Returns when no step is begun any more.
    pub(crate) fn stop_at(&self) -> Timestamp {
        self.before_deadline(STOPS_BEFORE, 3)
    }

    /// Returns when every call is over: the rest is for the report.
    pub(crate) fn end_at(&self) -> Timestamp {
        self.before_deadline(ENDS_BEFORE, 9)
    }

    fn before_deadline(&self, reserve: SignedDuration, share: i32) -> Timestamp {
        let left = self.deadline.duration_since(self.begun);
        let reserve = reserve.min(left / share);
        self.deadline.saturating_sub(reserve).unwrap_or(self.deadline)
    }
}

/// How long before the deadline no step is begun any more, and every call is over.
const STOPS_BEFORE: SignedDuration = SignedDuration::from_secs(90);
const ENDS_BEFORE: SignedDuration = SignedDuration::from_secs(20);
