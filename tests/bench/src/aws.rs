//! A part of Amazon SQS, AWS Secrets Manager and Parameter Store in memory: the calls of the functions and their peers.
//!
//! It enforces the rules that a sender can break: entries and bytes per call, ids, and the digest of each body.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use graph_core::notification::message;
use md5::{Digest, Md5};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

use crate::BoxError;

/// The services, at one address.
#[derive(Clone)]
pub struct Aws {
    /// Their address.
    pub url: String,
    state: Arc<Mutex<Services>>,
}

#[derive(Default)]
struct Services {
    secrets: BTreeMap<String, (String, u64)>,
    /// The values of each parameter, the latest last.
    parameters: BTreeMap<String, Vec<String>>,
    queues: BTreeMap<String, Queue>,
    is_down: bool,
}

#[derive(Default)]
struct Queue {
    stored: usize,
    /// The calls that sent messages.
    calls: usize,
    /// The bytes of the bodies of all calls.
    bytes: usize,
    /// The last message, with everything on it.
    last: Value,
    reader: Option<mpsc::UnboundedSender<String>>,
}

impl Aws {
    /// Starts the services.
    pub async fn start() -> Result<Self, BoxError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::default();
        let router = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::max(4 * message::MAX_BYTES))
            .with_state(Arc::clone(&state));
        tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, state })
    }

    /// Returns the URL of a queue.
    pub fn queue_url(&self, name: &str) -> String {
        format!("{}/123456789012/{name}", self.url)
    }

    /// Writes a secret.
    pub fn write_secret(&self, name: &str, text: String) {
        self.state().secrets.insert(name.to_owned(), (text, 0));
    }

    /// Returns how many messages a queue has received.
    pub fn stored(&self, queue: &str) -> usize {
        let url = self.queue_url(queue);
        self.state().queues.get(&url).map_or(0, |queue| queue.stored)
    }

    /// Returns how many calls sent messages.
    pub fn sends(&self) -> usize {
        self.state().queues.values().map(|queue| queue.calls).sum()
    }

    /// Returns how many bytes the calls had that sent the messages of a queue.
    pub fn bytes(&self, queue: &str) -> usize {
        let url = self.queue_url(queue);
        self.state().queues.get(&url).map_or(0, |queue| queue.bytes)
    }

    /// Returns the message that a queue received last, as the entry of a call.
    pub fn last(&self, queue: &str) -> Value {
        let url = self.queue_url(queue);
        let state = self.state();
        state
            .queues
            .get(&url)
            .map_or(Value::Null, |queue| queue.last.clone())
    }

    /// Returns the messages that a queue receives from now on. Messages of a queue without a reader are only counted.
    pub fn read(&self, queue: &str) -> mpsc::UnboundedReceiver<String> {
        let (reader, messages) = mpsc::unbounded_channel();
        let url = self.queue_url(queue);
        self.state().queues.entry(url).or_default().reader = Some(reader);
        messages
    }

    /// Stops reading a queue.
    pub fn stop_reading(&self, queue: &str) {
        let url = self.queue_url(queue);
        self.state().queues.entry(url).or_default().reader = None;
    }

    /// Makes every call fail, or succeed again.
    pub fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    fn state(&self) -> MutexGuard<'_, Services> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(state): State<Arc<Mutex<Services>>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let mut services = state.lock().unwrap_or_else(PoisonError::into_inner);
    if services.is_down {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({"__type": "ServiceUnavailable"})),
        )
            .into_response();
    }
    let Ok(input) = serde_json::from_slice::<Value>(&body) else {
        return refuse("SerializationException");
    };
    let output = match operation {
        "SendMessageBatch" => services.send(input, body.len()),
        "GetSecretValue" => services.read_secret(&input),
        "PutSecretValue" => services.write_secret(&input),
        "GetParameter" => services.read_parameter(&input),
        "PutParameter" => services.write_parameter(&input),
        _ => Err("UnknownOperationException"),
    };
    match output {
        Ok(output) => ([("content-type", "application/x-amz-json-1.1")], Json(output)).into_response(),
        Err(code) => refuse(code),
    }
}

impl Services {
    fn send(&mut self, mut input: Value, body_bytes: usize) -> Result<Value, &'static str> {
        let queue = input["QueueUrl"].as_str().ok_or("QueueDoesNotExist")?.to_owned();
        let Some(Value::Array(entries)) = input.get_mut("Entries").map(Value::take) else {
            return Err("com.amazonaws.sqs#EmptyBatchRequest");
        };
        let last = entries.last().cloned().unwrap_or_default();
        let messages: Option<Vec<(String, String)>> = entries.into_iter().map(message).collect();
        let messages = messages.ok_or("com.amazonaws.sqs#InvalidMessageContents")?;
        let ids: BTreeSet<&String> = messages.iter().map(|(id, _)| id).collect();
        let bytes: usize = messages.iter().map(|(_, body)| body.len()).sum();
        if messages.is_empty() || ids.len() < messages.len() {
            return Err("com.amazonaws.sqs#BatchEntryIdsNotDistinct");
        }
        if messages.len() > message::MAX_ENTRIES || bytes > message::MAX_BYTES {
            return Err("com.amazonaws.sqs#BatchRequestTooLong");
        }
        let stored: Vec<Value> = messages.iter().map(|(id, body)| receipt(id, body)).collect();
        let queue = self.queues.entry(queue).or_default();
        queue.stored += messages.len();
        queue.calls += 1;
        queue.bytes += body_bytes;
        queue.last = last;
        if let Some(reader) = &queue.reader {
            for (_, body) in messages {
                let _ = reader.send(body);
            }
        }
        Ok(json!({"Successful": stored, "Failed": []}))
    }

    fn read_secret(&self, input: &Value) -> Result<Value, &'static str> {
        let name = input["SecretId"].as_str().unwrap_or_default();
        let (text, version) = self.secrets.get(name).ok_or("ResourceNotFoundException")?;
        Ok(
            json!({"ARN": name, "Name": name, "SecretString": text, "VersionId": version.to_string(),
            "VersionStages": ["AWSCURRENT"]}),
        )
    }

    fn write_secret(&mut self, input: &Value) -> Result<Value, &'static str> {
        let name = input["SecretId"].as_str().unwrap_or_default();
        let text = input["SecretString"]
            .as_str()
            .ok_or("InvalidParameterException")?;
        let version = self.secrets.get(name).map_or(0, |(_, version)| version + 1);
        self.secrets.insert(name.to_owned(), (text.to_owned(), version));
        Ok(
            json!({"ARN": name, "Name": name, "VersionId": version.to_string(), "VersionStages": ["AWSCURRENT"]}),
        )
    }
}

impl Services {
    /// Reads a parameter, or the version of it that is named. One that was never written is as the template makes it.
    fn read_parameter(&self, input: &Value) -> Result<Value, &'static str> {
        let name = input["Name"].as_str().unwrap_or_default();
        let (name, version) = name.split_once(':').unwrap_or((name, ""));
        let values = self.parameters.get(name).map(Vec::as_slice).unwrap_or_default();
        let version = version.parse().unwrap_or(values.len() + 1);
        let value = match version.checked_sub(2) {
            None => "{}",
            Some(index) => values.get(index).ok_or("ParameterVersionNotFound")?,
        };
        Ok(json!({"Parameter": {"Name": name, "Type": "String", "Value": value, "Version": version}}))
    }

    fn write_parameter(&mut self, input: &Value) -> Result<Value, &'static str> {
        let name = input["Name"].as_str().unwrap_or_default().to_owned();
        let value = input["Value"].as_str().ok_or("ValidationException")?;
        let values = self.parameters.entry(name).or_default();
        values.push(value.to_owned());
        Ok(json!({"Version": values.len() + 1, "Tier": "Standard"}))
    }
}

/// Returns the id and the body of an entry.
fn message(mut entry: Value) -> Option<(String, String)> {
    match (entry["Id"].take(), entry["MessageBody"].take()) {
        (Value::String(id), Value::String(body)) if !body.is_empty() => Some((id, body)),
        _ => None,
    }
}

fn receipt(id: &str, body: &str) -> Value {
    let digest = Md5::digest(body)
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    json!({"Id": id, "MessageId": format!("5fea7756-0ea4-451a-a703-{id:0>12}"), "MD5OfMessageBody": digest})
}

fn refuse(code: &str) -> Response {
    let headers = [("content-type", "application/x-amz-json-1.1")];
    (
        StatusCode::BAD_REQUEST,
        headers,
        Json(json!({"__type": code, "message": code})),
    )
        .into_response()
}
