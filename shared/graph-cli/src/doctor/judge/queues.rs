//! The queues.

use super::super::Finding;

/// Judges how many messages each queue holds: those that wait, and those that are being processed.
#[must_use]
pub fn queues(counts: &[(&'static str, (usize, usize))]) -> Vec<Finding> {
    let count = |name: &str| {
        counts
            .iter()
            .find(|(queue, _)| *queue == name)
            .map_or(0, |(_, (waiting, busy))| waiting + busy)
    };
    let lines: Vec<String> = counts
        .iter()
        .map(|(name, (waiting, busy))| format!("{name} {}", waiting + busy))
        .collect();
    let mut findings = vec![Finding::ok("queues", lines.join(", "))];
    if count("FailedQueue") > 0 {
        let text = format!("FailedQueue holds {}", crate::held::plural(count("FailedQueue")));
        findings.push(Finding::wrong("failed", text, "graph-notifications failed list"));
    }
    if count("UndeliveredQueue") > 0 {
        let text = format!(
            "UndeliveredQueue holds {}",
            crate::held::plural(count("UndeliveredQueue"))
        );
        findings.push(Finding::wrong(
            "undelivered",
            text,
            "graph-notifications undelivered list",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_that_hold_failures_say_which_command_shows_them() {
        let findings = queues(&[("FailedQueue", (2, 1)), ("DeliveryQueue", (4, 0))]);
        assert_eq!(findings[0].text, "FailedQueue 3, DeliveryQueue 4");
        assert_eq!(findings[1].advice, "graph-notifications failed list");
        assert_eq!(findings.len(), 2);
    }
}
