//! Until when a message can be retried.

use graph_core::notification::queued::MAX_AGE;
use jiff::{SignedDuration, Timestamp};

/// Returns when a retry comes too late. SQS deletes a message `RETENTION` after it was sent to the queue, and no function accepts
/// an item that was received longer than `MAX_AGE` ago.
#[must_use]
pub fn retry_until(sent_at: Option<Timestamp>, received_at: Option<Timestamp>) -> Option<Timestamp> {
    let deleted = sent_at.and_then(|at| at.checked_add(RETENTION).ok());
    let rejected = received_at.and_then(|at| at.checked_add(MAX_AGE).ok());
    deleted.into_iter().chain(rejected).min()
}

/// Returns whether an item that was received at this time is rejected because of its age.
#[must_use]
pub fn is_too_old(received_at: Option<Timestamp>, now: Timestamp) -> bool {
    received_at.is_some_and(|at| now.duration_since(at) > MAX_AGE)
}

/// How long FailedQueue and UndeliveredQueue keep a message (template.yaml).
const RETENTION: SignedDuration = SignedDuration::from_hours(14 * 24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_is_possible_until_deletion_or_rejection() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let received = at("2026-11-01T00:00:00Z");
        // In FailedQueue for the first time, and again after a retry on the 14th day.
        for (sent, until) in [
            ("2026-11-01T00:30:00Z", "2026-11-15T00:30:00Z"),
            ("2026-11-14T00:00:00Z", "2026-11-20T00:00:00Z"),
        ] {
            assert_eq!(retry_until(at(sent), received), at(until));
        }
        assert_eq!(
            retry_until(at("2026-11-01T00:00:00Z"), None),
            at("2026-11-15T00:00:00Z")
        );
        assert!(!is_too_old(received, at("2026-11-20T00:00:00Z").unwrap()));
        assert!(is_too_old(received, at("2026-11-20T00:00:01Z").unwrap()));
    }

    #[test]
    fn the_template_keeps_messages_as_long_as_the_tool_says() {
        let template = include_str!("../../../../template.yaml");
        for queue in ["FailedQueue", "UndeliveredQueue"] {
            let (_, resource) = template.split_once(&format!("\n  {queue}:\n")).unwrap();
            let (resource, _) = resource.split_once("\n\n").unwrap();
            let retention = format!("MessageRetentionPeriod: {}\n", RETENTION.as_secs());
            assert!(format!("{resource}\n").contains(&retention), "{resource}");
        }
    }

    #[test]
    fn the_runbook_says_how_old_an_item_may_be() {
        let operations = include_str!("../../../../docs/operations.md").replace('\n', " ");
        let limit = format!("{} days after its receipt", MAX_AGE.as_hours() / 24);
        assert!(operations.contains(&limit), "operations.md does not say {limit}");
    }
}
