//! What all tests share: one stack, one simulator, and everything that has come out of the queues so far.

use std::{
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};
use tests::{
    graph::{App, DeliveryReport, Post, Registered, Simulator, TokenVersion},
    stack::{Function, Message, Pair, Stack, shared},
};
use tokio::time::sleep;

/// A tenant of one test, with its subscriptions made by renewal.
pub struct Tenant {
    /// The app registration.
    pub app: App,
}

impl Tenant {
    /// Adds a tenant called `name` with these subscriptions to the configuration and has renewal create them.
    pub async fn subscribe(name: &str, version: TokenVersion, subscriptions: Value) -> Self {
        let guid = |part: &str| format!("{:08x}-{part}-4000-8000-{:012x}", hash(name), hash(name));
        let app = App {
            tenant_id: guid("0001"),
            client_id: guid("0002"),
            client_secret: format!("client-secret-of-{name}"),
            token_version: version,
        };
        simulator().add_app(app.clone());
        configure(name, &app, subscriptions.as_object().unwrap()).await;
        let tenant = Self { app };
        let report = invoke(Function::Renewal, &json!({})).await;
        assert_eq!(
            tenant.subscriptions().len(),
            subscriptions.as_object().unwrap().len(),
            "not every subscription of {name} was created: {report:#}"
        );
        tenant
    }

    /// Returns the tenant's live subscriptions.
    pub fn subscriptions(&self) -> Vec<Registered> {
        let ours = |one: &Registered| one.tenant_id == self.app.tenant_id;
        simulator().subscriptions().into_iter().filter(ours).collect()
    }

    /// Returns the live subscription to `resource`.
    pub fn subscription(&self, resource: &str) -> Registered {
        let found = self
            .subscriptions()
            .into_iter()
            .find(|one| one.resource == resource);
        found.unwrap_or_else(|| panic!("no subscription to {resource}"))
    }

    /// Returns the tenant's events once there are `count` of them.
    pub async fn events(&self, count: usize) -> Vec<Value> {
        let bodies = until(count, || self.bodies(&arrived().delivered), "events").await;
        bodies
            .iter()
            .map(|body| serde_json::from_str(body).unwrap())
            .collect()
    }

    /// Returns the tenant's events as they were delivered, once there are `count` of them.
    pub async fn event_bodies(&self, count: usize) -> Vec<String> {
        until(count, || self.bodies(&arrived().delivered), "events").await
    }

    /// Returns the events of one subscription that have been delivered so far.
    pub fn arrived_for(&self, subscription_id: &str) -> Vec<String> {
        let of_it = |body: &String| body.contains(&format!(r#""subscriptionId":"{subscription_id}""#));
        self.bodies(&arrived().delivered)
            .into_iter()
            .filter(of_it)
            .collect()
    }

    /// Returns the reasons for which items of the tenant are in FailedQueue, once there are `count` of them.
    pub async fn failures(&self, count: usize) -> Vec<String> {
        let reasons = || {
            let arrived = arrived();
            let ours = arrived
                .failed
                .iter()
                .filter(|message| message.body.contains(&self.app.tenant_id));
            ours.map(|message| message.attributes.get("Reason").cloned().unwrap_or_default())
                .collect::<Vec<_>>()
        };
        until(count, reasons, "failures").await
    }

    fn bodies(&self, messages: &[Message]) -> Vec<String> {
        let ours = messages
            .iter()
            .filter(|message| message.body.contains(&self.app.tenant_id));
        ours.map(|message| message.body.clone()).collect()
    }
}

/// Sends a POST and returns what became of it.
pub async fn send(post: Post) -> DeliveryReport {
    simulator().send(post).await.unwrap()
}

/// Invokes a function and returns its answer.
pub async fn invoke(function: Function, event: &Value) -> Value {
    match stack().invoke(function, event).await {
        Ok(answer) => answer,
        Err(error) => panic!("{error}\n{}", logs().await),
    }
}

/// Polls until `take` returns something.
pub async fn eventually<T>(what: &str, take: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = take() {
            return value;
        }
        assert!(
            Instant::now() < deadline,
            "{what} did not happen in {DEADLINE:?}\n{}",
            logs().await
        );
        sleep(POLL).await;
    }
}

/// The stack of this process.
pub fn stack() -> &'static Stack {
    &pair().stack
}

/// The simulator of this process.
pub fn simulator() -> &'static Simulator {
    &pair().simulator
}

/// Returns what the functions have logged.
pub async fn logs() -> String {
    let mut logs = String::new();
    for function in Function::ALL {
        logs += &format!("--- {}\n", function.logical_id());
        logs += &stack()
            .logs(function)
            .await
            .unwrap_or_else(|error| error.to_string());
        logs.push('\n');
    }
    logs
}

/// What has come out of the queues.
#[derive(Default)]
struct Arrived {
    delivered: Vec<Message>,
    failed: Vec<Message>,
}

fn arrived() -> MutexGuard<'static, Arrived> {
    static ARRIVED: Mutex<Arrived> = Mutex::new(Arrived {
        delivered: Vec::new(),
        failed: Vec::new(),
    });
    ARRIVED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pair() -> &'static Pair {
    static PAIR: OnceLock<&'static Pair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let pair = shared().unwrap_or_else(|error| panic!("the local stack cannot be started: {error}"));
        std::thread::spawn(move || collect(&pair.stack));
        pair
    })
}

/// Takes messages from the queues for as long as the process lives, so that tests do not take each other's.
fn collect(stack: &Stack) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let [delivery, failed] =
            ["DeliveryQueueUrl", "FailedQueueUrl"].map(|name| stack.output(name).unwrap());
        loop {
            let take = |queue| stack.receive(queue, Duration::from_secs(1), |messages| !messages.is_empty());
            let (delivered, failed) = tokio::join!(take(delivery), take(failed));
            let mut arrived = arrived();
            arrived.delivered.extend(delivered.unwrap_or_default());
            arrived.failed.extend(failed.unwrap_or_default());
        }
    });
}

/// Adds a tenant and its subscriptions to the configuration.
async fn configure(tenant: &str, app: &App, subscriptions: &Map<String, Value>) {
    static CONFIGURATION: tokio::sync::Mutex<Option<Value>> = tokio::sync::Mutex::const_new(None);
    let mut configuration = CONFIGURATION.lock().await;
    let document = configuration.get_or_insert_with(|| json!({"tenants": {}, "subscriptions": {}}));
    document["tenants"][tenant] = json!({
        "tenantId": app.tenant_id, "clientId": app.client_id, "credential": {"clientSecret": app.client_secret}
    });
    for (name, subscription) in subscriptions {
        let mut subscription = subscription.clone();
        subscription["tenant"] = json!(tenant);
        document["subscriptions"][name] = subscription;
    }
    stack().write_config(document).await.unwrap();
}

async fn until(count: usize, take: impl Fn() -> Vec<String>, what: &str) -> Vec<String> {
    eventually(&format!("the arrival of {count} {what}"), || {
        Some(take()).filter(|taken| taken.len() >= count)
    })
    .await
}

fn hash(text: &str) -> u32 {
    text.bytes().fold(2_166_136_261, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(16_777_619)
    })
}

const DEADLINE: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(50);
