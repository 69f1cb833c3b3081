//! The outcome of messages that were moved back.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
};

use serde_json::json;

use super::{
    MessageSummary, Queue,
    listed::{nothing_found, sums},
    unseen::{Cause, Unseen},
};
use crate::{Answer, terminal};

/// The moved messages. SQS gives a message that returns another id, so a digest of its body tells it.
#[derive(Debug, Default)]
pub struct Moved {
    count: usize,
    bodies: BTreeSet<u64>,
    hasher: RandomState,
}

impl Moved {
    /// Adds a moved message.
    pub fn push(&mut self, body: &str) {
        self.count += 1;
        self.bodies.insert(self.hasher.hash_one(body));
    }

    /// Returns the number of moved messages.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns whether a message with this body was moved.
    #[must_use]
    pub fn has(&self, body: &str) -> bool {
        self.bodies.contains(&self.hasher.hash_one(body))
    }
}

/// The outcome of a move.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Number of messages that were looked at.
    pub looked_at: usize,
    /// Number of selected messages.
    pub selected: usize,
    /// The messages that may be selected too, but were not looked at.
    pub unseen: Option<Unseen>,
    /// Number of moved messages.
    pub moved: usize,
    /// Why the selected messages that were not found again were not found.
    pub missed_by: Option<Cause>,
    /// Messages that were left.
    pub left: Left,
    /// The messages that came back.
    pub back: Vec<MessageSummary>,
    /// Number of messages of `FailedQueue` that were not looked at after the move. Some of them may have come back.
    pub unseen_back: usize,
    /// Number of messages in the destination queues, other messages included.
    pub waiting: usize,
}

/// Numbers of messages that no move can help.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Windows, if the stack has no reader.
    pub windows: usize,
    /// Items that are too old.
    pub too_old: usize,
}

impl Outcome {
    /// Returns the outcome as text for a person.
    #[must_use]
    pub fn answer(self, queue: Queue) -> Answer {
        let back = self.back.len();
        let waiting = (self.waiting + self.unseen_back).min(self.moved.saturating_sub(back));
        let neither = self.moved.saturating_sub(back + waiting);
        let left = self.left.windows + self.left.too_old;
        let missed = self.selected.saturating_sub(self.moved + left);
        let unseen = self.unseen;
        Answer {
            json: json!({
                "selected": self.selected, "moved": self.moved, "cameBack": self.back, "mayWait": waiting, "neither": neither,
                "stayed": self.left.windows, "tooOld": self.left.too_old, "notFoundAgain": missed,
                "notLookedAt": unseen.map_or(Some(0), |unseen| unseen.count),
            }),
            text: self.text(queue, waiting, neither, missed),
            needs_person: back + waiting + left + missed > 0
                || unseen.is_some_and(|unseen| !unseen.is_nothing()),
        }
    }

    fn text(&self, queue: Queue, waiting: usize, neither: usize, missed: usize) -> String {
        let unseen = self
            .unseen
            .and_then(|unseen| unseen.text(queue))
            .unwrap_or_default();
        if self.selected == 0 {
            return nothing_found(queue, self.looked_at) + &unseen;
        }
        let moved = done_of_selected(self.moved, self.selected, "moved");
        let may = if self.unseen_back > 0 {
            "be back or still wait"
        } else {
            "still wait"
        };
        let mut text = match queue {
            Queue::Failed if self.moved > 0 => format!(
                "{moved}: {} back in FailedQueue, {waiting} may {may}, {neither} in neither queue\n",
                self.back.len()
            ),
            Queue::Failed => format!("{moved}\n"),
            Queue::Undelivered | Queue::Delivery => format!("{moved} to DeliveryQueue\n"),
        };
        if !self.back.is_empty() {
            text.extend(["Back in FailedQueue: ", &sums(queue, &self.back)]);
        }
        for (count, what, advice) in [
            (
                self.left.windows,
                "Windows that were not moved, because the stack has no reader",
                "",
            ),
            (
                self.left.too_old,
                "Not moved, because they were received over 19 days ago and would be rejected",
                " Drop them; consumers have to read what they miss.",
            ),
        ] {
            if count > 0 {
                let messages = terminal::counted(count, "message");
                text.extend([what, ": ", &messages, ".", advice, "\n"]);
            }
        }
        text + &not_found_again(missed, self.missed_by) + &unseen
    }
}

/// Returns the sentence for a person on selected messages that the work did not find; nothing if it found all.
#[must_use]
pub fn not_found_again(missed: usize, cause: Option<Cause>) -> String {
    let messages = terminal::counted(missed, "message");
    let why = match cause {
        _ if missed == 0 => return String::new(),
        Some(Cause::InFlight) => "SQS shows 120,000 messages of a queue at a time",
        Some(Cause::Enough | Cause::Hidden) | None => "somebody else reads this queue",
    };
    format!("Not found again, because {why}: {messages}. Repeat the command.\n")
}

/// Returns the number of done messages, of all selected ones.
#[must_use]
pub fn done_of_selected(done: usize, selected: usize, what: &str) -> String {
    let messages = terminal::counted(selected, "message");
    if done == selected {
        format!("{messages} {what}")
    } else {
        format!("{done} of {messages} {what}")
    }
}

#[cfg(test)]
mod tests {
    use graph_core::notification::queued::MAX_AGE;

    use super::*;

    #[test]
    fn moved_messages_are_counted_and_known_without_their_bodies() {
        let mut moved = Moved::default();
        for body in ["same", "same"] {
            moved.push(body);
        }
        assert_eq!(moved.count(), 2);
        assert_eq!(["same", "another"].map(|body| moved.has(body)), [true, false]);
        let megabyte = "x".repeat(1 << 20);
        moved.push(&megabyte);
        assert!(moved.has(&megabyte) && !format!("{moved:?}").contains("xxx"));
    }

    #[test]
    fn the_outcome_counts_only_moved_messages_and_claims_no_processing() {
        let outcome = Outcome {
            selected: 3,
            moved: 3,
            waiting: 5000,
            back: vec![MessageSummary {
                reason: Some("TokenRejected".to_owned()),
                ..MessageSummary::default()
            }],
            ..Outcome::default()
        };
        let answer = outcome.answer(Queue::Failed);
        assert_eq!(
            answer.text,
            "3 messages moved: 1 back in FailedQueue, 2 may still wait, 0 in neither queue\n\
             Back in FailedQueue: 1 message: 1 TokenRejected\n"
        );
        assert!(answer.needs_person);
    }

    #[test]
    fn a_partial_move_is_reported_as_partial() {
        let outcome = Outcome {
            selected: 400,
            moved: 170,
            ..Outcome::default()
        };
        let answer = outcome.answer(Queue::Undelivered);
        assert_eq!(
            answer.text,
            "170 of 400 messages moved to DeliveryQueue\n\
             Not found again, because somebody else reads this queue: 230 messages. Repeat the command.\n"
        );
        assert!(answer.needs_person);
        let text = not_found_again(230, Some(Cause::InFlight));
        assert!(
            text.contains("SQS shows 120,000") && !text.contains("somebody"),
            "{text}"
        );
    }

    #[test]
    fn what_no_retry_can_help_stays_and_needs_a_person() {
        let outcome = Outcome {
            selected: 3,
            left: Left {
                windows: 1,
                too_old: 2,
            },
            ..Outcome::default()
        };
        let answer = outcome.answer(Queue::Failed);
        let lines: Vec<&str> = answer.text.lines().collect();
        assert_eq!(lines[0], "0 of 3 messages moved");
        assert!(
            lines[1].starts_with("Windows that were not moved") && lines[1].ends_with("1 message."),
            "{lines:?}"
        );
        assert!(lines[2].contains(": 2 messages. Drop them"), "{lines:?}");
        assert!(answer.needs_person && lines.len() == 3, "{lines:?}");
        assert!(
            answer
                .text
                .contains(&format!("over {} days ago", MAX_AGE.as_hours() / 24))
        );
    }

    #[test]
    fn an_outcome_is_not_complete_while_messages_are_out_of_sight() {
        let unseen = Some(Unseen {
            count: Some(80_000),
            cause: Cause::InFlight,
        });
        let nothing = Outcome {
            unseen,
            ..Outcome::default()
        };
        let answer = nothing.answer(Queue::Failed);
        assert!(
            answer.needs_person
                && answer
                    .text
                    .contains("80000 messages of FailedQueue were not looked at")
        );
        assert_eq!(answer.json["notLookedAt"], 80_000);
        let uncounted = Outcome {
            selected: 1,
            moved: 1,
            unseen: Some(Unseen {
                count: None,
                cause: Cause::Hidden,
            }),
            ..Outcome::default()
        };
        let answer = uncounted.answer(Queue::Undelivered);
        assert!(answer.needs_person && answer.json["notLookedAt"].is_null());
        let moved = Outcome {
            selected: 3,
            moved: 3,
            unseen_back: 2,
            ..Outcome::default()
        };
        let answer = moved.answer(Queue::Failed);
        assert_eq!(
            answer.text,
            "3 messages moved: 0 back in FailedQueue, 2 may be back or still wait, 1 in neither queue\n"
        );
        assert!(answer.needs_person);
    }
}
