//! Microsoft Graph and its token endpoint in memory: they answer requests of the real client by the simulator's rules
//! for subscriptions, with Graph's limits and with faults.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::{self, StatusCode};
use graph_edge::{
    clock::Clock,
    http::transport::{PendingResponse, TimedOut, Transport},
    testing::VirtualClock,
};
use reqwest::{Method, Request, Response};

use super::{
    chance::Chance,
    faults::{Fault, Faults},
    ledger::EndCause,
    limits::{Allowance, Kind},
    organisation::Organisation,
    state::{Application, State},
};
use graph_simulator::GraphError;

/// Graph, shared by all clients.
#[derive(Clone)]
pub(super) struct Microsoft {
    clock: VirtualClock,
    state: Arc<Mutex<State>>,
    /// What renewal shares with the reader, where there is one.
    shared: Option<Allowance>,
}

impl Microsoft {
    pub(super) fn new(
        clock: VirtualClock,
        organisation: &Organisation,
        faults: Faults,
        chance: Chance,
    ) -> Self {
        let state = State::new(organisation, faults, chance);
        Self {
            clock,
            state: Arc::new(Mutex::new(state)),
            shared: None,
        }
    }

    pub(super) fn sharing(self, allowance: Allowance) -> Self {
        Self {
            shared: Some(allowance),
            ..self
        }
    }

    /// Returns the current state.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.expire(self.clock.now());
        state
    }

    async fn answer(&self, request: Request) -> Result<Response, graph_edge::BoxError> {
        let path = request.url().path().to_owned();
        if path.ends_with("/oauth2/v2.0/token") {
            return Ok(self.log_in(&request, &path));
        }
        let Some(caller) = caller(&request) else {
            return Ok(reply(StatusCode::UNAUTHORIZED, None, String::new()));
        };
        let segments: Vec<&str> = path.split('/').filter(|one| !one.is_empty()).collect();
        let (kind, rest) = match segments.as_slice() {
            [_, "subscriptions"] if *request.method() == Method::GET => (Some(Kind::List), None),
            [_, "subscriptions", id] if *request.method() == Method::GET => (Some(Kind::One), Some(*id)),
            [_, "subscriptions", rest @ ..] => (Some(Kind::Write), rest.first().copied()),
            _ => (None, None),
        };
        let timeout = request.timeout().copied().unwrap_or(Duration::from_secs(100));
        let (fault, latency) = self.count_and_fail(kind, request.method(), &caller);
        match fault {
            Some(Fault::Throttled(seconds)) => {
                self.clock.sleep(latency).await;
                let body = r#"{"error":{"code":"TooManyRequests","message":"Too many requests."}}"#;
                return Ok(reply(
                    StatusCode::TOO_MANY_REQUESTS,
                    Some(seconds),
                    body.to_owned(),
                ));
            }
            Some(Fault::Unavailable) => {
                self.clock.sleep(latency).await;
                return Ok(reply(StatusCode::SERVICE_UNAVAILABLE, None, String::new()));
            }
            Some(Fault::Silence { carried_out: false }) => {
                self.clock.sleep(timeout).await;
                return Err(TimedOut.into());
            }
            Some(Fault::Handshake) => {
                self.clock.sleep(Duration::from_secs(10)).await;
                let message = "Subscription validation request timed out.";
                return Ok(refuse(&GraphError::new(
                    StatusCode::BAD_REQUEST,
                    "ValidationError",
                    message,
                )));
            }
            Some(Fault::Silence { carried_out: true } | Fault::Slow(_)) | None => {}
        }
        self.clock.sleep(latency.min(timeout)).await;
        let answer = self.carry_out(&request, &caller, kind, rest, &segments);
        if latency >= timeout {
            let is_read = *request.method() == Method::GET;
            self.state().ledger.time_out(is_read, self.clock.now());
            return Err(TimedOut.into());
        }
        if matches!(fault, Some(Fault::Silence { .. })) {
            self.clock.sleep(timeout.saturating_sub(latency)).await;
            return Err(TimedOut.into());
        }
        Ok(answer.unwrap_or_else(|error| refuse(&error)))
    }

    /// Grants an access token, unless no credential is accepted.
    fn log_in(&self, request: &Request, path: &str) -> Response {
        if self.state().faults.is_locked(self.clock.now()) {
            return reply(StatusCode::UNAUTHORIZED, None, EXPIRED.to_owned());
        }
        grant(request, path)
    }

    /// Counts a request, and returns the fault that hits it and how long its answer takes.
    fn count_and_fail(
        &self,
        kind: Option<Kind>,
        method: &Method,
        (tenant_id, client_id): &Application,
    ) -> (Option<Fault>, Duration) {
        let now = self.clock.now();
        let mut state = self.state();
        let state = &mut *state;
        // A creation includes two handshakes.
        let latency = if *method == Method::POST {
            state.chance.between(300, 2_000)
        } else {
            state.chance.between(80, 400)
        };
        state.ledger.request(kind, method);
        if self.shared.as_ref().is_some_and(|shared| shared.count(now)) {
            return (Some(Fault::Throttled(10)), latency);
        }
        if let Some(kind) = kind
            && state.limits.count(kind, tenant_id, client_id, now)
        {
            return (Some(Fault::Throttled(10)), latency);
        }
        let fault = state
            .faults
            .fault_for(*method == Method::POST, now, &mut state.chance);
        let is_out = state.faults.is_out(now);
        state.ledger.fault(fault, is_out, now);
        match fault {
            Some(Fault::Slow(latency)) => (fault, latency),
            _ => (fault, latency),
        }
    }

    fn carry_out(
        &self,
        request: &Request,
        caller: &Application,
        kind: Option<Kind>,
        id: Option<&str>,
        segments: &[&str],
    ) -> Result<Response, GraphError> {
        let now = self.clock.now();
        let mut state = self.state();
        let body = request
            .body()
            .and_then(reqwest::Body::as_bytes)
            .unwrap_or_default();
        let ok = |body| Ok(reply(StatusCode::OK, None, body));
        match (request.method(), kind, id) {
            (_, None, _) => {
                let path = segments.get(1..).unwrap_or_default().join("/");
                ok(state.objects(&caller.0, path)?)
            }
            (_, Some(Kind::List), _) => ok(state.page(caller, request, now)),
            (&Method::GET, _, Some(id)) => ok(state.find(caller, id)?.show(false).to_string()),
            (&Method::POST, _, None) => {
                let beta = segments.first() == Some(&"beta");
                let shown = state.create(caller, body, beta, now)?;
                Ok(reply(StatusCode::CREATED, None, shown))
            }
            (&Method::PATCH, _, Some(id)) => ok(state.update(caller, id, body, now)?),
            (&Method::DELETE, _, Some(id)) => {
                state.find(caller, id)?;
                state.end(caller, id, EndCause::Deleted, now);
                Ok(reply(StatusCode::NO_CONTENT, None, String::new()))
            }
            _ => Err(not_found("the operation")),
        }
    }
}

impl Transport for Microsoft {
    fn send(&self, request: Request) -> PendingResponse<'_> {
        Box::pin(self.answer(request))
    }
}

impl fmt::Debug for Microsoft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Microsoft")
    }
}

/// Grants an access token, and to a user the next refresh token as well.
pub(super) fn grant(request: &Request, path: &str) -> Response {
    let tenant_id = path.split('/').find(|part| !part.is_empty()).unwrap_or_default();
    let form = request
        .body()
        .and_then(reqwest::Body::as_bytes)
        .unwrap_or_default();
    let form = graph_simulator::form(&String::from_utf8_lossy(form));
    let client_id = form
        .iter()
        .find(|(name, _)| name == "client_id")
        .map_or("", |(_, id)| id);
    let user = form.iter().any(|(_, value)| value == "refresh_token");
    let more = if user { r#","refresh_token":"next""# } else { "" };
    let body = format!(
        r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{tenant_id}.{client_id}"{more}}}"#
    );
    reply(StatusCode::OK, None, body)
}

/// Returns the caller, by the access token.
pub(super) fn caller(request: &Request) -> Option<Application> {
    let token = request.headers().get("authorization")?.to_str().ok()?;
    let (tenant_id, client_id) = token.strip_prefix("Bearer ")?.split_once('.')?;
    Some((tenant_id.to_owned(), client_id.to_owned()))
}

pub(super) fn not_found(what: &str) -> GraphError {
    GraphError::new(
        StatusCode::NOT_FOUND,
        "ResourceNotFound",
        format!("{what} was not found."),
    )
}

fn refuse(error: &GraphError) -> Response {
    let body = serde_json::json!({"error": {"code": error.code, "message": error.message}});
    reply(error.status, None, body.to_string())
}

pub(super) fn reply(status: StatusCode, retry_after: Option<u64>, body: String) -> Response {
    let mut answer = http::Response::new(body);
    *answer.status_mut() = status;
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert("retry-after", seconds.into());
    }
    answer.into()
}

/// The token endpoint's answer to an expired client secret.
const EXPIRED: &str = r#"{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys are expired.","error_codes":[7000222]}"#;
