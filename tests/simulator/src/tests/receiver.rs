//! A notification URL with configurable answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use serde_json::Value;

/// How the receiver answers the validation request.
#[derive(Clone)]
pub(super) enum Echo {
    /// Correctly.
    Right,
    /// With another status.
    Status(u16),
    /// With another media type.
    MediaType(&'static str),
    /// With a changed text.
    Changed(fn(String) -> String),
    /// Without decoding `+`.
    PlusKept,
    /// Too late.
    Late,
}

/// The status that means: not answered in time.
pub(super) const LATE: u16 = 599;

/// A received request.
#[derive(Clone)]
pub(super) struct Arrived {
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Arrived {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A running receiver. It ends with the test's runtime.
pub(super) struct Receiver {
    pub(super) base_url: String,
    settings: Settings,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let settings = Settings::default();
        let router = axum::Router::new().fallback(receive).with_state(settings.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/base/$default", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base_url, settings }
    }

    /// Sets the answer to validation requests.
    pub(super) fn echo(&self, echo: Echo) {
        self.settings.0.lock().unwrap().echo = echo;
    }

    /// Sets the statuses for the next notifications, or [`LATE`]; later ones get 202.
    pub(super) fn answer(&self, statuses: &[u16]) {
        self.settings.0.lock().unwrap().statuses = statuses.to_vec();
    }

    /// Returns the received notifications.
    pub(super) fn notifications(&self) -> Vec<Arrived> {
        self.settings.0.lock().unwrap().notifications.clone()
    }

    /// Returns the received validation requests.
    pub(super) fn validations(&self) -> Vec<Arrived> {
        self.settings.0.lock().unwrap().validations.clone()
    }
}

#[derive(Clone)]
struct Settings(Arc<Mutex<Inner>>);

struct Inner {
    echo: Echo,
    statuses: Vec<u16>,
    notifications: Vec<Arrived>,
    validations: Vec<Arrived>,
}

impl Default for Settings {
    fn default() -> Self {
        let inner = Inner {
            echo: Echo::Right,
            statuses: vec![],
            notifications: vec![],
            validations: vec![],
        };
        Self(Arc::new(Mutex::new(inner)))
    }
}

type Answer = (StatusCode, [(header::HeaderName, &'static str); 1], String);

async fn receive(State(settings): State<Settings>, uri: Uri, headers: HeaderMap, body: Bytes) -> Answer {
    let query = uri.query().unwrap_or_default().to_owned();
    let arrived = Arrived {
        path: uri.path().to_owned(),
        query: query.clone(),
        headers,
        body,
    };
    let Some(raw) = query
        .split('&')
        .find_map(|field| field.strip_prefix("validationToken="))
    else {
        let status = {
            let mut inner = settings.0.lock().unwrap();
            inner.notifications.push(arrived);
            if inner.statuses.is_empty() {
                202
            } else {
                inner.statuses.remove(0)
            }
        };
        if status == LATE {
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        return (
            StatusCode::from_u16(status).unwrap(),
            [(header::CONTENT_TYPE, "text/plain")],
            String::new(),
        );
    };
    let echo = {
        let mut inner = settings.0.lock().unwrap();
        inner.validations.push(arrived);
        inner.echo.clone()
    };
    let token = super::super::http::form(&format!("t={raw}")).remove(0).1;
    let (status, media_type, text) = match echo {
        Echo::Right => (200, "text/plain; charset=utf-8", token),
        Echo::Status(status) => (status, "text/plain", token),
        Echo::MediaType(media_type) => (200, media_type, token),
        Echo::Changed(change) => (200, "text/plain", change(token)),
        Echo::PlusKept => (200, "text/plain", token.replace(' ', "+")),
        Echo::Late => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            (200, "text/plain", token)
        }
    };
    (
        StatusCode::from_u16(status).unwrap(),
        [(header::CONTENT_TYPE, media_type)],
        text,
    )
}
