//! Messages that a look at a queue did not reach.

use super::Queue;
use crate::terminal::counted;

/// The messages of a queue that were not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// About how many: the counts of SQS are approximate. None if SQS did not say it.
    pub count: Option<usize>,
    /// Why.
    pub cause: Cause,
}

/// Why messages were not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// As many messages as wanted were found.
    Enough,
    /// SQS shows no more messages of this queue at a time.
    InFlight,
    /// Another reader hides them.
    Hidden,
}

impl Unseen {
    /// Returns whether every message was looked at.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self.count == Some(0)
    }

    /// Returns the sentences for a person; none if every message was looked at.
    #[must_use]
    pub fn text(self, queue: Queue) -> Option<String> {
        let name = queue.name();
        let Some(count) = self.count else {
            let text = format!(
                "SQS did not say how many messages of {name} were not looked at. Repeat the command.\n"
            );
            return Some(text);
        };
        let about = counted(count, "message");
        let why = match self.cause {
            _ if self.is_nothing() => return None,
            Cause::Enough => "--limit allows no more.",
            Cause::InFlight => {
                "SQS shows 120,000 messages of a queue at a time. Drop or retry some of those that you can see, then \
                 repeat the command."
            }
            Cause::Hidden => {
                "somebody else reads this queue, a command was interrupted, or SQS does not count the last changes yet. \
                 Repeat the command in a minute; SQS shows what is hidden again within an hour."
            }
        };
        Some(format!("About {about} of {name} were not looked at: {why}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_out_of_sight_are_told_with_their_cause() {
        let text = |count, cause| {
            let count = Some(count);
            Unseen { count, cause }.text(Queue::Failed)
        };
        assert_eq!(text(0, Cause::InFlight), None);
        let unknown = Unseen {
            count: None,
            cause: Cause::Enough,
        };
        let unknown = unknown.text(Queue::Failed).unwrap();
        assert!(unknown.starts_with("SQS did not say how many"), "{unknown}");
        let hidden = text(1, Cause::Hidden).unwrap();
        assert!(
            hidden.contains("SQS does not count the last changes yet"),
            "{hidden}"
        );
        let text = text(80_000, Cause::InFlight).unwrap();
        assert!(
            text.starts_with("About 80000 messages of FailedQueue were not looked at: SQS shows 120,000"),
            "{text}"
        );
    }
}
