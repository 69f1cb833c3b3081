//! Visits every message of a queue once, and returns the others to the queue.

use std::collections::{BTreeMap, BTreeSet};

use crate::{failure::Failure, messages::Message};

/// A queue whose messages are received, and shown to others again.
pub trait MessageSource {
    /// Receives at most `most` messages. An empty answer means that no message is visible.
    fn receive(&self, most: usize) -> impl Future<Output = Result<Vec<Message>, Failure>>;

    /// Makes messages visible to others again.
    fn release(&self, receipts: Vec<String>) -> impl Future<Output = ()>;
}

/// What a visitor did with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visited {
    /// The message was not counted.
    Skipped,
    /// The message counts and stays in the queue.
    Kept,
    /// The message counts and is no longer in the queue.
    Removed,
}

/// Passes each message of a queue to `visit` once, until `most` of them counted or the queue has no more. Messages
/// that are still in the queue become visible again, also after a failure.
///
/// # Errors
///
/// Returns a failure of the queue or of `visit`.
pub async fn visit_messages(
    queue: &impl MessageSource,
    most: usize,
    visit: impl AsyncFnMut(Message) -> Result<Visited, Failure>,
) -> Result<(), Failure> {
    let mut hidden = BTreeMap::new();
    let visited = visit_all(queue, most, visit, &mut hidden).await;
    queue.release(hidden.into_values().collect()).await;
    visited
}

/// Visits the messages, and keeps in `hidden` the receipt of each message that others cannot see.
async fn visit_all(
    queue: &impl MessageSource,
    most: usize,
    mut visit: impl AsyncFnMut(Message) -> Result<Visited, Failure>,
    hidden: &mut BTreeMap<String, String>,
) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    let (mut counted, mut repeats) = (0, 0);
    while counted < most {
        let received = queue.receive(most.min(BATCH)).await?;
        if received.is_empty() {
            break;
        }
        // The newest receipt is the one that counts.
        hidden.extend(received.iter().map(|one| (one.id.clone(), one.receipt.clone())));
        for message in received {
            let id = message.id.clone();
            if !seen.insert(id.clone()) {
                repeats += 1;
                continue;
            }
            repeats = 0;
            match visit(message).await? {
                Visited::Skipped => {}
                Visited::Kept => counted += 1,
                Visited::Removed => {
                    hidden.remove(&id);
                    counted += 1;
                }
            }
            if counted >= most {
                break;
            }
        }
        // Skipped messages reappear while a long queue is read; a whole round of repeats means that there is no other message.
        if repeats > seen.len() + BATCH {
            break;
        }
    }
    Ok(())
}

/// The maximum of SQS for one receive.
const BATCH: usize = 10;

#[cfg(test)]
mod tests {
    use std::{
        cell::RefCell,
        collections::VecDeque,
        future::ready,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;
    use crate::failure::Kind;

    /// A queue with scripted answers.
    #[derive(Default)]
    struct FakeQueue {
        answers: RefCell<VecDeque<Vec<&'static str>>>,
        asked_for: RefCell<Vec<usize>>,
        released: RefCell<Vec<String>>,
    }

    impl FakeQueue {
        fn of(answers: impl Into<VecDeque<Vec<&'static str>>>) -> Self {
            Self {
                answers: RefCell::new(answers.into()),
                ..Self::default()
            }
        }
    }

    impl MessageSource for FakeQueue {
        fn receive(&self, most: usize) -> impl Future<Output = Result<Vec<Message>, Failure>> {
            let asked = self.asked_for.borrow().len();
            self.asked_for.borrow_mut().push(most);
            let answer = self.answers.borrow_mut().pop_front().unwrap_or_default();
            let message = |id: &str| Message {
                id: id.to_owned(),
                receipt: format!("{id}{asked}"),
                ..Message::default()
            };
            ready(Ok(answer.into_iter().map(message).collect()))
        }

        fn release(&self, receipts: Vec<String>) -> impl Future<Output = ()> {
            self.released.borrow_mut().extend(receipts);
            ready(())
        }
    }

    #[test]
    fn messages_that_show_up_again_do_not_end_the_walk() {
        let queue = FakeQueue::of([
            vec!["a"],
            vec!["a"],
            vec!["a"],
            vec!["a"],
            vec!["b"],
            vec![],
            vec!["c"],
        ]);
        let (seen, _) = visited(&queue, usize::MAX, |_| Ok(Visited::Skipped));
        assert_eq!(seen, ["a", "b"]);
        assert_eq!(*queue.released.borrow(), ["a3", "b4"]);
    }

    #[test]
    fn a_queue_that_gives_the_same_messages_for_ever_is_left() {
        let queue = FakeQueue::of(vec![vec!["a", "b"]; 1000]);
        let (seen, _) = visited(&queue, usize::MAX, |_| Ok(Visited::Skipped));
        assert_eq!(seen, ["a", "b"]);
    }

    #[test]
    fn unhandled_messages_are_released_at_the_end_and_after_a_failure() {
        let queue = FakeQueue::of([vec!["a", "b", "c", "d"]]);
        let (_, result) = visited(&queue, 2, |id| {
            Ok(if id == "a" {
                Visited::Kept
            } else {
                Visited::Removed
            })
        });
        assert!(result.is_ok());
        assert_eq!(*queue.released.borrow(), ["a0", "c0", "d0"]);
        let queue = FakeQueue::of([vec!["a", "b", "c"]]);
        let (_, result) = visited(&queue, 9, |id| match id {
            "a" => Ok(Visited::Removed),
            _ => Err(Failure::new(Kind::Aws, "refused", "")),
        });
        assert!(result.is_err());
        assert_eq!(*queue.released.borrow(), ["b0", "c0"]);
    }

    #[test]
    fn no_more_are_asked_for_than_are_wanted() {
        for (most, asked_for) in [(3, 3), (10, 10), (usize::MAX, 10)] {
            let queue = FakeQueue::default();
            visited(&queue, most, |_| Ok(Visited::Kept)).1.unwrap();
            assert_eq!(*queue.asked_for.borrow(), [asked_for]);
        }
    }

    /// Visits the messages, and returns their ids.
    fn visited(
        queue: &FakeQueue,
        most: usize,
        mut outcome: impl FnMut(&str) -> Result<Visited, Failure>,
    ) -> (Vec<String>, Result<(), Failure>) {
        let mut seen = Vec::new();
        let visits = visit_messages(queue, most, async |message| {
            seen.push(message.id.clone());
            outcome(&message.id)
        });
        let Poll::Ready(result) = pin!(visits).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it waits");
        };
        (seen, result)
    }
}
