//! Microsoft's services, played by a script: the real client talks to it in virtual time, with latencies and time-outs.

use std::{fmt::Debug, sync::Arc, task::Poll, time::Duration};

use reqwest::{Request, Response};

use super::VirtualClock;
use crate::{
    clock::Clock,
    http::transport::{PendingResponse, TimedOut, Transport},
};

/// What answers requests.
pub trait Script: Debug + Send + Sync {
    /// Carries the request out and returns the reply.
    fn reply(&self, request: &Sent<'_>) -> Reply;
}

/// A request as it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// `GET` and so on.
    pub method: &'a str,
    /// The path's segments.
    pub path: &'a [&'a str],
    /// The query, as it stands in the URL.
    pub query: &'a str,
    /// The access token.
    pub token: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// A reply.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    after: Duration,
}

impl Reply {
    /// Returns a reply that comes at once.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            after: Duration::ZERO,
        }
    }

    /// Returns a refusal in Graph's form.
    pub fn refusal(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"error": {"code": code, "message": message}});
        Self::new(status, body.to_string())
    }

    /// Returns a 429 that asks to wait.
    pub fn throttled(seconds: u64) -> Self {
        let refusal = Self::refusal(429, "TooManyRequests", "Too many requests.");
        refusal.header("retry-after", &seconds.to_string())
    }

    /// Returns the reply with a header line more.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Returns the reply, which comes `after` so long in addition.
    #[must_use]
    pub fn after(mut self, after: Duration) -> Self {
        self.after += after;
        self
    }

    fn into_response(self) -> Response {
        let mut response = http::Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(self.body).unwrap_or_default().into()
    }
}

/// Brings requests to a script.
#[derive(Debug)]
pub struct Scripted<S> {
    script: Arc<S>,
    clock: VirtualClock,
}

impl<S> Scripted<S> {
    /// Returns the way to `script` in the time of `clock`.
    pub fn new(script: Arc<S>, clock: VirtualClock) -> Self {
        Self { script, clock }
    }
}

impl<S: Script> Transport for Scripted<S> {
    fn send(&self, request: Request) -> PendingResponse<'_> {
        Box::pin(async move {
            turn().await;
            let timeout = request.timeout().copied().unwrap_or(Duration::MAX);
            let reply = self.reply(&request);
            if reply.after >= timeout {
                self.clock.sleep(timeout).await;
                return Err(TimedOut.into());
            }
            if !reply.after.is_zero() {
                self.clock.sleep(reply.after).await;
            }
            Ok(reply.into_response())
        })
    }
}

impl<S: Script> Scripted<S> {
    fn reply(&self, request: &Request) -> Reply {
        let url = request.url();
        let path: Vec<&str> = url.path_segments().into_iter().flatten().collect();
        let token = request.headers().get("authorization");
        let token = token.and_then(|value| value.to_str().ok());
        self.script.reply(&Sent {
            method: request.method().as_str(),
            path: &path,
            query: url.query().unwrap_or_default(),
            token: token
                .and_then(|text| text.strip_prefix("Bearer "))
                .unwrap_or_default(),
            body: request
                .body()
                .and_then(reqwest::Body::as_bytes)
                .unwrap_or_default(),
        })
    }
}

/// Lets others have their turn before a call.
pub async fn turn() {
    let mut is_over = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
