//! The lower bound for a webhook with the same packages: it passes items on to SQS and does nothing else.
//!
//! It answers no handshake, verifies nothing, has no key and logs nothing. Items go to the same queues as the
//! webhook's: encrypted ones to NotificationQueue, others to DeliveryQueue. Items that are marked as forged are
//! dropped, so that a POST can also be measured without the call to SQS.

use std::env;

use aws_sdk_sqs::{Client, types::SendMessageBatchRequestEntry};
use futures_util::future::try_join_all;
use lambda_http::{Error, Request, http::StatusCode, run, service_fn};
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let sqs = Client::new(&aws_config::load_from_env().await);
    let queues = Queues {
        notification: env::var("NOTIFICATION_QUEUE_URL")?,
        delivery: env::var("DELIVERY_QUEUE_URL")?,
    };
    let (sqs, queues) = (&sqs, &queues);
    run(service_fn(async |request: Request| {
        answer(&request, sqs, queues).await
    }))
    .await
}

struct Queues {
    notification: String,
    delivery: String,
}

async fn answer(
    request: &Request,
    sqs: &Client,
    queues: &Queues,
) -> Result<(StatusCode, &'static str), Error> {
    let Ok(collection) = serde_json::from_slice::<Collection<'_>>(request.body()) else {
        return Ok((StatusCode::BAD_REQUEST, ""));
    };
    let forged = Finder::new("\"clientState\":\"forged-");
    let genuine = |item: &&RawValue| forged.find(item.get().as_bytes()).is_none();
    let encrypted = Finder::new("\"encryptedContent\":");
    let is_encrypted = |item: &&RawValue| encrypted.find(item.get().as_bytes()).is_some();
    let genuine = collection.value.into_iter().filter(genuine);
    let (encrypted, basic): (Vec<&RawValue>, Vec<&RawValue>) = genuine.partition(is_encrypted);
    let to_notification = encrypted.chunks(BATCH).map(|batch| (&queues.notification, batch));
    let to_delivery = basic.chunks(BATCH).map(|batch| (&queues.delivery, batch));
    try_join_all(
        to_notification
            .chain(to_delivery)
            .map(|(queue, batch)| send(batch, sqs, queue)),
    )
    .await?;
    Ok((StatusCode::ACCEPTED, ""))
}

async fn send(batch: &[&RawValue], sqs: &Client, queue: &str) -> Result<(), Error> {
    let entries = batch.iter().enumerate().map(|(index, body)| {
        let entry = SendMessageBatchRequestEntry::builder().id(index.to_string());
        entry.message_body(body.get()).build()
    });
    let call = sqs.send_message_batch().queue_url(queue);
    let sent = call
        .set_entries(Some(entries.collect::<Result<_, _>>()?))
        .send()
        .await?;
    if sent.failed().is_empty() {
        Ok(())
    } else {
        Err("SQS does not take all messages".into())
    }
}

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
}

/// How many messages a call to SQS can have.
const BATCH: usize = 10;

/// Has cargo compile this package again in another checkout; see `.cargo/config.toml`.
const _: Option<&str> = option_env!("CHECKOUT");
