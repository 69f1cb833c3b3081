//! Tests of the simulator over HTTP.

mod controls;
mod creation;
mod delivery;
mod directory;
mod handshakes;
mod login;
mod managing;
mod readme;
mod reads;
mod receiver;
mod resource_data;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::keys::Pool;
use super::*;
use receiver::Receiver;

/// A simulator, a receiver of its notifications, and a client with a token.
struct Bench {
    simulator: Simulator,
    receiver: Receiver,
    client: reqwest::Client,
    token: String,
}

impl Bench {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let receiver = Receiver::start().await;
        let mut options = Options {
            apps: vec![app(TENANT, APP), app(TENANT, OTHER_APP), app(OTHER_TENANT, APP)],
            retry_scale: 0.0001,
            ..Options::default()
        };
        change(&mut options);
        let simulator = Simulator::start(options).unwrap();
        simulator.set_resolve("https://notify.test", &receiver.base_url);
        let authority = simulator
            .authority()
            .map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()));
        let client = authority
            .into_iter()
            .fold(reqwest::Client::builder(), |client, authority| {
                client.add_root_certificate(authority.unwrap())
            });
        let client = client.no_proxy().build().unwrap();
        let mut bench = Self {
            simulator,
            receiver,
            client,
            token: String::new(),
        };
        bench.token = bench.token_of(TENANT, APP).await;
        bench
    }

    /// Gets an access token.
    async fn token_of(&self, tenant: &str, client_id: &str) -> String {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.simulator.base_url());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", "s+cret &"),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let body: Value = self
            .client
            .post(url)
            .form(&form)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// Calls the simulated Graph.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let url = format!("{}{path}", self.simulator.base_url());
        let mut request = self.client.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        (
            status,
            serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default(),
        )
    }

    /// Creates a subscription.
    async fn create(&self, body: Value) -> (StatusCode, Value) {
        self.call(Method::POST, "/v1.0/subscriptions", Some(body)).await
    }

    /// Creates a subscription that must be accepted, and returns its id.
    async fn subscribe(&self, body: Value) -> String {
        let (status, body) = self.create(body).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        body["id"].as_str().unwrap().to_owned()
    }

    /// Returns the time in so many minutes.
    fn in_minutes(&self, minutes: i64) -> String {
        (self.simulator.now() + SignedDuration::from_mins(minutes)).to_string()
    }

    /// Returns a body for a subscription without resource data.
    fn basic(&self, resource: &str) -> Value {
        json!({
            "resource": resource,
            "changeType": "updated",
            "notificationUrl": "https://notify.test/n?s=a%2Bb",
            "clientState": "state",
            "expirationDateTime": self.in_minutes(50),
        })
    }

    /// Returns a body for a subscription with resource data.
    fn rich(&self, resource: &str) -> Value {
        let mut body = self.basic(resource);
        body["includeResourceData"] = json!(true);
        body["encryptionCertificate"] = json!(certificate());
        body["encryptionCertificateId"] = json!("c-1");
        body
    }
}

/// Checks that a request was refused with a status, a code and a message.
#[track_caller]
fn refused(answer: &(StatusCode, Value), status: u16, code: &str, message: &str) {
    let (found, body) = answer;
    assert_eq!(found.as_u16(), status, "{body}");
    assert_eq!(body["error"]["code"], code, "{body}");
    let text = body["error"]["message"].as_str().unwrap();
    assert!(text.contains(message), "{text}");
    assert!(body["error"]["innerError"]["request-id"].is_string(), "{body}");
}

fn app(tenant_id: &str, client_id: &str) -> App {
    App {
        tenant_id: tenant_id.to_owned(),
        client_id: client_id.to_owned(),
        client_secret: "s+cret &".to_owned(),
        token_version: TokenVersion::V2,
    }
}

/// Returns the subscriber's certificate. Its key is number 5 of the pool.
fn certificate() -> String {
    BASE64_STANDARD.encode(der::self_signed(&Pool::key(5).unwrap(), "subscriber").unwrap())
}

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const OTHER_TENANT: &str = "99999999-2222-3333-4444-555555555555";
const APP: &str = "66666666-7777-8888-9999-000000000000";
const OTHER_APP: &str = "77777777-7777-8888-9999-000000000000";
