//! What lies between the functions, in memory, and the time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use graph_edge::{
    deadline::Deadline,
    graph::GraphClient,
    http::Http,
    login::{self, NoRefreshTokens, TokenProvider},
    secrets::{SecretError, Versioned},
    signing_keys::HttpDocuments,
    sqs::{Message, Queue, Sent},
    testing::{FakeIdentity, FakeSecret, FakeSecrets},
};
use graph_simulator::Simulator;
use jiff::{SignedDuration, Timestamp};
use renewal::ports::{Clock, Document, Documents, Ports};

/// What the functions talk to.
pub struct InMemory;

impl Ports for InMemory {
    type Documents = FakeDocuments;
    type Queue = FakeQueue;
}

impl login::Ports for InMemory {
    type Clock = SimulatedClock;
    type RefreshTokens = NoRefreshTokens;
    type WebIdentity = FakeIdentity;
}

impl decryption::Ports for InMemory {
    type Secret = FakeSecret;
    type Documents = HttpDocuments;
    type Queue = FakeQueue;
}

/// Returns the client of Graph, whose time is the simulator's.
pub fn graph(simulator: &Arc<Simulator>) -> GraphClient<InMemory> {
    let (http, base) = (Http::default(), simulator.base_url());
    let clock = SimulatedClock(simulator.clone());
    let login = TokenProvider::new(http.clone(), Some(&base), NoRefreshTokens, FakeIdentity, clock);
    GraphClient::new(http, login.unwrap(), Some(&base)).unwrap()
}

/// The simulator's clock.
#[derive(Clone)]
pub struct SimulatedClock(pub Arc<Simulator>);

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Lets the time pass a thousand times as fast: calls that are made meanwhile take real time. An end that is minutes away
    /// is one that no call here lasts until.
    async fn sleep(&self, duration: Duration) {
        if duration > MAX_WAIT {
            return std::future::pending().await;
        }
        let end = self.now() + duration;
        tokio::time::sleep(duration / 1_000).await;
        self.0
            .advance(end.duration_since(self.now()).max(SignedDuration::ZERO));
    }
}

/// The longest that renewal waits within a run, for a key that may not be used yet.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// Documents in memory.
#[derive(Clone, Default)]
pub struct FakeDocuments(FakeSecrets);

impl FakeDocuments {
    /// Returns the secret that holds a document.
    pub fn get(&self, document: &str) -> FakeSecret {
        self.0.secret(document)
    }
}

impl Documents for FakeDocuments {
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
