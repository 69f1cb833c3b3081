//! The outcome of messages that were moved back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Message, MessageSummary, Queue, sums};
use crate::{Answer, terminal};

/// Messages by their id, with their bodies.
#[derive(Debug, Default)]
pub struct Moved(BTreeMap<String, String>);

impl Moved {
    /// Adds a moved message.
    pub fn push(&mut self, message: Message) {
        self.0.insert(message.id, message.body);
    }

    /// Returns the number of moved messages.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the messages that returned to a queue. `known` are the ids of the messages that were there before.
    #[must_use]
    pub fn back<'m>(&self, messages: &'m [Message], known: &BTreeSet<String>) -> Vec<&'m Message> {
        let bodies: BTreeSet<&String> = self.0.values().collect();
        let is_back = |message: &&Message| !known.contains(&message.id) && bodies.contains(&message.body);
        // A copy that Graph sent meanwhile looks the same.
        messages.iter().filter(is_back).take(self.count()).collect()
    }
}

/// The outcome of a move.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Number of selected messages.
    pub selected: usize,
    /// Number of moved messages.
    pub moved: usize,
    /// Number of windows that were left, because the stack has no reader.
    pub stayed: usize,
    /// The messages that came back.
    pub back: Vec<MessageSummary>,
    /// Number of messages in the destination queues, other messages included.
    pub waiting: usize,
}

impl Outcome {
    /// Returns the outcome as text for a person.
    #[must_use]
    pub fn answer(self, queue: Queue) -> Answer {
        let back = self.back.len();
        let waiting = self.waiting.min(self.moved.saturating_sub(back));
        let neither = self.moved.saturating_sub(back + waiting);
        let missed = self.selected.saturating_sub(self.moved + self.stayed);
        Answer {
            json: json!({
                "selected": self.selected, "moved": self.moved, "cameBack": self.back, "mayWait": waiting, "neither": neither,
                "stayed": self.stayed, "notFoundAgain": missed,
            }),
            text: self.text(queue, waiting, neither, missed),
            needs_person: back + waiting + self.stayed + missed > 0,
        }
    }

    fn text(&self, queue: Queue, waiting: usize, neither: usize, missed: usize) -> String {
        if self.selected == 0 {
            return format!("{} holds no such message.\n", queue.name());
        }
        let moved = done_of_selected(self.moved, self.selected, "moved");
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
                " were not moved: they are windows, and the stack has no reader\n",
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
