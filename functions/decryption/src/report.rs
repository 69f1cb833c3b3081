//! What is logged and counted of a batch.

use std::{borrow::Cow, collections::BTreeSet};

use graph_core::notification::{client_state::Proven, item::Notification, queued::QueuedItem};
use graph_edge::metrics::{Metric, Metrics};
use jiff::{SignedDuration, Timestamp};
use tracing::{error, info, warn};

use crate::outcome::{Failure, Obstacle, Results, Unit};

/// Counts what became of a batch.
pub(crate) fn count(results: &Results, now: Timestamp, metrics: &mut Metrics) {
    metrics.count(Metric::Delivered, results.delivered.len());
    for facts in &results.delivered {
        // The clocks of Microsoft and AWS may differ a little.
        let age = now.duration_since(facts.changed_at).max(SignedDuration::ZERO);
        metrics.measure(Metric::Age, i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        if let Some(opened_in) = facts.opened_in {
            let micros = i64::try_from(opened_in.as_micros()).unwrap_or(i64::MAX);
            metrics.measure(Metric::DecryptTime, micros);
        }
    }
    for failure in &results.failed {
        failure.reason().count(1, metrics);
    }
    metrics.count(Metric::Retried, results.retried.len());
    for (_, obstacle) in &results.retried {
        metrics.count(obstacle.metric(), 1);
    }
}

/// Logs one line about a batch.
pub(crate) fn log(results: &Results) {
    let subscriptions: BTreeSet<&str> = results
        .delivered
        .iter()
        .map(|facts| &*facts.subscription)
        .collect();
    let obstacles: BTreeSet<&str> = results
        .retried
        .iter()
        .map(|(_, obstacle)| obstacle.reason().name())
        .collect();
    let [delivered, failed, retried] = [
        results.delivered.len(),
        results.failed.len(),
        results.retried.len(),
    ];
    info!(
        delivered,
        failed,
        retried,
        ?subscriptions,
        ?obstacles,
        "Delivered {delivered} events; {failed} messages failed, {retried} will be retried"
    );
}

/// Which message a line is about, as far as that may be said.
pub(crate) struct Subject<'a> {
    id: &'a str,
    /// The name of the subscription, which is proven.
    name: Option<&'a str>,
    /// Graph's id of the subscription, where the item says one.
    subscription_id: Option<Cow<'a, str>>,
}

impl<'a> Subject<'a> {
    /// Returns the subject of a message of an `owner`.
    pub(crate) fn of(id: &'a str, body: &'a str, owner: Option<&'a Proven>) -> Self {
        let said = || {
            let item = Notification::parse(QueuedItem::parse(body).ok()?.item).ok()?;
            item.subscription_id.filter(|id| is_id(id))
        };
        Self {
            id,
            name: owner.map(|proven| &*proven.subscription),
            subscription_id: owner.and_then(|_| said()),
        }
    }
}

/// Logs that a message goes to where it belongs.
pub(crate) fn log_forward(subject: &Subject<'_>, unit: Unit) {
    let id = subject.id;
    let (what, queue) = match unit {
        Unit::Lifecycle => ("a lifecycle notification", "LifecycleQueue"),
        Unit::Fetch => ("an item whose content is fetched", "ReadQueue"),
        Unit::Window => ("a window to read", "ReadQueue"),
    };
    info!(
        message.id = id,
        subscription.name = subject.name,
        "Message {id} is {what}; it goes to {queue}"
    );
}

/// Logs that a message can never be processed.
pub(crate) fn log_failure(subject: &Subject<'_>, failure: Failure) {
    let Subject {
        id,
        name,
        subscription_id,
    } = subject;
    error!(
        message.id = id,
        subscription.name = name,
        subscription.id = subscription_id.as_deref(),
        reason = failure.reason().name(),
        hint = failure.hint(),
        ?failure,
        "Message {id} cannot be processed ({failure:?}); it goes to FailedQueue"
    );
}

/// Logs that a message cannot be processed now.
pub(crate) fn log_obstacle(subject: &Subject<'_>, obstacle: Obstacle) {
    let Subject {
        id,
        name,
        subscription_id,
    } = subject;
    warn!(
        message.id = id,
        subscription.name = name,
        subscription.id = subscription_id.as_deref(),
        ?obstacle,
        "Message {id} cannot be processed now ({obstacle:?}); the queue hands it over again"
    );
}

fn is_id(text: &str) -> bool {
    text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
