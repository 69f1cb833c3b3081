//! Messages that a look at a queue did not reach.

use super::Queue;
use crate::terminal::counted;

/// The messages of a queue that were not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// About how many: the counts of SQS are approximate.
    pub count: usize,
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
    /// Returns the sentences for a person; none if every message was looked at.
    #[must_use]
    pub fn text(self, queue: Queue) -> Option<String> {
        let about = counted(self.count, "message");
        let name = queue.name();
        let why = match self.cause {
            _ if self.count == 0 => return None,
            Cause::Enough => "--limit allows no more.",
            Cause::InFlight => {
                "SQS shows 120,000 messages of a queue at a time. Drop or retry some of those that you can see, then \
                 repeat the command."
            }
            Cause::Hidden => {
                "somebody else reads this queue, or a command was interrupted. SQS shows them again within an hour: \
                 repeat the command then."
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
        let text = |count, cause| Unseen { count, cause }.text(Queue::Failed);
        assert_eq!(text(0, Cause::InFlight), None);
        let text = text(80_000, Cause::InFlight).unwrap();
        assert!(
            text.starts_with("About 80000 messages of FailedQueue were not looked at: SQS shows 120,000"),
            "{text}"
        );
    }
}
