//! Visits every message of a queue once, and returns the others to the queue.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::{
    failure::Failure,
    messages::{
        Message,
        unseen::{Cause, Unseen},
    },
};

/// A queue whose messages are received, and shown to others again.
pub trait MessageSource {
    /// Receives at most `most` messages. An empty answer says nothing of messages that are hidden.
    fn receive(&self, most: usize) -> impl Future<Output = Result<Vec<Message>, Failure>>;

    /// Returns about how many messages the queue holds, visible or not.
    fn held(&self) -> impl Future<Output = Result<usize, Failure>>;

    /// Makes messages visible to others again.
    fn release(&self, receipts: Vec<String>) -> impl Future<Output = ()>;
}

/// How far a visit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The visit ends when as many messages counted.
    most: usize,
    /// The visit ends after as many empty answers in a row.
    empty_answers: usize,
}

impl Extent {
    /// Returns a visit of the messages that are visible at the moment, until `most` of them counted.
    #[must_use]
    pub fn visible(most: usize) -> Self {
        Self {
            most,
            empty_answers: 1,
        }
    }

    /// Returns a visit of the whole queue, until `most` of its messages counted, for a person who only looks.
    #[must_use]
    pub fn brief(most: usize) -> Self {
        Self {
            most,
            empty_answers: FEW_EMPTY_ANSWERS,
        }
    }

    /// Returns a visit of the whole queue, until `most` of its messages counted. What others hide is waited for.
    #[must_use]
    pub fn whole(most: usize) -> Self {
        Self {
            most,
            empty_answers: EMPTY_ANSWERS,
        }
    }
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

/// Passes each message of a queue to `visit` once, those of one answer at the same time, and returns which messages were not
/// reached. Messages that are still in the queue become visible again, also after a failure.
///
/// # Errors
///
/// Returns a failure of a receive or of `visit`. A count that fails is only not known.
pub async fn visit_messages(
    queue: &impl MessageSource,
    extent: Extent,
    visit: impl AsyncFn(Message) -> Result<Visited, Failure>,
) -> Result<Unseen, Failure> {
    let mut hidden = BTreeMap::new();
    let visited = visit_all(queue, extent, visit, &mut hidden).await;
    queue.release(hidden.into_values().collect()).await;
    visited
}

/// Visits the messages, and keeps in `hidden` the receipt of each message that others cannot see.
async fn visit_all(
    queue: &impl MessageSource,
    extent: Extent,
    visit: impl AsyncFn(Message) -> Result<Visited, Failure>,
    hidden: &mut BTreeMap<String, String>,
) -> Result<Unseen, Failure> {
    let mut seen = BTreeSet::new();
    let (mut counted, mut repeats, mut empty) = (0, 0, 0);
    let cause = loop {
        if counted >= extent.most {
            break Cause::Enough;
        }
        // SQS shows no other message until one of these is gone or visible again. This bounds the memory as well.
        if hidden.len() >= MAX_IN_FLIGHT {
            break Cause::InFlight;
        }
        let received = queue.receive(extent.most.min(BATCH)).await?;
        if received.is_empty() {
            // The counts of SQS come late, and what another reader hides comes back: a few more looks tell.
            empty += 1;
            if empty >= extent.empty_answers || queue.held().await.is_ok_and(|held| held <= hidden.len()) {
                break Cause::Hidden;
            }
            continue;
        }
        empty = 0;
        // The newest receipt is the one that counts.
        hidden.extend(received.iter().map(|one| (one.id.clone(), one.receipt.clone())));
        repeats += received.len();
        let is_new = |message: &Message| seen.insert(message.id.clone());
        let mut new: Vec<Message> = received.into_iter().filter(is_new).collect();
        while counted < extent.most && !new.is_empty() {
            repeats = 0;
            // Thousands of messages are worked off ten at once. More than are wanted are never begun.
            let some = new.drain(..new.len().min(extent.most - counted));
            let visits = some.map(|message| async { (message.id.clone(), visit(message).await) });
            let mut failure = None;
            for (id, visited) in join_all(visits).await {
                match visited {
                    Ok(Visited::Skipped) => {}
                    Ok(Visited::Kept) => counted += 1,
                    Ok(Visited::Removed) => {
                        hidden.remove(&id);
                        counted += 1;
                    }
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
        // Skipped messages reappear while a long queue is read; after a whole round of repeats the others are out of sight.
        if repeats > seen.len() + BATCH {
            break Cause::Hidden;
        }
    };
    let held = queue.held().await.ok();
    let count = held.map(|held| held.saturating_sub(hidden.len()));
    Ok(Unseen { count, cause })
}

/// The maximum of SQS for one receive.
const BATCH: usize = 10;

/// How many messages of a queue can be received and not deleted (Amazon SQS, *message quotas*).
const MAX_IN_FLIGHT: usize = 120_000;

/// Each empty answer takes a second, and the counts of SQS are right after a minute (Amazon SQS, `GetQueueAttributes`).
const EMPTY_ANSWERS: usize = 60;

/// As many as a person waits for who can repeat the command.
const FEW_EMPTY_ANSWERS: usize = 10;

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        collections::VecDeque,
        future::{poll_fn, ready},
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;
    use crate::failure::Kind;

    /// A queue with scripted answers.
    #[derive(Default)]
    struct FakeQueue {
        answers: RefCell<VecDeque<Vec<String>>>,
        held: usize,
        is_uncounted: bool,
        asked_for: RefCell<Vec<usize>>,
        released: RefCell<Vec<String>>,
    }

    impl FakeQueue {
        fn of<const ANSWERS: usize>(answers: [Vec<&str>; ANSWERS], held: usize) -> Self {
            let owned = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect();
            Self {
                answers: RefCell::new(answers.into_iter().map(owned).collect()),
                held,
                ..Self::default()
            }
        }
    }

    impl MessageSource for FakeQueue {
        fn receive(&self, most: usize) -> impl Future<Output = Result<Vec<Message>, Failure>> {
            let asked = self.asked_for.borrow().len();
            self.asked_for.borrow_mut().push(most);
            let answer = self.answers.borrow_mut().pop_front().unwrap_or_default();
            let message = |id: String| Message {
                receipt: format!("{id}{asked}"),
                id,
                ..Message::default()
            };
            ready(Ok(answer.into_iter().map(message).collect()))
        }

        fn held(&self) -> impl Future<Output = Result<usize, Failure>> {
            let held = (!self.is_uncounted).then_some(self.held);
            ready(held.ok_or_else(|| Failure::new(Kind::Aws, "throttled", "")))
        }

        fn release(&self, receipts: Vec<String>) -> impl Future<Output = ()> {
            self.released.borrow_mut().extend(receipts);
            ready(())
        }
    }

    #[test]
    fn messages_that_show_up_again_do_not_end_the_walk() {
        let answers = [
            vec!["a"],
            vec!["a"],
            vec!["a"],
            vec!["a"],
            vec!["b"],
            vec![],
            vec!["c"],
        ];
        let queue = FakeQueue::of(answers, 2);
        let (seen, unseen) = visited(&queue, Extent::whole(usize::MAX), |_| Ok(Visited::Skipped));
        assert_eq!((seen.join(""), unseen.unwrap().count), ("ab".to_owned(), Some(0)));
        assert_eq!(*queue.released.borrow(), ["a3", "b4"]);
    }

    #[test]
    fn an_empty_answer_ends_no_visit_of_a_queue_that_holds_more() {
        // The others become visible again, and two stay out of sight.
        for (held, not_reached) in [(3, 0), (5, 2)] {
            let queue = FakeQueue::of([vec!["a", "b"], vec![], vec![], vec!["c"]], held);
            let (seen, unseen) = visited(&queue, Extent::whole(usize::MAX), |_| Ok(Visited::Kept));
            let (count, cause) = (Some(not_reached), Cause::Hidden);
            assert_eq!(
                (seen.join(""), unseen.unwrap()),
                ("abc".to_owned(), Unseen { count, cause })
            );
        }
        let queue = FakeQueue::of([vec!["a"], vec![], vec!["b"]], 5);
        let (seen, _) = visited(&queue, Extent::visible(usize::MAX), |_| Ok(Visited::Kept));
        assert_eq!(seen, ["a"]);
    }

    #[test]
    fn a_count_that_cannot_be_had_ends_no_visit_and_fails_none() {
        let queue = FakeQueue {
            is_uncounted: true,
            ..FakeQueue::of([vec!["a"], vec![], vec!["b"]], 0)
        };
        let (seen, unseen) = visited(&queue, Extent::whole(usize::MAX), |_| Ok(Visited::Kept));
        let unseen = unseen.expect("what was seen is not lost");
        assert_eq!((seen.join(""), unseen.count), ("ab".to_owned(), None));
    }

    #[test]
    fn a_visit_says_how_many_messages_sqs_could_not_show() {
        let ids: Vec<String> = (0..MAX_IN_FLIGHT).map(|id| format!("{id}")).collect();
        let answers = || RefCell::new(ids.chunks(BATCH).map(<[String]>::to_vec).collect());
        for (visited_as, cause) in [
            (Visited::Skipped, Cause::InFlight),
            (Visited::Kept, Cause::InFlight),
            (Visited::Removed, Cause::Hidden),
        ] {
            let queue = FakeQueue {
                answers: answers(),
                held: 200_000,
                ..FakeQueue::default()
            };
            let (_, unseen) = visited(&queue, Extent::whole(usize::MAX), |_| Ok(visited_as));
            let unseen = unseen.unwrap();
            assert_eq!(unseen.cause, cause);
            let hidden = queue.released.borrow().len();
            assert_eq!(unseen.count, Some(200_000 - hidden), "{visited_as:?}");
        }
    }

    #[test]
    fn a_queue_that_gives_the_same_messages_for_ever_is_left() {
        let queue = FakeQueue::of([0; 1000].map(|_| vec!["a", "b"]), 9);
        let (seen, unseen) = visited(&queue, Extent::whole(usize::MAX), |_| Ok(Visited::Skipped));
        assert_eq!((seen.join(""), unseen.unwrap().count), ("ab".to_owned(), Some(7)));
    }

    #[test]
    fn unhandled_messages_are_released_at_the_end_and_after_a_failure() {
        let queue = FakeQueue::of([vec!["a", "b", "c", "d"]], 3);
        let (_, result) = visited(&queue, Extent::whole(2), |id| {
            Ok(if id == "a" {
                Visited::Kept
            } else {
                Visited::Removed
            })
        });
        assert_eq!(
            result.unwrap(),
            Unseen {
                count: Some(0),
                cause: Cause::Enough
            }
        );
        assert_eq!(*queue.released.borrow(), ["a0", "c0", "d0"]);
        let queue = FakeQueue::of([vec!["a", "b", "c"]], 3);
        let (_, result) = visited(&queue, Extent::whole(9), |id| match id {
            "a" => Ok(Visited::Removed),
            _ => Err(Failure::new(Kind::Aws, "refused", "")),
        });
        assert!(result.is_err());
        assert_eq!(*queue.released.borrow(), ["b0", "c0"]);
    }

    #[test]
    fn messages_of_one_answer_are_visited_at_the_same_time() {
        let queue = FakeQueue::of([vec!["a", "b", "c", "d"]], 1);
        let begun = Cell::new(0);
        let visits = visit_messages(&queue, Extent::whole(3), async |_| {
            begun.update(|count| count + 1);
            // None ends before the third has begun, and the fourth is not wanted.
            poll_fn(|_| match begun.get() {
                3 => Poll::Ready(Ok(Visited::Removed)),
                _ => Poll::Pending,
            })
            .await
        });
        let mut visits = pin!(visits);
        let mut context = Context::from_waker(Waker::noop());
        assert!((0..4).any(|_| visits.as_mut().poll(&mut context).is_ready()));
        assert_eq!(
            (begun.get(), queue.released.borrow().concat()),
            (3, "d0".to_owned())
        );
    }

    #[test]
    fn no_more_are_asked_for_than_are_wanted() {
        for (most, asked_for) in [(3, 3), (10, 10), (usize::MAX, 10)] {
            let queue = FakeQueue::default();
            visited(&queue, Extent::whole(most), |_| Ok(Visited::Kept))
                .1
                .unwrap();
            assert_eq!(*queue.asked_for.borrow(), [asked_for]);
        }
    }

    /// Visits the messages, and returns their ids.
    fn visited(
        queue: &FakeQueue,
        extent: Extent,
        outcome: impl Fn(&str) -> Result<Visited, Failure>,
    ) -> (Vec<String>, Result<Unseen, Failure>) {
        let seen = RefCell::default();
        let visits = visit_messages(queue, extent, async |message| {
            let visited = outcome(&message.id);
            Vec::push(&mut seen.borrow_mut(), message.id);
            visited
        });
        let Poll::Ready(result) = pin!(visits).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it waits");
        };
        (seen.into_inner(), result)
    }
}
