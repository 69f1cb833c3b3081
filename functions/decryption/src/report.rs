//! What is logged and counted of a batch.

use std::collections::BTreeSet;

use graph_core::notification::{item::Notification, queued::QueuedItem};
use graph_edge::metrics::{Metric, Metrics};
use jiff::{SignedDuration, Timestamp};
use tracing::{error, info, warn};

use crate::outcome::{Facts, Failure, Obstacle};

/// Counts what became of a batch.
pub(crate) fn count(
    delivered: &[Facts],
    failed: &[Failure],
    retried: &[(String, Obstacle)],
    now: Timestamp,
    metrics: &mut Metrics,
) {
    metrics.count(Metric::Delivered, delivered.len());
    for facts in delivered {
        // The clocks of Microsoft and AWS may differ a little.
        let age = now.duration_since(facts.changed_at).max(SignedDuration::ZERO);
        metrics.measure(Metric::Age, i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        if let Some(opened_in) = facts.opened_in {
            let micros = i64::try_from(opened_in.as_micros()).unwrap_or(i64::MAX);
            metrics.measure(Metric::DecryptTime, micros);
        }
    }
    metrics.count(Metric::Failed, failed.len());
    for failure in failed {
        metrics.count(failure.metric(), 1);
    }
    metrics.count(Metric::Retried, retried.len());
    for (_, obstacle) in retried {
        metrics.count(obstacle.metric(), 1);
    }
}

/// Logs one line about a batch.
pub(crate) fn log(delivered: &[Facts], failed: &[Failure], retried: &[(String, Obstacle)]) {
    let subscriptions: BTreeSet<&str> = delivered.iter().map(|facts| &*facts.subscription).collect();
    let (delivered, failed, retried) = (delivered.len(), failed.len(), retried.len());
    info!(
        delivered,
        failed,
        retried,
        ?subscriptions,
        "Delivered {delivered}, failed {failed}, to be tried again {retried}"
    );
}

/// Logs that a message can never be processed.
pub(crate) fn log_failure(id: &str, body: &str, failure: Failure) {
    let (name, subscription_id) = subject(body);
    error!(
        message.id = id,
        subscription.name = name,
        subscription.id = subscription_id,
        reason = failure.reason(),
        ?failure,
        "Message {id} can never be processed ({failure:?}); it goes to FailedQueue"
    );
}

/// Logs that a message cannot be processed now.
pub(crate) fn log_obstacle(id: &str, body: &str, obstacle: Obstacle) {
    let (name, subscription_id) = subject(body);
    warn!(
        message.id = id,
        subscription.name = name,
        subscription.id = subscription_id,
        ?obstacle,
        "Message {id} cannot be processed now ({obstacle:?})"
    );
}

/// Returns the name and the id of the subscription that a message is for, where it says so in the form that they have.
fn subject(body: &str) -> (Option<String>, Option<String>) {
    let Ok(queued) = QueuedItem::parse(body) else {
        return (None, None);
    };
    let is_name = |text: &str| text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_id = |text: &str| text.len() <= 64 && text.bytes().all(is_id_byte);
    let id = Notification::parse(queued.item)
        .ok()
        .and_then(|item| item.subscription_id);
    (
        Some(queued.subscription.into_owned()).filter(|name| is_name(name)),
        id.map(std::borrow::Cow::into_owned).filter(|id| is_id(id)),
    )
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}
