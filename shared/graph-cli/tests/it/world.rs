//! The local stack with one tenant, which all tests share.

use std::{
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use graph_simulator::{App, Registered, TokenVersion};
use serde_json::{Value, json};
use stack::Pair;

use crate::tool::Tool;

/// The stack, with what `configuration` asks for applied. Who holds it is alone with it.
pub struct World {
    pub pair: &'static Pair,
    pub tool: Tool,
    _alone: MutexGuard<'static, ()>,
}

/// Returns the stack to work with alone.
pub fn world() -> World {
    static ALONE: Mutex<()> = Mutex::new(());
    static PAIR: OnceLock<Pair> = OnceLock::new();
    static PREPARED: OnceLock<()> = OnceLock::new();
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let pair = PAIR.get_or_init(|| {
        block_on(start()).unwrap_or_else(|error| panic!("the local stack cannot be started: {error}"))
    });
    let tool = Tool::at(pair.stack.endpoint_url());
    PREPARED.get_or_init(|| {
        pair.simulator.add_app(app());
        let put = tool.run_with("config put --yes -", &configuration().to_string());
        assert_eq!(put.status, 0, "{put:?}");
        let applied = tool.run("apply");
        assert_eq!(applied.status, 0, "{applied:?}");
    });
    World {
        pair,
        tool,
        _alone: alone,
    }
}

/// Starts a stack whose schedule `doctor` finds nothing wrong with, and which comes to no run while tests run.
async fn start() -> Result<Pair, stack::Error> {
    let simulator = graph_simulator::Options {
        retry_scale: 0.001,
        ..graph_simulator::Options::default()
    };
    let stack = stack::Options {
        renewal_minutes: "60".to_owned(),
        ..stack::Options::default()
    };
    Pair::start(simulator, stack, stack::Progress::start()).await
}

impl World {
    /// Returns the live subscription to a resource.
    pub fn subscription(&self, resource: &str) -> Registered {
        let live = self.pair.simulator.subscriptions();
        let found = live.into_iter().find(|one| one.resource == resource);
        found.unwrap_or_else(|| panic!("no subscription to {resource}"))
    }

    /// Returns where the webhook is reached.
    pub fn webhook(&self) -> String {
        self.pair.stack.http_url("").unwrap()
    }
}

impl World {
    /// Puts a message into a queue, by its output.
    pub fn put(&self, queue: &str, body: &str) {
        let url = self.pair.stack.output(queue).unwrap();
        let put = self
            .pair
            .stack
            .sqs()
            .send_message()
            .queue_url(url)
            .message_body(body);
        block_on(put.send()).unwrap();
    }

    /// Takes everything out of a queue, by its output.
    pub fn empty(&self, queue: &str) {
        let url = self.pair.stack.output(queue).unwrap();
        block_on(self.pair.stack.sqs().purge_queue().queue_url(url).send()).unwrap();
    }

    /// Returns what ConfigSecret holds.
    pub fn config_secret(&self) -> String {
        block_on(self.pair.stack.read_secret("ConfigSecret"))
            .unwrap()
            .to_string()
    }

    /// Makes a subscription of this stack another stack's, as if that had made it.
    pub fn leave(&self, ours: &Registered) -> String {
        assert!(self.pair.simulator.remove(ours));
        let (_, query) = ours.notification_url.split_once("?i=").unwrap();
        let url = ours
            .notification_url
            .replace(query.split('&').next().unwrap(), "another");
        let theirs = json!({
            "resource": ours.resource, "changeType": ours.change_type, "notificationUrl": url, "clientState": "theirs",
            "lifecycleNotificationUrl": ours.lifecycle_notification_url, "expirationDateTime": ours.expires_at.to_string(),
        });
        block_on(subscribe(&self.pair.simulator.base_url(), &theirs)).unwrap()
    }
}

/// Makes a subscription as the application of the configuration, and returns its id.
async fn subscribe(graph: &str, wanted: &Value) -> reqwest::Result<String> {
    let App {
        tenant_id,
        client_id,
        client_secret,
        ..
    } = app();
    let grant = [
        ("grant_type", "client_credentials"),
        ("scope", "https://graph.microsoft.com/.default"),
        ("client_id", &client_id),
        ("client_secret", &client_secret),
    ];
    let client = reqwest::Client::builder().no_proxy().build()?;
    let login = client
        .post(format!("{graph}/{tenant_id}/oauth2/v2.0/token"))
        .form(&grant);
    let token: Value = login.send().await?.error_for_status()?.json().await?;
    let create = client.post(format!("{graph}/v1.0/subscriptions")).json(wanted);
    let create = create.bearer_auth(token["access_token"].as_str().unwrap_or_default());
    let made: Value = create.send().await?.error_for_status()?.json().await?;
    Ok(made["id"].as_str().unwrap_or_default().to_owned())
}

/// Does something that has to be waited for.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// Looks until something is there.
pub fn eventually<T>(what: &str, take: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(value) = take() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what} did not happen");
    }
}

/// The configuration of the stack.
pub fn configuration() -> Value {
    json!({
        "tenants": {"contoso": {
            "tenantId": app().tenant_id, "clientId": app().client_id, "credential": {"clientSecret": SECRET},
        }},
        "subscriptions": {
            "team-messages": {"resource": MESSAGES, "changeType": "created,updated", "includeResourceData": true},
            "users": {"resource": USERS, "changeType": "updated"},
        },
    })
}

fn app() -> App {
    App {
        tenant_id: "11111111-2222-4333-8444-555555555555".to_owned(),
        client_id: "66666666-7777-4888-8999-000000000000".to_owned(),
        client_secret: SECRET.to_owned(),
        token_version: TokenVersion::V2,
    }
}

pub const SECRET: &str = "the-client-secret-of-contoso";

pub const MESSAGES: &str = "/teams/getAllMessages";

pub const USERS: &str = "/users";
