//! Decryption with everything around it in memory, and what arrives there.

use std::time::Duration;

use graph_core::notification::client_state::test_util;
use graph_edge::documents::client_state_keys;

use super::*;

/// A secret that does what no secret should, and one that does not.
pub(super) enum Secretive {
    Holds(String),
    Panics(String),
    Hangs,
}

impl Source for Secretive {
    fn name(&self) -> &'static str {
        "Secretive"
    }

    #[expect(clippy::panic, reason = "it is what this is for")]
    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        match self {
            Self::Holds(text) => FakeSecret::new(text).read().await,
            Self::Panics(text) => panic!("{text}"),
            Self::Hangs => std::future::pending().await,
        }
    }
}

impl World {
    /// Returns what decryption works with, with `trust` in the place of DecryptionSecret.
    pub(super) fn with_trust(self, trust: Secretive) -> Deps<WithSecretive> {
        let client_states = Secretive::Holds(client_state_document("k1"));
        Deps {
            client_states: CachedDocument::new(client_states, client_state_keys),
            trust: CachedDocument::new(trust, Trust::parse),
            signing_keys: SigningKeysByCloud::new(&self.login, &Authorities::default(), None),
            delivery_queue: self.deps.delivery_queue,
            failed_queue: self.deps.failed_queue,
            lifecycle_queue: self.deps.lifecycle_queue,
            read_queue: self.deps.read_queue,
            tries: TRIES,
        }
    }
}

/// Doubles of the services.
pub(super) struct Doubles;

impl Ports for Doubles {
    type Secret = &'static FakeSecret;
    type Documents = FakeLogin;
    type Queue = FakeQueue;
}

/// Doubles of the services, with secrets that do what no secret should.
pub(super) struct WithSecretive;

impl Ports for WithSecretive {
    type Secret = Secretive;
    type Documents = FakeLogin;
    type Queue = FakeQueue;
}

/// How often the queue hands a message over.
pub(super) const TRIES: u32 = 10;

/// Decryption and everything around it, in memory.
pub(super) struct World {
    pub(super) client_states: &'static FakeSecret,
    pub(super) source: &'static FakeSecret,
    pub(super) login: FakeLogin,
    pub(super) deps: Deps<Doubles>,
}

impl World {
    pub(super) fn new() -> Self {
        let source = Box::leak(Box::new(FakeSecret::new(document(
            vec![key().clone()],
            vec![tenant()],
        ))));
        let client_states = Box::leak(Box::new(FakeSecret::new(client_state_document("k1"))));
        let login = FakeLogin::new(SIGNER.jwks());
        let deps = Deps {
            client_states: CachedDocument::new(&*client_states, client_state_keys),
            trust: CachedDocument::new(&*source, Trust::parse),
            signing_keys: SigningKeysByCloud::new(&login, &Authorities::default(), None),
            delivery_queue: FakeQueue::default(),
            failed_queue: FakeQueue::default(),
            lifecycle_queue: FakeQueue::default(),
            read_queue: Some(FakeQueue::default()),
            tries: TRIES,
        };
        Self {
            client_states,
            source,
            login,
            deps,
        }
    }

    pub(super) async fn process(&self, bodies: &[&Value]) -> Vec<String> {
        self.process_at(bodies, 0).await
    }

    pub(super) async fn process_at(&self, bodies: &[&Value], seconds: i64) -> Vec<String> {
        let bodies: Vec<String> = bodies.iter().map(ToString::to_string).collect();
        self.run(&bodies.iter().map(String::as_str).collect::<Vec<_>>(), seconds)
            .await
    }

    pub(super) async fn process_text(&self, bodies: &[&str]) -> Vec<String> {
        self.run(bodies, 0).await
    }

    /// Processes messages as they are, whoever may have written them.
    pub(super) async fn process_unsealed(&self, bodies: &[&str]) -> Vec<String> {
        self.hand_over(bodies, 0, 1).await
    }

    /// Returns the ids of the messages to try again; the first has the id `m0`.
    pub(super) async fn run(&self, bodies: &[&str], seconds: i64) -> Vec<String> {
        self.run_at_try(bodies, seconds, 1).await
    }

    /// Processes messages that the queue hands over for the so many'th time, sealed.
    pub(super) async fn run_at_try(&self, bodies: &[&str], seconds: i64, tried: u32) -> Vec<String> {
        let bodies: Vec<String> = bodies.iter().map(|body| sealed(body)).collect();
        self.hand_over(
            &bodies.iter().map(String::as_str).collect::<Vec<_>>(),
            seconds,
            tried,
        )
        .await
    }

    pub(super) async fn hand_over(&self, bodies: &[&str], seconds: i64, tried: u32) -> Vec<String> {
        let attributes = json!({"ApproximateReceiveCount": tried.to_string()});
        let record = |(index, body): (usize, &&str)| json!({"messageId": format!("m{index}"), "body": body, "attributes": attributes});
        let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
        let event: SqsEvent = serde_json::from_value(json!({"Records": records})).unwrap();
        let response = handle(
            event,
            &self.deps,
            now() + SignedDuration::from_secs(seconds),
            soon(),
            &mut Metrics::default(),
        )
        .await;
        response
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect()
    }

    pub(super) fn delivered(&self) -> Vec<String> {
        self.deps
            .delivery_queue
            .stored()
            .into_iter()
            .map(|message| message.body)
            .collect()
    }

    pub(super) fn failed(&self) -> Vec<(String, String)> {
        let stored = self.deps.failed_queue.stored();
        stored
            .into_iter()
            .map(|message| {
                (
                    message.reason.unwrap_or(REASON).to_owned(),
                    unsealed(&message.body),
                )
            })
            .collect()
    }
}

/// Returns a message as the webhook seals it.
pub(super) fn sealed(body: &str) -> String {
    test_util::sealed(&test_util::key("k1", 7), body)
}

/// Returns a message without its seal.
pub(super) fn unsealed(body: &str) -> String {
    match body.rsplit_once(",\"seal\":") {
        Some((said, _)) if body.starts_with('{') => format!("{said}}}"),
        Some((said, _)) => said.to_owned(),
        None => body.to_owned(),
    }
}

pub(super) fn rich(token: Option<&str>) -> Value {
    let mut body = basic();
    body["subscription"] = json!("team-messages");
    body["item"]["clientState"] = json!(client_state(&tenant(), "team-messages"));
    body["item"]["resource"] = json!("teams('a')/channels('b')/messages('1')");
    body["item"]["resourceData"] = json!({"id": "1", "@odata.type": "#Microsoft.Graph.chatMessage"});
    body["item"]["encryptedContent"] = seal(CONTENT.as_bytes(), key(), &mut SystemRng);
    if let Some(token) = token {
        body["validationTokens"] = json!([token]);
    }
    body
}

pub(super) fn basic() -> Value {
    json!({
        "subscription": "mail", "tenantId": tenant_id(&tenant()), "clientId": tenant().application.client_id,
        "id": "id-of-the-event", "partitionKey": "key", "receivedAt": now().to_string(),
        "item": {
            "clientState": client_state(&tenant(), "mail"), "subscriptionId": "s", "tenantId": tenant_id(&tenant()), "changeType": "created",
            "resource": "Users/1/Messages/2", "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": "2"}
        }
    })
}

/// Returns an item whose content reader fetches.
pub(super) fn to_fetch() -> Value {
    let mut body = basic();
    body["fetchesContent"] = json!(true);
    body
}

/// Returns a window that reader reads.
pub(super) fn window() -> Value {
    json!({
        "read": "window", "tenantId": tenant_id(&tenant()), "clientId": tenant().application.client_id,
        "subscription": "mail", "resource": "/users/1/messages", "from": now().to_string(), "until": now().to_string(),
        "gap": "id-of-the-gap"
    })
}

/// Returns the message as one of another tenant and application, which has its own client state.
pub(super) fn of(owner: &TrustedTenant, mut body: Value) -> Value {
    body["tenantId"] = json!(owner.application.tenant_id);
    body["clientId"] = json!(owner.application.client_id);
    body["item"]["tenantId"] = json!(owner.application.tenant_id);
    body["item"]["clientState"] = json!(client_state(owner, body["subscription"].as_str().unwrap()));
    body
}

/// Returns an object that nests so many levels.
pub(super) fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |value, _| json!({"a": value}))
}

/// Flips one bit of a member of the encrypted content.
pub(super) fn flip(body: &mut Value, member: &str) {
    let value = &mut body["item"]["encryptedContent"][member];
    let text = value.as_str().unwrap();
    let flipped = if text.starts_with('A') { "B" } else { "A" };
    *value = json!(format!("{flipped}{}", &text[1..]));
}

pub(super) fn good_token() -> String {
    SIGNER.token(&claims_v2(&tenant(), now()))
}

pub(super) fn document(keys: Vec<DecryptionKeyEntry>, tenants: Vec<TrustedTenant>) -> String {
    let trusted = tenants.into_iter().map(|one| TrustedTenants {
        client_id: one.application.client_id,
        cloud: one.cloud,
        from: None,
        tenants: vec![one.application.tenant_id],
    });
    let trusted = trusted.collect();
    serde_json::to_string(&DecryptionDocument::new(keys, trusted)).unwrap()
}

pub(super) fn tenant() -> TrustedTenant {
    TrustedTenant {
        application: application((
            "11111111-2222-3333-4444-555555555555",
            "66666666-7777-8888-9999-000000000000",
        )),
        cloud: Cloud::Global,
    }
}

/// Returns the same application in another tenant.
pub(super) fn in_other_tenant() -> TrustedTenant {
    let [_, client] = ids(&tenant());
    TrustedTenant {
        application: application((OTHER_TENANT, &client)),
        ..tenant()
    }
}

/// Returns the id of a tenant as text.
pub(super) fn tenant_id(tenant: &TrustedTenant) -> String {
    tenant.application.tenant_id.to_string()
}

fn ids(of: &TrustedTenant) -> [String; 2] {
    [of.application.tenant_id, of.application.client_id].map(|id| id.to_string())
}

/// Returns the client state of a subscription.
pub(super) fn client_state(owner: &TrustedTenant, name: &str) -> String {
    let [tenant, client] = ids(owner);
    test_util::client_state(&test_util::key("k1", 7), (&tenant, &client), name, true).unwrap()
}

/// Returns the content of ClientStateSecret with a key for every pair of a tenant and an application.
pub(super) fn client_state_document(key: &str) -> String {
    let [tenant, client] = ids(&tenant());
    let trusted = [
        (&*tenant, &*client),
        (&tenant, OTHER_CLIENT),
        (OTHER_TENANT, &client),
        (OTHER_TENANT, OTHER_CLIENT),
    ];
    serde_json::to_string(&test_util::document(vec![test_util::key(key, 7)], &trusted)).unwrap()
}

pub(super) fn soon() -> Deadline {
    Deadline::after(Duration::from_mins(1))
}

pub(super) fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}
