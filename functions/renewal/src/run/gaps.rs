//! Events about lost notifications for consumers, and windows for the reader.

use std::time::Duration;

use graph_core::subscription::{
    config::{Config, Problem},
    plan::CaughtUp,
};
use graph_edge::{
    deadline::Deadline,
    sqs::{Message, Queue},
};

use super::state;
use crate::{
    Deps,
    catch_up::Loss,
    ports::{Clock, Ports},
    result::StepResult,
};

/// Returns the problem of gaps that consumers could not be informed of.
pub(super) fn unreported<'r>(results: impl Iterator<Item = &'r StepResult>) -> Option<Problem> {
    let count = results.filter(|result| result.is_unreported).count();
    let message = format!(
        "was applied, but {count} events about lost notifications, or windows for the reader, could not be put into a queue; \
         the next run tries again. The lines of this report with `lost` have the periods"
    );
    (count > 0).then(|| Problem::error("", message))
}

/// Puts events about gaps into `DeliveryQueue`, then windows into `ReadQueue`, and returns the notes of those of which
/// something is not stored: they are to be sent again, event and window. In this order, because the event about a finished
/// read must not precede the event about its gap.
pub(crate) async fn send<P: Ports, T: Send>(
    deps: &Deps<P>,
    config: &Config,
    losses: Vec<(T, Loss)>,
    deadline: Deadline,
) -> Vec<T> {
    let messages = losses.into_iter().map(|(note, loss)| {
        let message = Message::of_tenant(loss.gap.application.tenant_id, loss.gap.document().to_string());
        ((note, loss), message)
    });
    let sent = deps.delivery_queue.send(messages.collect(), deadline).await;
    let mut unsent: Vec<T> = sent.lost.into_iter().map(|(note, _)| note).collect();
    let (notes, losses): (Vec<T>, Vec<Loss>) = sent.stored.into_iter().unzip();
    let Some(catch_up) = &deps.catch_up else {
        return unsent;
    };
    let now = deps.clock.now();
    // Read only if a gap needs it: most runs have no such gap.
    let mut caught_up = if losses.iter().any(Loss::is_undated) {
        state::caught_up(deps, deadline).await
    } else {
        CaughtUp::default()
    };
    let windows = losses.iter();
    let windows = windows.filter_map(|loss| catch_up.window(loss, config, &caught_up, now));
    let (is_all, undated) = catch_up
        .order(windows.collect(), &deps.documents, now, deadline)
        .await;
    if !is_all {
        unsent.extend(notes);
    }
    for window in &undated {
        caught_up.add(window, now);
    }
    if !undated.is_empty() {
        state::add_caught_up(deps, &caught_up, deadline).await;
    }
    unsent
}

/// How long storing may take.
pub(crate) const STORE_WITHIN: Duration = Duration::from_secs(15);
