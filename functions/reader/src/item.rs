//! Items whose content is fetched.

use std::{collections::BTreeMap, time::Duration};

use graph_core::{
    application::Application,
    notification::{
        event::{self, Content, Fetched},
        item::Notification,
        queued::{Unfit, VerifiedItem},
    },
    read::{self, Fetch, Limit, Request, Tag, Window},
    subscription::config::{Config, Tenant},
};
use graph_edge::{
    clock::Clock,
    deadline::Deadline,
    graph::ReadAnswer,
    metrics::{Metric, Metrics},
    secrets::Source,
    sqs::{Message, Queue},
};
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::{
    Deps, Obstacle,
    batch::{self, Record, Refusal},
    ports::Reads,
};

/// An item, and what is to be done about it.
struct Item<'a> {
    record: &'a Record,
    verified: &'a VerifiedItem<'a>,
    notification: Notification<'a>,
}

/// Fetches what the items name and delivers them; returns the ids of messages to try again.
///
/// Several items of one resource are one GET. An item is delivered whatever comes of it: without content where there is
/// nothing to fetch, or it is not one of the subscription's.
pub(crate) async fn take_all<S: Source, R: Reads + Sync, C: Clock + Sync, Q: Queue>(
    items: Vec<(&Record, VerifiedItem<'_>)>,
    config: &Config,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> Vec<String> {
    let (mut retried, mut groups) = (
        Vec::new(),
        BTreeMap::<String, (Option<Get<'_>>, Vec<Item<'_>>)>::new(),
    );
    let mut drives = BTreeMap::<(Application, String), Window>::new();
    let now = deps.clock.now();
    let mut refused = Vec::new();
    let read = items.iter().filter_map(|(record, verified)| {
        let refusal = |unfit: Unfit| Refusal {
            record,
            reason: unfit.into(),
            owner: Some(verified.proven().clone()),
        };
        let read = verified.read(now).map_err(|unfit| refused.push(refusal(unfit)));
        Some(Item {
            record,
            verified,
            notification: read.ok()?,
        })
    });
    for item in read {
        let get = wanted(&item, config, metrics, &mut drives, now);
        let key = get.as_ref().map_or_else(String::new, Get::key);
        groups
            .entry(key)
            .or_insert_with(|| (get, Vec::new()))
            .1
            .push(item);
    }
    for (get, items) in groups.into_values() {
        let result = deliver(get, &items, &mut refused, deps, deadline, metrics).await;
        if result.is_err() {
            retried.extend(items.iter().map(|item| item.record.id.clone()));
        }
    }
    retried.extend(batch::refuse(&refused, deps, deadline, metrics).await);
    let names: Vec<String> = drives.keys().map(|(_, name)| name.clone()).collect();
    let ordered = deps.order(drives.into_values(), DRIVE_SETTLES, deadline).await;
    if let Err(obstacle) = ordered {
        warn!(
            subscriptions = ?names,
            ?obstacle,
            "The changed files in the drives of subscriptions {names:?} are not read ({obstacle:?}); the next change of a drive is read"
        );
    }
    retried
}

/// A GET for items.
struct Get<'c> {
    tenant: &'c Tenant,
    request: Request,
    immutable_ids: bool,
}

impl Get<'_> {
    fn key(&self) -> String {
        let Application { tenant_id, client_id } = self.tenant.application;
        let Request { path, query, .. } = &self.request;
        format!("{tenant_id} {client_id} {} {path} {query}", self.immutable_ids)
    }
}

/// Returns what to get for an item; nothing where it is delivered as it is.
fn wanted<'c>(
    item: &Item<'_>,
    config: &'c Config,
    metrics: &mut Metrics,
    drives: &mut BTreeMap<(Application, String), Window>,
    now: Timestamp,
) -> Option<Get<'c>> {
    let proven = item.verified.proven();
    let (entry, tenant, resource) = read::configured(config, &proven.subscription, proven.application)?;
    let is_deleted = item.notification.change_type.as_deref() == Some("deleted");
    if !entry.options.fetch_content || is_deleted || tenant.credential.is_delegated() {
        return None;
    }
    let path = item.notification.resource.as_deref().unwrap_or_default();
    match read::fetch(&resource, path, proven.application.tenant_id) {
        Fetch::Get(request) => Some(Get {
            tenant,
            request,
            immutable_ids: entry.options.immutable_ids,
        }),
        Fetch::Drive => {
            let from = item
                .verified
                .queued()
                .received_at
                .saturating_sub(DRIVE_BACK)
                .unwrap_or(now);
            let until = now.saturating_add(DRIVE_SETTLES).unwrap_or(now);
            let window = drives
                .entry((proven.application, proven.subscription.clone()))
                .or_insert_with(|| Window {
                    read: Tag::Window,
                    application: proven.application,
                    subscription: proven.subscription.clone(),
                    resource,
                    from: from.min(until),
                    until,
                    gap: None,
                    clipped: false,
                    part: None,
                    also: Vec::new(),
                    at: None,
                    counts: None,
                });
            window.from = window.from.min(from);
            None
        }
        Fetch::Nothing => None,
        Fetch::Refused => {
            warn!(
                subscription = proven.subscription,
                "An item of subscription {} names a resource outside of the subscription; it is delivered without content",
                proven.subscription
            );
            metrics.count(Metric::FetchRefused, 1);
            None
        }
    }
}

/// Fetches once for all items of a resource, and delivers each.
async fn deliver<'a, S: Source, R: Reads + Sync, C: Clock + Sync, Q: Queue>(
    get: Option<Get<'_>>,
    items: &[Item<'a>],
    refused: &mut Vec<Refusal<'a>>,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> Result<(), Obstacle> {
    let name = items
        .first()
        .map_or("", |item| &item.verified.proven().subscription);
    let mut got = None;
    if let Some(get) = &get {
        got = Some(match fetched(get, name, deps, deadline).await {
            Got::Later(wait) => match patience(items, deps) {
                Some(pause) => {
                    let wait = wait.unwrap_or(pause);
                    return put_back(items, wait, deps, deadline, metrics).await;
                }
                // The change is worth more than its content.
                None => Got::Nothing,
            },
            got => got,
        });
    }
    let read_at = deps.clock.now();
    let content = got.as_ref().map(Got::content);
    let (mut messages, mut odd) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        let fetched = content.map(|content| Fetched { content, read_at });
        let owner = item.verified.proven();
        match event::fetched(item.verified, &item.notification, fetched) {
            Ok(event) => messages.push(Message::of_tenant(owner.application.tenant_id, event)),
            Err(malformed) => odd.push(Refusal {
                record: item.record,
                reason: Unfit::from(malformed).into(),
                owner: Some(owner.clone()),
            }),
        }
    }
    let delivered = messages.len();
    deps.store(&deps.delivery_queue, messages, deadline).await?;
    refused.extend(odd);
    metrics.count(Metric::Delivered, delivered);
    if matches!(content, Some(Content::Read(_))) {
        metrics.count(Metric::Fetched, delivered);
    }
    Ok(())
}

/// What came of a GET.
enum Got {
    Content(Vec<u8>),
    /// Graph does not show the resource.
    Nothing,
    TooLarge,
    /// Graph cannot answer now, and may have said for how long.
    Later(Option<Duration>),
}

impl Got {
    fn content(&self) -> Content<'_> {
        match self {
            Self::Content(body) => serde_json::from_slice(body).map_or(Content::Missing, Content::Read),
            Self::TooLarge => Content::TooLarge,
            Self::Nothing | Self::Later(_) => Content::Missing,
        }
    }
}

/// Makes the GET, and makes it again where Graph asks for no more than a few seconds.
async fn fetched<S: Source, R: Reads + Sync, C: Clock + Sync, Q: Queue>(
    get: &Get<'_>,
    name: &str,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
) -> Got {
    let Ok(path) = get.request.path.parse() else {
        return Got::Nothing;
    };
    let until = deadline.at_most(FETCH_WITHIN);
    loop {
        if let Err(wait) = deps.room(Limit::OTHER, get.tenant, &path, until).await {
            return Got::Later(Some(wait));
        }
        match deps.graph.read(get.tenant, &get.request, get.immutable_ids).await {
            ReadAnswer::Body(body) => return Got::Content(body),
            ReadAnswer::TooLarge => return Got::TooLarge,
            ReadAnswer::Unavailable => return Got::Later(None),
            ReadAnswer::NotNow(wait) => {
                let wait = wait.max(A_SECOND);
                deps.close(Limit::OTHER, get.tenant, &path, wait);
                if wait >= until.left() {
                    return Got::Later(Some(wait));
                }
            }
            ReadAnswer::Refused(status) => {
                // Moved, deleted, or not there yet.
                if !matches!(status, 404 | 410) {
                    warn!(
                        subscription = name,
                        status,
                        "Microsoft Graph refused to return a changed resource of subscription {name} ({status}); the change is delivered without content"
                    );
                }
                return Got::Nothing;
            }
        }
    }
}

/// Returns how long items wait before the next GET, twice as long each time; nothing once they have waited for long enough.
fn patience<S, R, C: Clock, Q>(items: &[Item<'_>], deps: &Deps<S, R, C, Q>) -> Option<Duration> {
    let received_at = items
        .iter()
        .map(|item| item.verified.queued().received_at)
        .min()?;
    let age = deps.clock.now().duration_since(received_at);
    let is_last = age > FETCH_FOR || items.iter().any(|item| item.record.tried >= deps.tries);
    let pause = Duration::try_from(age).unwrap_or_default();
    (!is_last).then(|| pause.clamp(LEAST_PAUSE, LONGEST_PAUSE))
}

/// Puts items back into `ReadQueue` for a while: to wait for the queue to hand them over again would take half an hour.
async fn put_back<S, R: Reads, C: Clock, Q: Queue>(
    items: &[Item<'_>],
    wait: Duration,
    deps: &Deps<S, R, C, Q>,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> Result<(), Obstacle> {
    for item in items {
        let subscription = &item.verified.proven().subscription;
        warn!(
            subscription,
            seconds = wait.as_secs(),
            "Microsoft Graph does not show now what changed in subscription {subscription}; it is fetched again in {} s",
            wait.as_secs()
        );
    }
    let again = |item: &Item<'_>| Message::of(item.verified.proven(), item.record.body.clone()).delayed(wait);
    deps.store(&deps.read_queue, items.iter().map(again).collect(), deadline)
        .await?;
    metrics.count(Metric::ReadRetried, items.len());
    Ok(())
}

/// How far back a drive is read for a notification: Graph's own latency.
const DRIVE_BACK: SignedDuration = SignedDuration::from_mins(15);

/// How long after a notification a drive is read.
const DRIVE_SETTLES: Duration = Duration::from_secs(30);

/// How long a fetch may wait for its turn.
const FETCH_WITHIN: Duration = Duration::from_secs(20);

/// How long an item waits for its content, at the most.
const FETCH_FOR: SignedDuration = SignedDuration::from_hours(5);

/// How long an item waits at the least and at the most before it is fetched again.
const LEAST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// The least that Graph is left alone when it asks for it.
const A_SECOND: Duration = Duration::from_secs(1);
