//! Microsoft Graph's lists in virtual time, each with one item, and the limits on reads (*throttling limits*).

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::http::StatusCode;
use graph_edge::{
    clock::Clock,
    http::transport::{PendingResponse, Transport},
    testing::VirtualClock,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Request, Response};
use serde_json::json;

use crate::{
    chance::Chance,
    microsoft::{caller, grant, reply},
};

/// Graph, shared by all who read from it.
#[derive(Clone)]
pub(super) struct Lists {
    clock: VirtualClock,
    /// When the items of all lists were created.
    created_at: Timestamp,
    counts: Arc<Mutex<Counts>>,
}

struct Counts {
    chance: Chance,
    windows: BTreeMap<String, VecDeque<Timestamp>>,
    /// How many reads arrived.
    reads: u64,
    /// How many of them were over a limit.
    over: usize,
}

impl Lists {
    pub(super) fn new(clock: VirtualClock, created_at: Timestamp) -> Self {
        Self {
            clock,
            created_at,
            counts: Arc::new(Mutex::new(Counts {
                chance: Chance::new(4),
                windows: BTreeMap::new(),
                reads: 0,
                over: 0,
            })),
        }
    }

    /// Returns how many reads arrived, and how many of them were over a limit.
    pub(super) fn reads(&self) -> (u64, usize) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        (counts.reads, counts.over)
    }

    async fn answer(&self, request: Request) -> Response {
        let path = request.url().path().to_owned();
        if path.ends_with("/oauth2/v2.0/token") {
            return grant(&request, &path);
        }
        let Some((tenant_id, client_id)) = caller(&request) else {
            return reply(StatusCode::UNAUTHORIZED, None, String::new());
        };
        let (is_over, latency) = self.count_read(&format!("{tenant_id} {client_id}"), &path);
        self.clock.sleep(latency).await;
        if is_over {
            return reply(StatusCode::TOO_MANY_REQUESTS, Some(10), String::new());
        }
        let item = json!({
            "id": "1", "etag": "1", "@odata.etag": "1", "createdDateTime": self.created_at, "lastModifiedDateTime": self.created_at,
        });
        let is_list = path.ends_with("/messages");
        let body = if is_list { json!({"value": [item]}) } else { item };
        reply(StatusCode::OK, None, body.to_string())
    }

    /// Counts a read, and returns whether it is over a limit and how long its answer takes.
    fn count_read(&self, application: &str, path: &str) -> (bool, Duration) {
        let now = self.clock.now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let object: Vec<&str> = path
            .split('/')
            .filter(|one| !one.is_empty())
            .skip(1)
            .take(2)
            .collect();
        let limits: &[(String, usize, i64)] = match object.as_slice() {
            ["chats", chat] => &[
                (format!("{application} chats"), 20, 1),
                (format!("{application} {chat}"), 1, 1),
            ],
            ["users", user] => &[(format!("{application} {user}"), 10_000, 600)],
            _ => &[],
        };
        let mut is_over = false;
        for (key, most, seconds) in limits {
            let window = counts.windows.entry(key.clone()).or_default();
            let since = now - SignedDuration::from_secs(*seconds);
            while window.front().is_some_and(|first| *first <= since) {
                window.pop_front();
            }
            window.push_back(now);
            is_over |= window.len() > *most;
        }
        counts.reads += 1;
        counts.over += usize::from(is_over);
        (is_over, counts.chance.between(80, 400))
    }
}

impl Transport for Lists {
    fn send(&self, request: Request) -> PendingResponse<'_> {
        Box::pin(async { Ok(self.answer(request).await) })
    }
}

impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lists")
    }
}
