//! The reader reads lost changes while functions are killed and SQS fails. The stack is its own, so that other tests do
//! not suffer.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    time::{Duration, Instant},
};

use graph_simulator::{self as graph, App, LifecycleEvent, Post, Registered, TokenVersion};
use serde_json::{Value, json};
use stack::{Function, Options, Pair, Progress, Stack};

use crate::lists::{self, Change, LISTS, List, ids_by_change};

#[tokio::test]
async fn lost_notifications_are_read_although_functions_die_and_sqs_fails() {
    let world = World::start().await;
    world.strike_calls().await;
    let whole = async {
        let changes = world.change_all().await;
        world.miss_all().await;
        let events = world.consume(&changes).await;
        (changes, events)
    };
    let (changes, events) = tokio::select! {
        done = whole => done,
        never = world.kill_readers() => match never {},
    };
    for list in LISTS {
        check_changes(list, &changes[list.name], &events);
        check_completion(list, &events);
    }
    assert_eq!(world.failed().await, [""; 0], "nothing is given up");
    assert!(world.killed.get() > 0, "no reader was killed");
    assert!(world.stack().microburst().unwrap().calls().await.unwrap().struck > 0);
}

/// A consumer that drops ids it has seen has each change once. Where notifications have no version, it may have a change
/// once live and once read.
fn check_changes(list: List, wanted: &BTreeSet<Change>, events: &[Value]) {
    let all = ids_by_change(events.iter().filter(|event| event["subscription"] == list.name));
    assert_eq!(
        all.keys().cloned().collect::<BTreeSet<_>>(),
        *wanted,
        "{}",
        list.name
    );
    // A POST that Graph repeats, as the webhook died, has other ids where notifications have no version.
    let read = lists::by_source(list, events).pop().unwrap_or_default();
    let read = ids_by_change(read);
    assert!(
        read.values().all(|ids| ids.len() == 1),
        "{}: {read:#?}",
        list.name
    );
}

/// Every gap of the list is answered, under one id, and truly.
fn check_completion(list: List, events: &[Value]) {
    let of = |kind: &str| {
        let is_it = |event: &&Value| event["subscription"] == list.name && event["type"] == kind;
        events.iter().filter(is_it).cloned().collect::<Vec<_>>()
    };
    let gaps: BTreeSet<_> = of(gap_of(list)).iter().map(|gap| gap["id"].to_string()).collect();
    let ends = of(COMPLETED);
    assert!(!gaps.is_empty(), "{}: {ends:#?}", list.name);
    let answered: Vec<_> = ends.iter().map(|end| end["data"]["gap"].to_string()).collect();
    assert_eq!(answered.len(), gaps.len(), "{}: {ends:#?}", list.name);
    assert_eq!(
        answered.into_iter().collect::<BTreeSet<_>>(),
        gaps,
        "{}",
        list.name
    );
    for end in ends {
        assert_eq!(end["data"]["complete"], list.unseen.is_empty(), "{end:#}");
        assert_eq!(end["data"]["unseen"], json!(list.unseen), "{end:#}");
    }
}

/// A stack between which and the local AWS calls fail.
struct World {
    pair: Pair,
    killed: Cell<usize>,
}

impl World {
    /// Starts a stack and has renewal subscribe to every list.
    async fn start() -> Self {
        let simulator = graph::Options {
            apps: vec![app()],
            retry_scale: 0.001,
            ..graph::Options::default()
        };
        let stack = Options {
            renewal_minutes: "60".to_owned(),
            unreliable: true,
            ..Options::default()
        };
        let pair = Pair::start(simulator, stack, Progress::start()).await.unwrap();
        // What a killed function had comes again after half an hour on AWS.
        for queue in ["NotificationQueue", "LifecycleQueue", "ReadQueue"] {
            let url = pair.stack.resource(queue).unwrap();
            pair.stack
                .set_visibility(url, VISIBILITY_TIMEOUT_SECONDS)
                .await
                .unwrap();
        }
        let entries: Value = LISTS
            .map(|list| (list.name.to_owned(), list.entry()))
            .into_iter()
            .collect();
        let app = app();
        let tenant = json!({
            "tenantId": app.tenant_id, "clientId": app.client_id, "credential": {"clientSecret": app.client_secret},
        });
        let config = json!({"tenants": {"own": tenant}, "subscriptions": entries});
        pair.stack.write_config(&config).await.unwrap();
        let report = pair.stack.invoke(Function::Renewal, &json!({})).await.unwrap();
        assert_eq!(report["failed"], 0, "{report:#}");
        let killed = Cell::default();
        Self { pair, killed }
    }

    fn stack(&self) -> &Stack {
        &self.pair.stack
    }

    fn subscription(&self, list: List) -> Registered {
        let all = self.pair.simulator.subscriptions();
        all.into_iter().find(|one| one.resource == list.resource).unwrap()
    }

    /// Has a third of the calls to SQS fail, in every way there is.
    async fn strike_calls(&self) {
        let fails = |code: &str, status| json!({"service": "sqs", "probability": 0.1, "error": {"code": code, "status": status}});
        let rules = json!([
            fails("RequestThrottled", 400),
            fails("InternalFailure", 500),
            {"service": "sqs", "probability": 0.07, "reset": true},
            // Carried out, but nobody hears of it.
            {"service": "sqs", "probability": 0.07, "response": {"abort_bytes": 0}},
        ]);
        self.stack()
            .microburst()
            .unwrap()
            .set_rules(&rules)
            .await
            .unwrap();
    }

    /// Makes changes of every list, has four notifications of five sent, and kills the webhook now and then. Graph tries again
    /// what the webhook does not accept.
    async fn change_all(&self) -> BTreeMap<&'static str, BTreeSet<Change>> {
        let (simulator, mut all) = (&self.pair.simulator, BTreeMap::new());
        for list in LISTS {
            let changes = lists::change(simulator, &app().tenant_id, list, CHANGES);
            for post in lists::posts(list, &self.subscription(list), &changes) {
                self.kill(Function::Webhook);
                assert!(simulator.send(post).await.unwrap().delivered());
            }
            all.insert(list.name, lists::named(&changes));
        }
        all
    }

    /// Has Graph say of every list that it lost notifications, or that it has removed the subscription.
    async fn miss_all(&self) {
        for list in LISTS {
            let event = if list.name == REMOVED_LIST {
                LifecycleEvent::SubscriptionRemoved
            } else {
                LifecycleEvent::Missed
            };
            let missed = Post::new().lifecycle(self.subscription(list), event);
            assert!(self.pair.simulator.send(missed).await.unwrap().delivered());
        }
        self.kill(Function::Renewal);
    }

    /// Kills the readers while they read: at the first read of each list.
    async fn kill_readers(&self) -> Infallible {
        let mut cut = BTreeSet::new();
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let lists = self.lists_read();
            if lists.is_subset(&cut) || !self.kill(Function::Reader) {
                continue;
            }
            self.killed.set(self.killed.get() + 1);
            cut.extend(lists);
        }
    }

    /// Kills every program that runs a function, and returns whether there was one.
    fn kill(&self, function: Function) -> bool {
        let running = self.stack().processes(function).unwrap();
        running.into_iter().filter(|process| process.kill()).count() > 0
    }

    /// Returns the paths of the lists that have been read.
    fn lists_read(&self) -> BTreeSet<String> {
        let requests = self.pair.simulator.requests().into_iter();
        let lists = ["/messages", "/callRecords", "/delta"];
        requests
            .filter(|one| one.method == "GET" && lists.iter().any(|list| one.path.ends_with(list)))
            .map(|one| one.path)
            .collect()
    }

    /// Consumes events, each id once, until every change is there and every gap answered.
    async fn consume(&self, changes: &BTreeMap<&'static str, BTreeSet<Change>>) -> Vec<Value> {
        let (mut events, deadline) = (BTreeMap::new(), Instant::now() + DEADLINE);
        while !is_all(&events, changes) {
            for body in self.receive("DeliveryQueue").await {
                let event: Value = serde_json::from_str(&body).unwrap();
                events.entry(event["id"].to_string()).or_insert(event);
            }
            if Instant::now() > deadline {
                let logs = self.stack().logs(Function::Reader).await.unwrap();
                panic!("{} events after {DEADLINE:?}\n{logs}", events.len());
            }
        }
        events.into_values().collect()
    }

    async fn failed(&self) -> Vec<String> {
        self.receive("FailedQueue").await
    }

    async fn receive(&self, queue: &str) -> Vec<String> {
        let url = self.stack().resource(queue).unwrap();
        let taken = self
            .stack()
            .receive(url, Duration::from_secs(1), |taken| !taken.is_empty());
        taken
            .await
            .unwrap()
            .into_iter()
            .map(|message| message.body)
            .collect()
    }
}

/// Returns the type of the event about the gap of a list.
fn gap_of(list: List) -> &'static str {
    if list.name == REMOVED_LIST {
        REMOVED
    } else {
        MISSED
    }
}

/// Returns whether every change is there and every gap answered.
fn is_all(events: &BTreeMap<String, Value>, changes: &BTreeMap<&'static str, BTreeSet<Change>>) -> bool {
    LISTS.iter().all(|list| {
        let missing = Missing::of(*list, events, &changes[list.name]);
        missing.changes.is_empty() && missing.gaps > 0 && missing.gaps == missing.ends
    })
}

/// What of a list has not arrived.
#[derive(Debug)]
#[expect(dead_code, reason = "a person reads it")]
struct Missing {
    list: &'static str,
    changes: Vec<Change>,
    gaps: usize,
    ends: usize,
}

impl Missing {
    fn of(list: List, events: &BTreeMap<String, Value>, wanted: &BTreeSet<Change>) -> Self {
        let of_list = || events.values().filter(|event| event["subscription"] == list.name);
        let count = |kind: &str| of_list().filter(|event| event["type"] == kind).count();
        let there = ids_by_change(of_list());
        Self {
            list: list.name,
            changes: wanted
                .iter()
                .filter(|change| !there.contains_key(change))
                .cloned()
                .collect(),
            gaps: count(gap_of(list)),
            ends: count(COMPLETED),
        }
    }
}

fn app() -> App {
    App {
        tenant_id: "33333333-0000-4000-8000-0123456789ab".to_owned(),
        client_id: "44444444-0000-4000-8000-0123456789ab".to_owned(),
        client_secret: "the-client-secret".to_owned(),
        token_version: TokenVersion::V2,
    }
}

const MISSED: &str = "Microsoft.Graph.SubscriptionMissed";
const REMOVED: &str = "Microsoft.Graph.SubscriptionRemoved";

/// The list whose subscription Graph removes.
const REMOVED_LIST: &str = "chat";

const COMPLETED: &str = "Microsoft.Graph.CatchUpCompleted";

/// How many changes of each list there are: some pages of Teams.
const CHANGES: i64 = 120;

/// After how many seconds a message comes again that a killed function had.
const VISIBILITY_TIMEOUT_SECONDS: u16 = 6;

const DEADLINE: Duration = Duration::from_secs(100);

const POLL_INTERVAL: Duration = Duration::from_millis(20);
