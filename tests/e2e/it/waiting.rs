//! SQS retries an item that cannot be verified or decrypted yet.

use graph_simulator::{Post, Wrong};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::pipeline::{Pipeline, RICH};

#[tokio::test]
async fn an_item_with_a_new_signing_key_waits_and_is_delivered() {
    let mut pipeline = started().await;
    pipeline.simulator.rotate_keys().unwrap();
    let items = post(&mut pipeline, Post::new().change(RICH, "created")).await;

    assert_eq!(
        pipeline.try_to_open(&items).await,
        1,
        "the keys were fetched a moment ago"
    );
    pipeline.simulator.advance(VISIBILITY_TIMEOUT);
    assert_eq!(
        pipeline.try_to_open(&items).await,
        1,
        "and are not fetched every time"
    );
    pipeline.simulator.advance(VISIBILITY_TIMEOUT);
    assert_eq!(pipeline.try_to_open(&items).await, 0);
    assert_eq!(opened(&pipeline), 2);
    assert_eq!(pipeline.failed.reasons(), [""; 0]);
}

#[tokio::test]
async fn an_item_with_an_unpublished_signing_key_ends_in_failed_queue() {
    let mut pipeline = started().await;
    let forged = Post::new()
        .change(RICH, "created")
        .wrong(0, Wrong::TokenUnknownKid);
    let items = post(&mut pipeline, forged).await;

    assert_eq!(pipeline.try_to_open(&items).await, 1);
    assert_eq!(pipeline.failed.reasons(), [""; 0], "it could be one that is new");
    pipeline.simulator.advance(VISIBILITY_TIMEOUT * 2);
    assert_eq!(pipeline.try_to_open(&items).await, 0);
    assert_eq!(pipeline.failed.reasons(), ["TokenRejected"]);
    assert_eq!(opened(&pipeline), 1);
}

#[tokio::test]
async fn an_item_waits_for_a_missing_private_key_and_is_decrypted() {
    let mut pipeline = started().await;
    pipeline.renew(json!({"rotate": "certificate"})).await;
    pipeline.pass(SignedDuration::from_mins(10), 2).await;
    let certificates = pipeline.ids("Decryption");
    assert!(
        pipeline
            .simulator
            .subscriptions()
            .iter()
            .any(|one| { one.encryption_certificate_id.as_ref() == Some(&certificates[1]) })
    );
    let before = opened(&pipeline);

    let secret = pipeline.documents.get("Decryption");
    let whole = secret.text().unwrap();
    let mut document: Value = serde_json::from_str(&whole).unwrap();
    document["keys"].as_array_mut().unwrap().truncate(1);
    secret.set(document.to_string());
    // Longer than decryption keeps a document.
    pipeline.simulator.advance(SignedDuration::from_mins(10));
    let items = post(&mut pipeline, Post::new().change(RICH, "created")).await;
    assert_eq!(pipeline.try_to_open(&items).await, 1);

    secret.set(whole);
    pipeline.simulator.advance(VISIBILITY_TIMEOUT);
    assert_eq!(pipeline.try_to_open(&items).await, 0);
    assert_eq!(opened(&pipeline), before + 1);
    assert_eq!(pipeline.failed.reasons(), [""; 0]);
}

/// Returns a pipeline through which a notification has just come, so that decryption has fetched everything.
async fn started() -> Pipeline {
    let mut pipeline = Pipeline::start().await;
    Box::pin(pipeline.renew(json!({}))).await;
    pipeline.send().await;
    assert_eq!(opened(&pipeline), 1);
    pipeline
}

/// Sends a POST and returns the messages that the webhook has queued for it.
async fn post(pipeline: &mut Pipeline, post: Post) -> Vec<String> {
    let report = pipeline.simulator.send(post).await.unwrap();
    assert!(report.delivered(), "{report:#?}");
    let items = pipeline.withhold();
    assert_eq!(items.len(), 1);
    items
}

/// Counts the events with decrypted content.
fn opened(pipeline: &Pipeline) -> usize {
    let events = pipeline.events();
    events
        .iter()
        .filter(|event| event["data"]["content"].is_object())
        .count()
}

/// After this time the queue hands over again what was not done.
const VISIBILITY_TIMEOUT: SignedDuration = SignedDuration::from_mins(3);
