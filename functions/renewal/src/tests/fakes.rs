//! Doubles of what renewal talks to. They share a log, so that the order of what it does can be seen.

use std::{
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use getrandom::SysRng;
use graph_core::{
    secret::Secret,
    subscription::{plan::Policy, rotation::Rotation, url::Origin},
};
use graph_edge::{
    metrics::Sheet,
    secrets::{SecretError, Versioned},
    testing::{FakeQueue, FakeSecrets},
};
use jiff::Timestamp;
use rand_core::UnwrapErr;
use serde_json::Value;

use crate::{
    Deps, Error, Memory, handle,
    ports::{Clock, Document, Documents},
};

mod graph;

pub(super) use self::graph::FakeGraph;

pub(super) type Log = Arc<Mutex<Vec<String>>>;

/// All doubles together.
pub(super) type World = Deps<FakeDocuments, FakeGraph, FakeClock, FakeQueue, UnwrapErr<SysRng>>;

pub(super) const NOW: &str = "2026-11-22T10:00:00Z";

/// Returns a world in which nothing has been done yet, with `config` in ConfigSecret.
pub(super) fn world(config: &Value) -> World {
    let log = Log::default();
    let documents = FakeDocuments {
        log: log.clone(),
        ..FakeDocuments::default()
    };
    documents.set(Document::Config, &config.to_string());
    Deps {
        documents,
        graph: FakeGraph::logging_to(log.clone()),
        clock: FakeClock {
            now: Mutex::new(NOW.parse().unwrap()),
            log,
        },
        failed_queue: FakeQueue::default(),
        delivery_queue: FakeQueue::default(),
        rng: Mutex::new(UnwrapErr(SysRng)),
        notifications: Origin::parse("https://our.example/notifications").unwrap(),
        lifecycle: Origin::parse("https://our.example/lifecycle").unwrap(),
        policy: Policy::default(),
        rotation: Rotation::default(),
        memory: Memory::default(),
    }
}

impl World {
    pub(super) async fn run(&self) -> Value {
        self.invoke(serde_json::json!({})).await.unwrap()
    }

    pub(super) async fn invoke(&self, event: Value) -> Result<Value, Error> {
        let deadline = self.clock.now() + jiff::SignedDuration::from_mins(15);
        self.invoke_until(deadline, event).await
    }

    /// Invokes, whatever comes of it, and returns what was counted.
    pub(super) async fn counted(&self, event: Value) -> Sheet {
        let (deadline, mut sheet) = (
            self.clock.now() + jiff::SignedDuration::from_mins(15),
            Sheet::default(),
        );
        drop(handle(event, deadline, self, &mut sheet).await);
        sheet
    }

    pub(super) async fn invoke_until(&self, deadline: Timestamp, event: Value) -> Result<Value, Error> {
        handle(event, deadline, self, &mut Sheet::default()).await
    }

    /// Returns the events that consumers were sent.
    pub(super) fn told(&self) -> Vec<Value> {
        let stored = self.delivery_queue.stored();
        stored
            .iter()
            .map(|message| serde_json::from_str(&message.body).unwrap())
            .collect()
    }

    /// Returns what was done since the last look.
    pub(super) fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.graph.log.lock().unwrap())
    }
}

#[derive(Default)]
pub(super) struct FakeDocuments {
    log: Log,
    secrets: FakeSecrets,
    /// What another run writes just before us.
    pub(super) rival: Mutex<Option<(Document, String)>>,
    pub(super) is_down: Mutex<bool>,
}

impl FakeDocuments {
    pub(super) fn set(&self, document: Document, text: &str) {
        self.secrets.set(&format!("{document:?}"), text);
    }

    pub(super) fn json(&self, document: Document) -> Value {
        self.text(document)
            .map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    }

    pub(super) fn text(&self, document: Document) -> Option<String> {
        self.secrets.text(&format!("{document:?}"))
    }
}

impl Documents for FakeDocuments {
    async fn read(&self, document: Document) -> Result<Option<Versioned>, SecretError> {
        turn().await;
        if *self.is_down.lock().unwrap() {
            return Err(SecretError::Unavailable("down".into()));
        }
        Ok(self.secrets.read(&format!("{document:?}")))
    }

    async fn write(
        &self,
        document: Document,
        text: &Secret<String>,
        based_on: Option<&str>,
    ) -> Result<(), SecretError> {
        turn().await;
        let name = format!("{document:?}");
        let rival = self
            .rival
            .lock()
            .unwrap()
            .take_if(|(rivals, _)| *rivals == document);
        if let Some((_, text)) = rival {
            self.secrets.write(&name, &text, based_on).unwrap();
        }
        self.secrets.write(&name, text.expose(), based_on)?;
        self.log.lock().unwrap().push(format!("write {document:?}"));
        Ok(())
    }
}

/// Lets others have their turn before a call.
async fn turn() {
    let mut is_over = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A clock in which time passes only by sleeping.
pub(super) struct FakeClock {
    pub(super) now: Mutex<Timestamp>,
    log: Log,
}

impl FakeClock {
    pub(super) fn advance(&self, minutes: i64) {
        *self.now.lock().unwrap() += jiff::SignedDuration::from_mins(minutes);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        *self.now.lock().unwrap() += duration;
        self.log
            .lock()
            .unwrap()
            .push(format!("sleep {} s", duration.as_secs()));
    }
}
