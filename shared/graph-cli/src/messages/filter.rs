//! The selection of messages.

use super::{MessageSummary, NO_REASON, Queue, unseen::Unseen};
use crate::{
    failure::{Failure, Kind},
    terminal::printable,
};

/// Selects the messages that meet every condition.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Ids of SQS, or their beginnings.
    pub ids: Vec<String>,
    /// The reason; `none` for messages without one.
    pub reason: Option<String>,
    /// The tenant's id.
    pub tenant: Option<String>,
    /// The subscription's name; the name of an entry selects all of its objects.
    pub subscription: Option<String>,
}

impl Filter {
    /// Returns whether every message is selected.
    #[must_use]
    pub fn is_of_all(&self) -> bool {
        self.ids.is_empty() && self.reason.is_none() && self.tenant.is_none() && self.subscription.is_none()
    }

    /// Returns whether a message is selected.
    #[must_use]
    pub fn matches(&self, summaries: &MessageSummary) -> bool {
        let is = |wanted: &Option<String>, has: &str| {
            let wanted = wanted.as_ref();
            wanted.is_none_or(|wanted| has.eq_ignore_ascii_case(wanted))
        };
        let reason = summaries.reason.as_deref().unwrap_or(NO_REASON);
        // An empty name is nobody's, not that of the messages without one.
        let tenant = summaries.tenant.as_deref().unwrap_or_default();
        let is_tenant = self.tenant.as_ref().is_none_or(|_| !tenant.is_empty()) && is(&self.tenant, tenant);
        let entry = summaries.subscription.as_deref().unwrap_or_default();
        let is_entry = |wanted: &String| {
            !entry.is_empty() && (entry == wanted || entry.split('/').next() == Some(wanted))
        };
        is(&self.reason, reason)
            && is_tenant
            && self.subscription.as_ref().is_none_or(is_entry)
            && (self.ids.is_empty() || self.ids.iter().any(|id| has_id(summaries, id)))
    }

    /// Checks that each id is the beginning of exactly one message's id.
    ///
    /// # Errors
    ///
    /// Returns a failure that names an id without a message or with several messages.
    pub fn check_ids(&self, queue: Queue, found: &[MessageSummary], unseen: Unseen) -> Result<(), Failure> {
        for id in &self.ids {
            let found: Vec<&str> = found
                .iter()
                .filter(|summary| has_id(summary, id))
                .map(|summaries| summaries.id.as_str())
                .collect();
            let (text, advice) = match found.as_slice() {
                [_] => continue,
                [] => (
                    format!(
                        "no message of {} with the id {} was found",
                        queue.name(),
                        printable(id)
                    ),
                    unseen.text(queue).unwrap_or_default().trim_end().to_owned(),
                ),
                [..] => (
                    format!(
                        "{} messages have an id that begins with {}",
                        found.len(),
                        printable(id)
                    ),
                    format!("Write more of the id:\n{}", found.join("\n")),
                ),
            };
            return Err(Failure::new(Kind::Input, text, advice));
        }
        Ok(())
    }
}

fn has_id(summary: &MessageSummary, id: &str) -> bool {
    !id.is_empty() && summary.id.starts_with(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::unseen::Cause;

    #[test]
    fn a_message_must_match_all_conditions_of_a_filter() {
        let one = summaries("0a1b2c3d", Some("TokenRejected"));
        let of = |change: fn(&mut Filter)| {
            let mut filter = Filter::default();
            change(&mut filter);
            filter.matches(&one)
        };
        assert!(of(|_| {}));
        assert!(of(|filter| filter.reason = Some("tokenrejected".to_owned())));
        assert!(!of(|filter| filter.reason = Some(NO_REASON.to_owned())));
        assert!(of(|filter| filter.subscription = Some("mail".to_owned())));
        assert!(!of(|filter| filter.subscription = Some("mai".to_owned())));
        assert!(of(|filter| filter.ids = vec!["9".to_owned(), "0a1b".to_owned()]));
        assert!(!of(|filter| filter.ids = vec!["9".to_owned()]));
        assert!(
            Filter {
                reason: Some("none".to_owned()),
                ..Filter::default()
            }
            .matches(&summaries("0a1b2c3d", None))
        );
    }

    #[test]
    fn an_empty_value_is_that_of_no_message() {
        let nameless = MessageSummary {
            tenant: None,
            subscription: None,
            ..summaries("0a1b2c3d", None)
        };
        for filter in [
            Filter {
                ids: vec![String::new()],
                ..Filter::default()
            },
            Filter {
                tenant: Some(String::new()),
                ..Filter::default()
            },
            Filter {
                tenant: Some(NO_REASON.to_owned()),
                ..Filter::default()
            },
            Filter {
                subscription: Some(String::new()),
                ..Filter::default()
            },
        ] {
            assert!(!filter.matches(&nameless), "{filter:?}");
        }
    }

    #[test]
    fn an_id_is_the_beginning_of_exactly_one_message() {
        let found = ["0a1b", "0a1c", "9"].map(|id| summaries(id, None));
        let unseen = Unseen {
            count: Some(1),
            cause: Cause::Hidden,
        };
        for (id, expected) in [
            ("9", None),
            ("0a1b", None),
            ("0a1", Some("2 messages have an id that begins with 0a1")),
            ("zzz", Some("no message of FailedQueue with the id zzz was found")),
        ] {
            let filter = Filter {
                ids: vec![id.to_owned()],
                ..Filter::default()
            };
            let failure = filter.check_ids(Queue::Failed, &found, unseen).err();
            assert!(failure.iter().all(|failure| failure.kind == Kind::Input));
            // Where there is no such message, it may be one of those that were not looked at.
            let is_absent = expected.is_some_and(|text| text.contains("was found"));
            let advice = failure.as_ref().map_or("", |failure| &failure.advice);
            assert_eq!(advice.contains("were not looked at"), is_absent, "{advice}");
            assert_eq!(failure.map(|failure| failure.text).as_deref(), expected);
        }
    }

    fn summaries(id: &str, reason: Option<&str>) -> MessageSummary {
        MessageSummary {
            id: id.to_owned(),
            reason: reason.map(str::to_owned),
            tenant: Some("11111111-2222-3333-4444-555555555555".to_owned()),
            subscription: Some("mail/1".to_owned()),
            ..MessageSummary::default()
        }
    }
}
