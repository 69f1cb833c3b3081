//! A storm of gaps: how close the reader comes to the time that Graph's limits force, and who has to wait. In virtual
//! time.
//!
//! Two instances of the reader, as in the template, take batches of ten from `ReadQueue`. Only the virtual clock
//! advances, so no deadline by the machine's clock, such as the end of a turn, is ever reached.

mod fetches;
mod lists;
mod queue;

use std::{
    cell::{Cell, RefCell},
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

pub use self::fetches::{Fetches, fetches};
use self::{lists::Lists, queue::FairQueue};
use crate::{limits::Allowance, scenes::IdleRenewal};

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
    /// How many gaps there were.
    pub gaps: usize,
    /// How many gaps were read completely.
    pub complete: usize,
    /// How many reads arrived.
    pub reads: u64,
    /// How many of them were over Graph's limits.
    pub over: usize,
    /// How long the gap of another tenant waited, which came in the middle.
    pub other: SignedDuration,
    /// How long notifications of the storm's own tenant waited for their content.
    pub live: Slowdown,
    /// How long runs of renewal with nothing to do took.
    pub renewal: Slowdown,
    /// How long the machine worked, for the reader and for Graph.
    pub work: Duration,
}

/// A mean time without a storm, and in it.
#[derive(Clone, Copy, Debug)]
pub struct Slowdown {
    /// Without a storm.
    pub alone: SignedDuration,
    /// In the storm.
    pub during: SignedDuration,
}

impl Slowdown {
    /// Returns how many times as long it takes in the storm.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.during.as_secs_f64() / self.alone.as_secs_f64()
    }
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

/// A gap in each of `count` mailboxes, with a Graph that answers so fast that only the reader's own limits leave room for
/// renewal's requests.
#[must_use]
pub fn fast_mailboxes(count: usize) -> Storm {
    alone(move || {
        let environment = Environment::new("users", count, FAST, Allowance::new(2_500));
        environment.play("users", count, SignedDuration::ZERO)
    })
}

fn storm(kind: &'static str, count: usize, forced: SignedDuration) -> Storm {
    alone(move || Environment::new(kind, count, USUAL, Allowance::new(5_000)).play(kind, count, forced))
}

/// Plays a storm on a thread of its own, because the caller may be inside a runtime, which limits how much its tasks do
/// at once.
fn alone<T: Send + 'static>(play: impl FnOnce() -> T + Send + 'static) -> T {
    let played = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let runtime = runtime.expect("a runtime");
        // Deadlines need a runtime.
        let _inside = runtime.enter();
        play()
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
    renewal: IdleRenewal,
    /// Whether notifications are still to come, for which the instances wait.
    is_sending: Cell<bool>,
    /// When each notification was sent, by id.
    sent: RefCell<BTreeMap<String, Timestamp>>,
}

impl Environment {
    fn new(kind: &str, count: usize, latency: (u64, u64), allowance: Allowance) -> Self {
        let ids: Vec<String> = (0..count).map(object).collect();
        let entries = json!({
            "storm": {"tenant": "stormy", "resource": format!("/{kind}/{{id}}/messages"), "changeType": "created", "forEach": ids, "immutableIds": kind == "users"},
            "other": {"tenant": "other", "resource": "/users/1/messages", "changeType": "created", "immutableIds": true},
            "live": {"tenant": "stormy", "resource": "/users/1/messages", "changeType": "created", "fetchContent": true},
        });
        Self::with(&entries, latency, allowance)
    }

    fn with(entries: &Value, latency: (u64, u64), allowance: Allowance) -> Self {
        let renewal = IdleRenewal::new(SUBSCRIPTIONS, allowance.clone());
        let clock = renewal.clock();
        let start = clock.now();
        let tenant =
            |id: &str| json!({"tenantId": id, "clientId": CLIENT, "credential": {"clientSecret": "s"}});
        let config = json!({
            "tenants": {"stormy": tenant(STORMY), "other": tenant(OTHER)},
            "subscriptions": entries,
        });
        let trusted = [(STORMY, CLIENT), (OTHER, CLIENT)];
        let keys = test_util::document(vec![test_util::key("k1", 7)], &trusted);
        Self {
            lists: Lists::new(
                clock.clone(),
                start - SignedDuration::from_mins(30),
                latency,
                allowance,
            ),
            queue: FairQueue::new(clock.clone()),
            delivered: Delivered::default(),
            config: FakeSecret::new(config.to_string()),
            keys: FakeSecret::new(serde_json::to_string(&keys).expect("JSON")),
            renewal,
            is_sending: Cell::default(),
            sent: RefCell::default(),
            clock,
            start,
        }
    }

    fn play(&self, kind: &str, count: usize, forced: SignedDuration) -> Storm {
        // The first run creates the subscriptions.
        self.clock.run(self.renewal.run());
        self.is_sending.set(true);
        let alone = future::join3(self.instance(), self.notify('a'), self.renew());
        let ((), (), renewal_alone) = self.clock.run(alone);
        self.is_sending.set(true);
        let (work, begun) = (Instant::now(), self.clock.now());
        for id in (0..count).map(object) {
            let resource = format!("/{kind}/{id}/messages");
            self.put_window(STORMY, &format!("storm/{id}"), resource);
        }
        let instances = future::join(self.instance(), self.instance());
        let everything = future::join3(instances, self.interrupt(), self.renew());
        let (_, middle, renewal_during) = self.clock.run(everything);
        let last = |event_type: &str, tenant: &str| self.delivered.last(event_type, tenant);
        let until =
            |end: Option<Timestamp>| end.map_or(SignedDuration::MAX, |end| end.duration_since(middle));
        let end = last(COMPLETED, STORMY).unwrap_or(Timestamp::MAX);
        let (reads, over) = self.lists.reads();
        let over = over + self.lists.coincided();
        Storm {
            what: format!("{count} gaps of {kind}"),
            took: end.duration_since(begun),
            forced,
            gaps: count,
            complete: self.delivered.complete(STORMY),
            reads,
            over,
            other: until(last(COMPLETED, OTHER)),
            live: Slowdown {
                alone: self.waited('a'),
                during: self.waited('s'),
            },
            renewal: Slowdown {
                alone: renewal_alone,
                during: renewal_during,
            },
            work: work.elapsed(),
        }
    }

    /// Runs one instance of the function: it processes batches until the queue is empty.
    async fn instance(&self) {
        let deps = self.deps();
        while !self.queue.is_empty() || self.is_sending.get() {
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

    /// In the middle of the storm, gives another tenant a gap and the stormy one notifications. Returns the time.
    async fn interrupt(&self) -> Timestamp {
        self.clock.sleep(Duration::from_secs(5)).await;
        let now = self.clock.now();
        self.put_window(OTHER, "other", "/users/1/messages".to_owned());
        self.notify('s').await;
        now
    }

    /// Sends notifications one after the other; their ids begin with `letter`.
    async fn notify(&self, letter: char) {
        for number in 0..SAMPLES {
            let (id, now) = (format!("{letter}{number:042}"), self.clock.now());
            self.put_item("live", &id, "Users/1/Messages/AAMk1=", now);
            self.sent.borrow_mut().insert(id, now);
            self.clock.sleep(POLL_INTERVAL).await;
        }
        self.is_sending.set(false);
    }

    /// Returns how long the notifications waited whose ids begin with `letter`, on average.
    fn waited(&self, letter: char) -> SignedDuration {
        let (sent, fetched) = (self.sent.borrow(), self.delivered.fetched());
        let of_it = sent.iter().filter(|(id, _)| id.starts_with(letter));
        let waits = of_it.map(|(id, at)| {
            let end = fetched.get(id).copied().unwrap_or(Timestamp::MAX);
            end.duration_since(*at)
        });
        waits.sum::<SignedDuration>() / SAMPLES
    }

    /// Returns how long a run of renewal takes, on average.
    async fn renew(&self) -> SignedDuration {
        let mut sum = SignedDuration::ZERO;
        for _ in 0..RUNS {
            sum += self.renewal.run().await;
        }
        sum / RUNS
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

    fn put_item(&self, entry: &str, id: &str, path: &str, now: Timestamp) {
        let key = test_util::key("k1", 7);
        let client_state = test_util::client_state(&key, (STORMY, CLIENT), entry, false);
        let body = json!({
            "subscription": entry, "tenantId": STORMY, "clientId": CLIENT, "id": id,
            "partitionKey": "p".repeat(22), "receivedAt": now, "fetchesContent": true,
            "item": {
                "changeType": "created", "resource": path, "subscriptionId": "s", "tenantId": STORMY,
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
struct Delivered {
    stats: Arc<Mutex<BTreeMap<(String, String), EventStats>>>,
    /// When each event with fetched content arrived, by id.
    fetched: Arc<Mutex<BTreeMap<String, Timestamp>>>,
}

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
        if event["data"]["contentReadAt"].is_string() {
            let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
            fetched.insert(text(&event["id"]), now);
            return;
        }
        let key = (text(&event["type"]), text(&event["data"]["tenantId"]));
        let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = stats.entry(key).or_insert(EventStats {
            last: now,
            complete: 0,
        });
        stats.last = now;
        stats.complete += usize::from(event["data"]["complete"] == true);
    }

    fn of(&self, event_type: &str, tenant: &str) -> Option<EventStats> {
        let tenant: Guid = guid(tenant);
        let stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.get(&(event_type.to_owned(), tenant.to_string())).copied()
    }

    fn last(&self, event_type: &str, tenant: &str) -> Option<Timestamp> {
        Some(self.of(event_type, tenant)?.last)
    }

    fn fetched(&self) -> BTreeMap<String, Timestamp> {
        self.fetched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
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

const STORMY: &str = "11111111-2222-3333-4444-555555555555";
const OTHER: &str = "99999999-2222-3333-4444-555555555555";
const CLIENT: &str = "66666666-7777-8888-9999-000000000000";

/// How many notifications a mean time is of.
const SAMPLES: i32 = 5;

/// How many runs of renewal a mean time is of: each is one call or two, whose answers take 80 to 400 ms.
const RUNS: i32 = 30;

/// How many subscriptions renewal has.
const SUBSCRIPTIONS: usize = 300;

/// How many milliseconds an answer of Graph takes: usually, and where nothing but limits holds the reader back.
const USUAL: (u64, u64) = (80, 400);
const FAST: (u64, u64) = (2, 5);

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
            // An item to fetch waits until an instance has read its ten windows; a run of renewal waits for nothing.
            for waited in [storm.other, storm.live.during] {
                assert!(waited <= SignedDuration::from_secs(4), "{storm:?}");
            }
            assert!(storm.renewal.ratio() <= 1.3, "{storm:?}");
            assert_eq!(storm.complete, storm.gaps, "{storm:?}");
            println!("{:.2} {storm:?}", storm.ratio());
        }
    }

    /// An application's requests of all kinds count together.
    #[test]
    fn reading_leaves_renewal_its_share_of_an_applications_requests() {
        let storm = fast_mailboxes(2_600);
        assert_eq!((storm.over, storm.complete), (0, storm.gaps), "{storm:?}");
        assert!(storm.renewal.ratio() <= 1.3, "{storm:?}");
    }
}
