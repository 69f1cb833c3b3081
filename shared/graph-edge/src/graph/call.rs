//! One call to Microsoft Graph, with a token, within Graph's limits, and with retries.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use graph_core::{application::Guid, secrets::Secret, subscription::config::Tenant};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::Serialize;

use super::{GraphClient, GraphError, GraphErrorKind, rate_limiter::Kind};
use crate::{clock::Clock, http::Answer, login::Ports};

/// One call to Graph.
pub(super) struct Call<'a, B> {
    method: Method,
    url: Url,
    body: Option<&'a B>,
    prefer: Option<&'static str>,
    timeout: Duration,
    limit: usize,
    /// Set while a request is under way, and after one that Graph may have carried out without saying so.
    is_open: Option<&'a AtomicBool>,
    /// The limit that Graph counts it towards; nothing for a call that is not about subscriptions.
    kind: Option<Kind>,
}

impl<'a, B> Call<'a, B> {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            body: None,
            prefer: None,
            timeout: TIMEOUT,
            limit: MAX_BYTES,
            is_open: None,
            kind: None,
        }
    }

    pub(super) fn body(self, body: &'a B) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    pub(super) fn prefer(self, prefer: Option<&'static str>) -> Self {
        Self { prefer, ..self }
    }

    pub(super) fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    pub(super) fn counted(self, kind: Option<Kind>) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn noting(self, is_open: &'a AtomicBool) -> Self {
        Self {
            is_open: Some(is_open),
            ..self
        }
    }

    fn note(&self, is_open: bool) {
        if let Some(note) = self.is_open {
            note.store(is_open, Ordering::Relaxed);
        }
    }

    pub(super) fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }
}

impl<P: Ports> GraphClient<P> {
    /// Makes a call, and repeats it where that can help.
    pub(super) async fn call<B: Serialize>(
        &self,
        tenant: &Tenant,
        call: Call<'_, B>,
    ) -> Result<Answer, GraphError> {
        let mut attempt = 1;
        let (mut has_new_token, mut is_repeated, mut is_lost) = (false, false, false);
        loop {
            // Before the token: while the limit is used up, no token is requested either.
            if let Some(kind) = call.kind {
                self.rate_limiter.wait(kind, tenant, self.clock()).await;
            }
            // Inside the loop, because a pause may outlive the token.
            let token = self
                .login
                .token(tenant)
                .await
                .map_err(|error| GraphError::of(error.into()))?;
            call.note(true);
            let answer = self.call_once(&call, &token).await;
            is_lost |= answer
                .as_ref()
                .map_or(true, |answer| is_of_gateway(answer.status));
            call.note(is_lost);
            let (mut error, retry_after) = match answer {
                Ok(answer) if answer.status.is_success() => {
                    if let Some(kind) = call.kind {
                        self.rate_limiter.open(kind, tenant);
                    }
                    return Ok(answer);
                }
                Ok(answer) => {
                    let now = self.clock().now();
                    (GraphError::from_answer(&answer, now), answer.retry_after(now))
                }
                Err(error) => (error, None),
            };
            error.is_repeated = is_repeated;
            is_repeated |= matches!(error.kind, GraphErrorKind::Unavailable { .. });
            let is_throttled = matches!(error.kind, GraphErrorKind::Throttled { .. });
            // Any other result ends the try after a pause, so that the other requests do not wait for it.
            if let Some(kind) = call.kind.filter(|_| !is_throttled) {
                self.rate_limiter.open(kind, tenant);
            }
            if is_throttled {
                self.throttled.fetch_add(1, Ordering::Relaxed);
            }
            // A token can be revoked before its expiry. If Graph refuses a new one as well, a third would not help.
            if matches!(error.kind, GraphErrorKind::Unauthorized { .. }) && !has_new_token {
                self.login.forget(tenant, &token);
                has_new_token = true;
                continue;
            }
            if !error.kind.is_transient() {
                return Err(error);
            }
            // Graph counts the calls of a tenant together, so the other calls may be throttled too.
            if let (
                Some(kind),
                GraphErrorKind::Throttled {
                    retry_after: Some(wait),
                },
            ) = (call.kind, &error.kind)
            {
                self.rate_limiter
                    .close(kind, tenant, *wait, attempt == 1, self.clock().now());
            }
            let Some(pause) = self.backoff.pause(attempt, retry_after) else {
                return Err(error);
            };
            self.clock().sleep(pause).await;
            attempt += 1;
        }
    }

    pub(super) async fn call_once<B: Serialize>(
        &self,
        call: &Call<'_, B>,
        token: &Secret<String>,
    ) -> Result<Answer, GraphError> {
        let unavailable = |error| GraphError::of(GraphErrorKind::Unavailable { source: Some(error) });
        let client = self.http.client().map_err(unavailable)?;
        let mut request: RequestBuilder = client
            .request(call.method.clone(), call.url.clone())
            .bearer_auth(token.expose())
            // Microsoft's support finds a call by this id (Microsoft Graph, *best practices*).
            .header(CLIENT_REQUEST_ID, request_id())
            .timeout(call.timeout);
        if let Some(prefer) = call.prefer {
            request = request.header("prefer", prefer);
        }
        if let Some(body) = call.body {
            request = request.json(body);
        }
        self.http.send(request, call.limit).await.map_err(unavailable)
    }
}

/// Returns whether an answer only says that the service behind it did not answer. One that is unavailable (503) has done nothing.
fn is_of_gateway(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Returns a random id for a call.
fn request_id() -> String {
    let mut bytes = [0; 16];
    // A failure is ignored: the id only helps Microsoft's support.
    let _ = getrandom::fill(&mut bytes);
    Guid::random(bytes).to_string()
}

const CLIENT_REQUEST_ID: &str = "client-request-id";

const TIMEOUT: Duration = Duration::from_secs(20);

const MAX_BYTES: usize = 256 * 1024;
