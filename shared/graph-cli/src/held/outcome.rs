//! What became of messages that were moved back to be retried.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Facts, Message, Queue, sums};
use crate::{Answer, terminal};

/// Messages by the id that SQS gave them, with what they carry.
#[derive(Debug, Default)]
pub struct Moved(BTreeMap<String, String>);

impl Moved {
    /// Notes a message that was moved.
    pub fn push(&mut self, message: Message) {
        self.0.insert(message.id, message.body);
    }

    /// Returns how many were moved.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns those of the messages of a queue that came back to it. `known` are the ids of those that were there before.
    #[must_use]
    pub fn back<'m>(&self, messages: &'m [Message], known: &BTreeSet<String>) -> Vec<&'m Message> {
        let bodies: BTreeSet<&String> = self.0.values().collect();
        let is_back = |message: &&Message| !known.contains(&message.id) && bodies.contains(&message.body);
        // A copy that Graph sent meanwhile looks the same.
        messages.iter().filter(is_back).take(self.count()).collect()
    }
}

/// What is known of messages that were to be moved.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many were to be moved.
    pub meant: usize,
    /// How many were moved.
    pub moved: usize,
    /// How many windows were left where they are, as no reader is there.
    pub stayed: usize,
    /// Those that came back.
    pub back: Vec<Facts>,
    /// How many messages are in the queues that they were moved to, others' included.
    pub waiting: usize,
}

impl Outcome {
    /// Returns what a person is to know.
    #[must_use]
    pub fn answer(self, queue: Queue) -> Answer {
        let back = self.back.len();
        let waiting = self.waiting.min(self.moved.saturating_sub(back));
        let neither = self.moved.saturating_sub(back + waiting);
        let missed = self.meant.saturating_sub(self.moved + self.stayed);
        Answer {
            json: json!({
                "selected": self.meant, "moved": self.moved, "cameBack": self.back, "mayWait": waiting, "neither": neither,
                "stayed": self.stayed, "notFoundAgain": missed,
            }),
            text: self.text(queue, waiting, neither, missed),
            needs_person: back + waiting + self.stayed + missed > 0,
        }
    }

    fn text(&self, queue: Queue, waiting: usize, neither: usize, missed: usize) -> String {
        if self.meant == 0 {
            return format!("{} holds no such message.\n", queue.name());
        }
        let moved = counted(self.moved, self.meant, "moved");
        let mut text = match queue {
            Queue::Failed if self.moved > 0 => format!(
                "{moved}: {} back in FailedQueue, {waiting} may still wait, {neither} in neither queue\n",
                self.back.len()
            ),
            Queue::Failed => format!("{moved}\n"),
            Queue::Undelivered | Queue::Delivery => format!("{moved} to DeliveryQueue\n"),
        };
        if !self.back.is_empty() {
            text.extend(["Back in FailedQueue: ", &sums(queue, &self.back)]);
        }
        if self.stayed > 0 {
            text.extend([
                &terminal::counted(self.stayed, "message"),
                " stay: they are windows, and the stack has no reader\n",
            ]);
        }
        if missed > 0 {
            text.extend([
                &terminal::counted(missed, "message"),
                " were not found again: somebody else reads this queue. Repeat the command.\n",
            ]);
        }
        text
    }
}

/// Returns for how many of the messages that were meant something was done.
#[must_use]
pub fn counted(done: usize, meant: usize, what: &str) -> String {
    let messages = terminal::counted(meant, "message");
    if done == meant {
        format!("{messages} {what}")
    } else {
        format!("{done} of {messages} {what}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_by_id_and_not_by_content() {
        let mut moved = Moved::default();
        for id in ["a", "b"] {
            moved.push(message(id, "same"));
        }
        assert_eq!(moved.count(), 2);
        let known = BTreeSet::from(["a", "b", "old"].map(str::to_owned));
        let now = [
            message("old", "same"),
            message("c", "same"),
            message("d", "another"),
        ];
        let back: Vec<&str> = moved
            .back(&now, &known)
            .iter()
            .map(|back| back.id.as_str())
            .collect();
        assert_eq!(back, ["c"]);
    }

    #[test]
    fn the_outcome_counts_only_moved_messages_and_claims_no_processing() {
        let outcome = Outcome {
            meant: 3,
            moved: 3,
            waiting: 5000,
            back: vec![Facts {
                reason: Some("TokenRejected".to_owned()),
                ..Facts::default()
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
            meant: 400,
            moved: 170,
            ..Outcome::default()
        };
        let answer = outcome.answer(Queue::Undelivered);
        assert!(
            answer
                .text
                .starts_with("170 of 400 messages moved to DeliveryQueue\n230 messages were not found again"),
            "{}",
            answer.text
        );
        assert!(answer.needs_person);
    }

    fn message(id: &str, body: &str) -> Message {
        Message {
            id: id.to_owned(),
            body: body.to_owned(),
            ..Message::default()
        }
    }
}
