//! The notifications of subscriptions that renewal has created at the simulator of Microsoft Graph.
//!
//! So client states, tokens and encrypted content are genuine, and nothing is made up for the measurement.

use graph_simulator::{App, Options, Simulator, TokenVersion};
use serde_json::{Value, json};
use stack::NOTIFICATION_ORIGIN;

use crate::{
    BoxError,
    artefacts::Artefacts,
    aws::Aws,
    inbox::{BASIC, Inbox, RICH},
    lambda::{Function, Program},
};

/// The simulator, AWS in memory with the secrets that renewal has written, and the inbox.
pub struct World {
    /// AWS.
    pub aws: Aws,
    /// The inbox of the simulator's notifications.
    pub inbox: Inbox,
    simulator: Simulator,
}

impl World {
    /// Creates one subscription with resource data and one without.
    pub async fn create(artefacts: &Artefacts) -> Result<Self, BoxError> {
        let world = Self::with_page_size(100).await?;
        world.configure(&subscriptions());
        let renewal = world.start_renewal(artefacts).await?;
        let report = renewal.invoke("{}").await?;
        if world.simulator.subscriptions().len() != 2 {
            return Err(format!("renewal does not subscribe: {report}").into());
        }
        Ok(world)
    }

    /// Returns a world without subscriptions.
    pub async fn with_page_size(page_size: usize) -> Result<Self, BoxError> {
        let aws = Aws::start().await?;
        let simulator = Simulator::start(Options {
            apps: vec![app()],
            page_size,
            ..Options::default()
        })?;
        let inbox = Inbox::open().await?;
        inbox.subscribe_to(&simulator);
        Ok(Self {
            aws,
            inbox,
            simulator,
        })
    }

    /// Writes the configuration.
    pub fn configure(&self, subscriptions: &Value) {
        self.aws
            .write_secret("config", configuration(subscriptions).to_string());
    }

    /// Returns the simulator.
    pub fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// Starts the renewal function.
    pub async fn start_renewal(&self, artefacts: &Artefacts) -> Result<Function, BoxError> {
        let settings = [
            ("CONFIG_SECRET_ARN", "config".to_owned()),
            ("CLIENT_STATE_SECRET_ARN", "client-state".to_owned()),
            ("DECRYPTION_SECRET_ARN", "decryption".to_owned()),
            ("STATE_PARAMETER", "state".to_owned()),
            ("MAX_RECEIVES", "16".to_owned()),
            ("REFRESH_TOKEN_SECRET_ARN", "refresh-token".to_owned()),
            ("STACK_ID", "bench".to_owned()),
            ("WEBHOOK_URL", format!("{NOTIFICATION_ORIGIN}/notifications")),
            ("LIFECYCLE_URL", format!("{NOTIFICATION_ORIGIN}/lifecycle")),
            ("GRAPH_ENDPOINT", self.simulator.base_url()),
            ("LOGIN_ENDPOINT", self.simulator.base_url()),
            ("DELIVERY_QUEUE_URL", self.aws.queue_url("delivery")),
            ("FAILED_QUEUE_URL", self.aws.queue_url("failed")),
        ];
        self.start("renewal", artefacts, &settings).await
    }

    /// Starts the decryption function.
    pub async fn start_decryption(&self, artefacts: &Artefacts) -> Result<Function, BoxError> {
        self.start("decryption", artefacts, &self.decryption_settings())
            .await
    }

    /// Starts the decryption function on one processor, however many the machine has.
    pub async fn start_decryption_on_one(&self, artefacts: &Artefacts) -> Result<Function, BoxError> {
        let settings = self.decryption_settings();
        let mut program = program(artefacts, "decryption", &settings);
        let pinned = ["/usr/bin/taskset", "--cpu-list", "0"].map(str::to_owned);
        program.command.splice(..0, pinned);
        Function::start(&program, &self.aws.url, artefacts.log("decryption")?).await
    }

    fn decryption_settings(&self) -> [(&'static str, String); 7] {
        [
            ("CLIENT_STATE_SECRET_ARN", "client-state".to_owned()),
            ("MAX_RECEIVES", "10".to_owned()),
            ("DECRYPTION_SECRET_ARN", "decryption".to_owned()),
            ("LOGIN_ENDPOINT", self.simulator.base_url()),
            ("DELIVERY_QUEUE_URL", self.aws.queue_url("delivery")),
            ("FAILED_QUEUE_URL", self.aws.queue_url("failed")),
            ("LIFECYCLE_QUEUE_URL", self.aws.queue_url("lifecycle")),
        ]
    }

    /// Returns the settings of the webhook and of its peers.
    pub fn webhook_settings(&self) -> Vec<(String, String)> {
        let settings = [
            ("CLIENT_STATE_SECRET_ARN", "client-state".to_owned()),
            ("NOTIFICATION_QUEUE_URL", self.aws.queue_url("notifications")),
            ("LIFECYCLE_QUEUE_URL", self.aws.queue_url("lifecycle")),
            ("DELIVERY_QUEUE_URL", self.aws.queue_url("delivery")),
        ];
        settings.map(|(name, value)| (name.to_owned(), value)).into()
    }

    async fn start(
        &self,
        name: &'static str,
        artefacts: &Artefacts,
        settings: &[(&str, String)],
    ) -> Result<Function, BoxError> {
        let program = program(artefacts, name, settings);
        Function::start(&program, &self.aws.url, artefacts.log(name)?).await
    }

    /// Returns the body of a POST with rich items, whose content has about this size.
    pub async fn rich(&self, items: usize, bytes: usize) -> Result<String, BoxError> {
        self.inbox.rich(&self.simulator, "item", items, bytes).await
    }

    /// Returns the body of a POST with basic items.
    pub async fn basic(&self, items: usize) -> Result<String, BoxError> {
        self.inbox.basic(&self.simulator, items).await
    }
}

/// Returns the app registration of the tenant.
pub fn app() -> App {
    App {
        tenant_id: TENANT.to_owned(),
        client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
        client_secret: "the-client-secret".to_owned(),
        token_version: TokenVersion::V2,
    }
}

/// Returns one subscription with resource data and one without.
pub fn subscriptions() -> Value {
    json!({
        "rich": {"resource": RICH, "changeType": "created,updated,deleted", "includeResourceData": true},
        "basic": {"resource": BASIC, "changeType": "updated"},
    })
}

/// Returns a configuration with the tenant and these subscriptions.
pub fn configuration(subscriptions: &Value) -> Value {
    let app = app();
    json!({
        "tenants": {"contoso": {
            "tenantId": app.tenant_id, "clientId": app.client_id, "credential": {"clientSecret": app.client_secret}
        }},
        "subscriptions": subscriptions
    })
}

/// Returns a function of this project with its settings.
fn program(artefacts: &Artefacts, name: &'static str, settings: &[(&str, String)]) -> Program {
    let settings = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    artefacts.program(name, name, settings)
}

/// Returns the event that the HTTP API makes from a POST.
pub fn http_event(query: &str, body: &str) -> String {
    let mut event: Value =
        serde_json::from_str(include_str!("../../events/notification.json")).unwrap_or_default();
    event["rawQueryString"] = json!(query);
    event["headers"]["content-length"] = json!(body.len().to_string());
    event["body"] = json!(body);
    event.to_string()
}

/// Returns the event that SQS makes from messages.
pub fn sqs_event(bodies: &[String]) -> String {
    let record = |(index, body): (usize, &String)| {
        json!({
            "messageId": format!("059f36b4-87a3-44ab-83d2-{index:012}"), "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": body, "attributes": {
                "ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183", "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1545082649185"
            },
            "messageAttributes": {}, "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3", "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:notifications", "awsRegion": "eu-central-1"
        })
    };
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()}).to_string()
}

/// The id of the tenant.
pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";
