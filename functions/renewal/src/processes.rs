//! Shares Graph's limits with the other processes of renewal.
//!
//! Graph counts the calls of an application, and scheduled runs, a person's runs and batches of LifecycleQueue may work
//! at once. How many do is not known beforehand, and one that is alone needs all that Graph allows: so they tell each
//! other. A few calls need no more than the smallest share. A process that needs more announces itself in `StateParameter` and
//! looks there every few seconds; each then has an equal share. What others have already used does not come back, so a
//! process that is not alone waits until every other has seen it, and until their earlier calls no longer count.

use std::{cell::Cell, convert::Infallible, pin::pin, time::Duration};

use futures_util::future::{Either, select};
use graph_edge::{
    deadline::Deadline,
    graph::{Share, WINDOW},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    Deps,
    memory::lock,
    ports::{Clock, Ports},
    run::state,
};

/// Does the work of an invocation, which ends by `deadline`, within this process's share of Graph's limits.
pub(crate) async fn sharing<P: Ports, T>(
    deps: &Deps<P>,
    deadline: Timestamp,
    work: impl Future<Output = T>,
) -> T {
    deps.graph.take_share(Share::SMALLEST);
    // AWS Lambda may end the process at the deadline. Its calls count for a window longer.
    let ends_at = deadline.saturating_add(WINDOW).unwrap_or(deadline);
    let is_announced = Cell::new(false);
    let output = {
        let (work, watch) = (pin!(work), pin!(watch(deps, ends_at, &is_announced)));
        match select(work, watch).await {
            Either::Left((output, _)) => output,
            Either::Right((never, _)) => match never {},
        }
    };
    if is_announced.get() {
        let now = deps.clock.now();
        look(deps, now.saturating_add(WINDOW).unwrap_or(now)).await;
    }
    output
}

/// Takes a larger share as soon as the smallest is used up, and keeps it right.
async fn watch<P: Ports>(deps: &Deps<P>, ends_at: Timestamp, is_announced: &Cell<bool>) -> Infallible {
    deps.graph.shortage().await;
    is_announced.set(true);
    loop {
        deps.graph.take_share(look(deps, ends_at).await);
        deps.clock.sleep(LOOK_EVERY).await;
    }
}

/// Announces this process until `ends_at`, and returns its share.
async fn look<P: Ports>(deps: &Deps<P>, ends_at: Timestamp) -> Share {
    let (now, own) = (deps.clock.now(), &deps.memory.announcement);
    let seen = state::announce(deps, &own.process, ends_at, now, Deadline::after(LOOK_WITHIN)).await;
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

/// For how long a share is used. Longer than it takes to look again.
const VALID_FOR: SignedDuration = SignedDuration::from_secs(10);

/// How long a look may take.
const LOOK_WITHIN: Duration = Duration::from_secs(3);

/// By how many a process divides the limits if `StateParameter` cannot be read or written: it has to keep subscriptions alive,
/// and more than four processes hardly ever work at once.
const UNKNOWN: usize = 4;
