//! An item of a subscription of this stack, from the POST to its end behind the queues.

use aws_lambda_events::sqs::SqsEvent;
use decryption::{Ports, SigningKeysByCloud, Trust};
use graph_core::{
    application::test_util::application,
    cloud::Cloud,
    notification::{
        envelope::test_util::key as encryption_key,
        tokens::{Authorities, testing::SIGNER},
    },
    secrets::{DecryptionDocument, TrustedTenants},
};
use graph_edge::testing::FakeLogin;

use super::{
    hostile::{any_json, any_key, run},
    *,
};

proptest! {
    /// There is no fourth way: an event or a lifecycle message, a message in FailedQueue with its reason, or another try.
    #[test]
    fn a_genuine_item_is_delivered_or_kept_or_retried(
        members in proptest::collection::vec((any_member(), any_json()), 0..6), refuses in any::<bool>()
    ) {
        let members: Vec<String> = members.iter().map(|(key, value)| format!(",{key}:{value}")).collect();
        let item = format!(r#"{{"clientState":"{}"{}}}"#, minted("mail"), members.concat());
        let source = FakeSecret::new(document(&["k1"]));
        let deps = deps(&source);
        let queues = [&deps.queues.notification, &deps.queues.lifecycle, &deps.queues.delivery];
        for queue in queues {
            queue.refuse(refuses.then_some(""));
        }
        let response = run(post(&deps, "/notifications", &format!(r#"{{"value":[{item}]}}"#)));
        let [waiting, lifecycle, delivered] = queues.map(FakeQueue::stored);
        if refuses {
            prop_assert_eq!(response.status(), 503);
            prop_assert!(waiting.is_empty() && lifecycle.is_empty() && delivered.is_empty());
            return Ok(());
        }
        prop_assert_eq!(response.status(), 202);
        prop_assert_eq!(waiting.len() + lifecycle.len() + delivered.len(), 1, "{}", item);
        for message in waiting {
            prop_assert_eq!(ends(&message.body), 1, "{}", item);
        }
    }
}

/// A basic item is delivered by the webhook, and by decryption if it was moved back from FailedQueue.
#[test]
fn the_webhook_and_decryption_make_the_same_event_of_an_item() {
    let source = FakeSecret::new(document(&["k1"]));
    let of_files = json!({"resource": "me/drive/root", "resourceData": null, "siteUrl": "/s", "id": "n"});
    let etag = json!({"resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": "1", "@odata.etag": "W/\"a\""}});
    let odd = json!({"resource": "Users('1')/\u{202e}x", "tenantId": "", "x": [1.0, {"a": null}]});
    for members in [json!({}), of_files, etag, odd] {
        let mut item = json!({"clientState": minted("mail"), "changeType": "created"});
        item.as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        let body = json!({"value": [item]}).to_string();
        let mut deps = deps(&source);
        assert_eq!(run(post(&deps, "/notifications", &body)).status(), 202);
        deps.queues.read = Some(FakeQueue::default());
        // What goes to the reader is the same message as that of an item that is odd, and decryption takes it in its place.
        assert_eq!(run(post(&deps, "/notifications?f=1", &body)).status(), 202);
        let message = deps.queues.read.as_ref().unwrap().take().remove(0);
        let [by_webhook] = deps.queues.delivery.take().try_into().unwrap();
        let behind = behind();
        hand_over(&behind, &message.body);
        let [by_decryption] = behind.delivery_queue.take().try_into().unwrap();
        assert_eq!(by_webhook, by_decryption);
    }
}

/// Returns how many ends a message of NotificationQueue has.
fn ends(body: &str) -> usize {
    let deps = behind();
    let retried = hand_over(&deps, body);
    let failed = deps.failed_queue.stored();
    assert!(failed.iter().all(|message| message.reason.is_some()));
    retried + failed.len() + deps.delivery_queue.stored().len() + deps.lifecycle_queue.stored().len()
}

/// Hands a message over to decryption, and returns how many have to be retried.
fn hand_over(deps: &decryption::Deps<Doubles>, body: &str) -> usize {
    let records = json!({"Records": [{"messageId": "m", "body": body}]});
    let event: SqsEvent = serde_json::from_value(records).unwrap();
    let mut metrics = Metrics::default();
    let response = run(decryption::handle(event, deps, now(), soon(), &mut metrics));
    response.batch_item_failures.len()
}

/// Returns what decryption works with in a stack without a reader.
fn behind() -> decryption::Deps<Doubles> {
    let client_states = FakeSecret::new(document(&["k1"]));
    let keys = FakeSecret::new(decryption_document());
    decryption::Deps {
        client_states: CachedDocument::new(client_states, parse_keys),
        trust: CachedDocument::new(keys, Trust::parse),
        signing_keys: SigningKeysByCloud::new(&FakeLogin::new(SIGNER.jwks()), &Authorities::default(), None),
        delivery_queue: FakeQueue::default(),
        failed_queue: FakeQueue::default(),
        lifecycle_queue: FakeQueue::default(),
        read_queue: None,
        tries: 10,
    }
}

/// Doubles of decryption's services.
struct Doubles;

impl Ports for Doubles {
    type Secret = FakeSecret;
    type Documents = FakeLogin;
    type Queue = FakeQueue;
}

fn decryption_document() -> String {
    let trusted = application(OURS);
    let trusted = TrustedTenants {
        client_id: trusted.client_id,
        cloud: Cloud::Global,
        from: None,
        tenants: vec![trusted.tenant_id],
    };
    let document = DecryptionDocument::new(vec![encryption_key().clone()], vec![trusted]);
    serde_json::to_string(&document).unwrap()
}

/// A member that has a meaning somewhere on the way, in any letter case, or any other.
fn any_member() -> impl Strategy<Value = String> {
    let known = prop_oneof![
        "[cC]lient[sS]tate",
        "[cC]hangeType",
        "[sS]ubscriptionId",
        "subscriptionExpirationDateTime",
        "[tT]enantId",
        "[lL]ifecycleEvent",
        "[eE]ncryptedContent",
        "[rR]esource(Data)?",
        "id",
        "proof",
        "version",
        "content",
    ];
    prop_oneof![known.prop_map(|key| format!("\"{key}\"")), any_key()]
}
