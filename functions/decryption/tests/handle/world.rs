//! Decryption with everything around it in memory, and what arrives there.

use super::*;

/// Decryption and everything around it, in memory.
pub(super) struct World {
    pub(super) source: &'static FakeSource,
    pub(super) login: FakeLogin,
    pub(super) deps: Deps<&'static FakeSource, FakeLogin, FakeQueue>,
}

impl World {
    pub(super) fn new() -> Self {
        let source = Box::leak(Box::new(FakeSource::new(document(
            vec![key().clone()],
            vec![tenant()],
        ))));
        let login = FakeLogin::new(SIGNER.jwks());
        let deps = Deps {
            trust: CachedDocument::new(&*source, Trust::parse),
            signing_keys: SigningKeysByCloud::new(&login, &Authorities::default(), None),
            delivery_queue: FakeQueue::default(),
            failed_queue: FakeQueue::default(),
            lifecycle_queue: FakeQueue::default(),
        };
        Self { source, login, deps }
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

    /// Returns the ids of the messages to try again; the first has the id `m0`.
    pub(super) async fn run(&self, bodies: &[&str], seconds: i64) -> Vec<String> {
        let record = |(index, body): (usize, &&str)| json!({"messageId": format!("m{index}"), "body": body});
        let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
        let event: SqsEvent = serde_json::from_value(json!({"Records": records})).unwrap();
        let response = handle(
            event,
            &self.deps,
            now() + SignedDuration::from_secs(seconds),
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
            .map(|message| (message.reason.unwrap_or(REASON).to_owned(), message.body))
            .collect()
    }
}

pub(super) fn rich(token: Option<&str>) -> Value {
    let mut body = basic();
    body["subscription"] = json!("team-messages");
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
        "subscription": "mail", "tenantId": tenant().tenant_id, "clientId": tenant().client_id,
        "receivedAt": now().to_string(),
        "item": {
            "subscriptionId": "s", "tenantId": tenant().tenant_id, "changeType": "created",
            "resource": "Users/1/Messages/2", "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": "2"}
        }
    })
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
        client_id: one.client_id,
        cloud: one.cloud,
        from: None,
        tenants: vec![one.tenant_id],
    });
    let trusted = trusted.collect();
    serde_json::to_string(&DecryptionDocument { keys, trusted }).unwrap()
}

pub(super) fn tenant() -> TrustedTenant {
    TrustedTenant {
        tenant_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
        cloud: Cloud::Global,
    }
}

pub(super) fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}
