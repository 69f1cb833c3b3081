//! What lies between the functions, in memory, and the time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use graph_edge::{
    deadline::Deadline,
    login::Sts,
    secrets::{SecretError, StoredSecret, Versioned},
    sqs::{Message, Queue, Sent},
    testing::{FakeSecret, FakeSecrets},
};
use graph_simulator::Simulator;
use jiff::Timestamp;
use renewal::ports::{Clock, Document, Documents, Ports};

/// What renewal talks to.
pub struct InMemory;

impl Ports for InMemory {
    type Documents = Shelf;
    type Clock = SimulatedClock;
    type RefreshTokens = StoredSecret;
    type WebIdentity = Sts;
    type Queue = FakeQueue;
}

/// The simulator's clock.
#[derive(Clone)]
pub struct SimulatedClock(pub Arc<Simulator>);

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Lets the time pass at once. An end that is minutes away is one that no call here lasts until.
    async fn sleep(&self, duration: Duration) {
        if duration > LONGEST_WAIT {
            return std::future::pending().await;
        }
        self.0.advance(duration.try_into().unwrap());
    }
}

/// The longest that renewal waits within a run, for a key that may not be used yet.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Documents in memory.
#[derive(Clone, Default)]
pub struct Shelf(FakeSecrets);

impl Shelf {
    /// Returns the secret that holds a document.
    pub fn get(&self, document: &str) -> FakeSecret {
        self.0.secret(document)
    }
}

impl Documents for Shelf {
    type Secret = FakeSecret;

    fn secret(&self, document: Document) -> FakeSecret {
        self.get(&format!("{document:?}"))
    }

    async fn read_previous(&self) -> Result<Option<Versioned>, SecretError> {
        Ok(None)
    }
}

/// A queue in memory.
#[derive(Clone, Default)]
pub struct FakeQueue(Arc<Mutex<Vec<Message>>>);

impl FakeQueue {
    /// Returns what is stored.
    pub fn bodies(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap()
            .iter()
            .map(|message| message.body.clone())
            .collect()
    }

    /// Returns why what is stored has failed.
    pub fn reasons(&self) -> Vec<&'static str> {
        self.0
            .lock()
            .unwrap()
            .iter()
            .filter_map(|message| message.reason)
            .collect()
    }
}

impl Queue for FakeQueue {
    async fn send<T: Send>(&self, messages: Vec<(T, Message)>, _: Deadline) -> Sent<T> {
        let mut sent = Sent::default();
        for (note, message) in messages {
            self.0.lock().unwrap().push(message);
            sent.stored.push(note);
        }
        sent
    }
}
