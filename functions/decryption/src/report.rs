//! The log lines and metrics of a batch.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use graph_core::notification::{client_state::Proven, item::Notification, queued::QueuedItem};
use graph_edge::metrics::{Metric, Metrics};
use jiff::{SignedDuration, Timestamp};
use tracing::{error, info, warn};

use crate::outcome::{Failure, MessageKind, Obstacle, Results};

/// Counts the results of a batch.
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
    metrics.count(Metric::Forwarded, results.forwarded);
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
    let [delivered, forwarded, failed, retried] = [
        results.delivered.len(),
        results.forwarded,
        results.failed.len(),
        results.retried.len(),
    ];
    info!(
        delivered,
        forwarded,
        failed,
        retried,
        ?subscriptions,
        ?obstacles,
        "Delivered {delivered} events; {forwarded} messages were forwarded, {failed} failed, {retried} will be retried"
    );
}

/// The message that a line is about.
pub(crate) struct Subject {
    id: String,
    /// The owner, if it is proven. Nothing else in a message is safe to print.
    owner: Option<Proven>,
    /// Graph's id of the subscription, if the item has one.
    subscription_id: Option<String>,
}

impl Subject {
    /// Returns the subject of a message of `owner`.
    pub(crate) fn of(id: &str, body: &str, owner: Option<&Proven>) -> Self {
        let said = |_| {
            let item = Notification::parse(QueuedItem::parse(body).ok()?.item).ok()?;
            item.subscription_id.filter(|id| is_id(id)).map(Cow::into_owned)
        };
        Self {
            id: id.to_owned(),
            owner: owner.cloned(),
            subscription_id: owner.and_then(said),
        }
    }

    fn tenant_id(&self) -> Option<String> {
        let owner = self.owner.as_ref();
        owner.map(|owner| owner.application.tenant_id.to_string())
    }

    fn name(&self) -> Option<&str> {
        self.owner.as_ref().map(|owner| &*owner.subscription)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.id;
        match &self.owner {
            Some(Proven {
                subscription,
                application,
                ..
            }) => write!(
                f,
                "Message {id} for subscription {subscription} of tenant {}",
                application.tenant_id
            ),
            None => write!(f, "Message {id} for an unproven subscription"),
        }
    }
}

/// Logs that a message is forwarded.
pub(crate) fn log_forward(subject: &Subject, kind: MessageKind) {
    let (kind, queue) = match kind {
        MessageKind::Lifecycle => ("a lifecycle notification", "LifecycleQueue"),
        MessageKind::Fetch => ("an item to fetch", "ReadQueue"),
        MessageKind::Window => ("a window to read", "ReadQueue"),
    };
    info!(
        message.id = subject.id,
        tenant.id = subject.tenant_id(),
        subscription.name = subject.name(),
        "{subject} is {kind}; it goes to {queue}"
    );
}

/// Logs that a message is in FailedQueue.
pub(crate) fn log_failure(subject: &Subject, failure: Failure) {
    let reason = failure.reason().name();
    error!(
        message.id = subject.id,
        tenant.id = subject.tenant_id(),
        subscription.name = subject.name(),
        subscription.id = subject.subscription_id.as_deref(),
        reason,
        hint = failure.hint(),
        ?failure,
        "{subject} cannot be processed ({reason}); it is in FailedQueue"
    );
}

/// Logs that a message cannot be processed now.
pub(crate) fn log_obstacle(subject: &Subject, obstacle: Obstacle) {
    let reason = obstacle.reason().name();
    warn!(
        message.id = subject.id,
        tenant.id = subject.tenant_id(),
        subscription.name = subject.name(),
        subscription.id = subject.subscription_id.as_deref(),
        reason,
        "{subject} cannot be processed now ({reason}); SQS retries it"
    );
}

/// Returns whether a text looks like one of Graph's ids: the item may say anything, of any length.
fn is_id(text: &str) -> bool {
    text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
