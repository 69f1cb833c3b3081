//! Limits how many living subscriptions are deleted before their successors exist.

use std::sync::atomic::{AtomicUsize, Ordering};

use graph_core::subscription::plan::{Reason, Step};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The turns of a tenant's subscriptions that are deleted before their successors exist.
///
/// Only a successor proves that Graph accepts the next one: for hours after a deletion, Graph may still count the deleted
/// subscription. So few are deleted at once, more with each successor, and none while successors are missing. What an
/// earlier run lost counts as well, so that no number of runs or processes adds up to a loss of all.
#[derive(Debug)]
pub(crate) struct DeletionTurns {
    free: Semaphore,
    /// How many successors were created.
    successors: AtomicUsize,
    /// How many subscriptions existed less than a day ago and have no successor yet.
    lost: AtomicUsize,
}

impl DeletionTurns {
    /// Returns the turns in a run at `now` with these steps.
    pub(crate) fn of(steps: &[Step], now: Timestamp) -> Self {
        let lost = steps.iter().filter(|step| is_lost(step, now));
        Self {
            lost: AtomicUsize::new(lost.count()),
            ..Self::default()
        }
    }

    /// Waits until one more subscription may be deleted before its successor exists. Returns nothing if too many
    /// successors are missing.
    pub(super) async fn next(&self) -> Option<SemaphorePermit<'_>> {
        if self.lost.load(Ordering::Relaxed) >= MAX_LOST {
            return None;
        }
        self.free.acquire().await.ok()
    }

    /// Ends the turn of a subscription whose successor exists.
    pub(super) fn succeeded(&self, turn: SemaphorePermit<'_>) {
        drop(turn);
        if self.successors.fetch_add(1, Ordering::Relaxed) < MAX_TURNS - FIRST_TURNS {
            self.free.add_permits(1);
        }
    }

    /// Ends the turn of a subscription that was deleted and has no successor. No other one gets its turn.
    pub(super) fn lost(&self, turn: SemaphorePermit<'_>) {
        turn.forget();
        if self.lost.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_LOST {
            self.free.close();
        }
    }

    /// Notes that a step of the run at `now` was successful: a lost subscription may exist again.
    pub(super) fn done(&self, step: &Step, now: Timestamp) {
        // Where a person started the run, earlier losses do not count.
        if is_lost(step, now) && self.lost.load(Ordering::Relaxed) > 0 {
            self.lost.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Default for DeletionTurns {
    /// Returns the turns of a run for which earlier losses do not count.
    fn default() -> Self {
        Self {
            free: Semaphore::new(FIRST_TURNS),
            successors: AtomicUsize::default(),
            lost: AtomicUsize::default(),
        }
    }
}

/// Returns whether the step makes up for a recent loss. An older one may have another cause, such as a mailbox that no
/// longer exists, and must not hold back the others for ever.
fn is_lost(step: &Step, now: Timestamp) -> bool {
    let Reason::Lost(lost) = &step.reason else {
        return false;
    };
    lost.seen_at
        .is_some_and(|seen_at| now.duration_since(seen_at) < RECENTLY)
}

/// How many subscriptions are deleted at first: two entries that swap their resources need two.
const FIRST_TURNS: usize = 2;

/// How many subscriptions are deleted at once after successors were created. If Graph then refuses, so many are lost.
const MAX_TURNS: usize = 8;

/// How many missing successors end the deletions.
const MAX_LOST: usize = 2;

/// For how long a loss counts.
const RECENTLY: SignedDuration = SignedDuration::from_hours(24);
