//! Notifications of the simulator of Microsoft Graph, kept for later.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use graph_simulator::{Post, Simulator};
use serde_json::json;
use stack::NOTIFICATION_ORIGIN;
use tokio::net::TcpListener;

use crate::BoxError;

/// Takes the webhook's place for the simulator, and keeps what it sends.
pub struct Inbox {
    url: String,
    bodies: Arc<Mutex<Vec<Bytes>>>,
}

impl Inbox {
    /// Opens an inbox.
    pub async fn open() -> Result<Self, BoxError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let bodies = Arc::default();
        let router = Router::new()
            .fallback(receive)
            .layer(DefaultBodyLimit::max(8 * 1_048_576))
            .with_state(Arc::clone(&bodies));
        tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, bodies })
    }

    /// Makes a simulator send to this inbox.
    pub fn subscribe_to(&self, simulator: &Simulator) {
        simulator.set_resolve(NOTIFICATION_ORIGIN, &self.url);
    }

    /// Returns the body of a POST with rich items, whose content has about this size and whose resources have this
    /// label in their ids.
    pub async fn rich(
        &self,
        simulator: &Simulator,
        label: &str,
        items: usize,
        bytes: usize,
    ) -> Result<String, BoxError> {
        let text = "A sentence of a message that says nothing. ";
        let post = (0..items).fold(Post::new(), |post, index| {
            let content = json!({"@odata.type": "#Microsoft.Graph.chatMessage", "id": format!("{label}-{index}"),
                "body": {"content": text.repeat(bytes / text.len() + 1)}});
            post.rich(RICH, "created").content(content.to_string())
        });
        self.body(simulator, post).await
    }

    /// Returns the body of a POST with basic items.
    pub async fn basic(&self, simulator: &Simulator, items: usize) -> Result<String, BoxError> {
        let post = (0..items).fold(Post::new(), |post, _| post.basic(BASIC, "updated"));
        self.body(simulator, post).await
    }

    async fn body(&self, simulator: &Simulator, post: Post) -> Result<String, BoxError> {
        simulator.send(post).await?;
        let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        let body = bodies.pop().ok_or("the simulator has sent nothing")?;
        Ok(String::from_utf8(body.to_vec())?)
    }
}

/// Receives a POST of the simulator.
async fn receive(
    State(bodies): State<Arc<Mutex<Vec<Bytes>>>>,
    Query(query): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> Response {
    if let Some(token) = query.get("validationToken") {
        return ([("content-type", "text/plain")], token.clone()).into_response();
    }
    bodies.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    StatusCode::ACCEPTED.into_response()
}

/// The resource of the subscription with resource data.
pub const RICH: &str = "/teams/getAllMessages";

/// The resource of the subscription without resource data.
pub const BASIC: &str = "/users";
