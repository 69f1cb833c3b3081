//! Doubles of renewal's services. They share a log, which shows the order of calls.

use std::{
    collections::BTreeSet,
    future::{Ready, ready},
    sync::{Arc, Mutex},
};

use graph_core::{
    notification::{
        client_state::test_util::{client_state, sealed},
        envelope::test_util,
    },
    secrets::ClientStateDocument,
    secrets::Secret,
    subscription::{
        plan::Policy,
        rotation::Rotation,
        url::{BaseUrl, StackId},
    },
};
use graph_edge::{
    BoxError,
    clock::Clock,
    deadline::Deadline,
    graph::GraphClient,
    http::Http,
    login::{self, TokenProvider},
    metrics::Metrics,
    parameter::Stored,
    secrets::{SecretError, Source, Versioned, VersionedSecret},
    testing::{FakeIdentity, FakeQueue, FakeSecret, FakeSecrets, Scripted, VirtualClock, turn},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    CatchUp, Deps, Error, Memory, handle,
    ports::{Document, Documents, Ports},
};

mod graph;

pub(super) use self::graph::{FakeGraph, Quirk};

pub(super) type Log = Arc<Mutex<Vec<String>>>;

/// A double of all of renewal's services.
pub(super) struct World {
    pub(super) deps: Deps<Fakes>,
    pub(super) graph: Arc<FakeGraph>,
    pub(super) documents: FakeDocuments,
    pub(super) clock: VirtualClock,
    pub(super) failed_queue: Arc<FakeQueue>,
    pub(super) delivery_queue: Arc<FakeQueue>,
    pub(super) read_queue: Arc<FakeQueue>,
}

/// Doubles of every service but the client of Graph.
pub(super) struct Fakes;

impl Ports for Fakes {
    type Documents = FakeDocuments;
    type Queue = Arc<FakeQueue>;
}

impl login::Ports for Fakes {
    type Clock = VirtualClock;
    type RefreshTokens = FakeDocument;
    type WebIdentity = FakeIdentity;
}

pub(super) const NOW: &str = "2026-11-22T10:00:00Z";

/// Returns a world before the first run, with `config` in ConfigSecret. A certificate exists already, the same in all worlds:
/// making one takes longer than most runs.
pub(super) fn world(config: &Value) -> World {
    let world = empty_world(config);
    let key = test_util::key();
    let certificate = json!({
        "id": "c-20261122-test", "privateKey": key.private_key, "certificate": key.certificate, "createdAt": NOW,
    });
    let document = json!({"keys": [certificate], "trusted": []});
    world.documents.set(Document::Decryption, &document.to_string());
    world
}

/// Returns a world before the first run, which makes all keys.
pub(super) fn empty_world(config: &Value) -> World {
    let log = Log::default();
    let documents = FakeDocuments {
        log: log.clone(),
        ..FakeDocuments::default()
    };
    documents.set(Document::Config, &config.to_string());
    let clock = VirtualClock::new(NOW.parse().unwrap());
    let graph = Arc::new(FakeGraph::new(log, clock.clone()));
    World::of(graph, documents, clock)
}

impl World {
    fn of(graph: Arc<FakeGraph>, documents: FakeDocuments, clock: VirtualClock) -> Self {
        let http = Http::over(Arc::new(Scripted::new(graph.clone(), clock.clone())));
        let refresh_tokens = FakeDocument {
            documents: documents.clone(),
            document: None,
        };
        let login = TokenProvider::new(
            http.clone(),
            Some(BASE),
            refresh_tokens,
            FakeIdentity,
            clock.clone(),
        );
        let [failed_queue, delivery_queue, read_queue] = [(); 3].map(|()| Arc::<FakeQueue>::default());
        let deps = Deps {
            documents: documents.clone(),
            graph: GraphClient::new(http, login.unwrap(), Some(BASE)).unwrap(),
            clock: clock.clone(),
            failed_queue: failed_queue.clone(),
            delivery_queue: delivery_queue.clone(),
            catch_up: Some(CatchUp {
                queue: read_queue.clone(),
                back: SignedDuration::from_hours(9),
                settle: SignedDuration::ZERO,
            }),
            stack: StackId::parse("stack").unwrap(),
            notifications: BaseUrl::parse("https://our.example/notifications").unwrap(),
            lifecycle: BaseUrl::parse("https://our.example/lifecycle").unwrap(),
            policy: Policy::default(),
            rotation: Rotation::default(),
            tries: 16,
            memory: Memory::default(),
        };
        Self {
            deps,
            graph,
            documents,
            clock,
            failed_queue,
            delivery_queue,
            read_queue,
        }
    }

    /// Returns another stack beside this one, with secrets of its own.
    pub(super) fn beside(&self, config: &Value) -> Self {
        let documents = FakeDocuments::default();
        documents.set(Document::Config, &config.to_string());
        Self::of(self.graph.clone(), documents, self.clock.clone())
    }

    /// Returns another process of the same stack, which works at the same time.
    pub(super) fn another_process(&self) -> Self {
        Self::of(self.graph.clone(), self.documents.clone(), self.clock.clone())
    }

    /// Ends the process and starts another one without its memory.
    pub(super) fn restarted(self) -> Self {
        Self::of(self.graph, self.documents, self.clock)
    }

    pub(super) async fn run(&self) -> Value {
        self.invoke(serde_json::json!({})).await.unwrap()
    }

    /// Makes a scheduled run.
    pub(super) fn scheduled(&self) -> Value {
        let event = serde_json::json!({"source": "aws.scheduler"});
        self.clock
            .run(self.handle(event, &mut Metrics::default()))
            .unwrap()
    }

    pub(super) fn invoke(&self, event: Value) -> Ready<Result<Value, Error>> {
        ready(self.clock.run(self.handle(event, &mut Metrics::default())))
    }

    /// Invokes renewal, ignores its answer, and returns the metrics.
    pub(super) fn counted(&self, event: Value) -> Ready<Metrics> {
        let mut metrics = Metrics::default();
        drop(self.clock.run(self.handle(event, &mut metrics)));
        ready(metrics)
    }

    pub(super) fn invoke_until(&self, deadline: Timestamp, event: Value) -> Ready<Result<Value, Error>> {
        let mut metrics = Metrics::default();
        ready(self.clock.run(handle(event, deadline, &self.deps, &mut metrics)))
    }

    /// Handles an event as AWS Lambda would, with a quarter of an hour for it.
    pub(super) async fn handle(&self, event: Value, metrics: &mut Metrics) -> Result<Value, Error> {
        let deadline = self.clock.now() + jiff::SignedDuration::from_mins(15);
        handle(self.proven(event), deadline, &self.deps, metrics).await
    }

    /// Adds to the items of a batch the client state that Graph would return, unless the test has set one.
    pub(super) fn proven(&self, mut event: Value) -> Value {
        let Ok(document) =
            serde_json::from_value::<ClientStateDocument>(self.documents.json(Document::ClientState))
        else {
            return event;
        };
        for record in event
            .get_mut("Records")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let body = serde_json::from_str::<Value>(record["body"].as_str().unwrap_or_default());
            let Ok(mut body) = body else { continue };
            // A test has given it one.
            if body.get("seal").is_some() {
                continue;
            }
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            let (tenant_id, client_id, name) = (text("tenantId"), text("clientId"), text("subscription"));
            let client_state = client_state(&document.keys[0], (&tenant_id, &client_id), &name, false);
            let item = body["item"].as_object_mut().unwrap();
            item.entry("clientState").or_insert(client_state.into());
            for digest in ["id", "partitionKey"] {
                body[digest] = "digest".into();
            }
            record["body"] = sealed(&document.keys[0], &body.to_string()).into();
        }
        event
    }

    /// Returns the events for consumers.
    pub(super) fn told(&self) -> Vec<Value> {
        let stored = self.delivery_queue.stored();
        stored
            .iter()
            .map(|message| serde_json::from_str(&message.body).unwrap())
            .collect()
    }

    /// Returns the windows for the reader.
    pub(super) fn windows(&self) -> Vec<Value> {
        let stored = self.read_queue.stored();
        stored
            .iter()
            .map(|message| serde_json::from_str(&message.body).unwrap())
            .collect()
    }

    /// Returns the log since the last call.
    pub(super) fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.graph.log.lock().unwrap())
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct FakeDocuments {
    log: Log,
    secrets: FakeSecrets,
    pub(super) is_down: Arc<Mutex<bool>>,
    /// The secrets whose current version is bytes.
    binary: Arc<Mutex<BTreeSet<Document>>>,
    /// The secrets that cannot be read.
    unreadable: Arc<Mutex<BTreeSet<Document>>>,
    /// Whether Secrets Manager accepts calls and never answers.
    pub(super) hangs: Arc<Mutex<bool>>,
    /// From when on it does so, by a clock.
    pub(super) hangs_from: Arc<Mutex<Option<(VirtualClock, Timestamp)>>>,
    /// The versions of `StateParameter`.
    states: Arc<Mutex<Vec<String>>>,
    /// What another process writes into `StateParameter` before each of the next writes.
    pub(super) other_states: Arc<Mutex<Vec<String>>>,
    /// The deadlines of all reads and writes of `StateParameter`.
    pub(super) deadlines: Arc<Mutex<Vec<Deadline>>>,
    /// Whether `StateParameter` cannot be read.
    pub(super) hides_state: Arc<Mutex<bool>>,
    /// Whether earlier versions of `ConfigSecret` cannot be read.
    pub(super) hides_versions: Arc<Mutex<bool>>,
}

impl FakeDocuments {
    /// Removes the stored state of the last look at all subscriptions.
    pub(super) fn forget_state(&self) {
        self.states.lock().unwrap().push("{}".to_owned());
    }

    pub(super) fn set_state(&self, text: String) {
        self.states.lock().unwrap().push(text);
    }

    /// Returns `StateParameter`.
    pub(super) fn state(&self) -> String {
        let last = self.states.lock().unwrap().last().cloned();
        last.unwrap_or_else(|| "{}".to_owned())
    }

    pub(super) fn set(&self, document: Document, text: &str) {
        self.fake(document).set(text);
    }

    /// Writes a version that is bytes and not text.
    pub(super) fn set_binary(&self, document: Document) {
        self.set(document, "");
        self.binary.lock().unwrap().insert(document);
    }

    /// Lets nobody read the secret from now on.
    pub(super) fn hide(&self, document: Document) {
        self.unreadable.lock().unwrap().insert(document);
    }

    pub(super) fn json(&self, document: Document) -> Value {
        self.text(document)
            .map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    }

    pub(super) fn text(&self, document: Document) -> Option<String> {
        self.fake(document).text()
    }

    /// Returns `RefreshTokenSecret`.
    pub(super) fn refresh_tokens(&self) -> FakeSecret {
        self.secrets.secret("RefreshTokens")
    }

    pub(super) fn fake(&self, document: Document) -> FakeSecret {
        self.secrets.secret(&format!("{document:?}"))
    }
}

impl Documents for FakeDocuments {
    type Secret = FakeDocument;

    fn secret(&self, document: Document) -> FakeDocument {
        FakeDocument {
            documents: self.clone(),
            document: Some(document),
        }
    }

    async fn read_previous(&self) -> Result<Option<Versioned>, SecretError> {
        turn().await;
        Ok(self.fake(Document::Config).previous())
    }

    async fn read_version(&self, version_id: &str) -> Result<Option<Versioned>, SecretError> {
        turn().await;
        if *self.hides_versions.lock().unwrap() {
            return Err(SecretError::Unavailable("down".into()));
        }
        Ok(self.fake(Document::Config).version(version_id))
    }

    async fn read_state(&self, deadline: Deadline) -> Result<Stored, BoxError> {
        self.deadlines.lock().unwrap().push(deadline);
        if *self.hides_state.lock().unwrap() {
            return Err("down".into());
        }
        Ok(Stored {
            value: self.state(),
            version: self.states.lock().unwrap().len().try_into()?,
        })
    }

    async fn read_earlier_state(&self, version: u64, deadline: Deadline) -> Result<Stored, BoxError> {
        self.deadlines.lock().unwrap().push(deadline);
        turn().await;
        let value = self.states.lock().unwrap()[usize::try_from(version)? - 1].clone();
        Ok(Stored { value, version })
    }

    async fn write_state(&self, text: &str, deadline: Deadline) -> Result<u64, BoxError> {
        self.deadlines.lock().unwrap().push(deadline);
        let mut states = self.states.lock().unwrap();
        states.extend(self.other_states.lock().unwrap().pop());
        states.push(text.to_owned());
        Ok(states.len().try_into()?)
    }
}

/// A secret whose calls take a turn, so that runs meet, and whose writes are logged: a document, or `RefreshTokenSecret`.
pub(super) struct FakeDocument {
    documents: FakeDocuments,
    document: Option<Document>,
}

impl FakeDocument {
    fn secret(&self) -> FakeSecret {
        let documents = &self.documents;
        self.document
            .map_or_else(|| documents.refresh_tokens(), |document| documents.fake(document))
    }

    fn hangs(&self) -> bool {
        let from = self.documents.hangs_from.lock().unwrap();
        let has_begun = from.as_ref().is_some_and(|(clock, from)| clock.now() >= *from);
        has_begun || self.document.is_some() && *self.documents.hangs.lock().unwrap()
    }
}

impl Source for FakeDocument {
    fn name(&self) -> &'static str {
        "FakeDocument"
    }

    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        turn().await;
        if self.hangs() {
            std::future::pending::<()>().await;
        }
        let Some(document) = self.document else {
            return self.secret().read().await;
        };
        let is_hidden = self.documents.unreadable.lock().unwrap().contains(&document);
        if is_hidden || *self.documents.is_down.lock().unwrap() {
            return Err(SecretError::Unavailable("down".into()));
        }
        if self.documents.binary.lock().unwrap().contains(&document) {
            return Err(SecretError::Binary);
        }
        self.secret().read().await
    }
}

impl VersionedSecret for FakeDocument {
    async fn write(&self, text: &Secret<String>, based_on: Option<&str>) -> Result<(), SecretError> {
        turn().await;
        self.secret().write(text, based_on).await?;
        let line = self.document.map(|document| format!("write {document:?}"));
        self.documents.log.lock().unwrap().extend(line);
        Ok(())
    }
}

const BASE: &str = "https://graph.test";
