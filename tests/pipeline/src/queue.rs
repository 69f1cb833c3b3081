//! Amazon SQS between the functions: what a function does not finish comes again, and in the end is moved to FailedQueue.

use std::sync::Arc;

use graph_edge::{sqs::Message, testing::FakeQueue};
use serde_json::{Value, json};

/// A queue whose messages a function gets.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) queue: Arc<FakeQueue>,
    /// How often the function is to finish a message; it gets the message once more.
    pub(crate) tries: u32,
    batch: usize,
    waiting: Vec<Waiting>,
    taken: usize,
}

/// A message that is not finished.
#[derive(Debug)]
struct Waiting {
    id: String,
    message: Message,
    received: u32,
}

impl Source {
    pub(crate) fn new(queue: &Arc<FakeQueue>, tries: u32, batch: usize) -> Self {
        Self {
            queue: Arc::clone(queue),
            tries,
            batch,
            waiting: Vec::new(),
            taken: 0,
        }
    }

    /// Takes what was sent to the queue, and returns it for counting.
    pub(crate) fn collect(&mut self) -> Vec<Message> {
        let sent = self.queue.take();
        for message in &sent {
            self.taken += 1;
            self.waiting.push(Waiting {
                id: format!("m{}", self.taken),
                message: message.clone(),
                received: 0,
            });
        }
        sent
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Returns the events with all messages, each handed over once more.
    pub(crate) fn batches(&mut self) -> Vec<Value> {
        for one in &mut self.waiting {
            one.received += 1;
        }
        let batches = self.waiting.chunks(self.batch);
        batches
            .map(|batch| json!({"Records": batch.iter().map(Waiting::record).collect::<Vec<_>>()}))
            .collect()
    }

    /// Removes what is finished, and returns what SQS moves to FailedQueue.
    pub(crate) fn settle(&mut self, unfinished: &[String]) -> Vec<Message> {
        self.waiting.retain(|one| unfinished.contains(&one.id));
        let tries = self.tries;
        let used_up = self.waiting.extract_if(.., |one| one.received > tries);
        used_up.map(|one| one.message).collect()
    }
}

impl Waiting {
    fn record(&self) -> Value {
        json!({
            "messageId": self.id, "body": self.message.body, "eventSource": "aws:sqs",
            "attributes": {"ApproximateReceiveCount": self.received.to_string()},
        })
    }
}
