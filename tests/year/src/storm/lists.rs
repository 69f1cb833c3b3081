//! Microsoft Graph's lists in virtual time, each with one item, and the limits on reads (*throttling limits*).

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    limits::Allowance,
    microsoft::{caller, grant, reply},
};

/// Graph, shared by all who read from it.
#[derive(Clone)]
pub(super) struct Lists {
    clock: VirtualClock,
    /// When the items of all lists were created.
    created_at: Timestamp,
    counts: Arc<Mutex<Counts>>,
    /// The least and the most milliseconds that an answer takes.
    latency: (u64, u64),
    /// What the reader shares with renewal.
    allowance: Allowance,
}

struct Counts {
    chance: Chance,
    windows: BTreeMap<String, VecDeque<Timestamp>>,
    /// How many reads arrived.
    reads: u64,
    /// How many of them were over a limit.
    over: usize,
    /// How many came less than a second after another of the same chat or channel.
    coincided: usize,
    /// How many reads of a mailbox are under way, and the most that were.
    at_once: BTreeMap<String, usize>,
    most_at_once: usize,
}

impl Lists {
    pub(super) fn new(
        clock: VirtualClock,
        created_at: Timestamp,
        latency: (u64, u64),
        allowance: Allowance,
    ) -> Self {
        Self {
            clock,
            created_at,
            latency,
            allowance,
            counts: Arc::new(Mutex::new(Counts {
                chance: Chance::new(4),
                windows: BTreeMap::new(),
                reads: 0,
                over: 0,
                coincided: 0,
                at_once: BTreeMap::new(),
                most_at_once: 0,
            })),
        }
    }

    /// Returns how many reads arrived, and how many of them were over a limit.
    pub(super) fn reads(&self) -> (u64, usize) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        (counts.reads, counts.over)
    }

    /// Returns how many reads came less than a second after another of the same chat or channel.
    pub(super) fn coincided(&self) -> usize {
        self.counts().coincided
    }

    /// Returns how many reads of one mailbox were under way at once, at the most.
    pub(super) fn most_at_once(&self) -> usize {
        self.counts().most_at_once
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request) -> Response {
        let path = request.url().path().to_owned();
        if path.ends_with("/oauth2/v2.0/token") {
            return grant(&request, &path);
        }
        let Some((tenant_id, client_id)) = caller(&request) else {
            return reply(StatusCode::UNAUTHORIZED, None, String::new());
        };
        let (application, path) = (format!("{tenant_id} {client_id}"), path.as_str());
        let (is_over, latency) = self.count_read(&application, path);
        let mailbox = mailbox(&application, path);
        self.clock.sleep(latency).await;
        if let Some(mailbox) = mailbox {
            *self.counts().at_once.entry(mailbox).or_default() -= 1;
        }
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
        let limits = limits(application, path);
        let (mut is_over, mut coincides) = (false, false);
        for (key, most, seconds) in &limits {
            let window = counts.windows.entry(key.clone()).or_default();
            let since = now - SignedDuration::from_secs(*seconds);
            while window.front().is_some_and(|first| *first <= since) {
                window.pop_front();
            }
            window.push_back(now);
            let is_too_many = window.len() > *most;
            is_over |= is_too_many && *most > 1;
            coincides |= is_too_many && *most == 1;
        }
        if let Some(mailbox) = mailbox(application, path) {
            let at_once = counts.at_once.entry(mailbox).or_default();
            *at_once += 1;
            let at_once = *at_once;
            counts.most_at_once = counts.most_at_once.max(at_once);
            is_over |= at_once > 4;
        }
        is_over |= self.allowance.count(now);
        counts.reads += 1;
        counts.over += usize::from(is_over);
        counts.coincided += usize::from(coincides);
        (
            is_over || coincides,
            counts.chance.between(self.latency.0, self.latency.1),
        )
    }
}

/// Returns the limits that a read counts for: whose, how many, and in how many seconds.
fn limits(application: &str, path: &str) -> Vec<(String, usize, i64)> {
    let segments: Vec<&str> = path.split('/').filter(|one| !one.is_empty()).skip(1).collect();
    let of = |object: &str, most, seconds| (format!("{application} {object}"), most, seconds);
    match segments.as_slice() {
        ["chats", chat, ..] => vec![of("chats", 20, 1), of(chat, 1, 1)],
        ["teams", _, "channels", channel, ..] => vec![of("channels", 20, 1), of(channel, 1, 1)],
        ["users", user, ..] => vec![of(user, 10_000, 600)],
        ["communications", "callRecords", ..] => vec![of("calls", 1_500, 20)],
        _ => Vec::new(),
    }
}

/// Returns the mailbox that is read.
fn mailbox(application: &str, path: &str) -> Option<String> {
    let mut segments = path.split('/').filter(|one| !one.is_empty()).skip(1);
    let user = (segments.next() == Some("users")).then(|| segments.next())??;
    Some(format!("{application} {user}"))
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
