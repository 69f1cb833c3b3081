//! What is logged and counted of a POST.

use std::collections::BTreeSet;

use graph_core::notification::{
    client_state::Refused,
    collection::{Collection, MAX_TOKENS_PER_POST},
    item::Kind,
};
use graph_edge::metrics::{Metric, Metrics};
use jiff::{SignedDuration, Timestamp};
use tracing::{debug, error, info, warn};

use crate::intake::{Intake, MAX_NAMES, Receipts, Undecided};

/// Logs one line about the items of a POST. The names in it are proven; of what is refused nothing is said but why.
///
/// A POST of which nothing is admitted has its line of metrics, with the same reasons, and no other: whoever floods the
/// webhook decides how much is written, and every line is paid for.
pub(crate) fn log(intake: &Intake<'_>, collection: &Collection<'_>) {
    let (changes, lifecycle) = (intake.count(Kind::Change), intake.count(Kind::Lifecycle));
    let refused: usize = intake.refused.values().sum();
    let malformed: usize = intake.malformed.values().sum();
    let subscriptions = names(intake);
    let (reasons, forms) = (&intake.refused, &intake.malformed);
    if changes + lifecycle == 0 {
        debug!(
            refused,
            malformed,
            ?reasons,
            ?forms,
            "Rejected {refused} items {reasons:?} and {malformed} malformed items {forms:?}"
        );
    } else if refused + malformed == 0 {
        info!(
            changes,
            lifecycle,
            ?subscriptions,
            "Admitted {changes} changes and {lifecycle} lifecycle events"
        );
    } else {
        warn!(
            changes,
            lifecycle,
            ?subscriptions,
            refused,
            malformed,
            ?reasons,
            ?forms,
            "Rejected {refused} items {reasons:?} and {malformed} malformed items {forms:?}"
        );
    }
    let excess = collection.excess_tokens;
    if excess > 0 {
        warn!(
            excess,
            limit = MAX_TOKENS_PER_POST,
            "Ignored {excess} validation tokens over the limit of {MAX_TOKENS_PER_POST}"
        );
    }
}

/// Logs that nobody can judge some items now.
pub(crate) fn log_undecided(undecided: Undecided) {
    let Undecided { unusable, unread } = undecided;
    if unusable > 0 {
        error!(
            items = unusable,
            "{unusable} items may be of an entry of ClientStateSecret that cannot be used; answering 503 so that Graph retries"
        );
    }
    if unread > 0 {
        error!(
            items = unread,
            "{unread} items name a client-state key or a tenant that is not known, and ClientStateSecret cannot be read again; \
             answering 503 so that Graph retries"
        );
    }
}

/// Counts the items of a POST.
pub(crate) fn count(intake: &Intake<'_>, metrics: &mut Metrics) {
    metrics.count(Metric::Admitted, intake.items.len());
    metrics.count(Metric::AdmittedChanges, intake.count(Kind::Change));
    for (reason, items) in &intake.refused {
        metrics.count(Metric::Rejected, *items);
        metrics.count(metric(*reason), *items);
    }
    for items in intake.malformed.values() {
        metrics.count(Metric::Rejected, *items);
        metrics.count(Metric::RejectedMalformed, *items);
    }
}

/// Counts what has become of the admitted items.
pub(crate) fn count_stored(receipts: &Receipts, now: Timestamp, metrics: &mut Metrics) {
    metrics.count(Metric::Enqueued, receipts.stored);
    metrics.count(Metric::NotEnqueued, receipts.lost);
    metrics.count(Metric::Delivered, receipts.delivered.len());
    for changed_at in &receipts.delivered {
        // The clocks of Microsoft and AWS may differ a little.
        let age = now.duration_since(*changed_at).max(SignedDuration::ZERO);
        metrics.measure(Metric::Age, i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    }
}

fn metric(reason: Refused) -> Metric {
    match reason {
        Refused::NoClientState => Metric::RejectedNoClientState,
        // Items of unusable entries are not refused in the end.
        Refused::UnknownKey | Refused::UnusableEntry => Metric::RejectedUnknownKey,
        Refused::UnknownApplication | Refused::TooLong | Refused::WrongClientState => {
            Metric::RejectedClientState
        }
    }
}

/// Returns the names of the subscriptions that items are for, the first of them where there are many.
fn names<'a>(intake: &'a Intake<'_>) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (_, item) in &intake.items {
        if names.len() == MAX_NAMES {
            break;
        }
        names.insert(&*item.proven().subscription);
    }
    names
}
