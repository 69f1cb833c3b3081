//! The webhook and decryption, with everything around them in memory.

use std::{sync::LazyLock, time::Duration};

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use decryption::{Ports, SigningKeysByCloud, Trust};
use graph_core::{
    notification::{
        client_state::ClientStateKeys,
        envelope::test_util::key,
        message,
        queued::QueuedItem,
        tokens::{Authorities, testing::SIGNER},
    },
    secrets::DecryptionDocument,
};
use graph_edge::{
    deadline::Deadline,
    documents::CachedDocument,
    metrics::Metrics,
    sqs::Message,
    testing::{FakeLogin, FakeQueue, FakeSecret},
};
use lambda_http::{Body, Request, Response, http};
use tokio::runtime::{Builder, Runtime};

use crate::{
    genuine::{TENANT, client_state_document, now, trusted},
    memory::bounded,
};

/// Doubles of decryption's services.
struct Doubles;

impl Ports for Doubles {
    type Secret = &'static FakeSecret;
    type Documents = FakeLogin;
    type Queue = FakeQueue;
}

/// The webhook's result for a request.
pub struct Answer {
    /// The response to the caller.
    pub response: Response<Body>,
    /// Bodies of messages for decryption.
    pub changes: Vec<String>,
    /// Bodies of messages for renewal.
    pub lifecycle: Vec<String>,
    /// Events for consumers.
    pub events: Vec<String>,
}

/// The result for one message.
#[derive(Debug, PartialEq, Eq)]
pub enum MessageResult {
    /// This event was delivered.
    Delivered(String),
    /// The message was kept with this reason.
    Failed(&'static str),
    /// The message is about the subscription itself, and was forwarded to renewal.
    Forwarded,
    /// SQS will retry the message.
    Retried,
}

/// Returns a POST with `body`.
pub fn request(body: Vec<u8>) -> Request {
    let request = http::Request::post("https://host/notifications").body(Body::Binary(body));
    request.expect("a request")
}

/// Gives `request` to the webhook, and checks what holds whatever it is: the status is a documented one, tells nothing
/// more, and each message can be stored and read.
pub fn receive(request: Request) -> Answer {
    let functions = &*FUNCTIONS;
    let mut metrics = Metrics::default();
    let handled = webhook::handle(request, &functions.webhook, now(), soon(), &mut metrics);
    let response = bounded(|| functions.runtime.block_on(handled));
    let status = response.status().as_u16();
    assert!(
        [200, 202, 400, 405, 413].contains(&status),
        "{status} is no documented status of a webhook that can store"
    );
    if status == 200 {
        assert_harmless_echo(&response);
    } else {
        assert!(response.body().is_empty() && response.headers().is_empty());
    }
    let queues = &functions.webhook.queues;
    let changes = bodies(queues.notification.take());
    let lifecycle = bodies(queues.lifecycle.take());
    let events = bodies(queues.delivery.take());
    for event in &events {
        assert_storable(event);
    }
    for body in changes.iter().chain(&lifecycle) {
        assert_storable(body);
        let message = QueuedItem::parse(body).expect("a message that decryption can read");
        assert_eq!(message.tenant_id, TENANT, "the tenant is the proven one");
    }
    Answer {
        response,
        changes,
        lifecycle,
        events,
    }
}

/// Gives a message with `body` to decryption, and checks what holds whatever it is: nothing is lost, nothing panics, and
/// what is kept is the message itself.
pub fn process(body: &str) -> MessageResult {
    let functions = &*FUNCTIONS;
    let mut message = SqsMessage::default();
    message.message_id = Some("m".to_owned());
    message.body = Some(body.to_owned());
    let mut event = SqsEvent::default();
    event.records = vec![message];
    let mut metrics = Metrics::default();
    let handled = decryption::handle(event, &functions.decryption, now(), soon(), &mut metrics);
    let retried = bounded(|| functions.runtime.block_on(handled)).batch_item_failures;
    let delivered = functions.decryption.delivery_queue.take();
    let failed = functions.decryption.failed_queue.take();
    let mut forwarded = functions.decryption.lifecycle_queue.take();
    forwarded.extend(functions.decryption.read_queue.iter().flat_map(FakeQueue::take));
    match (&*retried, &*delivered, &*failed, &*forwarded) {
        ([_], [], [], []) => MessageResult::Retried,
        ([], [event], [], []) => {
            assert_storable(&event.body);
            MessageResult::Delivered(event.body.clone())
        }
        ([], [], [], [message]) => {
            assert!(message.body == body, "the message itself goes on");
            MessageResult::Forwarded
        }
        ([], [], [kept], []) => {
            assert!(kept.body == body, "the original message is kept");
            let reason = kept.reason.expect("a reason");
            assert!(REASONS.contains(&reason), "{reason} is no documented reason");
            MessageResult::Failed(reason)
        }
        (retried, delivered, failed, forwarded) => panic!(
            "a message has one result: tried again {}, delivered {}, failed {}, forwarded {}",
            retried.len(),
            delivered.len(),
            failed.len(),
            forwarded.len()
        ),
    }
}

/// The reasons in FailedQueue, without `Panicked`.
const REASONS: [&str; 10] = [
    "Malformed",
    "SealRejected",
    "ClientStateRejected",
    "ReceiptRejected",
    "OtherTenant",
    "TokenMissing",
    "TokenLeftOut",
    "TokenRejected",
    "ContentRejected",
    "ReaderDisabled",
];

struct Functions {
    runtime: Runtime,
    webhook: webhook::Deps<&'static FakeSecret, FakeQueue>,
    decryption: decryption::Deps<Doubles>,
}

static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
    let client_states = client_state_document();
    let decryption = DecryptionDocument::new(vec![key().clone()], trusted());
    let login = FakeLogin::new(SIGNER.jwks());
    Functions {
        runtime: Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime"),
        webhook: webhook::Deps {
            keys: CachedDocument::<_, ClientStateKeys>::new(source(&client_states), webhook::parse_keys),
            queues: webhook::Queues {
                read: None,
                notification: FakeQueue::default(),
                lifecycle: FakeQueue::default(),
                delivery: FakeQueue::default(),
            },
        },
        decryption: decryption::Deps {
            client_states: CachedDocument::<_, ClientStateKeys>::new(
                source(&client_states),
                webhook::parse_keys,
            ),
            trust: CachedDocument::new(source(&decryption), Trust::parse),
            signing_keys: SigningKeysByCloud::new(&login, &Authorities::default(), None),
            delivery_queue: FakeQueue::default(),
            failed_queue: FakeQueue::default(),
            lifecycle_queue: FakeQueue::default(),
            read_queue: Some(FakeQueue::default()),
            tries: 10,
        },
    }
});

fn soon() -> Deadline {
    Deadline::after(Duration::from_mins(1))
}

fn source(document: &impl serde::Serialize) -> &'static FakeSecret {
    let text = serde_json::to_string(document).expect("a document");
    Box::leak(Box::new(FakeSecret::new(text)))
}

fn bodies(messages: Vec<Message>) -> Vec<String> {
    messages.into_iter().map(|message| message.body).collect()
}

/// Checks the limits of Amazon SQS (*`SendMessage`*): size, and characters.
fn assert_storable(body: &str) {
    assert!(body.len() <= message::MAX_MESSAGE_BODY_BYTES);
    let is_taken = |char| matches!(char, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}');
    assert!(body.chars().all(is_taken), "SQS refuses a character");
}

/// Checks that no browser takes the answer to a handshake for anything but text.
fn assert_harmless_echo(response: &Response<Body>) {
    let headers = response.headers();
    assert_eq!(headers.get("content-type").unwrap(), "text/plain; charset=utf-8");
    assert_eq!(headers.get("x-content-type-options").unwrap(), "nosniff");
    let text = str::from_utf8(response.body()).expect("text");
    assert!(!text.is_empty() && text.len() <= 4_096);
    assert!(
        !text
            .chars()
            .any(|char| char.is_control() || matches!(char, '<' | '>'))
    );
}
