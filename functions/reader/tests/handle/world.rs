//! Reader with everything around it in memory.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lambda_events::sqs::SqsEvent;
use graph_core::{
    application::test_util::application,
    notification::client_state::{Proven, test_util},
    read::{Request, Window},
    secrets::ClientStateKeyEntry,
    subscription::config::{Config, Tenant},
};
use graph_edge::{
    clock::Clock,
    deadline::Deadline,
    documents::{CachedDocument, client_state_keys},
    graph::ReadAnswer,
    metrics::Metrics,
    testing::{FakeClock, FakeQueue, FakeSecret},
};
use jiff::{SignedDuration, Timestamp};
use reader::{
    Deps, Memory, handle,
    ports::{GraphReader, Ports},
};
use serde_json::{Value, json};

pub(super) const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub(super) const CLIENT: &str = "66666666-7777-8888-9999-000000000000";

/// The present, and so many minutes before it.
pub(super) fn ago(minutes: i64) -> Timestamp {
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    now - SignedDuration::from_mins(minutes)
}

/// A clock in which time passes only by sleeping.
#[derive(Clone, Debug, Default)]
pub(super) struct TestClock(FakeClock);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        ago(0) + SignedDuration::try_from(self.0.slept()).unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}

/// Microsoft Graph, with its answers in order.
#[derive(Debug, Default)]
pub(super) struct FakeGraph {
    answers: Mutex<VecDeque<ReadAnswer>>,
    asked: Mutex<Vec<(Request, bool)>>,
    max_bytes: Mutex<Vec<usize>>,
    /// What the path of a read that is never answered contains.
    hangs_on: Mutex<Option<&'static str>>,
    /// What the path of a read that always fails contains.
    fails_on: Mutex<Option<&'static str>>,
    at_once: Mutex<AtOnce>,
}

/// How many reads are under way, and the most that were.
#[derive(Debug, Default)]
struct AtOnce {
    now: usize,
    most: usize,
}

impl GraphReader for FakeGraph {
    async fn read(
        &self,
        tenant: &Tenant,
        request: &Request,
        immutable_ids: bool,
        max_bytes: usize,
    ) -> ReadAnswer {
        self.max_bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(max_bytes);
        assert_eq!(tenant.application, application((TENANT, CLIENT)));
        {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.push((request.clone(), immutable_ids));
        }
        self.count(|at_once| {
            at_once.now += 1;
            at_once.most = at_once.most.max(at_once.now);
        });
        let hangs_on = *self.hangs_on.lock().unwrap_or_else(PoisonError::into_inner);
        if hangs_on.is_some_and(|text| request.path.contains(text)) {
            pending::<()>().await;
        }
        let fails_on = *self.fails_on.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = if fails_on.is_some_and(|text| request.path.contains(text)) {
            ReadAnswer::Unavailable
        } else {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.pop_front().unwrap_or(ReadAnswer::Unavailable)
        };
        // Others that want to read at the same time do.
        tokio::task::yield_now().await;
        self.count(|at_once| at_once.now -= 1);
        answer
    }
}

impl FakeGraph {
    fn count(&self, change: impl FnOnce(&mut AtOnce)) {
        change(&mut self.at_once.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Doubles of everything around the reader.
pub(super) struct Doubles;

impl Ports for Doubles {
    type Secret = &'static FakeSecret;
    type Graph = FakeGraph;
    type Clock = TestClock;
    type Queue = FakeQueue;
}

/// Reader and everything around it.
pub(super) struct World {
    config: &'static FakeSecret,
    pub(super) deps: Deps<Doubles>,
}

impl World {
    /// Returns a reader with these entries, whose name is `one` and so on.
    pub(super) fn new(subscriptions: &Value) -> Self {
        let leaked = |text: String| -> &'static FakeSecret { Box::leak(Box::new(FakeSecret::new(text))) };
        let keys = serde_json::to_string(&test_util::document(vec![key()], &[(TENANT, CLIENT)])).unwrap();
        let config = leaked(configuration(subscriptions));
        Self {
            config,
            deps: Deps {
                config: CachedDocument::new(config, |text| {
                    Ok(Config::parse(text).map_err(|problem| problem.to_string())?.0)
                }),
                client_states: CachedDocument::new(leaked(keys), client_state_keys),
                graph: FakeGraph::default(),
                clock: TestClock::default(),
                delivery_queue: FakeQueue::default(),
                failed_queue: FakeQueue::default(),
                read_queue: FakeQueue::default(),
                memory: Memory::default(),
                tries: 10,
            },
        }
    }

    /// Has a person write other entries into ConfigSecret.
    pub(super) fn configure(&self, subscriptions: &Value) {
        self.config.set(configuration(subscriptions));
    }

    /// Has a person write this text into ConfigSecret.
    pub(super) fn configure_text(&self, text: &str) {
        self.config.set(text);
    }

    /// Returns the reader with a ClientStateSecret that nothing has been written into.
    pub(super) fn without_keys(mut self) -> Self {
        let empty: &'static FakeSecret = Box::leak(Box::new(FakeSecret::new("{}")));
        self.deps.client_states = CachedDocument::new(empty, client_state_keys);
        self
    }

    /// Has Microsoft Graph answer so.
    pub(super) fn answers(self, answers: impl IntoIterator<Item = ReadAnswer>) -> Self {
        self.deps.graph.answers.lock().unwrap().extend(answers);
        self
    }

    /// Has Microsoft Graph never answer a read whose path contains `text`.
    pub(super) fn hangs_on(self, text: &'static str) -> Self {
        *self.deps.graph.hangs_on.lock().unwrap() = Some(text);
        self
    }

    /// Has Microsoft Graph fail at each read whose path contains `text`.
    pub(super) fn fails_on(self, text: &'static str) -> Self {
        *self.deps.graph.fails_on.lock().unwrap() = Some(text);
        self
    }

    /// Returns how many reads were under way at once, at the most.
    pub(super) fn most_at_once(&self) -> usize {
        self.deps.graph.at_once.lock().unwrap().most
    }

    /// Returns what Microsoft Graph was asked for: paths and queries, or links.
    pub(super) fn asked(&self) -> Vec<String> {
        let asked = self.deps.graph.asked.lock().unwrap();
        let line = |(request, _): &(Request, bool)| {
            request
                .link
                .clone()
                .unwrap_or_else(|| format!("{}?{}", request.path, request.query))
        };
        asked.iter().map(line).collect()
    }

    /// Returns whether each request was for ids that stay.
    pub(super) fn immutable(&self) -> Vec<bool> {
        self.deps
            .graph
            .asked
            .lock()
            .unwrap()
            .iter()
            .map(|(_, immutable)| *immutable)
            .collect()
    }

    /// Returns the version of the API of each request.
    pub(super) fn versions(&self) -> Vec<&'static str> {
        let asked = self.deps.graph.asked.lock().unwrap();
        asked
            .iter()
            .map(|(request, _)| request.version.as_str())
            .collect()
    }

    /// Returns how much of each answer was to be read at the most.
    pub(super) fn max_bytes(&self) -> Vec<usize> {
        self.deps.graph.max_bytes.lock().unwrap().clone()
    }

    pub(super) async fn read(&self, bodies: &[&str]) -> Vec<String> {
        self.read_at_try(bodies, 1).await
    }

    /// Processes messages at the so many'th try and returns the ids of those to try again; the first has the id `m0`.
    pub(super) async fn read_at_try(&self, bodies: &[&str], tried: u32) -> Vec<String> {
        let metrics = &mut Metrics::default();
        self.count_at_try(bodies, tried, metrics).await
    }

    /// Processes messages, each at the so many'th try.
    pub(super) async fn read_at_tries(&self, messages: &[(&str, u32)]) -> Vec<String> {
        let deadline = Deadline::after(Duration::from_secs(200));
        self.handle(messages, deadline, &mut Metrics::default()).await
    }

    /// Does so, and counts on `metrics`.
    pub(super) async fn count_at_try(
        &self,
        bodies: &[&str],
        tried: u32,
        metrics: &mut Metrics,
    ) -> Vec<String> {
        let deadline = Deadline::after(Duration::from_secs(200));
        self.handle(&at_try(bodies, tried), deadline, metrics).await
    }

    /// Does so with so many milliseconds before the time that is kept for storing.
    pub(super) async fn read_within(&self, bodies: &[&str], tried: u32, milliseconds: u64) -> Vec<String> {
        let deadline = Deadline::after(Duration::from_millis(5_000 + milliseconds));
        self.handle(&at_try(bodies, tried), deadline, &mut Metrics::default())
            .await
    }

    async fn handle(
        &self,
        messages: &[(&str, u32)],
        deadline: Deadline,
        metrics: &mut Metrics,
    ) -> Vec<String> {
        let record = |(index, (body, tried)): (usize, &(&str, u32))| {
            let attributes = json!({"ApproximateReceiveCount": tried.to_string()});
            json!({"messageId": format!("m{index}"), "body": body, "attributes": attributes})
        };
        let records: Vec<Value> = messages.iter().enumerate().map(record).collect();
        let event: SqsEvent = serde_json::from_value(json!({"Records": records})).unwrap();
        let response = handle(event, &self.deps, deadline, metrics).await;
        let ids = response.batch_item_failures.into_iter();
        ids.map(|failure| failure.item_identifier).collect()
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, time: Duration) {
        self.deps.clock.sleep(time).await;
    }

    /// Returns how much time has passed.
    pub(super) fn slept(&self) -> Duration {
        self.deps.clock.0.slept()
    }

    /// Returns the delivered events.
    pub(super) fn delivered(&self) -> Vec<Value> {
        let messages = self.deps.delivery_queue.take().into_iter();
        messages
            .map(|message| serde_json::from_str(&message.body).unwrap())
            .collect()
    }

    /// Returns the bodies in `ReadQueue`, and how long each is kept back.
    pub(super) fn queued(&self) -> Vec<(String, i32)> {
        let messages = self.deps.read_queue.take().into_iter();
        messages
            .map(|message| (message.body.clone(), message.delay_seconds()))
            .collect()
    }

    /// Returns the attributes of the messages in FailedQueue.
    pub(super) fn kept(&self) -> Vec<Vec<(&'static str, String)>> {
        let messages = self.deps.failed_queue.take().into_iter();
        let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
        messages
            .map(|message| message.attributes().map(owned).collect())
            .collect()
    }

    /// Returns why messages are in FailedQueue.
    pub(super) fn failed(&self) -> Vec<&'static str> {
        let messages = self.deps.failed_queue.take().into_iter();
        messages.map(|message| message.reason.unwrap()).collect()
    }
}

fn at_try<'a>(bodies: &[&'a str], tried: u32) -> Vec<(&'a str, u32)> {
    bodies.iter().map(|body| (*body, tried)).collect()
}

/// Returns a configuration with these entries.
fn configuration(subscriptions: &Value) -> String {
    let config = json!({
        "tenants": {"contoso": {
            "tenantId": TENANT, "clientId": CLIENT, "credential": {"clientSecret": "s"},
        }},
        "subscriptions": subscriptions,
    });
    config.to_string()
}

/// Returns the body of a window of the last two hours.
pub(super) fn window(resource: &str, gap: &str) -> String {
    let owner = Proven {
        application: application((TENANT, CLIENT)),
        subscription: "one".to_owned(),
    };
    let window = Window {
        gap: Some(gap.to_owned()),
        ..Window::without_gap(&owner, resource.to_owned(), ago(120), ago(0))
    };
    sealed(&serde_json::to_string(&window).unwrap())
}

/// Returns the message with an item of the subscription `one`.
pub(super) fn item(item: &Value) -> String {
    let mut item = item.clone();
    if item.get("clientState").is_none() {
        item["clientState"] = json!(test_util::client_state(&key(), (TENANT, CLIENT), "one", false).unwrap());
    }
    let message = json!({
        "subscription": "one", "tenantId": TENANT, "clientId": CLIENT, "id": "i".repeat(43),
        "partitionKey": "p".repeat(22), "receivedAt": ago(1), "fetchesContent": true, "item": item,
    });
    sealed(&message.to_string())
}

/// Returns a message as the function that sends it seals it.
pub(super) fn sealed(body: &str) -> String {
    test_util::sealed(&key(), body)
}

/// Returns a message without its seal.
pub(super) fn unsealed(body: &str) -> String {
    let (said, _) = body.rsplit_once(",\"seal\"").unwrap();
    format!("{said}}}")
}

/// Returns an answer with a page of a list.
pub(super) fn page(items: &Value, next: Option<&str>) -> ReadAnswer {
    let mut page = json!({"value": items});
    if let Some(next) = next {
        page["@odata.nextLink"] = json!(next);
    }
    ReadAnswer::Body(page.to_string().into_bytes())
}

/// Returns a mail as a list shows it, created and changed so many minutes ago.
pub(super) fn mail(id: &str, created: i64, changed: i64) -> Value {
    json!({"id": id, "@odata.etag": format!("W/\"{id}\""), "createdDateTime": ago(created), "lastModifiedDateTime": ago(changed)})
}

fn key() -> ClientStateKeyEntry {
    test_util::key("k1", 7)
}
