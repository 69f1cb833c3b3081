//! The function as a process.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use graph_core::{
    notification::{client_state::ClientStateKeys, seal::seal},
    secrets::{ClientStateDocument, Secret},
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
    sqs::{Message, Queue, Sent},
    testing::{FakeIdentity, FakeSecret, FakeSecrets, VirtualClock},
};
use jiff::{SignedDuration, Timestamp};
use renewal::{
    CatchUp, Deps, Memory,
    ports::{Document, Documents, Ports},
};
use serde_json::{Value, json};

use super::{
    faults::RunFault,
    microsoft::Microsoft,
    missed::{GapEvent, Told},
};

/// What all processes of the function share.
pub(super) struct Environment {
    pub(super) clock: VirtualClock,
    pub(super) microsoft: Microsoft,
    secrets: FakeSecrets,
    /// `StateParameter`.
    state: Arc<Mutex<Stored>>,
    delivered: EventCounter,
    http: Http,
    policy: Policy,
}

impl Environment {
    pub(super) fn new(
        clock: VirtualClock,
        microsoft: Microsoft,
        secrets: FakeSecrets,
        policy: Policy,
    ) -> Self {
        Self {
            http: Http::over(Arc::new(microsoft.clone())),
            clock,
            microsoft,
            secrets,
            state: Arc::default(),
            delivered: EventCounter::default(),
            policy,
        }
    }

    /// Returns a new process without memory of earlier ones.
    pub(super) fn process(&self) -> Process {
        let store = Store {
            secrets: self.secrets.clone(),
            is_down: Arc::default(),
            state: Arc::clone(&self.state),
        };
        let login = TokenProvider::new(
            self.http.clone(),
            Some(BASE),
            store.secret_for("RefreshTokens"),
            FakeIdentity,
            self.clock.clone(),
        );
        let graph = GraphClient::new(self.http.clone(), login.expect("a URL"), Some(BASE));
        Process(Deps {
            documents: store,
            graph: graph.expect("a URL"),
            clock: self.clock.clone(),
            failed_queue: self.delivered.clone(),
            delivery_queue: self.delivered.clone(),
            catch_up: Some(CatchUp {
                queue: self.delivered.clone(),
                back: CATCH_UP,
                settle: SignedDuration::ZERO,
            }),
            stack: StackId::parse("stack").expect("a stack"),
            notifications: BaseUrl::parse("https://our.test/notifications").expect("a URL"),
            lifecycle: BaseUrl::parse("https://our.test/lifecycle").expect("a URL"),
            policy: self.policy,
            rotation: Rotation::default(),
            tries: super::lifecycle::MAX_RECEIVES,
            memory: Memory::default(),
        })
    }

    /// Writes another configuration, as a person does.
    pub(super) fn configure(&self, config: &Value) {
        self.secrets.secret("Config").set(config.to_string());
    }

    /// Returns the ids of the client-state keys.
    pub(super) fn client_state_keys(&self) -> BTreeSet<String> {
        let document = client_state_document(&self.secrets);
        document.keys.iter().map(|key| key.id.clone()).collect()
    }

    /// Returns how many events consumers received, by type.
    pub(super) fn delivered_by_type(&self) -> BTreeMap<String, u64> {
        self.delivered
            .events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns what renewal told consumers and the reader about gaps.
    pub(super) fn told(&self) -> Told {
        let told = self.delivered.told.lock();
        told.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes a run that was killed.
    pub(super) fn note_killed(&self, begun: Timestamp, took: SignedDuration) {
        let told = self.delivered.told.lock();
        let mut told = told.unwrap_or_else(PoisonError::into_inner);
        told.killed.push((begun, begun + took));
    }
}

/// A process of the function.
pub(super) struct Process(Deps<Doubles>);

/// Doubles of everything but the client of Graph.
pub(super) struct Doubles;

impl Ports for Doubles {
    type Documents = Store;
    type Queue = EventCounter;
}

impl login::Ports for Doubles {
    type Clock = VirtualClock;
    type RefreshTokens = FlakySecret;
    type WebIdentity = FakeIdentity;
}

/// The result of a run.
#[derive(Debug, Default)]
pub(super) struct RunResult {
    /// Its report, unless it did not finish.
    pub(super) report: Option<Value>,
    /// How long it took.
    pub(super) took: SignedDuration,
}

impl RunResult {
    /// Returns whether the report says that something failed.
    pub(super) fn says_failed(&self) -> bool {
        self.report.as_ref().is_some_and(|report| report["failed"] != 0)
    }

    /// Returns what the report says about failures.
    pub(super) fn failures(&self) -> String {
        let Some(report) = &self.report else {
            return "nothing".to_owned();
        };
        let of = |part: &str| report[part].as_array().cloned().unwrap_or_default();
        let parts = ["problems", "tenants", "subscriptions", "forEach"]
            .map(of)
            .concat();
        let is_failure = |line: &Value| {
            line["error"].is_string() || line["severity"] == "error" || line["failed"].as_u64() > Some(0)
        };
        let first = parts.into_iter().find(|line| is_failure(line));
        format!("failed {}, {}", report["failed"], first.unwrap_or_default())
    }

    /// Returns whether the run did everything that was due.
    pub(super) fn is_complete(&self) -> bool {
        self.report
            .as_ref()
            .is_some_and(|report| report["failed"] == 0 && report["unfinished"] == 0)
    }
}

impl Process {
    /// Starts a scheduled run.
    pub(super) async fn scheduled(&self, fault: RunFault, kill_after: Duration) -> RunResult {
        if fault == RunFault::Skipped {
            return RunResult::default();
        }
        let begun = self.0.clock.now();
        self.0
            .documents
            .is_down
            .store(fault == RunFault::WithoutSecrets, Ordering::Relaxed);
        let run = pin!(self.handle(json!({"source": "aws.scheduler"})));
        let report = if fault == RunFault::Killed {
            match select(run, pin!(self.0.clock.sleep(kill_after))).await {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => None,
            }
        } else {
            run.await
        };
        RunResult {
            report,
            took: self.0.clock.now().duration_since(begun),
        }
    }

    /// Handles an event, and returns the answer if there is one. Messages are sealed as the webhook seals them.
    pub(super) async fn handle(&self, mut event: Value) -> Option<Value> {
        self.0.documents.seal(&mut event, self.0.clock.now());
        let deadline = self.0.clock.now() + SignedDuration::from_mins(15);
        renewal::handle(event, deadline, &self.0, &mut Metrics::default())
            .await
            .ok()
    }
}

/// Secrets Manager, which one process may be unable to reach for a while.
#[derive(Clone, Debug)]
pub(super) struct Store {
    secrets: FakeSecrets,
    is_down: Arc<AtomicBool>,
    state: Arc<Mutex<Stored>>,
}

impl Documents for Store {
    type Secret = FlakySecret;

    fn secret(&self, document: Document) -> FlakySecret {
        self.secret_for(&format!("{document:?}"))
    }

    async fn read_previous(&self) -> Result<Option<Versioned>, SecretError> {
        Ok(self.secret_for("Config").available()?.previous())
    }

    async fn read_state(&self, _: Deadline) -> Result<Stored, BoxError> {
        Ok(self.state.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn write_state(&self, text: &str, _: Deadline) -> Result<u64, BoxError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        text.clone_into(&mut state.value);
        state.version += 1;
        Ok(state.version)
    }
}

impl Store {
    /// Seals the messages in an event.
    fn seal(&self, event: &mut Value, now: Timestamp) {
        let Some(records) = event.get_mut("Records").and_then(Value::as_array_mut) else {
            return;
        };
        let (keys, _) = ClientStateKeys::parse(&client_state_document(&self.secrets));
        for body in records.iter_mut().filter_map(|record| record.get_mut("body")) {
            let sealed = body.as_str().and_then(|text| seal(text, &keys, now).ok());
            *body = sealed.into();
        }
    }

    fn secret_for(&self, name: &str) -> FlakySecret {
        FlakySecret {
            secret: self.secrets.secret(name),
            is_down: Arc::clone(&self.is_down),
        }
    }
}

/// Returns the content of `ClientStateSecret`.
fn client_state_document(secrets: &FakeSecrets) -> ClientStateDocument {
    let text = secrets.secret("ClientState").text();
    text.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// A secret that the process may be unable to reach for a while.
#[derive(Clone, Debug)]
pub(super) struct FlakySecret {
    secret: FakeSecret,
    is_down: Arc<AtomicBool>,
}

impl FlakySecret {
    fn available(&self) -> Result<&FakeSecret, SecretError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(SecretError::Unavailable("down".into()));
        }
        Ok(&self.secret)
    }
}

impl Source for FlakySecret {
    fn name(&self) -> &str {
        self.secret.name()
    }

    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        self.available()?.read().await
    }
}

impl VersionedSecret for FlakySecret {
    async fn write(&self, text: &Secret<String>, based_on: Option<&str>) -> Result<(), SecretError> {
        self.available()?.write(text, based_on).await
    }
}

/// A queue that counts events by type, and keeps what they and the windows say.
#[derive(Clone, Debug, Default)]
pub(super) struct EventCounter {
    events: Arc<Mutex<BTreeMap<String, u64>>>,
    told: Arc<Mutex<Told>>,
}

impl Queue for EventCounter {
    async fn send<T: Send>(&self, messages: Vec<(T, Message)>, _: Deadline) -> Sent<T> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sent = Sent::default();
        for (note, message) in messages {
            if let Ok(window) = serde_json::from_str(&message.body) {
                told.windows.push(window);
            } else {
                let event: Value = serde_json::from_str(&message.body).unwrap_or_default();
                let event_type = event["type"].as_str().unwrap_or("others");
                told.events.extend(gap_event(&event["data"]));
                *events.entry(event_type.to_owned()).or_default() += 1;
            }
            sent.stored.push(note);
        }
        sent
    }
}

/// Returns what an event says about a gap.
fn gap_event(data: &Value) -> Option<GapEvent> {
    let text = |name: &str| data[name].as_str();
    Some(GapEvent {
        tenant_id: text("tenantId")?.to_owned(),
        resource: text("resource")?.to_owned(),
        from: text("lostFrom").and_then(|from| from.parse().ok()),
        until: text("lostUntil")?.parse().ok()?,
    })
}

/// The most bytes of a secret (AWS Secrets Manager, *quotas*).
pub(super) const MAX_SECRET_BYTES: usize = 65_536;

const BASE: &str = "https://graph.test";

/// `CatchUpHours` (template.yaml).
const CATCH_UP: SignedDuration = SignedDuration::from_hours(9);
