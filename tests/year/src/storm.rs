//! A storm of gaps: how close the reader comes to the time that Graph's limits force, and who has to wait. In virtual
//! time.
//!
//! Two instances of the reader, as in the template, take batches of ten from `ReadQueue`. Only the virtual clock
//! advances, so no deadline by the machine's clock, such as the end of a turn, is ever reached.

mod lists;
mod queue;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use futures_util::future;
use graph_core::{
    application::{
        Guid,
        test_util::{application, guid},
    },
    notification::client_state::{Proven, test_util},
    read::Window,
    subscription::config::Config,
};
use graph_edge::{
    clock::Clock,
    deadline::Deadline,
    documents::{CachedDocument, client_state_keys},
    graph::GraphClient,
    http::Http,
    login::{self, NoRefreshTokens, TokenProvider},
    metrics::Metrics,
    sqs::{Message, Queue, Sent},
    testing::{FakeIdentity, FakeSecret, VirtualClock},
};
use jiff::{SignedDuration, Timestamp};
use reader::{Deps, Memory, ports::Ports};
use serde_json::{Value, json};

use self::{lists::Lists, queue::FairQueue};
use crate::START;

/// Doubles of the services that the reader and the client of Graph use.
struct Doubles;

impl login::Ports for Doubles {
    type Clock = VirtualClock;
    type RefreshTokens = NoRefreshTokens;
    type WebIdentity = FakeIdentity;
}

/// The result of a storm.
#[derive(Clone, Debug)]
pub struct Storm {
    /// The storm's description.
    pub what: String,
    /// How much time passed until the last gap was read.
    pub took: SignedDuration,
    /// How much time Graph's limits force.
    pub forced: SignedDuration,
    /// How many gaps were read completely.
    pub complete: usize,
    /// How many reads arrived.
    pub reads: u64,
    /// How many of them were over Graph's limits.
    pub over: usize,
    /// How long the gap of another tenant waited, which came in the middle.
    pub other: SignedDuration,
    /// How long a notification of the storm's own tenant waited for its content.
    pub live: SignedDuration,
    /// How long the machine worked, for the reader and for Graph.
    pub work: Duration,
}

impl Storm {
    /// Returns the ratio of the time it took to the forced time.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.took.as_secs_f64() / self.forced.as_secs_f64().max(1.0)
    }
}

/// A gap in each of `count` chats: Graph allows 20 reads of chats a second.
#[must_use]
pub fn chats(count: usize) -> Storm {
    let forced = i64::try_from(count.saturating_sub(1) / 20).unwrap_or(i64::MAX);
    storm("chats", count, SignedDuration::from_secs(forced))
}

/// A gap in each of `count` mailboxes: Graph counts each mailbox separately.
#[must_use]
pub fn mailboxes(count: usize) -> Storm {
    storm("users", count, SignedDuration::ZERO)
}

/// Plays a storm on a thread of its own, because the caller may be inside a runtime, which limits how much its tasks do
/// at once.
fn storm(kind: &'static str, count: usize, forced: SignedDuration) -> Storm {
    let played = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let runtime = runtime.expect("a runtime");
        // Deadlines need a runtime.
        let _inside = runtime.enter();
        Environment::new(kind, count).play(kind, count, forced)
    });
    played
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// What the instances of the function use.
struct Environment {
    clock: VirtualClock,
    start: Timestamp,
    lists: Lists,
    queue: FairQueue,
    delivered: Delivered,
    config: FakeSecret,
    keys: FakeSecret,
}

impl Environment {
    fn new(kind: &str, count: usize) -> Self {
        let start: Timestamp = START.parse().expect("a time");
        let clock = VirtualClock::new(start);
        let ids: Vec<String> = (0..count).map(object).collect();
        let tenant =
            |id: &str| json!({"tenantId": id, "clientId": CLIENT, "credential": {"clientSecret": "s"}});
        let config = json!({
            "tenants": {"stormy": tenant(STORMY), "other": tenant(OTHER)},
            "subscriptions": {
                "storm": {"tenant": "stormy", "resource": format!("/{kind}/{{id}}/messages"), "changeType": "created", "forEach": ids},
                "other": {"tenant": "other", "resource": "/users/1/messages", "changeType": "created"},
                "live": {"tenant": "stormy", "resource": "/users/1/messages", "changeType": "created", "fetchContent": true},
            },
        });
        let trusted = [(STORMY, CLIENT), (OTHER, CLIENT)];
        let keys = test_util::document(vec![test_util::key("k1", 7)], &trusted);
        Self {
            lists: Lists::new(clock.clone(), start - SignedDuration::from_mins(30)),
            queue: FairQueue::new(clock.clone()),
            delivered: Delivered::default(),
            config: FakeSecret::new(config.to_string()),
            keys: FakeSecret::new(serde_json::to_string(&keys).expect("JSON")),
            clock,
            start,
        }
    }

    fn play(&self, kind: &str, count: usize, forced: SignedDuration) -> Storm {
        let work = Instant::now();
        for id in (0..count).map(object) {
            let resource = format!("/{kind}/{id}/messages");
            self.put_window(STORMY, &format!("storm/{id}"), resource);
        }
        let ((), middle, ()) =
            self.clock
                .run(future::join3(self.instance(), self.interrupt(), self.instance()));
        let last = |event_type: &str, tenant: &str| self.delivered.last(event_type, tenant);
        let until =
            |end: Option<Timestamp>| end.map_or(SignedDuration::MAX, |end| end.duration_since(middle));
        let end = last(COMPLETED, STORMY).unwrap_or(Timestamp::MAX);
        let (reads, over) = self.lists.reads();
        Storm {
            what: format!("{count} gaps of {kind}"),
            took: end.duration_since(self.start),
            forced,
            complete: self.delivered.complete(STORMY),
            reads,
            over,
            other: until(last(COMPLETED, OTHER)),
            live: until(last(FETCHED, STORMY)),
            work: work.elapsed(),
        }
    }

    /// Runs one instance of the function: it processes batches until the queue is empty.
    async fn instance(&self) {
        let deps = self.deps();
        while !self.queue.is_empty() {
            let batch = self.queue.receive(BATCH);
            if batch.is_empty() {
                self.clock.sleep(POLL_INTERVAL).await;
                continue;
            }
            let record = |(number, received): (usize, &queue::Received)| json!({"messageId": number.to_string(), "body": received.body});
            let records: Vec<Value> = batch.iter().enumerate().map(record).collect();
            let event = serde_json::from_value(json!({"Records": records})).expect("an event");
            let deadline = Deadline::after(Duration::from_mins(5));
            let response = reader::handle(event, &deps, deadline, &mut Metrics::default()).await;
            let failures = response.batch_item_failures.into_iter();
            let failures: BTreeSet<String> = failures.map(|failure| failure.item_identifier).collect();
            for (number, received) in batch.into_iter().enumerate() {
                let is_back = failures.contains(&number.to_string());
                self.queue.finish(received, is_back.then_some(VISIBILITY_TIMEOUT));
            }
        }
    }

    /// In the middle of the storm, gives another tenant a gap and the stormy one a notification. Returns the time.
    async fn interrupt(&self) -> Timestamp {
        self.clock.sleep(Duration::from_secs(5)).await;
        let now = self.clock.now();
        self.put_window(OTHER, "other", "/users/1/messages".to_owned());
        self.put_item(now);
        now
    }

    fn put_window(&self, tenant: &str, subscription: &str, resource: String) {
        let owner = Proven {
            application: application((tenant, CLIENT)),
            subscription: subscription.to_owned(),
        };
        let from = self.start - SignedDuration::from_hours(1);
        let window = Window {
            gap: Some(format!("gap of {subscription}")),
            ..Window::without_gap(&owner, resource, from, self.start)
        };
        self.queue.put(&Message::of_window(
            &window.owner(),
            sealed(&serde_json::to_string(&window).expect("a window")),
        ));
    }

    fn put_item(&self, now: Timestamp) {
        let key = test_util::key("k1", 7);
        let client_state = test_util::client_state(&key, (STORMY, CLIENT), "live", false);
        let body = json!({
            "subscription": "live", "tenantId": STORMY, "clientId": CLIENT, "id": "i".repeat(43),
            "partitionKey": "p".repeat(22), "receivedAt": now, "fetchesContent": true,
            "item": {
                "changeType": "created", "resource": "Users/1/Messages/AAMk1=", "subscriptionId": "s", "tenantId": STORMY,
                "clientState": client_state, "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": "AAMk1="},
            },
        });
        self.queue
            .put(&Message::of_tenant(guid(STORMY), sealed(&body.to_string())));
    }

    fn deps(&self) -> Deps<Doubles> {
        let http = Http::over(Arc::new(self.lists.clone()));
        let clock = self.clock.clone();
        let login = TokenProvider::new(http.clone(), Some(BASE), NoRefreshTokens, FakeIdentity, clock);
        let graph = GraphClient::new(http, login.expect("a URL"), Some(BASE));
        let delivery = || TestQueue::Delivery(self.delivered.clone(), self.clock.clone());
        Deps {
            config: CachedDocument::new(self.config.clone(), |text| {
                Ok(Config::parse(text).map_err(|problem| problem.to_string())?.0)
            }),
            client_states: CachedDocument::new(self.keys.clone(), client_state_keys),
            graph: graph.expect("a URL"),
            clock: self.clock.clone(),
            delivery_queue: delivery(),
            failed_queue: delivery(),
            read_queue: TestQueue::Read(self.queue.clone()),
            memory: Memory::default(),
            tries: 10,
        }
    }
}

impl Ports for Doubles {
    type Secret = FakeSecret;
    type Graph = GraphClient<Self>;
    type Clock = VirtualClock;
    type Queue = TestQueue;
}

/// A queue that the reader sends to.
enum TestQueue {
    Delivery(Delivered, VirtualClock),
    Read(FairQueue),
}

impl Queue for TestQueue {
    async fn send<T: Send>(&self, messages: Vec<(T, Message)>, _: Deadline) -> Sent<T> {
        let mut sent = Sent::default();
        for (note, message) in messages {
            match self {
                Self::Delivery(delivered, clock) => delivered.count(&message.body, clock.now()),
                Self::Read(queue) => queue.put(&message),
            }
            sent.stored.push(note);
        }
        sent
    }
}

/// Statistics of the events, by type and tenant.
#[derive(Clone, Debug, Default)]
struct Delivered(Arc<Mutex<BTreeMap<(String, String), EventStats>>>);

/// When the last event arrived, and how many are `complete`.
#[derive(Clone, Copy, Debug)]
struct EventStats {
    last: Timestamp,
    complete: usize,
}

impl Delivered {
    fn count(&self, body: &str, now: Timestamp) {
        let event: Value = serde_json::from_str(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kind = match text(&event["data"]["contentReadAt"]).as_str() {
            "" => text(&event["type"]),
            _ => FETCHED.to_owned(),
        };
        let key = (kind, text(&event["data"]["tenantId"]));
        let mut stats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = stats.entry(key).or_insert(EventStats {
            last: now,
            complete: 0,
        });
        stats.last = now;
        stats.complete += usize::from(event["data"]["complete"] == true);
    }

    fn of(&self, event_type: &str, tenant: &str) -> Option<EventStats> {
        let tenant: Guid = guid(tenant);
        let stats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stats.get(&(event_type.to_owned(), tenant.to_string())).copied()
    }

    fn last(&self, event_type: &str, tenant: &str) -> Option<Timestamp> {
        Some(self.of(event_type, tenant)?.last)
    }

    fn complete(&self, tenant: &str) -> usize {
        self.of(COMPLETED, tenant).map_or(0, |stats| stats.complete)
    }
}

/// Returns the id of an object.
fn object(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

const COMPLETED: &str = "Microsoft.Graph.CatchUpCompleted";

/// The key under which events with content are counted.
const FETCHED: &str = "fetched";

const STORMY: &str = "11111111-2222-3333-4444-555555555555";
const OTHER: &str = "99999999-2222-3333-4444-555555555555";
const CLIENT: &str = "66666666-7777-8888-9999-000000000000";

/// The size of a batch, as in the template.
const BATCH: usize = 10;

/// When a failed message becomes visible again, as in the template.
const VISIBILITY_TIMEOUT: SignedDuration = SignedDuration::from_mins(30);

/// How long an instance waits for a message.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Returns a message as the function that sends it seals it.
fn sealed(body: &str) -> String {
    test_util::sealed(&test_util::key("k1", 7), body)
}

const BASE: &str = "https://graph.test";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_many_gaps_is_limited_only_by_graph_and_delays_nobody() {
        for (storm, most) in [(chats(300), 1.4), (mailboxes(500), f64::INFINITY)] {
            assert_eq!(storm.over, 0, "{storm:?}");
            // The last second, which is not forced, weighs more than with 10,000.
            assert!(storm.ratio() <= most, "{:.2}: {storm:?}", storm.ratio());
            for waited in [storm.other, storm.live] {
                assert!(waited <= SignedDuration::from_secs(4), "{storm:?}");
            }
            println!("{:.2} {storm:?}", storm.ratio());
        }
        assert_eq!(chats(20).complete, 20);
    }
}
