//! The queues.

use super::super::Finding;
use crate::terminal::counted;

/// Judges how many messages each queue holds.
#[must_use]
pub fn queues(counts: &[(&'static str, usize)]) -> Vec<Finding> {
    let count = |name: &str| {
        counts
            .iter()
            .find(|(queue, _)| *queue == name)
            .map_or(0, |(_, held)| *held)
    };
    let held = counts.iter().filter(|(_, held)| *held > 0);
    let held: Vec<String> = held.map(|(name, held)| format!("{name} {held}")).collect();
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
        let findings = queues(&[("FailedQueue", 3), ("ReadQueue", 0), ("DeliveryQueue", 4)]);
        assert_eq!(
            findings[0].text,
            "FailedQueue 3, DeliveryQueue 4; the others are empty"
        );
        assert_eq!(findings[1].advice, "graph-notifications failed list");
        assert_eq!(findings.len(), 2);
        assert_eq!(queues(&[("FailedQueue", 0)])[0].text, "all are empty");
    }
}
