//! Keys and certificates are replaced while notifications keep coming, over days of virtual time.
//!
//! The handlers of all three functions run in this process, with the simulator on the other side and its clock for all, so
//! that no test has to wait. These tests need no stack.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::Method, http::Uri};
use decryption::{SigningKeysByCloud, Trust};
use getrandom::SysRng;
use graph_core::{
    plan::{Policy, rotation::Rotation},
    secret::Secret,
    subscription::Origin,
    tokens::Authorities,
};
use graph_edge::{
    documents::{CachedDocument, Source},
    graph::GraphClient,
    http::Http,
    login::Login,
    metrics::Sheet,
    secrets::{SecretError, Versioned},
    signing_keys::HttpDocuments,
    sqs::{Message, NotStored, Queue},
};
use jiff::{SignedDuration, Timestamp};
use rand_core::UnwrapErr;
use renewal::{
    Memory,
    ports::{Clock, Document, Documents},
};
use serde_json::{Value, json};
use tests::graph::{App, Options, Post, PostReport, Simulator, TokenVersion};

#[tokio::test]
async fn not_one_notification_is_lost_while_everything_is_replaced() {
    let mut world = World::start().await;
    world.renew(json!({})).await;
    let (key, certificate) = (world.ids("ClientState"), world.ids("Decryption"));
    world.pass(SignedDuration::from_mins(2), 10).await;
    let earlier = world.send().await;

    let report = world.renew(json!({"rotate": true})).await;
    assert_eq!(report["keys"].as_array().unwrap().len(), 2, "{report:#}");
    assert_eq!(
        (world.ids("ClientState").len(), world.ids("Decryption").len()),
        (2, 2)
    );
    assert!(world.all_use(&key[0], &certificate[0]));

    // Runs come all the time, by schedule, by hand and for lifecycle notifications. One of them replaces what there is.
    for _ in 0..40 {
        world.simulator.advance(SignedDuration::from_secs(15));
        world.renew(json!({})).await;
        world.send().await;
    }
    let (keys, certificates) = (world.ids("ClientState"), world.ids("Decryption"));
    assert!(world.all_use(&keys[1], &certificates[1]));
    assert_eq!(
        world.recreated(),
        2,
        "consumers are told of both moments without a subscription"
    );

    // What was on its way since before comes as late as Graph tries, and is admitted and opened all the same, even after
    // a day in the queue, for which its validation token holds.
    world.pass(SignedDuration::from_mins(10), 20).await;
    for post in &earlier {
        assert!(world.simulator.resend(post).await.unwrap().delivered);
    }
    let late = world.withhold();
    assert_eq!(late.len(), 2);
    world.pass(SignedDuration::from_hours(1), 18).await;
    world.open(&late).await;
    assert_eq!(world.failed.bodies(), Vec::<String>::new());
    assert_eq!(world.events().len(), world.sent + 2 + late.len());

    world.pass(SignedDuration::from_hours(6), 20).await;
    assert_eq!(world.ids("ClientState"), keys[1..], "the older key is gone");
    assert_eq!(
        world.ids("Decryption"),
        certificates[1..],
        "the older certificate is gone"
    );
    world.check();
}

#[tokio::test]
async fn not_one_notification_is_lost_in_a_year_of_rotations_by_schedule() {
    let mut world = World::start().await;
    world.deps.rotation = Rotation {
        client_state: SignedDuration::from_hours(24 * 60),
        certificate: SignedDuration::from_hours(24 * 90),
    };
    world.renew(json!({})).await;
    let mut seen = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..52 {
        world.pass(SignedDuration::from_hours(24), 7).await;
        seen.0.extend(world.ids("ClientState"));
        seen.1.extend(world.ids("Decryption"));
        assert!(world.ids("ClientState").len() <= 2 && world.ids("Decryption").len() <= 2);
    }
    assert!(seen.0.len() >= 6, "{} client-state keys in a year", seen.0.len());
    assert!(seen.1.len() >= 4, "{} certificates in a year", seen.1.len());
    world.check();
}

type Renewal = renewal::Deps<Shelf, GraphClient, SimulatedClock, FakeQueue, UnwrapErr<SysRng>>;
type Decryption = decryption::Deps<OnShelf, HttpDocuments, FakeQueue>;
type Webhook = webhook::Deps<OnShelf, FakeQueue>;

/// The three functions, what lies between them, and Graph.
struct World {
    simulator: Arc<Simulator>,
    shelf: Shelf,
    deps: Renewal,
    decryption: Decryption,
    notifications: FakeQueue,
    delivered: FakeQueue,
    failed: FakeQueue,
    taken: usize,
    sent: usize,
    last_run: Timestamp,
}

impl World {
    async fn start() -> Self {
        let app = App {
            tenant_id: "11111111-2222-3333-4444-555555555555".to_owned(),
            client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
            client_secret: "secret".to_owned(),
            token_version: TokenVersion::V2,
        };
        let config = json!({
            "tenants": {"contoso": {
                "tenantId": app.tenant_id, "clientId": app.client_id,
                "credential": {"clientSecret": app.client_secret},
            }},
            "subscriptions": {
                "messages": {"resource": RICH, "changeType": "created", "includeResourceData": true},
                "users": {"resource": BASIC, "changeType": "updated"},
            },
        });
        let options = Options {
            apps: vec![app],
            max_attempts: 1,
            ..Options::default()
        };
        let simulator = Arc::new(Simulator::start(options).unwrap());
        let shelf = Shelf::default();
        shelf.put("Config", &config.to_string());
        let [notifications, lifecycle, delivered, failed] = [(); 4].map(|()| FakeQueue::default());
        let webhook = webhook::Deps {
            keys: CachedDocument::new(shelf.reader("ClientState"), webhook::parse_keys),
            notification_queue: notifications.clone(),
            lifecycle_queue: lifecycle,
        };
        simulator.set_resolve("https://our.test", &serve(webhook, simulator.clone()).await);
        let base = simulator.base_url();
        let decryption = decryption::Deps {
            trust: CachedDocument::new(shelf.reader("Decryption"), Trust::parse),
            signing_keys: SigningKeysByCloud::new(
                &HttpDocuments::new().unwrap(),
                &Authorities::default(),
                Some(&base),
            ),
            delivery_queue: delivered.clone(),
            failed_queue: failed.clone(),
            lifecycle_queue: failed.clone(),
        };
        let login = Login::new(Http::default(), Some(&base)).unwrap();
        let deps = renewal::Deps {
            documents: shelf.clone(),
            graph: GraphClient::new(Http::default(), login, Some(&base)).unwrap(),
            clock: SimulatedClock(simulator.clone()),
            failed_queue: failed.clone(),
            delivery_queue: delivered.clone(),
            rng: Mutex::new(UnwrapErr(SysRng)),
            notifications: Origin::parse("https://our.test/notifications").unwrap(),
            lifecycle: Origin::parse("https://our.test/lifecycle").unwrap(),
            policy: Policy::default(),
            rotation: Rotation::default(),
            memory: Memory::default(),
        };
        Self {
            last_run: simulator.now(),
            simulator,
            shelf,
            deps,
            decryption,
            notifications,
            delivered,
            failed,
            taken: 0,
            sent: 0,
        }
    }

    /// Makes a run, and returns its report, in which nothing may have failed.
    async fn renew(&mut self, event: Value) -> Value {
        let now = self.simulator.now();
        self.last_run = now;
        let deadline = now + SignedDuration::from_mins(15);
        let report = renewal::handle(event, deadline, &self.deps, &mut Sheet::default())
            .await
            .unwrap();
        assert_eq!(report["failed"], json!(0), "{report:#}");
        report
    }

    /// Lets time pass, step by step. At each step a notification comes for each subscription; before it, the runs of the
    /// schedule are made as far as they can make a difference.
    async fn pass(&mut self, step: SignedDuration, steps: usize) {
        for _ in 0..steps {
            self.simulator.advance(step);
            if self.simulator.now().duration_since(self.last_run) >= SignedDuration::from_mins(10) {
                self.renew(json!({})).await;
            }
            self.send().await;
        }
    }

    /// Sends a notification for each subscription, and has it decrypted.
    async fn send(&mut self) -> Vec<PostReport> {
        let mut posts = Vec::new();
        for (resource, change) in [(RICH, "created"), (BASIC, "updated")] {
            let report = self
                .simulator
                .send(Post::new().change(resource, change))
                .await
                .unwrap();
            assert!(report.delivered(), "{report:#?}");
            self.sent += 1;
            posts.extend(report.posts);
        }
        self.decrypt().await;
        posts
    }

    /// Has decryption process what the webhook has queued.
    async fn decrypt(&mut self) {
        let bodies = self.withhold();
        self.open(&bodies).await;
    }

    /// Takes what the webhook has queued.
    fn withhold(&mut self) -> Vec<String> {
        let bodies = self.notifications.bodies();
        let new = bodies[self.taken..].to_vec();
        self.taken = bodies.len();
        new
    }

    /// Has decryption process messages. Nothing may have to come a second time.
    async fn open(&self, bodies: &[String]) {
        let records: Vec<Value> = bodies
            .iter()
            .map(|body| json!({"messageId": "m", "body": body, "eventSource": "aws:sqs"}))
            .collect();
        let event = serde_json::from_value(json!({"Records": records})).unwrap();
        let answer = decryption::handle(
            event,
            &self.decryption,
            self.simulator.now(),
            &mut Sheet::default(),
        )
        .await;
        assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
    }

    /// Checks that every notification that was sent has been delivered, and those of the rich subscription opened.
    fn check(&self) {
        assert_eq!(self.failed.bodies(), Vec::<String>::new());
        let mut ids: BTreeMap<String, bool> = BTreeMap::new();
        for event in self.events() {
            if event["data"]["changeType"].is_string() {
                let is_open = event["subscription"] == "users" || event["data"]["content"].is_object();
                ids.insert(event["id"].as_str().unwrap().to_owned(), is_open);
            }
        }
        assert_eq!(ids.len(), self.sent, "every notification has an event of its own");
        let sealed: Vec<_> = ids.iter().filter(|(_, is_open)| !**is_open).collect();
        assert!(sealed.is_empty(), "{sealed:?}");
    }

    /// Counts the events about subscriptions that were made anew.
    fn recreated(&self) -> usize {
        let events = self.events();
        events
            .iter()
            .filter(|event| event["type"] == "Microsoft.Graph.SubscriptionRecreated")
            .count()
    }

    fn events(&self) -> Vec<Value> {
        let bodies = self.delivered.bodies();
        bodies
            .iter()
            .map(|body| serde_json::from_str(body).unwrap())
            .collect()
    }

    /// Returns the ids of the keys in a document.
    fn ids(&self, document: &'static str) -> Vec<String> {
        let document: Value = serde_json::from_str(&self.shelf.get(document).unwrap().0).unwrap();
        let keys = document["keys"].as_array().unwrap();
        keys.iter()
            .map(|key| key["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Returns whether all subscriptions are made with a key, and those with resource data for a certificate.
    fn all_use(&self, key: &str, certificate: &str) -> bool {
        let subscriptions = self.simulator.subscriptions();
        assert_eq!(subscriptions.len(), 2);
        subscriptions.iter().all(|one| {
            let with_key = one.client_state.as_ref().unwrap().contains(&format!(".{key}."));
            let for_certificate = one.encryption_certificate_id.as_deref();
            with_key && for_certificate.is_none_or(|id| id == certificate)
        })
    }
}

/// Serves the webhook and returns its base URL.
async fn serve(webhook: Webhook, simulator: Arc<Simulator>) -> String {
    let router = Router::new()
        .fallback(answer)
        .with_state((Arc::new(webhook), simulator));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

async fn answer(
    State((webhook, simulator)): State<(Arc<Webhook>, Arc<Simulator>)>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> axum::http::Response<axum::body::Body> {
    let request = axum::http::Request::builder()
        .method(method)
        .uri(uri)
        .body(lambda_http::Body::Text(String::from_utf8(body.to_vec()).unwrap()))
        .unwrap();
    let answer = webhook::handle(request, &webhook, simulator.now(), &mut Sheet::default()).await;
    answer.map(|body| axum::body::Body::from(body.to_vec()))
}

/// The simulator's clock.
struct SimulatedClock(Arc<Simulator>);

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.advance(duration.try_into().unwrap());
    }
}

/// Documents in memory, each with the number of its version.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<BTreeMap<String, (String, usize)>>>);

impl Shelf {
    fn get(&self, document: &str) -> Option<(String, usize)> {
        self.0.lock().unwrap().get(document).cloned()
    }

    fn put(&self, document: &str, text: &str) {
        let mut held = self.0.lock().unwrap();
        let version = held.get(document).map_or(0, |(_, version)| version + 1);
        held.insert(document.to_owned(), (text.to_owned(), version));
    }

    fn reader(&self, document: &'static str) -> OnShelf {
        OnShelf(self.clone(), document)
    }
}

impl Documents for Shelf {
    async fn read(&self, document: Document) -> Result<Option<Versioned>, SecretError> {
        Ok(self
            .get(&format!("{document:?}"))
            .map(|(text, version)| Versioned {
                text: Secret::new(text),
                version_id: version.to_string(),
            }))
    }

    async fn write(
        &self,
        document: Document,
        text: &Secret<String>,
        based_on: Option<&str>,
    ) -> Result<(), SecretError> {
        let name = format!("{document:?}");
        if self.get(&name).map(|(_, version)| version.to_string()).as_deref() != based_on {
            return Err(SecretError::Conflict);
        }
        self.put(&name, text.expose());
        Ok(())
    }
}

/// One document, as another function reads it.
struct OnShelf(Shelf, &'static str);

impl Source for OnShelf {
    async fn read(&self) -> Result<Option<Secret<String>>, SecretError> {
        Ok(self.0.get(self.1).map(|(text, _)| Secret::new(text)))
    }
}

/// A queue in memory.
#[derive(Clone, Default)]
struct FakeQueue(Arc<Mutex<Vec<String>>>);

impl FakeQueue {
    fn bodies(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Queue for FakeQueue {
    async fn send_all(&self, messages: &[Message]) -> Vec<Result<(), NotStored>> {
        let mut bodies = self.0.lock().unwrap();
        bodies.extend(messages.iter().map(|message| message.body.clone()));
        vec![Ok(()); messages.len()]
    }
}

const RICH: &str = "/teams/getAllMessages";
const BASIC: &str = "/users";
