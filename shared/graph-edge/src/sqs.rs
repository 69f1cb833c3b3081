//! Amazon SQS: many messages to one queue, each with an answer of its own.

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sqs::{
    Client,
    config::{Builder, StalledStreamProtectionConfig},
};
use futures_util::{
    StreamExt,
    future::{Either, select},
    stream,
};
use graph_core::notification::message::pack;
use tracing::warn;

use self::message::Batch;
pub use self::{
    failed::{Failed, set_aside},
    last_try::{LastTry, Unfinished, keep, received},
    message::{Message, REASON, SUBSCRIPTION, TENANT},
    reason::Reason,
};
use crate::{
    deadline::{Deadline, Late},
    telemetry::causes,
};

mod failed;
mod last_try;
mod message;
mod reason;

/// A queue that takes many messages and answers for each.
pub trait Queue {
    /// Sends all messages, as far as the time suffices, and returns the notes on them by what became of them.
    fn send<T: Send>(
        &self,
        messages: Vec<(T, Message)>,
        deadline: Deadline,
    ) -> impl Future<Output = Sent<T>> + Send;
}

/// Notes on messages by what became of them. What a queue says nothing about is lost.
#[derive(Debug, PartialEq, Eq)]
pub struct Sent<T> {
    /// Of messages that are stored.
    pub stored: Vec<T>,
    /// Of messages that are not stored, or perhaps not.
    pub lost: Vec<T>,
}

impl<T> Default for Sent<T> {
    fn default() -> Self {
        Self {
            stored: Vec::new(),
            lost: Vec::new(),
        }
    }
}

/// Amazon SQS in one account and region.
#[derive(Clone, Debug)]
pub struct Sqs(Client);

impl Sqs {
    /// Returns the service that `config` points at. Calls are tried again and given up here and nowhere below, where nothing is
    /// known of the deadline.
    pub fn new(config: &aws_config::SdkConfig) -> Self {
        // Each timer of the SDK would be the next one to end, so that the runtime wakes itself for it by a system call.
        let config = Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self(Client::from_conf(config))
    }

    /// Returns the queue at `url`.
    pub fn queue(&self, url: String) -> SqsQueue {
        SqsQueue {
            client: self.0.clone(),
            url,
            attempts: ATTEMPTS,
        }
    }
}

/// A queue of Amazon SQS.
#[derive(Clone, Debug)]
pub struct SqsQueue {
    client: Client,
    url: String,
    attempts: u32,
}

impl SqsQueue {
    /// Returns the queue for a sender that repeats a lot of work where one message is not stored: a message is tried seven
    /// times, for about three seconds.
    #[must_use]
    pub fn patient(self) -> Self {
        Self {
            attempts: PATIENT_ATTEMPTS,
            ..self
        }
    }
}

impl Queue for SqsQueue {
    /// Calls go out in parallel, each within the limits of `SendMessageBatch`; messages that the service could not take are
    /// tried again, three times in all or as [`patient`](Self::patient) says. An answer that takes long is waited for: the
    /// messages may be stored already, and what is tried again is stored twice.
    async fn send<T: Send>(&self, messages: Vec<(T, Message)>, deadline: Deadline) -> Sent<T> {
        let mut sent = Sent::default();
        let (mut pending, mut problem) = (messages, None);
        for attempt in 0..self.attempts {
            if pending.is_empty() || deadline.left().is_zero() {
                break;
            }
            if attempt > 0 {
                deadline.sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
            }
            let bodies: Vec<&Message> = pending.iter().map(|(_, message)| message).collect();
            let answer = self.send_once(&bodies, attempt == 0, deadline).await;
            problem = answer.problem.or(problem);
            let mut left = Vec::new();
            for (index, (note, message)) in pending.into_iter().enumerate() {
                if answer.stored.contains(&index) {
                    sent.stored.push(note);
                } else {
                    left.push((note, message));
                }
            }
            pending = left;
        }
        if !pending.is_empty() {
            self.report(pending.len(), problem.as_deref().unwrap_or("no time was left"));
        }
        sent.lost.extend(pending.into_iter().map(|(note, _)| note));
        sent
    }
}

impl SqsQueue {
    /// Sends messages once; `doubles` is whether a call that takes long gets another one beside it.
    async fn send_once(&self, messages: &[&Message], doubles: bool, deadline: Deadline) -> Answer {
        let sizes: Vec<usize> = messages.iter().map(|message| message.size()).collect();
        let calls = pack(&sizes).into_iter().map(async |range| {
            let first = range.start;
            let messages = messages.get(range).unwrap_or_default();
            self.call(first, messages, doubles, deadline).await
        });
        let calls: Vec<_> = calls.collect();
        let answers = stream::iter(calls).buffer_unordered(PARALLEL_CALLS);
        answers
            .fold(Answer::default(), async |all, one| all.and(one))
            .await
    }

    /// Makes a call, and one more beside it where it `doubles` and the first one takes long: its connection may be gone. The first
    /// call's answer counts, or the second one's if that says of a message that it is stored.
    async fn call(&self, first: usize, messages: &[&Message], doubles: bool, deadline: Deadline) -> Answer {
        let time = deadline.left().min(CALL_TIMEOUT);
        if time.is_zero() {
            return Answer::default();
        }
        let deadline = deadline.at_most(time);
        let mut call = pin!(self.send_batch(first, messages));
        let alone = if doubles { (time / 3).max(ALONE) } else { time };
        if let Ok(answer) = deadline.at_most(alone).within(&mut call).await {
            return answer;
        }
        if deadline.left().is_zero() {
            return Answer::problem(Late.to_string());
        }
        let second = pin!(self.send_batch(first, messages));
        let both = async {
            match select(call, second).await {
                // The second call may have failed on its own.
                Either::Right((answer, call)) if answer.stored.is_empty() => answer.and(call.await),
                Either::Left((answer, _)) | Either::Right((answer, _)) => answer,
            }
        };
        let answer = deadline.within(both).await;
        answer.unwrap_or_else(|late| Answer::problem(late.to_string()))
    }

    /// Makes one call for the messages from index `first` on.
    async fn send_batch(&self, first: usize, messages: &[&Message]) -> Answer {
        let entries = (first..)
            .zip(messages)
            .map(|(index, message)| message.entry(index.to_string()));
        let batch = Batch {
            queue_url: &self.url,
            entries: entries.collect(),
        };
        let body = match batch.body() {
            Ok(body) => body,
            Err(error) => return Answer::problem(causes(&error)),
        };
        // The SDK signs, sends and reads the answer; only the body is written here, before the signature. It is moved, as a call
        // is made once: sixteen calls of up to 1 MiB are under way, or twice as many where SQS is slow, and copies of them would be in memory as well.
        let body = Mutex::new(Some(body));
        let call = self.client.send_message_batch().customize();
        let call = call.mutate_request(move |request| {
            let body = body.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(body) = body {
                request
                    .headers_mut()
                    .insert("content-length", body.len().to_string());
                *request.body_mut() = body.into();
            }
        });
        match call.send().await {
            Ok(output) => Answer {
                stored: output
                    .successful
                    .iter()
                    .filter_map(|entry| entry.id.parse().ok())
                    .collect(),
                problem: output.failed.first().map(|failed| failed.code.clone()),
            },
            Err(error) => Answer::problem(causes(&error)),
        }
    }

    /// Logs one line for everything that could not be sent.
    fn report(&self, messages: usize, problem: &str) {
        let queue = self.name();
        warn!(
            queue,
            messages, problem, "{queue} did not store {messages} messages: {problem}"
        );
    }

    /// Returns the name of the queue, the last part of its URL.
    fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or(&self.url)
    }
}

/// What the service answered.
#[derive(Default)]
struct Answer {
    /// The indices of the messages that are stored.
    stored: BTreeSet<usize>,
    /// Why others are not, as far as it is known.
    problem: Option<String>,
}

impl Answer {
    fn problem(problem: String) -> Self {
        Self {
            stored: BTreeSet::new(),
            problem: Some(problem),
        }
    }

    fn and(mut self, mut other: Self) -> Self {
        self.stored.append(&mut other.stored);
        self.problem = other.problem.or(self.problem);
        self
    }
}

/// How often a message is tried.
const ATTEMPTS: u32 = 3;

/// How often a message is tried for a sender that repeats a lot of work.
const PATIENT_ATTEMPTS: u32 = 7;

/// How long a call is alone at the least: writing and signing its body, and SQS, take time.
const ALONE: Duration = Duration::from_millis(300);

/// How long one call may take, however much time there is.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause before the second attempt; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// How many calls are under way at once.
const PARALLEL_CALLS: usize = 16;

#[cfg(test)]
mod tests;
