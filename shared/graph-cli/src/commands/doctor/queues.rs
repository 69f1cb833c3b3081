//! The queues.

use crate::{
    commands::Context,
    doctor::{Finding, judge::queues as judge},
    queues::Queues,
};

pub(super) async fn findings(context: &Context) -> Vec<Finding> {
    let queues = Queues::new(&context.aws);
    let mut counts = Vec::new();
    for name in [
        "NotificationQueue",
        "LifecycleQueue",
        "ReadQueue",
        "DeliveryQueue",
        "UndeliveredQueue",
        "FailedQueue",
    ] {
        // Not every stack has a reader.
        let Ok(url) = context.stack.output(&format!("{name}Url")) else {
            continue;
        };
        match queues.held(url).await {
            Ok(held) => counts.push((name, held)),
            Err(failure) => return vec![Finding::unknown("queues", failure.text)],
        }
    }
    judge::queues(&counts)
}
