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
    catch_up::{Loss, LostWindow},
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

/// The notes of the losses that are not stored wholly.
pub(crate) struct Unsent<T> {
    /// Consumers have no event.
    pub(crate) events: Vec<T>,
    /// Consumers have the event, but the reader has no window yet.
    pub(crate) windows: Vec<T>,
}

impl<T> Unsent<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.windows.is_empty()
    }

    /// Returns the notes of both.
    pub(crate) fn all(self) -> impl Iterator<Item = T> {
        self.events.into_iter().chain(self.windows)
    }
}

/// Puts events about gaps into `DeliveryQueue`, then windows into `ReadQueue`, and returns the notes of those that are
/// not stored. In this order, because the event about a finished read must not precede the event about its gap.
pub(crate) async fn send<P: Ports, T: Send>(
    deps: &Deps<P>,
    config: &Config,
    losses: Vec<(T, Loss)>,
    deadline: Deadline,
) -> Unsent<T> {
    let messages = losses.into_iter().map(|(note, loss)| {
        let message = Message::of_tenant(loss.gap.application.tenant_id, loss.gap.document().to_string());
        ((note, loss), message)
    });
    let sent = deps.delivery_queue.send(messages.collect(), deadline).await;
    let (events, losses): (Vec<T>, Vec<Loss>) = sent.lost.into_iter().unzip();
    let (notes, reported): (Vec<T>, Vec<Loss>) = sent.stored.into_iter().unzip();
    let mut unordered = Vec::new();
    if let Some(catch_up) = &deps.catch_up {
        let now = deps.clock.now();
        // Read only if a gap needs it: most runs have no such gap.
        let mut caught_up = if reported.iter().any(Loss::is_undated) {
            state::caught_up(deps, deadline).await
        } else {
            CaughtUp::default()
        };
        let windows = |losses: &[Loss]| -> Vec<LostWindow> {
            let windows = losses
                .iter()
                .map(|loss| catch_up.window(loss, config, &caught_up, now));
            windows.flatten().collect()
        };
        let (kept, wanted) = (windows(&losses), windows(&reported));
        let (is_all, undated) = catch_up.order(wanted, &deps.documents, now, deadline).await;
        if !is_all {
            unordered = notes;
        }
        catch_up.keep(kept);
        for window in &undated {
            caught_up.add(window, now);
        }
        if !undated.is_empty() {
            state::add_caught_up(deps, &caught_up, deadline).await;
        }
    }
    Unsent {
        events,
        windows: unordered,
    }
}

/// Sends the windows that could not be sent before.
pub(super) async fn order_rest<P: Ports>(deps: &Deps<P>, deadline: Deadline) {
    if let Some(catch_up) = &deps.catch_up {
        let now = deps.clock.now();
        catch_up.order(Vec::new(), &deps.documents, now, deadline).await;
    }
}

/// How long storing may take.
pub(crate) const STORE_WITHIN: Duration = Duration::from_secs(15);
