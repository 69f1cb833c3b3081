//! A webhook with the usual packages, as their documentation shows them: it passes items on to SQS and does nothing else.
//!
//! It answers a handshake, verifies nothing, has no key and logs nothing. Items go to the same queues as the
//! webhook's: encrypted ones to NotificationQueue, others to DeliveryQueue. Items that are marked as forged are
//! dropped, so that a POST can also be measured without the call to SQS.
//!
//! With `FRAMES`, which holds parts of messages that the webhook has sent, its messages are as long as the webhook's, with
//! the same attributes: what storing them costs without making them.

use std::{borrow::Cow, env};

use aws_sdk_sqs::{
    Client,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry},
};
use futures_util::future::try_join_all;
use lambda_http::{Error, Request, RequestExt, http::StatusCode, run, service_fn};
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let sqs = Client::new(&aws_config::load_from_env().await);
    let frames: Frames = match env::var("FRAMES") {
        Ok(frames) => serde_json::from_str(&frames)?,
        Err(_) => Frames::default(),
    };
    let queues = Queues {
        notification: (env::var("NOTIFICATION_QUEUE_URL")?, frames.item),
        delivery: (env::var("DELIVERY_QUEUE_URL")?, frames.event),
    };
    let (sqs, queues) = (&sqs, &queues);
    run(service_fn(async |request: Request| {
        answer(&request, sqs, queues).await
    }))
    .await
}

struct Queues {
    notification: (String, Option<Frame>),
    delivery: (String, Option<Frame>),
}

/// How the messages for each queue look, where they are to look like the webhook's.
#[derive(Default, Deserialize)]
struct Frames {
    item: Option<Frame>,
    event: Option<Frame>,
}

/// A message without its item. An event has no item in it: it is a text of its own.
#[derive(Deserialize)]
struct Frame {
    before: String,
    after: String,
    has_item: bool,
    attributes: Vec<(String, String)>,
    group: String,
}

impl Frame {
    fn around(&self, item: &str) -> String {
        let item = if self.has_item { item } else { "" };
        [&self.before, item, &self.after].concat()
    }
}

async fn answer(request: &Request, sqs: &Client, queues: &Queues) -> Result<(StatusCode, String), Error> {
    if let Some(token) = request.query_string_parameters().first("validationToken") {
        return Ok((StatusCode::OK, token.to_owned()));
    }
    let Ok(collection) = serde_json::from_slice::<Collection<'_>>(request.body()) else {
        return Ok((StatusCode::BAD_REQUEST, String::new()));
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
            .map(|((queue, frame), batch)| send(batch, sqs, queue, frame.as_ref())),
    )
    .await?;
    Ok((StatusCode::ACCEPTED, String::new()))
}

async fn send(batch: &[&RawValue], sqs: &Client, queue: &str, frame: Option<&Frame>) -> Result<(), Error> {
    let mut entries = Vec::with_capacity(batch.len());
    for (index, item) in batch.iter().enumerate() {
        let body = frame.map_or(Cow::Borrowed(item.get()), |frame| frame.around(item.get()).into());
        let mut entry = SendMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .message_body(body)
            .set_message_group_id(frame.map(|frame| frame.group.clone()));
        for (name, value) in frame.iter().flat_map(|frame| &frame.attributes) {
            let text = MessageAttributeValue::builder().data_type("String");
            entry = entry.message_attributes(name, text.string_value(value).build()?);
        }
        entries.push(entry.build()?);
    }
    let call = sqs.send_message_batch().queue_url(queue);
    let sent = call.set_entries(Some(entries)).send().await?;
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
