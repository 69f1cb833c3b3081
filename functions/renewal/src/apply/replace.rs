//! Replaces subscriptions. The old one is deleted last, so that a replacement that fails costs nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use graph_core::subscription::plan::{Action, Creation, Reason, Step};
use graph_edge::graph::{GraphError, GraphErrorKind};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::{
    Applier, Done,
    failure::{Failure, is_in_the_way},
};
use crate::{
    memory::{RefusalKey, lock},
    ports::Ports,
};

impl<P: Ports> Applier<'_, P> {
    /// Creates the successor of a living subscription, and then deletes that. The old one is deleted first only where it
    /// is in the way of the new one.
    pub(super) async fn replace(&self, name: &str, id: &str, creation: &Creation) -> Result<Done, Failure> {
        if self.is_unreachable() {
            return Err(Failure::Unreachable);
        }
        let created = self.create(creation).await;
        self.breaker.note(name, created.as_ref().err());
        let done = match created {
            Err(Failure::Graph(error)) if self.is_blocked_by(&error, id) => {
                return self.delete_first(name, id, creation).await;
            }
            Err(Failure::Graph(error)) if is_in_the_way(&error) && !self.is_late() => {
                self.settle(creation).await?
            }
            created => created?.into(),
        };
        // Another run may have made the successor already, and a conflict may have led back to the old one.
        if done.subscription.as_ref().is_some_and(|one| one.id == id) {
            return Ok(done);
        }
        // A failure is ignored: the next run deletes what is left, and until then consumers get some items twice.
        let was_gone = matches!(self.delete(creation.desired.version, id).await, Ok(false));
        Ok(Done { was_gone, ..done })
    }

    /// Returns whether a creation failed because the subscription that it replaces exists, or one whose own replacement
    /// waits for this one: two entries may swap their resources.
    fn is_blocked_by(&self, error: &GraphError, id: &str) -> bool {
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

    async fn delete_first(&self, name: &str, id: &str, creation: &Creation) -> Result<Done, Failure> {
        // Until a creation has shown that Graph reaches the webhook, few subscriptions are risked.
        let turn = self.handshake.turn().await;
        if self.is_unreachable() {
            return Err(Failure::Unreachable);
        }
        // Without time for the creation, the deletion would leave a gap until the next run.
        if self.now() >= self.run.request.replaces_until() {
            return Err(Failure::NoTime);
        }
        let was_there = self.delete(creation.desired.version, id).await?;
        let done = self.create_or_settle(name, creation).await?;
        drop(turn);
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
        if is_gone || failure.is_postponed() || !self.is_due(step.expires_at, creation) {
            return Err(failure);
        }
        match self.renew(id, &creation.extension()).await {
            Ok(renewed) => Ok(Done {
                short_of: Some(failure),
                ..renewed.into()
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

    /// Notes whether Graph could validate the notification URL.
    pub(super) fn note_handshake<T>(&self, answer: &Result<T, GraphError>) {
        let key = RefusalKey::Handshake(self.run.name.to_owned());
        let mut refusals = lock(&self.run.deps.memory.refusals);
        match answer {
            Ok(_) => {
                self.handshake.is_proven.store(true, Ordering::Relaxed);
                refusals.forget(&key);
            }
            Err(error) if matches!(error.kind, GraphErrorKind::HandshakeFailed { .. }) => {
                refusals.note(key, false, self.now());
            }
            Err(_) => {}
        }
    }

    /// Returns whether the last handshake in the tenant failed, so that a successor could not be created. A person who
    /// starts a run wants Graph to try again, so only handshakes of that run count.
    fn is_unreachable(&self) -> bool {
        let refusal = self.refusal(&RefusalKey::Handshake(self.run.name.to_owned()));
        refusal.is_some_and(|refusal| self.run.request.is_patient || refusal.at >= self.run.begun)
    }
}

/// What a run knows about the handshakes of a tenant.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// Whether a creation in this run has succeeded.
    is_proven: AtomicBool,
    turns: Semaphore,
}

impl Handshake {
    /// Waits until one more subscription may be deleted before its successor exists. The turn ends with the value.
    async fn turn(&self) -> Option<impl Sized> {
        let turn = self.turns.acquire().await.ok();
        turn.filter(|_| !self.is_proven.load(Ordering::Relaxed))
    }
}

impl Default for Handshake {
    fn default() -> Self {
        Self {
            is_proven: AtomicBool::new(false),
            turns: Semaphore::new(MAX_UNPROVEN),
        }
    }
}

/// How many subscriptions may be deleted before it is known whether successors can be created: two entries that swap
/// their resources need two.
const MAX_UNPROVEN: usize = 2;
