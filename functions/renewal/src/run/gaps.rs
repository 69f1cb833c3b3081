//! Events about lost notifications, for consumers.

use std::time::Duration;

use graph_core::subscription::{
    config::{Problem, Severity},
    plan::gap::Gap,
};
use graph_edge::{
    deadline::Deadline,
    sqs::{Message, Queue},
};

use super::Run;

/// Reports the gaps that consumers could not be told of.
pub(super) fn note(run: &mut Run) {
    let untold = run.untold;
    if untold > 0 {
        run.report.note([Problem {
            path: String::new(),
            message: format!(
                "is carried out, but {untold} events about lost notifications could not be put into DeliveryQueue; \
                 have consumers catch up for the lines of this report that say `lost`"
            ),
            severity: Severity::Error,
        }]);
    }
}

/// Puts events about gaps where consumers read, and returns the notes on those that are not there.
pub(crate) async fn send<T: Send>(queue: &impl Queue, gaps: Vec<(T, Gap)>) -> Vec<T> {
    let messages = gaps.into_iter().map(|(note, gap)| {
        let message = Message::of_tenant(&gap.tenant_id, gap.document().to_string());
        (note, message)
    });
    queue
        .send(messages.collect(), Deadline::after(STORE_WITHIN))
        .await
        .lost
}

/// How long storing may take. It comes last, when there is little else left to do.
pub(crate) const STORE_WITHIN: Duration = Duration::from_secs(20);
