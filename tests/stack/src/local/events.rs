//! Genuine events for a running stack. Its keys are created at run time, so no file in the repository could have them.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Error, in_lines, write};
use crate::{self as stack, Message, Pair, Stack};
use graph_simulator::{LifecycleEvent, Post, PostReport};

/// Writes events into the folder `events` in `folder`: for a change and for a lifecycle notification, the request to
/// the webhook and the resulting queue message, in the form of those in `tests/events`; and the body of the first
/// request alone.
///
/// # Errors
///
/// No subscription watches the resource, or the stack or the simulator does not answer.
pub async fn write_events(pair: &Pair, resource: &str, folder: &Path) -> Result<(), Error> {
    let folder = folder.join("events");
    std::fs::create_dir_all(&folder).map_err(stack::Error::io(format!("creating {}", folder.display())))?;
    for kind in [&CHANGE, &LIFECYCLE] {
        let (request, message) = kind.send(pair, resource).await?;
        let body = String::from_utf8_lossy(&request.body).into_owned();
        write(&folder.join(format!("{}-body.json", kind.name)), &body)?;
        let request = http_event(kind.http, &request.url, body)?;
        write(&folder.join(format!("{}.json", kind.name)), &in_lines(&request))?;
        let batch = queue_event(kind.queued, message)?;
        write(
            &folder.join(format!("{}-queue.json", kind.name)),
            &in_lines(&batch),
        )?;
    }
    Ok(())
}

/// A kind of notification, and its way.
struct Kind {
    /// The name of the files.
    name: &'static str,
    /// Makes the notification for a resource.
    post: fn(&str) -> Post,
    /// The mapping of its queue.
    mapping: &'static str,
    /// Its queue.
    queue: fn(&Stack) -> Result<&str, stack::Error>,
    /// The form of a request to the webhook.
    http: &'static str,
    /// The form of a batch of messages.
    queued: &'static str,
}

impl Kind {
    /// Sends a notification with the simulator, and returns the POST and the message that the webhook made from it.
    async fn send(&self, pair: &Pair, resource: &str) -> Result<(PostReport, Message), Error> {
        let Pair { stack, simulator } = pair;
        // Otherwise the function behind the queue would take the message.
        stack.enable_mapping(self.mapping, false).await?;
        let report = simulator.send((self.post)(resource)).await;
        let messages = stack
            .receive((self.queue)(stack)?, TIMEOUT, |got| !got.is_empty())
            .await;
        stack.enable_mapping(self.mapping, true).await?;
        let not_queued = || Error::NotQueued(self.name);
        let message = messages?.pop().ok_or_else(not_queued)?;
        let request = report?.posts.pop().ok_or_else(not_queued)?;
        Ok((request, message))
    }
}

/// Returns an event of the HTTP API with the query of `url` and this body.
fn http_event(form: &str, url: &str, body: String) -> Result<Value, stack::Error> {
    let mut event = parse(form)?;
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let parameters: Value = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    set(&mut event, "/rawQueryString", json!(query));
    set(&mut event, "/queryStringParameters", parameters);
    set(
        &mut event,
        "/headers/content-length",
        json!(body.len().to_string()),
    );
    set(&mut event, "/body", Value::String(body));
    Ok(event)
}

/// Returns a batch with this message.
fn queue_event(form: &str, message: Message) -> Result<Value, stack::Error> {
    let mut event = parse(form)?;
    if let Some(sent_at) = message.sent_at {
        set(
            &mut event,
            "/Records/0/attributes/SentTimestamp",
            json!(sent_at.to_string()),
        );
    }
    // The digest would be wrong, and nothing reads it.
    if let Some(record) = event.pointer_mut("/Records/0").and_then(Value::as_object_mut) {
        record.remove("md5OfBody");
    }
    set(&mut event, "/Records/0/body", Value::String(message.body));
    Ok(event)
}

/// Parses a form.
fn parse(form: &str) -> Result<Value, stack::Error> {
    serde_json::from_str(form).map_err(|_| stack::Error::Malformed("form of an event".to_owned()))
}

/// Replaces a part of a form.
fn set(form: &mut Value, pointer: &str, value: Value) {
    if let Some(part) = form.pointer_mut(pointer) {
        *part = value;
    }
}

/// A change, for the decryption function.
const CHANGE: Kind = Kind {
    name: "notification",
    post: |resource| Post::new().change(resource, "created"),
    mapping: "DecryptionMapping",
    queue: |stack| stack.output("NotificationQueueUrl"),
    http: include_str!("../../../events/notification.json"),
    queued: include_str!("../../../events/notification-queue.json"),
};

/// A lifecycle notification, for renewal.
const LIFECYCLE: Kind = Kind {
    name: "lifecycle",
    post: |resource| Post::new().lifecycle(resource, LifecycleEvent::Missed),
    mapping: "LifecycleMapping",
    queue: |stack| stack.resource("LifecycleQueue"),
    http: include_str!("../../../events/lifecycle.json"),
    queued: include_str!("../../../events/lifecycle-queue.json"),
};

/// The longest wait for a notification in its queue.
const TIMEOUT: Duration = Duration::from_secs(10);
