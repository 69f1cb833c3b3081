//! Replaces subscriptions. The old one is deleted last, so that a replacement that fails costs nothing.

use graph_core::subscription::plan::{Action, Creation, Reason, Step};
use graph_edge::graph::{GraphError, GraphErrorKind};
use jiff::Timestamp;

use super::{
    Applier, Done,
    failure::{Failure, is_in_the_way},
};
use crate::{
    memory::{Subject, lock},
    ports::Ports,
};

impl<P: Ports> Applier<'_, P> {
    /// Replaces a subscription, unless a living one can wait for the next run because handshakes fail in this one.
    pub(super) async fn replace_if_reachable(
        &self,
        step: &Step,
        id: &str,
        creation: &Creation,
    ) -> Result<Done, Failure> {
        let is_failing = self.is_refused(&Subject::tenant(self.run.name), FAILURES_IN_A_ROW);
        if is_failing && !is_dead(&step.reason) {
            return Err(Failure::Unreachable);
        }
        self.replace(step, id, creation).await
    }

    /// Creates the successor of a subscription, and then deletes that. The old one is deleted first only where it is in
    /// the way of the new one.
    pub(super) async fn replace(&self, step: &Step, id: &str, creation: &Creation) -> Result<Done, Failure> {
        match self.replace_beside(id, creation).await {
            Err(Failure::Graph(error)) if self.is_blocked_by(&error, id) => {
                self.delete_first(step, id, creation).await
            }
            done => done,
        }
    }

    /// Creates the successor of a subscription, and then deletes that. Fails if the old one is in the way.
    pub(super) async fn replace_beside(&self, id: &str, creation: &Creation) -> Result<Done, Failure> {
        let done = self.create_or_settle(creation, Some(id)).await?;
        // Another run may have made the successor already, and a conflict may have led back to the old one.
        if done.subscription.as_ref().is_some_and(|one| one.id == id) {
            return Ok(done);
        }
        // A failure is ignored: the next run deletes what is left, and until then consumers get some items twice.
        let was_gone = matches!(self.delete(id).await, Ok(false));
        Ok(Done { was_gone, ..done })
    }

    /// Returns whether a creation failed because the subscription that it replaces exists, or one whose own replacement
    /// waits for this one: two entries may swap their resources.
    pub(super) fn is_blocked_by(&self, error: &GraphError, id: &str) -> bool {
        is_in_the_way(error)
            && match &error.kind {
                GraphErrorKind::Conflict {
                    existing: Some(existing),
                    ..
                } => existing == id || self.replaced.contains(existing),
                // Graph does not name it, and the old one is the likeliest.
                _ => true,
            }
    }

    pub(super) async fn delete_first(
        &self,
        step: &Step,
        id: &str,
        creation: &Creation,
    ) -> Result<Done, Failure> {
        if is_dead(&step.reason) {
            return self.delete_and_create(id, creation).await;
        }
        let turns = match step.action {
            // It would lapse, so little is risked.
            Action::Renew { .. } => &self.rescues,
            _ => &self.turns,
        };
        let turn = turns.next().await;
        // Its successor would fail as well. The creations of later runs show when handshakes succeed again.
        if self.held(&Subject::tenant(self.run.name)).is_some() {
            return Err(Failure::Unreachable);
        }
        let turn = turn.ok_or(Failure::NoSuccessor)?;
        let done = self.delete_and_create(id, creation).await;
        match &done {
            Ok(_) => turns.succeeded(turn),
            Err(_) if !self.is_known(id) => turns.lost(turn),
            // Nothing was deleted.
            Err(_) => drop(turn),
        }
        done
    }

    async fn delete_and_create(&self, id: &str, creation: &Creation) -> Result<Done, Failure> {
        // Without time for the creation, the deletion would leave a gap until the next run.
        if self.now() >= self.run.request.replaces_until() {
            return Err(Failure::NoTime);
        }
        let was_there = self.delete(id).await?;
        let done = self.create_or_settle(creation, None).await?;
        Ok(Done {
            was_gone: !was_there,
            ..done
        })
    }

    /// Renews a living subscription whose replacement failed, if it would be due: without a successor it would lapse.
    pub(super) async fn keep_alive(&self, step: &Step, failure: Failure) -> Result<Done, Failure> {
        let Action::Replace { id, creation } = &step.action else {
            return Err(failure);
        };
        let is_gone = matches!(step.reason, Reason::Expired | Reason::Removed) || !self.is_known(id);
        if is_gone || failure.is_for_time() || !self.is_due(step.expires_at, creation) {
            return Err(failure);
        }
        match self.extend(&step.name, id, &creation.extension()).await {
            Ok(extended) => Ok(Done {
                short_of: Some(failure),
                ..extended
            }),
            Err(_) => Err(failure),
        }
    }

    /// Returns whether a subscription has to be renewed now.
    pub(super) fn is_due(&self, end: Option<Timestamp>, creation: &Creation) -> bool {
        let reserve = self.policy.reserve(creation.desired.lifetime);
        end.is_none_or(|end| end.duration_since(self.now()) < reserve)
    }

    /// Returns whether a subscription exists as far as this run knows.
    pub(super) fn is_known(&self, id: &str) -> bool {
        lock(&self.known).get(id).is_some()
    }
}

/// Returns whether the subscription to replace delivers nothing, so that an attempt risks nothing.
fn is_dead(reason: &Reason) -> bool {
    matches!(reason, Reason::Expired | Reason::Removed | Reason::KeyGone(_))
}

/// How many handshakes of a tenant fail in a row before replacements wait for the next run: one may have had bad luck.
const FAILURES_IN_A_ROW: usize = 2;
