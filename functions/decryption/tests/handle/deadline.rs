//! Whatever hangs, the invocation ends in time, loses nothing, is counted and says why.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use graph_edge::{
    BoxError,
    documents::client_state_keys,
    metrics::Metric,
    secrets::StoredSecret,
    signing_keys::FetchDocument,
    sqs::{Message, Queue, Sent, SqsQueue},
    testing::Hang,
};
use reqwest::Url;

use super::{world::client_state_document, *};

#[tokio::test]
async fn services_that_hang_delay_a_message_and_lose_nothing() {
    let token = good_token();
    let hangs = Hang::ALL.into_iter().flat_map(|hang| {
        [
            (
                format!("client states {hang:?}"),
                Stuck::ClientStates(hang.secret()),
            ),
            (
                format!("decryption keys {hang:?}"),
                Stuck::DecryptionKeys(hang.secret()),
            ),
            (
                format!("DeliveryQueue {hang:?}"),
                Stuck::DeliveryQueue(hang.queue()),
            ),
            (format!("FailedQueue {hang:?}"), Stuck::FailedQueue(hang.queue())),
        ]
    });
    let hangs = hangs.chain([("signing keys".to_owned(), Stuck::SigningKeys)]);
    let written = Written::start();
    let results = join_all(hangs.map(async |(case, stuck)| {
        let fails = matches!(stuck, Stuck::FailedQueue(_));
        let body = rich((!fails).then_some(&*token));
        (case, Box::pin(ended(&stuck.deps(), &body)).await)
    }));
    let results = results.await;
    for (case, (retried, took, metrics)) in &results {
        assert_eq!(retried, &["m0"], "{case}");
        assert_eq!(metrics.values(Metric::Retried), [1], "{case}");
        assert!(metrics.values(Metric::Delivered).is_empty(), "{case}");
        assert!(*took < WITHIN + ANSWER_BEFORE, "{case}: {took:?}");
    }
    let written = written.text();
    let lines = written.matches("1 will be retried").count();
    assert_eq!(lines, results.len(), "{written}");
    for line in [
        "TheSecret-AbCdEf cannot be read",
        "TheQueue did not store 1 messages",
    ] {
        assert_eq!(
            written.matches(line).count(),
            2 * Hang::ALL.len(),
            "{line}: {written}"
        );
    }
}

/// Another queue leaves FailedQueue the time to take what NotificationQueue does not hand over again.
#[tokio::test]
async fn a_hanging_queue_does_not_keep_a_message_from_failed_queue() {
    let results = join_all(Hang::ALL.map(async |hang| {
        let deps = Stuck::DeliveryQueue(hang.queue()).deps();
        let (retried, took, metrics) = Box::pin(ended_at_try(&deps, &basic(), TRIES)).await;
        (hang, deps, retried, took, metrics)
    }));
    for (hang, deps, retried, took, metrics) in results.await {
        assert!(retried.is_empty(), "{hang:?}");
        assert_eq!(metrics.values(Metric::FailedTriesUsedUp), [1], "{hang:?}");
        let AnyQueue::Stores(failed) = deps.failed_queue else {
            unreachable!("only DeliveryQueue hangs");
        };
        let reasons: Vec<_> = failed.stored().iter().map(|message| message.reason).collect();
        assert_eq!(reasons, [Some("NotStored")], "{hang:?}");
        assert!(took < WITHIN + ANSWER_BEFORE, "{hang:?}: {took:?}");
    }
}

/// Processes a message, and returns which messages are retried, the time that it took, and the metrics.
async fn ended(deps: &Deps<AnyOf>, body: &Value) -> (Vec<String>, Duration, Metrics) {
    ended_at_try(deps, body, 1).await
}

async fn ended_at_try(deps: &Deps<AnyOf>, body: &Value, tried: u32) -> (Vec<String>, Duration, Metrics) {
    let attributes = json!({"ApproximateReceiveCount": tried.to_string()});
    let records = json!([{"messageId": "m0", "body": sealed(&body.to_string()), "attributes": attributes}]);
    let event = serde_json::from_value(json!({"Records": records})).unwrap();
    let (begun, mut metrics) = (Instant::now(), Metrics::default());
    let response = Box::pin(handle(event, deps, now(), Deadline::after(WITHIN), &mut metrics)).await;
    let failures = response.batch_item_failures.into_iter();
    let retried = failures.map(|failure| failure.item_identifier).collect();
    (retried, begun.elapsed(), metrics)
}

/// The service that hangs.
enum Stuck {
    ClientStates(StoredSecret),
    DecryptionKeys(StoredSecret),
    SigningKeys,
    DeliveryQueue(SqsQueue),
    FailedQueue(SqsQueue),
}

impl Stuck {
    /// Returns what decryption works with if only this service hangs.
    fn deps(self) -> Deps<AnyOf> {
        let mut client_states = AnySecret::Holds(FakeSecret::new(client_state_document("k1")));
        let mut keys = AnySecret::Holds(FakeSecret::new(document(vec![key().clone()], vec![tenant()])));
        let mut login = AnyLogin::Answers(FakeLogin::new(SIGNER.jwks()));
        let (mut delivery_queue, mut failed_queue) = (AnyQueue::stores(), AnyQueue::stores());
        match self {
            Self::ClientStates(secret) => client_states = AnySecret::Hangs(secret),
            Self::DecryptionKeys(secret) => keys = AnySecret::Hangs(secret),
            Self::SigningKeys => login = AnyLogin::Hangs,
            Self::DeliveryQueue(queue) => delivery_queue = AnyQueue::Hangs(queue),
            Self::FailedQueue(queue) => failed_queue = AnyQueue::Hangs(queue),
        }
        Deps {
            client_states: CachedDocument::new(client_states, client_state_keys),
            trust: CachedDocument::new(keys, Trust::parse),
            signing_keys: SigningKeysByCloud::new(&login, &Authorities::default(), None),
            delivery_queue,
            failed_queue,
            lifecycle_queue: AnyQueue::stores(),
            read_queue: None,
            tries: TRIES,
        }
    }
}

/// Services of which each answers or hangs.
struct AnyOf;

impl Ports for AnyOf {
    type Secret = AnySecret;
    type Documents = AnyLogin;
    type Queue = AnyQueue;
}

enum AnySecret {
    Holds(FakeSecret),
    Hangs(StoredSecret),
}

impl Source for AnySecret {
    fn name(&self) -> &'static str {
        "TheSecret-AbCdEf"
    }

    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        match self {
            Self::Holds(secret) => secret.read().await,
            Self::Hangs(secret) => secret.read().await,
        }
    }
}

#[derive(Clone)]
enum AnyLogin {
    Answers(FakeLogin),
    Hangs,
}

impl FetchDocument for AnyLogin {
    async fn fetch(&self, url: Url) -> Result<Vec<u8>, BoxError> {
        match self {
            Self::Answers(login) => login.fetch(url).await,
            Self::Hangs => std::future::pending().await,
        }
    }
}

enum AnyQueue {
    Stores(FakeQueue),
    Hangs(SqsQueue),
}

impl AnyQueue {
    fn stores() -> Self {
        Self::Stores(FakeQueue::default())
    }
}

impl Queue for AnyQueue {
    async fn send<T: Send>(&self, messages: Vec<(T, Message)>, deadline: Deadline) -> Sent<T> {
        match self {
            Self::Stores(queue) => queue.send(messages, deadline).await,
            Self::Hangs(queue) => queue.send(messages, deadline).await,
        }
    }
}

/// The time of the invocation: five seconds of it are kept for storing.
const WITHIN: Duration = Duration::from_millis(5_500);

/// What an invocation has left when it answers.
const ANSWER_BEFORE: Duration = Duration::from_secs(2);
