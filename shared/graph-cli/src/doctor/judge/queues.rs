//! The queues.

use super::super::Finding;
use crate::terminal::counted;

/// Judges how many messages each queue holds: those that wait, and those that are being processed.
#[must_use]
pub fn queues(counts: &[(&'static str, (usize, usize))]) -> Vec<Finding> {
    let count = |name: &str| {
        counts
            .iter()
            .find(|(queue, _)| *queue == name)
            .map_or(0, |(_, (waiting, busy))| waiting + busy)
    };
    let held = counts.iter().filter(|(_, (waiting, busy))| waiting + busy > 0);
    let held = held.map(|(name, (waiting, busy))| format!("{name} {}", waiting + busy));
    let held: Vec<String> = held.collect();
    let text = match held.len() {
        0 => "all are empty".to_owned(),
        some if some == counts.len() => held.join(", "),
        _ => format!("{}; the others are empty", held.join(", ")),
    };
    let mut findings = vec![Finding::ok("queues", text)];
    if count("FailedQueue") > 0 {
        let text = format!("FailedQueue holds {}", counted(count("FailedQueue"), "message"));
        findings.push(Finding::wrong("failed", text, "graph-notifications failed list"));
    }
    if count("UndeliveredQueue") > 0 {
        let text = format!(
            "UndeliveredQueue holds {}",
            counted(count("UndeliveredQueue"), "message")
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
        let findings = queues(&[
            ("FailedQueue", (2, 1)),
            ("ReadQueue", (0, 0)),
            ("DeliveryQueue", (4, 0)),
        ]);
        assert_eq!(
            findings[0].text,
            "FailedQueue 3, DeliveryQueue 4; the others are empty"
        );
        assert_eq!(findings[1].advice, "graph-notifications failed list");
        assert_eq!(findings.len(), 2);
        assert_eq!(queues(&[("FailedQueue", (0, 0))])[0].text, "all are empty");
    }
}
