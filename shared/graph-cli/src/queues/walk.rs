//! Going through the messages of a queue without losing any, however long that takes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{failure::Failure, held::Message};

/// A queue whose messages are received, and shown to others again.
pub trait Source {
    /// Receives at most `most` messages. No message means that the queue has none to give.
    fn receive(&self, most: usize) -> impl Future<Output = Result<Vec<Message>, Failure>>;

    /// Shows messages to others again.
    fn release(&self, receipts: Vec<String>) -> impl Future<Output = ()>;
}

/// What was done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// Nothing: it is not wanted.
    Nothing,
    /// A look: it is wanted and stays.
    Look,
    /// The message itself: it is no longer in the queue.
    Message,
}

/// Hands each message of a queue to `take`, once, until `take` has had `most` that are wanted or the queue has no more. What
/// is still in the queue is shown to others again, also after a failure.
///
/// # Errors
///
/// Returns a failure of the queue or of `take`.
pub async fn walk(
    queue: &impl Source,
    most: usize,
    take: impl AsyncFnMut(Message) -> Result<Took, Failure>,
) -> Result<(), Failure> {
    let mut held = BTreeMap::new();
    let walked = hold(queue, most, take, &mut held).await;
    queue.release(held.into_values().collect()).await;
    walked
}

/// Walks, and notes in `held` the receipt of each message that is hidden from others.
async fn hold(
    queue: &impl Source,
    most: usize,
    mut take: impl AsyncFnMut(Message) -> Result<Took, Failure>,
    held: &mut BTreeMap<String, String>,
) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    let (mut wanted, mut again) = (0, 0);
    while wanted < most {
        let received = queue.receive(most.min(BATCH)).await?;
        if received.is_empty() {
            break;
        }
        // The newest receipt is the one that counts.
        held.extend(received.iter().map(|one| (one.id.clone(), one.receipt.clone())));
        for message in received {
            let id = message.id.clone();
            if !seen.insert(id.clone()) {
                again += 1;
                continue;
            }
            again = 0;
            match take(message).await? {
                Took::Nothing => {}
                Took::Look => wanted += 1,
                Took::Message => {
                    held.remove(&id);
                    wanted += 1;
                }
            }
            if wanted >= most {
                break;
            }
        }
        // What was passed over shows up again in a queue that takes long; a whole round of it means that there is no other.
        if again > seen.len() + BATCH {
            break;
        }
    }
    Ok(())
}

/// As many as SQS hands out at once.
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

    /// A queue that gives these answers, and then none.
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

    impl Source for FakeQueue {
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
        let (seen, _) = walked(&queue, usize::MAX, |_| Ok(Took::Nothing));
        assert_eq!(seen, ["a", "b"]);
        assert_eq!(*queue.released.borrow(), ["a3", "b4"]);
    }

    #[test]
    fn a_queue_that_gives_the_same_messages_for_ever_is_left() {
        let queue = FakeQueue::of(vec![vec!["a", "b"]; 1000]);
        let (seen, _) = walked(&queue, usize::MAX, |_| Ok(Took::Nothing));
        assert_eq!(seen, ["a", "b"]);
    }

    #[test]
    fn unhandled_messages_are_released_at_the_end_and_after_a_failure() {
        let queue = FakeQueue::of([vec!["a", "b", "c", "d"]]);
        let (_, result) = walked(&queue, 2, |id| {
            Ok(if id == "a" { Took::Look } else { Took::Message })
        });
        assert!(result.is_ok());
        assert_eq!(*queue.released.borrow(), ["a0", "c0", "d0"]);
        let queue = FakeQueue::of([vec!["a", "b", "c"]]);
        let (_, result) = walked(&queue, 9, |id| match id {
            "a" => Ok(Took::Message),
            _ => Err(Failure::new(Kind::Aws, "refused", "")),
        });
        assert!(result.is_err());
        assert_eq!(*queue.released.borrow(), ["b0", "c0"]);
    }

    #[test]
    fn no_more_are_asked_for_than_are_wanted() {
        for (most, asked_for) in [(3, 3), (10, 10), (usize::MAX, 10)] {
            let queue = FakeQueue::default();
            walked(&queue, most, |_| Ok(Took::Look)).1.unwrap();
            assert_eq!(*queue.asked_for.borrow(), [asked_for]);
        }
    }

    /// Walks, and returns which messages were taken.
    fn walked(
        queue: &FakeQueue,
        most: usize,
        mut took: impl FnMut(&str) -> Result<Took, Failure>,
    ) -> (Vec<String>, Result<(), Failure>) {
        let mut seen = Vec::new();
        let walk = walk(queue, most, async |message| {
            seen.push(message.id.clone());
            took(&message.id)
        });
        let Poll::Ready(result) = pin!(walk).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it waits");
        };
        (seen, result)
    }
}
