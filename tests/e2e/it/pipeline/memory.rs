//! What lies between the functions, in memory, and the time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use graph_core::secrets::Secret;
use graph_edge::{
    deadline::Deadline,
    documents::Source,
    login::{RefreshTokenSecret, Sts},
    secrets::{SecretError, Versioned},
    sqs::{Message, Queue, Sent},
};
use graph_simulator::Simulator;
use jiff::Timestamp;
use renewal::ports::{Clock, Document, Documents, Ports};

/// What renewal talks to.
pub struct InMemory;

impl Ports for InMemory {
    type Documents = Shelf;
    type Clock = SimulatedClock;
    type RefreshTokens = RefreshTokenSecret;
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

/// Documents in memory, each with the number of its version.
#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<BTreeMap<String, (String, usize)>>>);

impl Shelf {
    /// Returns a document and the number of its version.
    pub fn get(&self, document: &str) -> Option<(String, usize)> {
        self.0.lock().unwrap().get(document).cloned()
    }

    /// Writes a new version.
    pub fn put(&self, document: &str, text: &str) {
        let mut held = self.0.lock().unwrap();
        let version = held.get(document).map_or(0, |(_, version)| version + 1);
        held.insert(document.to_owned(), (text.to_owned(), version));
    }

    /// Returns a document as another function reads it.
    pub fn reader(&self, document: &'static str) -> OnShelf {
        OnShelf(self.clone(), document)
    }
}

impl Documents for Shelf {
    async fn read(&self, document: Document) -> Result<Option<Versioned>, SecretError> {
        Ok(self
            .get(&format!("{document:?}"))
            .map(|(text, version)| Versioned {
                text: Secret::new(text),
                version_id: version.to_string(),
            }))
    }

    async fn read_previous(&self, _: Document) -> Result<Option<Versioned>, SecretError> {
        Ok(None)
    }

    async fn write(
        &self,
        document: Document,
        text: &Secret<String>,
        based_on: Option<&str>,
    ) -> Result<(), SecretError> {
        let name = format!("{document:?}");
        if self.get(&name).map(|(_, version)| version.to_string()).as_deref() != based_on {
            return Err(SecretError::Conflict);
        }
        self.put(&name, text.expose());
        Ok(())
    }
}

/// One document, as another function reads it.
pub struct OnShelf(Shelf, &'static str);

impl Source for OnShelf {
    fn name(&self) -> &str {
        self.1
    }

    async fn read(&self) -> Result<Option<Secret<String>>, SecretError> {
        Ok(self.0.get(self.1).map(|(text, _)| Secret::new(text)))
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
