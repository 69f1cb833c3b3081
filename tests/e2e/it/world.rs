//! The shared state of all tests: one stack, one simulator, and the messages that the queues delivered.

use std::{
    convert::Infallible,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use graph_simulator::{App, DeliveryReport, Post, Registered, Simulator, TokenVersion};
use serde_json::{Value, json};
use stack::{Error, Function, Message, Pair, Stack, shared};
use tokio::time::sleep;

/// A tenant of one test, with its subscriptions made by renewal.
pub struct Tenant {
    /// The app registration.
    pub app: App,
}

impl Tenant {
    /// Takes a tenant that no other test has and has renewal create these subscriptions in it.
    pub async fn subscribe(version: TokenVersion, subscriptions: Value) -> Self {
        let count = subscriptions.as_object().unwrap().len();
        let mut configuration = configuration().lock().await;
        let (name, app) = configuration.take(version).await;
        for (key, mut subscription) in subscriptions.as_object().unwrap().clone() {
            subscription["tenant"] = json!(name);
            let entry = &mut configuration.document["subscriptions"][&key];
            assert!(entry.is_null(), "another test has an entry {key} already");
            *entry = subscription;
        }
        stack().write_config(&configuration.document).await.unwrap();
        let report = invoke(Function::Renewal, &json!({})).await;
        drop(configuration);
        let tenant = Self { app };
        assert_eq!(
            tenant.subscriptions().len(),
            count,
            "not every subscription was created: {report:#}"
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
        let bodies = until(count, || self.delivered(), "events").await;
        bodies
            .iter()
            .map(|body| serde_json::from_str(body).unwrap())
            .collect()
    }

    /// Returns the tenant's events whose document has `text` in it, once there are `count` of them.
    pub async fn events_with(&self, text: &str, count: usize) -> Vec<Value> {
        let with_text = || {
            let bodies = self.delivered().into_iter();
            bodies.filter(|body| body.contains(text)).collect::<Vec<_>>()
        };
        let bodies = until(count, with_text, text).await;
        bodies
            .iter()
            .map(|body| serde_json::from_str(body).unwrap())
            .collect()
    }

    /// Returns the tenant's events as they were delivered, once there are `count` of them.
    pub async fn event_bodies(&self, count: usize) -> Vec<String> {
        until(count, || self.delivered(), "events").await
    }

    /// Returns the events of one subscription that have been delivered so far.
    pub fn arrived_for(&self, subscription_id: &str) -> Vec<String> {
        let of_it = |body: &String| body.contains(&format!(r#""subscriptionId":"{subscription_id}""#));
        self.delivered().into_iter().filter(of_it).collect()
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

    /// Returns the tenant's events. None of any tenant may break the schema.
    pub fn delivered(&self) -> Vec<String> {
        let arrived = arrived();
        assert_eq!(arrived.fault, None);
        let bodies = arrived.delivered.iter().map(|message| &message.body);
        let ours = bodies.filter(|body| body.contains(&self.app.tenant_id));
        ours.cloned().collect()
    }
}

/// Sends a POST and returns its report.
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
        sleep(POLL_INTERVAL).await;
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
        let lines = stack().logs(function).await;
        let lines = lines.unwrap_or_else(|error| error.to_string());
        logs.extend(["--- ", function.logical_id(), "\n", &lines, "\n"]);
    }
    logs
}

/// The messages that the queues delivered.
#[derive(Default)]
struct Arrived {
    delivered: Vec<Message>,
    failed: Vec<Message>,
    /// The first event that violates the schema.
    fault: Option<String>,
}

fn arrived() -> MutexGuard<'static, Arrived> {
    static ARRIVED: Mutex<Arrived> = Mutex::new(Arrived {
        delivered: Vec::new(),
        failed: Vec::new(),
        fault: None,
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
fn collect(stack: &Stack) -> (Infallible, Infallible) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let [delivery, failed] = ["DeliveryQueueUrl", "FailedQueueUrl"].map(|name| stack.output(name).unwrap());
    let take = |queue| stack.receive(queue, Duration::from_secs(1), |messages| !messages.is_empty());
    // Side by side: a queue with nothing in it answers after a second, and the other one has thousands at times.
    let delivered = async {
        loop {
            match take(delivery).await {
                Ok(messages) => arrived().delivered.extend(messages),
                Err(fault @ Error::Schema { .. }) => arrived().fault = Some(fault.to_string()),
                // SQS did not answer; it does the next time.
                Err(_) => {}
            }
        }
    };
    let failed = async {
        loop {
            let messages = take(failed).await.unwrap_or_default();
            arrived().failed.extend(messages);
        }
    };
    runtime.block_on(async { tokio::join!(delivered, failed) })
}

/// The configuration of the stack, to which each test adds its own.
#[derive(Default)]
struct Configuration {
    document: Value,
    taken: usize,
}

impl Configuration {
    /// Returns the name and the app registration of a tenant that nobody has yet.
    ///
    /// All tenants are configured before the first subscription: a client-state key that comes later is not used until
    /// every webhook can have heard of it, and half a minute is long for a test.
    async fn take(&mut self, version: TokenVersion) -> (String, App) {
        if self.taken == 0 {
            self.document = json!({"tenants": {}, "subscriptions": {}});
            for app in (0..TENANTS)
                .flat_map(|index| [TokenVersion::V1, TokenVersion::V2].map(|version| app(index, version)))
            {
                self.document["tenants"][name(&app)] = json!({
                    "tenantId": app.tenant_id, "clientId": app.client_id,
                    "credential": {"clientSecret": app.client_secret}
                });
                simulator().add_app(app);
            }
            stack().write_config(&self.document).await.unwrap();
            invoke(Function::Renewal, &json!({})).await;
        }
        assert!(self.taken < TENANTS, "raise the number of tenants");
        let app = app(self.taken, version);
        self.taken += 1;
        (name(&app), app)
    }
}

/// The configuration; who holds it is also the only one to invoke renewal.
fn configuration() -> &'static tokio::sync::Mutex<Configuration> {
    static CONFIGURATION: OnceLock<tokio::sync::Mutex<Configuration>> = OnceLock::new();
    CONFIGURATION.get_or_init(tokio::sync::Mutex::default)
}

/// Invokes renewal when no other test does. MiniStack keeps no promise about two writers of one secret.
pub async fn renew(event: &Value) -> Value {
    let _only = configuration().lock().await;
    invoke(Function::Renewal, event).await
}

/// Changes something, invokes renewal and looks at the result, when no other test invokes renewal.
pub async fn renew_alone<T>(change: impl FnOnce(), event: &Value, look: impl FnOnce() -> T) -> T {
    let _only = configuration().lock().await;
    change();
    invoke(Function::Renewal, event).await;
    look()
}

/// Changes something and invokes renewal twice at the same time, when no other test does. The keys are there already, so
/// neither writes any.
pub async fn renew_twice_at_once(change: impl FnOnce()) -> [Value; 2] {
    let _only = configuration().lock().await;
    change();
    let event = &json!({});
    let (one, other) = tokio::join!(invoke(Function::Renewal, event), invoke(Function::Renewal, event));
    [one, other]
}

fn app(index: usize, token_version: TokenVersion) -> App {
    let version = if token_version == TokenVersion::V1 { 1 } else { 2 };
    App {
        tenant_id: format!("{index:08x}-000{version}-4000-8000-0123456789ab"),
        client_id: format!("{index:08x}-000{version}-4000-8000-ba9876543210"),
        client_secret: format!("the-client-secret-{index}-{version}"),
        token_version,
    }
}

fn name(app: &App) -> String {
    format!("t{}", &app.tenant_id[..13])
}

async fn until(count: usize, take: impl Fn() -> Vec<String>, what: &str) -> Vec<String> {
    eventually(&format!("the arrival of {count} {what}"), || {
        Some(take()).filter(|taken| taken.len() >= count)
    })
    .await
}

/// More than there are tests.
const TENANTS: usize = 32;

const DEADLINE: Duration = Duration::from_mins(1);

const POLL_INTERVAL: Duration = Duration::from_millis(50);
