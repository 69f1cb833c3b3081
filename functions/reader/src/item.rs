//! Items whose content is fetched.

mod fetch;
mod sort;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use graph_core::{
    application::Application,
    notification::{
        client_state::Proven,
        event::{self, Content, Fetched},
        queued::{Unfit, VerifiedItem},
    },
    subscription::config::Config,
};
use graph_edge::{
    clock::Clock,
    deadline::Deadline,
    metrics::{Metric, Metrics},
    sqs::{Message, Queue},
};
use jiff::Timestamp;
use tracing::warn;

use self::{
    fetch::{FetchResult, Outages, fetch},
    sort::{Drive, Group, Item, Sorted, rejected},
};
use crate::{
    Deps,
    batch::{self, Record, RejectedMessage, Unprocessed},
    deps::{Line, Obstacle},
    ports::Ports,
};

/// Fetches the content of items and delivers them; returns the messages to try again.
///
/// Several items of one resource are one GET. An item is delivered even when its content cannot be fetched.
pub(crate) async fn fetch_and_deliver<P: Ports>(
    items: &[(&Record, VerifiedItem<'_>)],
    config: &Config,
    deps: &Deps<P>,
    deadline: Deadline,
    metrics: &mut Metrics,
) -> Vec<Unprocessed> {
    let mut sorted = Sorted::of(items, config, deps.clock.now());
    metrics.count(Metric::FetchRefused, sorted.outside.items);
    report_outside(&sorted.outside.subscriptions, deps);
    let mut unfinished = enqueue_drives(sorted.drives(), deps, deadline).await;
    let outages = Outages::default();
    let lanes = sorted.lanes().into_iter().map(async |lane| {
        let mut delivered = Delivered::default();
        for group in lane {
            deliver(&group, &mut delivered, deps, deadline, &outages).await;
        }
        delivered
    });
    // Each item is a live notification, so a mailbox that Graph throttles must not delay the others.
    let mut lanes = stream::iter(lanes.collect::<Vec<_>>()).buffer_unordered(CONCURRENT_FETCHES);
    let (mut rejected, mut put_back) = (sorted.rejected, Vec::new());
    while let Some(delivered) = lanes.next().await {
        delivered.count(metrics);
        put_back.extend(delivered.put_back);
        put_back.extend(delivered.left.iter().map(|(_, owner)| owner.clone()));
        unfinished.extend(Unprocessed::all(delivered.lost, Obstacle::NotStored));
        let left = delivered.left.into_iter().map(|(id, _)| id);
        unfinished.extend(Unprocessed::all(left, Obstacle::GraphUnavailable));
        rejected.extend(delivered.rejected);
    }
    drop(lanes);
    report(&put_back, deps);
    unfinished.extend(batch::reject(&rejected, deps, deadline, metrics).await);
    unfinished
}

/// Returns whether the configuration says of each item that its content is fetched, as the item says itself. Where it does not,
/// a person may just have changed it.
pub(crate) fn agree(items: &[(&Record, VerifiedItem<'_>)], config: &Config, now: Timestamp) -> bool {
    !Sorted::of(items, config, now).disagrees
}

/// Orders the reading of drives, and returns the messages whose drives have to be ordered again.
async fn enqueue_drives<P: Ports>(
    drives: Vec<Drive>,
    deps: &Deps<P>,
    deadline: Deadline,
) -> Vec<Unprocessed> {
    let (now, ordered) = (deps.clock.now(), &deps.memory.ordered_drives);
    let drives: Vec<Drive> = drives
        .into_iter()
        .filter(|drive| !ordered.has(&drive.window))
        .collect();
    let windows = drives.iter().map(|drive| drive.window.clone());
    let ends = drives.iter().map(|drive| drive.window.until.duration_since(now));
    let wait = ends.max().unwrap_or_default();
    let wait = Duration::try_from(wait).unwrap_or_default();
    let Err(obstacle) = deps.enqueue_windows(windows, wait, deadline).await else {
        for drive in &drives {
            ordered.note(&drive.window, now);
        }
        return Vec::new();
    };
    let names: Vec<&str> = drives.iter().map(|drive| &*drive.window.subscription).collect();
    warn!(
        subscriptions = ?names,
        %obstacle,
        "The drives of subscriptions {names:?} cannot be read now: {obstacle}; SQS retries their notifications"
    );
    let ids = drives.into_iter().flat_map(|drive| drive.ids);
    Unprocessed::all(ids, obstacle).collect()
}

/// What became of the items of a lane.
#[derive(Default)]
struct Delivered<'a> {
    delivered: usize,
    fetched: usize,
    forbidden: usize,
    /// The owners of the items that are fetched later.
    put_back: Vec<Proven>,
    /// The ids and owners of messages that SQS hands over again, to be fetched then.
    left: Vec<(String, Proven)>,
    /// The ids of messages that were stored nowhere.
    lost: Vec<String>,
    rejected: Vec<RejectedMessage<'a>>,
}

impl Delivered<'_> {
    fn count(&self, metrics: &mut Metrics) {
        metrics.count(Metric::Delivered, self.delivered);
        metrics.count(Metric::Fetched, self.fetched);
        metrics.count(Metric::ReadForbidden, self.forbidden);
        metrics.count(Metric::ReadRetried, self.put_back.len());
    }
}

/// Fetches once for all items of a resource and delivers each, or puts them back to be fetched later.
async fn deliver<'a, P: Ports>(
    group: &Group<'a, '_>,
    delivered: &mut Delivered<'a>,
    deps: &Deps<P>,
    deadline: Deadline,
    outages: &Outages,
) {
    let name = group
        .items
        .first()
        .map_or("", |item| &item.verified.proven().subscription);
    // Held until the events are stored: until then the content is in memory, once for each event.
    let _room = match &group.get {
        Some(_) => deps.room_for_item(group.items.len()).await,
        None => None,
    };
    let result = match &group.get {
        // What is left afterwards is for storing the items.
        Some(get) => Some(fetch(get, name, deps, deadline.less(STORE_WITHIN), outages).await),
        None => None,
    };
    delivered.forbidden += usize::from(result.as_ref().is_some_and(FetchResult::is_forbidden));
    let (mut now, mut later) = (Vec::new(), Vec::new());
    for item in &group.items {
        let age = age(item, deps);
        let delay = retry_delay(item, age, deps);
        let wait = delay.and_then(|delay| result.as_ref()?.retry_after(delay));
        match wait {
            // A message more for each try would be dozens for one notification.
            Some(_) if age >= PUT_BACK_UNTIL => {
                let owner = item.verified.proven().clone();
                delivered.left.push((item.record.id.clone(), owner));
            }
            Some(wait) => later.push((item, wait)),
            None => now.push(item),
        }
    }
    put_back(&later, delivered, deps, deadline).await;
    let missing = group.is_missing.then_some(Content::Missing);
    let content = result.as_ref().map(FetchResult::content).or(missing);
    send(&now, content, delivered, deps, deadline).await;
}

/// Delivers items with what was fetched. The change is worth more than its content, so it never waits for longer than
/// [`MAX_FETCH_AGE`].
async fn send<'a, P: Ports>(
    items: &[&Item<'a>],
    content: Option<Content<'_>>,
    delivered: &mut Delivered<'a>,
    deps: &Deps<P>,
    deadline: Deadline,
) {
    let read_at = deps.clock.now();
    let mut messages = Vec::with_capacity(items.len());
    for item in items {
        let fetched = content.map(|content| Fetched { content, read_at });
        let tenant_id = item.verified.proven().application.tenant_id;
        match event::fetched(item.verified, &item.notification, fetched) {
            Ok(event) => messages.push((item.record.id.clone(), Message::of_tenant(tenant_id, event))),
            Err(malformed) => {
                let unfit = Unfit::from(malformed);
                delivered
                    .rejected
                    .push(rejected(item.record, item.verified, unfit));
            }
        }
    }
    if messages.is_empty() {
        return;
    }
    // Each message by itself: an item whose event is stored must not come again with the others.
    let sent = deps.delivery_queue.send(messages, deadline).await;
    delivered.lost.extend(sent.lost);
    delivered.delivered += sent.stored.len();
    if matches!(content, Some(Content::Read(_))) {
        delivered.fetched += sent.stored.len();
    }
}

/// Puts items back into `ReadQueue`, each for its time: SQS would deliver a failed message only after half an hour.
async fn put_back<'a, P: Ports>(
    items: &[(&Item<'a>, Duration)],
    delivered: &mut Delivered<'a>,
    deps: &Deps<P>,
    deadline: Deadline,
) {
    if items.is_empty() {
        return;
    }
    let again = |(item, wait): &(&Item<'_>, Duration)| {
        let owner = item.verified.proven();
        let message = Message::of(owner, item.record.body.clone()).delayed(*wait);
        ((item.record.id.clone(), owner.clone()), message)
    };
    // Each message by itself: one that is stored again must not stay as well.
    let sent = deps
        .read_queue
        .send(items.iter().map(again).collect(), deadline)
        .await;
    delivered
        .put_back
        .extend(sent.stored.into_iter().map(|(_, owner)| owner));
    delivered.lost.extend(sent.lost.into_iter().map(|(id, _)| id));
}

/// Logs that items name resources outside of their subscriptions: a line for an application, and none for each of its tries.
fn report_outside<P: Ports>(outside: &BTreeMap<Application, BTreeSet<&str>>, deps: &Deps<P>) {
    for (application, subscriptions) in outside {
        if deps.is_line_due(Line::Outside(*application)) {
            warn!(
                tenant.id = %application.tenant_id,
                ?subscriptions,
                "Items of tenant {} name resources outside of their subscriptions {subscriptions:?}; they are delivered without content",
                application.tenant_id
            );
        }
    }
}

/// Logs that items wait: a line for an application, and none for each of its tries.
fn report<P: Ports>(put_back: &[Proven], deps: &Deps<P>) {
    let mut waiting: BTreeMap<Application, BTreeSet<&str>> = BTreeMap::new();
    for proven in put_back {
        let names = waiting.entry(proven.application).or_default();
        names.insert(&proven.subscription);
    }
    for (application, subscriptions) in waiting {
        if deps.is_line_due(Line::Outage(application)) {
            warn!(
                tenant.id = %application.tenant_id,
                ?subscriptions,
                "Content of changes in tenant {} cannot be fetched from Microsoft Graph now; the reader retries for up to five hours, and then delivers the changes without content",
                application.tenant_id
            );
        }
    }
}

/// Returns how long an item waits before the next GET, twice as long each time; nothing once it has waited long enough.
fn retry_delay<P: Ports>(item: &Item<'_>, age: Duration, deps: &Deps<P>) -> Option<Duration> {
    let is_last = age > MAX_FETCH_AGE || item.record.tried >= deps.tries;
    (!is_last).then(|| age.clamp(MIN_RETRY_DELAY, MAX_RETRY_DELAY))
}

/// Returns how long ago the webhook received an item.
fn age<P: Ports>(item: &Item<'_>, deps: &Deps<P>) -> Duration {
    let received_at = item.verified.queued().received_at;
    let age = deps.clock.now().duration_since(received_at);
    Duration::try_from(age).unwrap_or_default()
}

/// How many resources are fetched at once.
const CONCURRENT_FETCHES: usize = 8;

/// How long an item waits for its content, at the most.
const MAX_FETCH_AGE: Duration = Duration::from_hours(5);

/// Until what age an item is put back for another try, five times at the most. Older ones stay in `ReadQueue`, which hands them over
/// again every half an hour.
const PUT_BACK_UNTIL: Duration = Duration::from_mins(8);

/// How long an item waits for the next try.
const MIN_RETRY_DELAY: Duration = Duration::from_secs(30);
const MAX_RETRY_DELAY: Duration = Duration::from_mins(15);

/// How much time is kept for storing.
const STORE_WITHIN: Duration = Duration::from_secs(5);
