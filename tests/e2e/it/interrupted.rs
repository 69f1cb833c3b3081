//! The reader over Graph's lists while it is killed, SQS refuses and Graph fails: everything comes out, under one id each.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use graph_core::{notification::client_state::test_util, subscription::config::Config};
use graph_edge::{
    deadline::Deadline,
    documents::CachedDocument,
    graph::GraphClient,
    metrics::Metrics,
    sqs::{Message, Queue, Sent},
    testing::FakeSecret,
};
use graph_simulator::{App, Fault, Item, Options, Simulator, TokenVersion};
use jiff::SignedDuration;
use reader::{Deps, Memory, ports::Ports};
use serde_json::{Value, json};

use crate::{
    events,
    lists::{LISTS, List, entity, item},
    pipeline::memory::{FakeDocuments, InMemory, SimulatedClock, graph},
};

#[tokio::test]
async fn a_reader_that_is_killed_delivers_every_change_under_one_id() {
    let entries = LISTS.map(|list| (list.name.to_owned(), list.entry()));
    let world = World::new(&Value::from_iter(entries));
    let mut wanted = BTreeSet::new();
    for list in LISTS {
        wanted.extend(world.fill(list));
    }
    let windows = LISTS.map(|list| world.window(list.name, list.resource));
    world.read(windows.into()).await;
    let events = world.events();
    let mut ids: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for event in events
        .iter()
        .filter(|event| event["data"]["changeType"].is_string())
    {
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        let change = (text("subscription"), entity(&text("subject")), text("type"));
        ids.entry(change).or_default().insert(text("id"));
    }
    let found: BTreeSet<_> = ids.keys().cloned().collect();
    assert_eq!(found, wanted);
    assert!(ids.values().all(|ids| ids.len() == 1), "{ids:#?}");
    for list in LISTS {
        let is_end = |event: &&Value| {
            event["type"] == "Microsoft.Graph.CatchUpCompleted" && event["subscription"] == list.name
        };
        let ends: BTreeSet<_> = events
            .iter()
            .filter(is_end)
            .map(|event| event["id"].to_string())
            .collect();
        assert_eq!(ends.len(), 1, "{}", list.name);
        let complete = json!(list.unseen.is_empty());
        assert!(
            events
                .iter()
                .filter(is_end)
                .all(|event| event["data"]["complete"] == complete),
            "{}",
            list.name
        );
    }
    world.check_limit();
}

/// Doubles of what the reader works with; Graph is the simulator.
struct Doubles;

impl Ports for Doubles {
    type Secret = FakeSecret;
    type Graph = GraphClient<InMemory>;
    type Clock = SimulatedClock;
    type Queue = Flaky;
}

/// The reader and everything around it.
pub struct World {
    pub simulator: Arc<Simulator>,
    deps: Deps<Doubles>,
    chance: Chance,
    delivered: Flaky,
    continued: Flaky,
}

impl World {
    /// Returns a reader with these entries.
    pub fn new(entries: &Value) -> Self {
        let app = App {
            tenant_id: TENANT.to_owned(),
            client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
            client_secret: "secret".to_owned(),
            token_version: TokenVersion::V2,
        };
        let config = json!({
            "tenants": {"contoso": {
                "tenantId": app.tenant_id, "clientId": app.client_id,
                "credential": {"clientSecret": app.client_secret},
            }},
            "subscriptions": entries,
        });
        let options = Options {
            apps: vec![app],
            ..Options::default()
        };
        let simulator = Arc::new(Simulator::start(options).unwrap());
        let documents = FakeDocuments::default();
        documents.get("Config").set(config.to_string());
        let keys = test_util::document(vec![test_util::key("k1", 7)], &[]);
        documents
            .get("ClientState")
            .set(serde_json::to_string(&keys).unwrap());
        let clock = SimulatedClock(simulator.clone());
        let chance = Chance::default();
        let [delivered, continued, failed] = [(); 3].map(|()| Flaky::new(&chance));
        let deps = Deps {
            config: CachedDocument::new(documents.get("Config"), |text| {
                Ok(Config::parse(text).map_err(|problem| problem.to_string())?.0)
            }),
            client_states: CachedDocument::new(documents.get("ClientState"), webhook::parse_keys),
            graph: graph(&simulator),
            clock,
            delivery_queue: delivered.clone(),
            failed_queue: failed,
            read_queue: continued.clone(),
            memory: Memory::default(),
            // The test ends by itself when nothing goes on.
            tries: 1_000,
        };
        Self {
            simulator,
            deps,
            chance,
            delivered,
            continued,
        }
    }

    /// Puts items into a list, one a second, and returns their changes.
    fn fill(&self, list: List) -> impl Iterator<Item = (String, String, String)> {
        let now = self.simulator.now();
        let changes = (0..CHANGES).map(|number| {
            let changed = now - SignedDuration::from_secs(CHANGES - number);
            let (item, kind): (Item, _) = item(list, number, changed);
            self.simulator.put_item(TENANT, list.resource, item.clone());
            (list.name.to_owned(), item.id, kind)
        });
        changes.collect::<Vec<_>>().into_iter()
    }

    /// Returns the body of a window of the last hour.
    pub fn window(&self, name: &str, resource: &str) -> String {
        let now = self.simulator.now();
        let window = json!({
            "read": "window", "tenantId": TENANT, "clientId": "66666666-7777-8888-9999-000000000000",
            "subscription": name, "resource": resource, "from": now - SignedDuration::from_hours(1), "until": now,
            "gap": format!("gap of {name}"),
        });
        test_util::sealed(&test_util::key("k1", 7), &window.to_string())
    }

    /// Checks that a chat was read once a second (Microsoft Graph, *throttling limits*). A request can arrive late, so that two
    /// come close together; six do not.
    fn check_limit(&self) {
        let requests = self.simulator.requests();
        let reads: Vec<_> = requests
            .iter()
            .filter(|one| one.path.starts_with("/v1.0/chats/"))
            .collect();
        assert!(!reads.is_empty());
        for six in reads.windows(6) {
            let span = six[5].at.duration_since(six[0].at);
            assert!(span >= SignedDuration::from_secs(5), "{span}");
        }
    }

    /// Returns the events that were delivered.
    pub fn events(&self) -> Vec<Value> {
        self.delivered.events()
    }

    /// Has the reader process messages until none is left; what it does not process comes again.
    pub async fn read(&self, bodies: Vec<String>) {
        let mut waiting = VecDeque::from(bodies);
        for _ in 0..ROUNDS {
            let batch: Vec<String> = waiting.drain(..waiting.len().min(3)).collect();
            if batch.is_empty() {
                return;
            }
            if self.chance.one_in(4) {
                self.simulator.fail(Fault::new("GET", "/v1.0/", 500));
            }
            waiting.extend(self.turn(batch).await);
            waiting.extend(self.continued.take());
        }
        panic!("{ROUNDS} rounds were not enough: {waiting:?}");
    }

    /// Hands a batch over, once, and returns what has to come again: all of it when the function is killed.
    async fn turn(&self, batch: Vec<String>) -> Vec<String> {
        let record = |(index, body): (usize, &String)| json!({"messageId": index.to_string(), "body": body});
        let records: Vec<Value> = batch.iter().enumerate().map(record).collect();
        let event = serde_json::from_value(json!({"Records": records})).unwrap();
        let mut metrics = Metrics::default();
        let deadline = Deadline::after(Duration::from_mins(1));
        let handled = reader::handle(event, &self.deps, deadline, &mut metrics);
        let lives = if self.chance.one_in(3) {
            self.chance.below(60)
        } else {
            60_000
        };
        match tokio::time::timeout(Duration::from_millis(lives), handled).await {
            Err(_) => batch,
            Ok(response) => {
                let failed = response.batch_item_failures.into_iter();
                let numbers = failed.map(|failure| failure.item_identifier.parse::<usize>().unwrap());
                numbers.map(|number| batch[number].clone()).collect()
            }
        }
    }
}

/// A queue that refuses every fifth call, in part.
#[derive(Clone)]
struct Flaky {
    stored: Arc<Mutex<Vec<Message>>>,
    chance: Chance,
}

impl Flaky {
    fn new(chance: &Chance) -> Self {
        Self {
            stored: Arc::default(),
            chance: chance.clone(),
        }
    }

    fn take(&self) -> Vec<String> {
        let stored = std::mem::take(&mut *self.stored.lock().unwrap());
        stored.into_iter().map(|message| message.body).collect()
    }

    fn events(&self) -> Vec<Value> {
        let stored = self.stored.lock().unwrap();
        let bodies: Vec<String> = stored.iter().map(|message| message.body.clone()).collect();
        events::parse(&bodies)
    }
}

impl Queue for Flaky {
    async fn send<T: Send>(&self, messages: Vec<(T, Message)>, _: Deadline) -> Sent<T> {
        let (is_refused, mut sent) = (self.chance.one_in(5), Sent::default());
        // A function can be killed while SQS stores.
        tokio::task::yield_now().await;
        for (note, message) in messages {
            if is_refused && self.chance.one_in(2) {
                sent.lost.push(note);
            } else {
                self.stored.lock().unwrap().push(message);
                sent.stored.push(note);
            }
        }
        sent
    }
}

/// Chance, the same in every run (Knuth, *MMIX*).
#[derive(Clone, Default)]
struct Chance(Arc<Mutex<u64>>);

impl Chance {
    fn below(&self, limit: u64) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % limit
    }

    fn one_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }
}

pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";

/// How many changes of each list there are: a thousand in all.
const CHANGES: i64 = 200;

/// How often batches are handed over, at the most.
const ROUNDS: usize = 600;
