//! All functions of a stack in one process, with the services of AWS and Microsoft in memory: for what holds of all functions
//! together.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test that cannot set itself up has failed"
)]

pub mod any;
mod doubles;
mod functions;
mod graph;
mod queue;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use graph_core::{
    application::test_util::application,
    cloud::Cloud,
    notification::{
        envelope::test_util::{SystemRng, seal},
        tokens::testing::{SIGNER, claims_v2},
    },
    secrets::{DecryptionDocument, TrustedTenant},
};
use graph_edge::{
    clock::Clock,
    deadline::Deadline,
    metrics::Metrics,
    sqs::Message,
    testing::{FakeLogin, FakeQueue, VirtualClock, Written},
};
use jiff::Timestamp;
use lambda_http::{Body, Request};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

pub use self::{
    doubles::{FlakySecret, StackDocuments},
    graph::Graph,
};
use self::{functions::Functions, queue::Source};

/// The application of all tenants.
pub const CLIENT: &str = "66666666-7777-8888-9999-000000000000";

/// The user of the entry `fetched`.
pub const USER: &str = "4f3c6a1e-2d57-4b90-8f3c-6a1e2d574b90";

/// A stack after its first run of renewal.
pub struct Stack {
    /// The time.
    pub clock: VirtualClock,
    /// Microsoft Graph.
    pub graph: Arc<Graph>,
    /// The login service, which publishes signing keys.
    pub login: FakeLogin,
    /// The secrets and the state.
    pub documents: StackDocuments,
    /// The queues.
    pub queues: Queues,
    /// The events that consumers have.
    pub delivered: Vec<Message>,
    /// What is in FailedQueue.
    pub failed: Vec<Message>,
    /// What was written into each queue, and into the logs of each function.
    pub traffic: BTreeMap<&'static str, Traffic>,
    functions: Functions,
    sources: BTreeMap<Function, Source>,
    runtime: Runtime,
    written: Written,
}

/// The queues of a stack.
#[derive(Clone, Debug, Default)]
pub struct Queues {
    /// NotificationQueue.
    pub notification: Arc<FakeQueue>,
    /// LifecycleQueue.
    pub lifecycle: Arc<FakeQueue>,
    /// `ReadQueue`.
    pub read: Arc<FakeQueue>,
    /// DeliveryQueue.
    pub delivery: Arc<FakeQueue>,
    /// FailedQueue.
    pub failed: Arc<FakeQueue>,
}

/// A function that has a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Function {
    Decryption,
    Reader,
    Renewal,
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many messages or lines.
    pub count: usize,
    /// How many bytes, attributes and groups included.
    pub bytes: usize,
}

impl Stack {
    /// Returns a stack for so many tenants.
    #[must_use]
    pub fn new(tenants: usize) -> Self {
        static PREPARED: LazyLock<Mutex<BTreeMap<usize, Prepared>>> = LazyLock::new(Mutex::default);
        let mut prepared = PREPARED.lock().unwrap();
        let prepared = prepared.entry(tenants).or_insert_with(|| Prepared::new(tenants));
        Self::of(prepared)
    }

    fn of(prepared: &Prepared) -> Self {
        let clock = VirtualClock::new(prepared.now);
        let graph = Arc::new(Graph::new(prepared.subscriptions.clone()));
        let login = FakeLogin::new(SIGNER.jwks());
        let documents = prepared.documents();
        let queues = Queues::default();
        let functions = Functions::new(&clock, &graph, &login, &documents, &queues);
        let sources = BTreeMap::from([
            (Function::Decryption, Source::new(&queues.notification, 10, 10)),
            (Function::Reader, Source::new(&queues.read, 10, 10)),
            (Function::Renewal, Source::new(&queues.lifecycle, 16, 500)),
        ]);
        Self {
            clock,
            graph,
            login,
            documents,
            queues,
            delivered: Vec::new(),
            failed: Vec::new(),
            traffic: BTreeMap::new(),
            functions,
            sources,
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            written: Written::start(),
        }
    }

    /// Returns the client state that Graph has for a subscription.
    #[must_use]
    pub fn client_state(&self, name: &str) -> String {
        let subscriptions = self.graph.subscriptions();
        let mut states = subscriptions
            .iter()
            .map(|(_, one)| one["clientState"].as_str().unwrap_or_default().to_owned());
        let start = format!("{name}.");
        states.find(|state| state.starts_with(&start)).unwrap()
    }

    /// Returns Graph's id of a subscription.
    #[must_use]
    pub fn id(&self, name: &str) -> String {
        let state = self.client_state(name);
        let subscriptions = self.graph.subscriptions();
        let mut all = subscriptions.iter().map(|(_, one)| one);
        let one = all.find(|one| one["clientState"] == state.as_str());
        one.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// Returns the content that Graph encrypts for this stack.
    #[must_use]
    pub fn encrypted(&self, content: &str) -> Value {
        let text = self.documents.decryption.secret.text().unwrap();
        let document: DecryptionDocument = serde_json::from_str(&text).unwrap();
        seal(content.as_bytes(), &document.keys[0], &mut SystemRng)
    }

    /// Returns a validation token of Microsoft's for a tenant.
    #[must_use]
    pub fn token(&self, tenant: usize) -> String {
        let tenant = TrustedTenant {
            application: application((&tenant_id(tenant), CLIENT)),
            cloud: Cloud::Global,
        };
        SIGNER.token(&claims_v2(&tenant, self.clock.now()))
    }

    /// Gives a POST to the webhook, and returns the status of its answer.
    pub fn post(&mut self, path: &str, body: impl Into<Vec<u8>>) -> u16 {
        let request = Request::new(Body::Binary(body.into()));
        let (mut parts, body) = request.into_parts();
        parts.method = lambda_http::http::Method::POST;
        parts.uri = format!("https://host{path}").parse().unwrap();
        let request = Request::from_parts(parts, body);
        let mut metrics = Metrics::default();
        let (webhook, now) = (&self.functions.webhook, self.clock.now());
        let answer = webhook::handle(request, webhook, now, soon(), &mut metrics);
        let status = self.run(answer).status().as_u16();
        self.count("webhook's log");
        self.collect();
        status
    }

    /// Gives each function its messages until none is left, and at most so many times.
    pub fn run_to_the_end(&mut self, turns: usize) {
        for _ in 0..turns {
            if self.is_quiet() {
                return;
            }
            self.turn();
        }
    }

    /// Returns whether no message waits.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.sources.values().all(Source::is_empty)
    }

    /// Gives each function its messages once, and lets time pass until SQS hands over again what they did not finish.
    pub fn turn(&mut self) {
        for function in [Function::Decryption, Function::Renewal, Function::Reader] {
            let batches = self.sources.get_mut(&function).unwrap().batches();
            let mut unfinished = Vec::new();
            for batch in batches {
                unfinished.extend(self.hand_over(function, batch));
            }
            self.count(function.log());
            let used_up = self.sources.get_mut(&function).unwrap().settle(&unfinished);
            self.failed.extend(used_up);
            self.collect();
        }
        self.clock.advance(20);
    }

    /// Has AWS Lambda start every function afresh.
    pub fn restart(&mut self) {
        self.functions = Functions::new(
            &self.clock,
            &self.graph,
            &self.login,
            &self.documents,
            &self.queues,
        );
    }

    /// Moves all of FailedQueue back to NotificationQueue, as an operator does.
    pub fn move_back(&mut self) {
        for message in std::mem::take(&mut self.failed) {
            self.run(async {
                graph_edge::sqs::Queue::send(&self.queues.notification, vec![((), message)], soon()).await
            });
        }
        self.collect();
    }

    /// Returns how much was written into a queue or a log.
    #[must_use]
    pub fn traffic(&self, what: &str) -> Traffic {
        self.traffic.get(what).copied().unwrap_or_default()
    }

    fn hand_over(&self, function: Function, batch: Value) -> Vec<String> {
        let mut metrics = Metrics::default();
        let functions = &self.functions;
        match function {
            Function::Decryption => {
                let event = serde_json::from_value(batch).unwrap();
                let now = self.clock.now();
                let answer = decryption::handle(event, &functions.decryption, now, soon(), &mut metrics);
                functions::unfinished(self.run(answer))
            }
            Function::Reader => {
                let event = serde_json::from_value(batch).unwrap();
                let answer = reader::handle(event, &functions.reader, soon(), &mut metrics);
                functions::unfinished(self.run(answer))
            }
            Function::Renewal => {
                let answer = functions::invoke(&functions.renewal, &self.clock, batch, &mut metrics);
                functions::unfinished(serde_json::from_value(self.run(answer)).unwrap())
            }
        }
    }

    fn run<F: Future>(&self, future: F) -> F::Output {
        // Deadlines need a runtime.
        let _inside = self.runtime.enter();
        self.clock.run(future)
    }

    /// Takes what was sent to the queues.
    fn collect(&mut self) {
        for (function, source) in &mut self.sources {
            add(&mut self.traffic, function.queue(), &source.collect());
        }
        let (delivered, failed) = (self.queues.delivery.take(), self.queues.failed.take());
        add(&mut self.traffic, "DeliveryQueue", &delivered);
        add(&mut self.traffic, "FailedQueue", &failed);
        self.delivered.extend(delivered);
        self.failed.extend(failed);
    }

    /// Counts what was written into the log since the last call.
    fn count(&mut self, log: &'static str) {
        let text = self.written.take();
        let traffic = self.traffic.entry(log).or_default();
        traffic.count += text.lines().count();
        traffic.bytes += text.len();
    }
}

impl Function {
    fn queue(self) -> &'static str {
        match self {
            Self::Decryption => "NotificationQueue",
            Self::Reader => "ReadQueue",
            Self::Renewal => "LifecycleQueue",
        }
    }

    fn log(self) -> &'static str {
        match self {
            Self::Decryption => "decryption's log",
            Self::Reader => "reader's log",
            Self::Renewal => "renewal's log",
        }
    }
}

/// Returns the id of a tenant.
#[must_use]
pub fn tenant_id(number: usize) -> String {
    format!("11111111-2222-3333-4444-{number:012}")
}

/// Returns the members of an event.
#[must_use]
pub fn event(message: &Message) -> Value {
    serde_json::from_str(&message.body).unwrap()
}

fn add(traffic: &mut BTreeMap<&'static str, Traffic>, queue: &'static str, messages: &[Message]) {
    let traffic = traffic.entry(queue).or_default();
    traffic.count += messages.len();
    for message in messages {
        let attributes = message.attributes().map(|(name, value)| name.len() + value.len());
        traffic.bytes += message.body.len() + message.group().map_or(0, str::len) + attributes.sum::<usize>();
    }
}

/// What the first run of renewal writes.
struct Prepared {
    config: String,
    client_states: String,
    decryption: String,
    subscriptions: Vec<(String, Value)>,
    now: Timestamp,
}

impl Prepared {
    fn new(tenants: usize) -> Self {
        let blank = Self {
            config: configuration(tenants).to_string(),
            client_states: String::new(),
            decryption: String::new(),
            subscriptions: Vec::new(),
            now: "2026-11-22T10:00:00Z".parse().unwrap(),
        };
        let stack = Stack::of(&blank);
        let mut metrics = Metrics::default();
        let (renewal, event) = (&stack.functions.renewal, json!({"source": "aws.scheduler"}));
        let report = stack.run(functions::invoke(renewal, &stack.clock, event, &mut metrics));
        assert_eq!(report["failed"], json!(0), "{report}");
        let text = |secret: &FlakySecret| secret.secret.text().unwrap();
        Self {
            client_states: text(&stack.documents.client_states),
            decryption: text(&stack.documents.decryption),
            subscriptions: stack.graph.subscriptions(),
            now: stack.clock.now(),
            config: blank.config,
        }
    }

    fn documents(&self) -> StackDocuments {
        let secret = |text: &String| {
            if text.is_empty() {
                FlakySecret::default()
            } else {
                FlakySecret::new(text.clone())
            }
        };
        StackDocuments {
            config: secret(&self.config),
            client_states: secret(&self.client_states),
            decryption: secret(&self.decryption),
            ..StackDocuments::default()
        }
    }
}

/// Returns a configuration: in the first tenant entries of each kind, and in the others one each.
fn configuration(tenants: usize) -> Value {
    let mut config = json!({
        "tenants": {},
        "subscriptions": {
            "chat": {"tenant": "t0", "resource": "/chats/getAllMessages", "changeType": "created", "includeResourceData": true},
            "fetched": {"tenant": "t0", "resource": format!("/users/{USER}/messages"), "changeType": "created", "fetchContent": true},
            "mail": {"tenant": "t0", "resource": "/users/1/messages", "changeType": "created"},
            "drive": {"tenant": "t0", "resource": "/drives/1/root", "changeType": "updated", "fetchContent": true},
        }
    });
    for number in 0..tenants {
        config["tenants"][format!("t{number}")] = json!({
            "tenantId": tenant_id(number), "clientId": CLIENT, "credential": {"clientSecret": "s"}
        });
        if number > 0 {
            config["subscriptions"][format!("chat{number}")] = json!({
                "tenant": format!("t{number}"), "resource": "/chats/getAllMessages", "changeType": "created",
                "includeResourceData": true
            });
        }
    }
    config
}

pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_mins(5))
}
