//! The request for a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    time::Duration,
};

use futures_util::future::{Either, select};
use graph_core::{application::Application, subscription::config::Tenant};
use graph_edge::{
    clock::Clock,
    deadline::Deadline,
    graph::{GraphError, GraphErrorKind},
};
use jiff::{SignedDuration, Timestamp};

use super::gaps::STORE_WITHIN;
use crate::{invocation::Options, ports::STATE_WITHIN};

/// The request for a run.
#[derive(Clone, Debug)]
pub(crate) struct RunRequest {
    /// The options of the invocation.
    pub(crate) options: Options,
    /// When AWS Lambda ends the function, finished or not.
    pub(crate) deadline: Timestamp,
    /// When the run began.
    pub(crate) begun: Timestamp,
    /// The subscriptions that Graph removed, by lifecycle notifications about these applications, which alone are handled;
    /// nothing in a run over everything. An id is only meaningful within its application.
    pub(crate) removed: Option<BTreeMap<Application, Removed>>,
}

/// The ids of subscriptions that Graph removed, with the names that their client states prove.
pub(crate) type Removed = BTreeSet<(String, String)>;

impl RunRequest {
    /// Returns the request for a run over everything that ends by `deadline`.
    pub(crate) fn everything(options: Options, begun: Timestamp, deadline: Timestamp) -> Self {
        Self {
            options,
            deadline,
            begun,
            removed: None,
        }
    }

    /// Returns whether the run handles the tenant's application.
    pub(super) fn covers(&self, tenant: &Tenant) -> bool {
        let removed = self.removed.as_ref();
        removed.is_none_or(|removed| removed.contains_key(&tenant.application))
    }

    /// Returns whether the run handles all applications.
    pub(crate) fn is_over_everything(&self) -> bool {
        self.removed.is_none()
    }

    /// Returns the time from which no step begins.
    pub(crate) fn stop_at(&self) -> Timestamp {
        self.before_deadline(STOPS_BEFORE, 3)
    }

    /// Returns the time from which no subscription is deleted to make room for its successor.
    pub(crate) fn replaces_until(&self) -> Timestamp {
        self.before_deadline(REPLACES_BEFORE, 2)
    }

    /// Makes a call that ends with the run at the latest, whatever Graph does.
    pub(crate) async fn within<T>(
        &self,
        clock: &impl Clock,
        call: impl Future<Output = Result<T, GraphError>>,
    ) -> Result<T, GraphError> {
        until(self.end_at(), clock, call).await
    }

    /// Returns the time at which lists end, three quarters into the run: a list without end must not take the time of the
    /// tenants behind it.
    pub(super) fn lists_until(&self) -> Timestamp {
        let length = self.deadline.duration_since(self.begun) / 4 * 3;
        self.begun.saturating_add(length).unwrap_or(self.deadline)
    }

    /// Returns for how long the renewals of a tenant that are due wait for its lists of objects.
    pub(super) fn waits_for_objects(&self) -> SignedDuration {
        self.deadline.duration_since(self.begun) / 4
    }

    /// Returns the time at which every call has ended. The rest is for the report.
    fn end_at(&self) -> Timestamp {
        self.before_deadline(ENDS_BEFORE, 9)
    }

    /// Returns by when keys and trust that nothing needs are removed, and credentials are looked at.
    pub(super) fn tidies_until(&self) -> Timestamp {
        self.before_deadline(TIDIES_BEFORE, 13)
    }

    /// Returns the deadline for the storage of gaps.
    pub(crate) fn stores_by(&self, clock: &impl Clock) -> Deadline {
        deadline(self.tidies_until(), STORE_WITHIN, clock)
    }

    /// Returns the deadline for the storage of the state, the last thing that a run does.
    pub(crate) fn keeps_state_by(&self, clock: &impl Clock) -> Deadline {
        deadline(self.before_deadline(KEEPS_STATE_BEFORE, 22), STATE_WITHIN, clock)
    }

    fn before_deadline(&self, reserve: SignedDuration, share: i32) -> Timestamp {
        let left = self.deadline.duration_since(self.begun);
        // A short invocation keeps most of its time for steps.
        let reserve = reserve.min(left / share);
        self.deadline.saturating_sub(reserve).unwrap_or(self.deadline)
    }
}

/// Makes a call that ends at `end_at` at the latest, whatever Graph does.
pub(crate) async fn until<T>(
    end_at: Timestamp,
    clock: &impl Clock,
    call: impl Future<Output = Result<T, GraphError>>,
) -> Result<T, GraphError> {
    let result = by(end_at, clock, call).await;
    result.unwrap_or_else(|| Err(GraphError::of(GraphErrorKind::OutOfTime)))
}

/// Returns the output of `work`; nothing if it is not finished at `end_at`.
pub(super) async fn by<T>(end_at: Timestamp, clock: &impl Clock, work: impl Future<Output = T>) -> Option<T> {
    let end = clock.sleep(left(end_at, clock));
    // The work is polled first: an answer counts even if the time is over as well.
    match select(pin!(work), pin!(end)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Returns the deadline of work that takes `at_most` so long, and ends at `end_at`.
fn deadline(end_at: Timestamp, at_most: Duration, clock: &impl Clock) -> Deadline {
    Deadline::after(left(end_at, clock).min(at_most))
}

fn left(end_at: Timestamp, clock: &impl Clock) -> Duration {
    Duration::try_from(end_at.duration_since(clock.now())).unwrap_or_default()
}

/// How long before the deadline the last step begins, and the last call ends.
const STOPS_BEFORE: SignedDuration = SignedDuration::from_secs(90);
const ENDS_BEFORE: SignedDuration = SignedDuration::from_secs(20);

/// How long before the deadline each part of what follows the last call ends, however slow AWS is: otherwise a full run would
/// end without its report and its state. The rest is for the last looks at the other processes.
const TIDIES_BEFORE: SignedDuration = SignedDuration::from_secs(14);
const KEEPS_STATE_BEFORE: SignedDuration = SignedDuration::from_secs(8);

/// How long before the deadline the last deletion for a successor begins: a deletion of 20 s, a creation of a minute, and
/// the wait for Graph's limit before each.
const REPLACES_BEFORE: SignedDuration = SignedDuration::from_secs(150);

#[cfg(test)]
mod tests {
    use std::future::pending;

    use graph_edge::testing::VirtualClock;

    use super::*;

    #[test]
    fn a_list_without_end_leaves_the_others_a_quarter_of_the_run() {
        let clock = VirtualClock::new(Timestamp::UNIX_EPOCH);
        let deadline = clock.now() + SignedDuration::from_mins(16);
        let request = RunRequest::everything(Options::default(), clock.now(), deadline);
        let list = pending::<Result<(), GraphError>>();
        let list = until(request.lists_until(), &clock, list);
        let error = clock.run(list).unwrap_err();
        assert!(matches!(error.kind, GraphErrorKind::OutOfTime));
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH + SignedDuration::from_mins(12));
    }
}
