//! Shares Graph's limits with the other processes of renewal.
//!
//! Graph counts the calls of an application, and scheduled runs, a person's runs and batches of LifecycleQueue may work
//! at once. How many do is not known beforehand, and one that is alone needs all that Graph allows: so they tell each
//! other. A few calls need no more than the smallest share. A process that needs more announces itself in `StateParameter` and
//! looks there every few seconds; each then has an equal share. What others have already used does not come back, so a
//! process that is not alone waits until every other has seen it, and until their earlier calls no longer count.

use std::{ops::RangeInclusive, pin::pin, time::Duration};

use futures_util::future::{Either, join, select};
use graph_edge::{
    deadline::Deadline,
    graph::{Share, WINDOW},
};
use jiff::SignedDuration;
use tokio::sync::Notify;

use crate::{
    Deps,
    memory::lock,
    ports::{Clock, Ports},
    run::state,
};

/// Does the work of an invocation within this process's share of Graph's limits.
pub(crate) async fn sharing<P: Ports, T>(deps: &Deps<P>, work: impl Future<Output = T>) -> T {
    deps.graph.take_share(Share::SMALLEST);
    let end = Notify::new();
    let work = async {
        let output = work.await;
        end.notify_one();
        output
    };
    join(work, watch(deps, &end)).await.0
}

/// Takes a larger share as soon as the smallest is used up, and keeps it right until the end.
///
/// A look is never cut off: it may have overwritten what another process has stored, and puts that right afterwards.
async fn watch<P: Ports>(deps: &Deps<P>, end: &Notify) {
    if has_ended(deps.graph.shortage(), end).await {
        return;
    }
    loop {
        deps.graph.take_share(look(deps, REPEATED_AT..=COUNTS_FOR).await);
        if has_ended(deps.clock.sleep(LOOK_EVERY), end).await {
            break;
        }
    }
    // Its calls count for a window longer.
    look(deps, WINDOW..=WINDOW).await;
}

/// Waits, and returns whether the end has come before.
async fn has_ended(wait: impl Future<Output = ()>, end: &Notify) -> bool {
    matches!(select(pin!(wait), pin!(end.notified())).await, Either::Right(_))
}

/// Announces this process for the longest of these times, unless it is announced for one of them, and returns its share.
async fn look<P: Ports>(deps: &Deps<P>, times: RangeInclusive<SignedDuration>) -> Share {
    let (now, own) = (deps.clock.now(), &deps.memory.announcement);
    let seen = state::announce(deps, &own.process, times, now, Deadline::after(LOOK_WITHIN)).await;
    let parts = seen.map_or(UNKNOWN, |(was_announced, others)| {
        let mut since = lock(&own.since);
        // Not all others have seen an announcement that one of them has overwritten.
        if !was_announced {
            *since = now;
        }
        parts(others, now.duration_since(*since))
    });
    Share {
        parts,
        until: now.saturating_add(VALID_FOR).unwrap_or(now),
    }
}

/// Returns by how many a process divides Graph's limits that was announced so long ago.
fn parts(others: usize, announced_for: SignedDuration) -> usize {
    let all_have_left_room = announced_for >= VALID_FOR.saturating_add(WINDOW);
    if others == 0 || all_have_left_room {
        1 + others
    } else {
        Share::SMALLEST.parts
    }
}

/// How often a process looks how many there are.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// For how long a process counts after a look: one that was killed does not count much longer than its calls.
const COUNTS_FOR: SignedDuration = SignedDuration::from_secs(60);

/// How long before that time it announces itself again: even if it is killed and its last looks failed, its calls no longer
/// count by then.
const REPEATED_AT: SignedDuration = SignedDuration::from_secs(30);

/// For how long a share is used. Longer than it takes to look again.
const VALID_FOR: SignedDuration = SignedDuration::from_secs(10);

/// How long a look may take.
const LOOK_WITHIN: Duration = Duration::from_secs(3);

/// By how many a process divides the limits if `StateParameter` cannot be read or written: it has to keep subscriptions alive,
/// and more than four processes hardly ever work at once.
const UNKNOWN: usize = 4;
