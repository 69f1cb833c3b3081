//! The three functions in this process, on virtual time.
//!
//! Their handlers run with the simulator on the other side and its clock for all, so that no test has to wait. What lies
//! between them is kept in memory. These tests need no stack.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Router, body::Bytes, extract::State, http::Method, http::Uri};
use decryption::{SigningKeysByCloud, Trust};
use graph_core::{
    notification::tokens::Authorities,
    subscription::{
        plan::Policy,
        rotation::Rotation,
        url::{BaseUrl, StackId},
    },
};
use graph_edge::{
    deadline::Deadline, documents::CachedDocument, metrics::Metrics, signing_keys::HttpDocuments,
    testing::FakeSecret,
};
use graph_simulator::{App, Options, Post, PostReport, Simulator, TokenVersion};
use jiff::{SignedDuration, Timestamp};
use renewal::Memory;
use serde_json::{Value, json};

use self::memory::{FakeDocuments, FakeQueue, InMemory, SimulatedClock};
use crate::events;

pub mod memory;

type Decryption = decryption::Deps<InMemory>;
type Webhook = webhook::Deps<FakeSecret, FakeQueue>;

/// The three functions, what lies between them, and Graph.
pub struct Pipeline {
    /// Graph.
    pub simulator: Arc<Simulator>,
    /// The secrets.
    pub documents: FakeDocuments,
    /// What renewal works with.
    pub deps: renewal::Deps<InMemory>,
    /// FailedQueue.
    pub failed: FakeQueue,
    /// How many notifications `send` has sent.
    pub sent: usize,
    decryption: Decryption,
    notifications: FakeQueue,
    delivered: FakeQueue,
    taken: usize,
    last_run: Timestamp,
}

impl Pipeline {
    /// Starts with a tenant and two subscriptions in the configuration, and no keys yet.
    pub async fn start() -> Self {
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
        let documents = FakeDocuments::default();
        documents.get("Config").set(config.to_string());
        let [notifications, lifecycle, delivered, failed] = [(); 4].map(|()| FakeQueue::default());
        let webhook = webhook::Deps {
            keys: CachedDocument::new(documents.get("ClientState"), webhook::parse_keys),
            queues: webhook::Queues {
                read: None,
                notification: notifications.clone(),
                lifecycle,
                delivery: delivered.clone(),
            },
        };
        simulator.set_resolve("https://our.test", &serve(webhook, simulator.clone()).await);
        let base = simulator.base_url();
        let decryption = decryption::Deps {
            client_states: CachedDocument::new(documents.get("ClientState"), webhook::parse_keys),
            trust: CachedDocument::new(documents.get("Decryption"), Trust::parse),
            signing_keys: SigningKeysByCloud::new(
                &HttpDocuments::new().unwrap(),
                &Authorities::default(),
                Some(&base),
            ),
            delivery_queue: delivered.clone(),
            failed_queue: failed.clone(),
            lifecycle_queue: failed.clone(),
            read_queue: None,
            tries: 10,
        };
        let deps = renewal::Deps {
            documents: documents.clone(),
            graph: memory::graph(&simulator),
            clock: SimulatedClock(simulator.clone()),
            failed_queue: failed.clone(),
            delivery_queue: delivered.clone(),
            catch_up: None,
            stack: StackId::parse("stack").unwrap(),
            notifications: BaseUrl::parse("https://our.test/notifications").unwrap(),
            lifecycle: BaseUrl::parse("https://our.test/lifecycle").unwrap(),
            policy: Policy::default(),
            rotation: Rotation::default(),
            tries: 16,
            memory: Memory::default(),
        };
        Self {
            last_run: simulator.now(),
            simulator,
            documents,
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
    pub async fn renew(&mut self, event: Value) -> Value {
        let now = self.simulator.now();
        self.last_run = now;
        let deadline = now + SignedDuration::from_mins(15);
        let report = renewal::handle(event, deadline, &self.deps, &mut Metrics::default())
            .await
            .unwrap();
        assert_eq!(report["failed"], json!(0), "{report:#}");
        report
    }

    /// Lets time pass, step by step. At each step a notification comes for each subscription; before it, the runs of the
    /// schedule are made as far as they can make a difference.
    pub async fn pass(&mut self, step: SignedDuration, steps: usize) {
        for _ in 0..steps {
            self.simulator.advance(step);
            if self.simulator.now().duration_since(self.last_run) >= SignedDuration::from_mins(10) {
                self.renew(json!({})).await;
            }
            self.send().await;
        }
    }

    /// Sends a notification for each subscription, and has it decrypted.
    pub async fn send(&mut self) -> Vec<PostReport> {
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
    pub fn withhold(&mut self) -> Vec<String> {
        let bodies = self.notifications.bodies();
        let new = bodies[self.taken..].to_vec();
        self.taken = bodies.len();
        new
    }

    /// Has decryption process messages. Nothing may have to come a second time.
    pub async fn open(&self, bodies: &[String]) {
        assert_eq!(self.try_to_open(bodies).await, 0);
    }

    /// Has decryption process messages, and returns how many of them have to come again.
    pub async fn try_to_open(&self, bodies: &[String]) -> usize {
        let records: Vec<Value> = bodies
            .iter()
            .map(|body| json!({"messageId": "m", "body": body, "eventSource": "aws:sqs"}))
            .collect();
        let event = serde_json::from_value(json!({"Records": records})).unwrap();
        let answer = decryption::handle(
            event,
            &self.decryption,
            self.simulator.now(),
            Deadline::after(Duration::from_mins(1)),
            &mut Metrics::default(),
        )
        .await;
        answer.batch_item_failures.len()
    }

    /// Checks that every notification that was sent has been delivered, and those of the rich subscription opened.
    pub fn check(&self) {
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

    /// Counts the events about recreated subscriptions.
    pub fn recreated(&self) -> usize {
        let events = self.events();
        events
            .iter()
            .filter(|event| event["type"] == "Microsoft.Graph.SubscriptionRecreated")
            .count()
    }

    /// Returns what has been delivered.
    pub fn events(&self) -> Vec<Value> {
        events::parse(&self.delivered.bodies())
    }

    /// Returns the ids of the keys in a document.
    pub fn ids(&self, document: &'static str) -> Vec<String> {
        let document: Value = serde_json::from_str(&self.documents.get(document).text().unwrap()).unwrap();
        let keys = document["keys"].as_array().unwrap();
        keys.iter()
            .map(|key| key["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Returns whether all subscriptions are made with a key, and those with resource data for a certificate.
    pub fn all_use(&self, key: &str, certificate: &str) -> bool {
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
    let answer = webhook::handle(
        request,
        &webhook,
        simulator.now(),
        Deadline::after(Duration::from_mins(1)),
        &mut Metrics::default(),
    )
    .await;
    answer.map(|body| axum::body::Body::from(body.to_vec()))
}

/// A subscription with resource data.
pub const RICH: &str = "/teams/getAllMessages";
const BASIC: &str = "/users";
