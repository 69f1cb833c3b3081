//! Events about lost notifications, for consumers.

use graph_core::subscription::{
    config::{Problem, Severity},
    plan::gap::Gap,
};
use graph_edge::sqs::{Message, Queue};

use super::Run;

/// Tells consumers what may have been lost.
pub(super) async fn tell(queue: &impl Queue, run: &mut Run) {
    let gaps = std::mem::take(&mut run.gaps);
    let untold = send(queue, &gaps).await.into_iter().filter(|told| !told).count();
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

/// Puts events about gaps where consumers read, and returns for each whether it is there.
pub(crate) async fn send(queue: &impl Queue, gaps: &[Gap]) -> Vec<bool> {
    let messages: Vec<Message> = gaps
        .iter()
        .map(|gap| Message::of_tenant(&gap.tenant_id, gap.document().to_string()))
        .collect();
    let stored = queue.send_all(&messages).await;
    stored.into_iter().map(|stored| stored.is_ok()).collect()
}
