//! Graph's lifecycle notifications, which reach renewal through the queue.

use graph_core::subscription::url::NotificationUrl;
use graph_edge::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    chance::Chance,
    process::{Environment, Process},
};
use graph_simulator::Registered;

/// LifecycleQueue, and the process that reads it.
pub(super) struct Lifecycle<'a> {
    environment: &'a Environment,
    process: Process,
    waiting: Vec<Queued>,
    number: u64,
}

/// A message, and the moment from which it is visible.
#[derive(Clone, Debug)]
struct Queued {
    visible_at: Timestamp,
    received: u32,
    record: Value,
}

impl<'a> Lifecycle<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self {
            environment,
            process: environment.process(),
            waiting: Vec::new(),
            number: 0,
        }
    }

    /// Sends lifecycle events until `end`, and handles their notifications. Half of them arrive during the scheduled run.
    pub(super) async fn period(&mut self, end: Timestamp, mut chance: Chance) {
        let clock = self.environment.clock.clone();
        let length = end.duration_since(clock.now()).as_millis();
        let length = u64::try_from(length - 1_000).unwrap_or_default();
        let mut moments = Vec::new();
        for (event, per_million) in [
            (Some("reauthorizationRequired"), 200_000),
            (Some("subscriptionRemoved"), 30_000),
            (None, 15_000),
        ] {
            if chance.is(per_million) {
                let most = if chance.is(500_000) {
                    length.min(60_000)
                } else {
                    length
                };
                moments.push((
                    clock.now() + SignedDuration::try_from(chance.between(0, most)).expect("short"),
                    event,
                ));
            }
        }
        moments.sort();
        for (moment, event) in moments {
            self.deliver(moment).await;
            clock.sleep_until(moment).await;
            self.send_event(event, &mut chance);
        }
        self.deliver(end).await;
        clock.sleep_until(end).await;
    }

    /// Sends an event about one subscription or, to request reauthorization, about up to three.
    fn send_event(&mut self, event: Option<&str>, chance: &mut Chance) {
        let now = self.environment.clock.now();
        let mut state = self.environment.microsoft.state();
        if state.faults.is_out(now) || state.faults.is_locked(now) {
            return;
        }
        let mut notified = Vec::new();
        if event == Some("reauthorizationRequired") {
            for _ in 0..=chance.below(3) {
                let Some(subscription) = state.any() else {
                    return;
                };
                // One notification in five is lost.
                if !chance.is(200_000) {
                    state.ledger.request_reauthorization(&subscription, now);
                    notified.push(subscription);
                }
            }
        } else {
            // Graph reports a removal only for mail, calendars, contacts and messages; a third of these reports is
            // lost.
            let is_reported = |one: &Registered| {
                ["/messages", "/events", "Messages"]
                    .iter()
                    .any(|end| one.resource.contains(end))
            };
            if let Some(one) = state.remove_any(now) {
                if event.is_some() && is_reported(&one) && !chance.is(333_333) {
                    state.ledger.removed.0 += 1;
                    notified.push(one);
                } else {
                    state.ledger.removed.1 += 1;
                }
            }
        }
        drop(state);
        for subscription in notified {
            self.number += 1;
            // Graph sends some notifications twice.
            for _ in 0..=u8::from(chance.is(100_000)) {
                self.waiting.push(Queued {
                    visible_at: now
                        + SignedDuration::from_millis(i64::try_from(chance.below(4_000)).expect("short")),
                    received: 0,
                    record: record(self.number, event.unwrap_or_default(), &subscription, now),
                });
            }
        }
    }

    /// Handles the messages that become visible before `end`, in batches as in the template. A message that fails
    /// becomes visible again, up to sixteen times.
    async fn deliver(&mut self, end: Timestamp) {
        while let Some(first) = self
            .waiting
            .iter()
            .map(|one| one.visible_at)
            .min()
            .filter(|first| *first < end)
        {
            self.environment.clock.sleep_until(first).await;
            let now = self.environment.clock.now();
            let (mut batch, rest): (Vec<Queued>, Vec<Queued>) = std::mem::take(&mut self.waiting)
                .into_iter()
                .partition(|one| one.visible_at <= now);
            self.waiting = rest;
            self.waiting.extend(batch.drain(batch.len().min(MAX_BATCH)..));
            let records: Vec<&Value> = batch.iter().map(|one| &one.record).collect();
            let answer = self
                .process
                .handle(json!({"Records": records}))
                .await
                .unwrap_or_default();
            let failures = answer["batchItemFailures"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            for mut one in batch {
                let has_failed = failures
                    .iter()
                    .any(|failure| failure["itemIdentifier"] == one.record["messageId"]);
                one.received += 1;
                one.visible_at = now + VISIBILITY_TIMEOUT;
                if has_failed && one.received <= MAX_RECEIVES {
                    self.waiting.push(one);
                }
            }
        }
    }
}

/// Returns the SQS record of a lifecycle notification.
pub(super) fn record(number: u64, event: &str, subscription: &Registered, now: Timestamp) -> Value {
    let body = json!({
        "subscription": NotificationUrl::anywhere(&subscription.notification_url).name,
        "tenantId": subscription.tenant_id, "clientId": subscription.client_id, "receivedAt": now,
        "id": "id", "partitionKey": "key",
        "item": {
            "clientState": subscription.client_state,
            "lifecycleEvent": event, "subscriptionId": subscription.id, "tenantId": subscription.tenant_id,
            "subscriptionExpirationDateTime": subscription.expires_at,
        },
    });
    json!({"messageId": number.to_string(), "eventSource": "aws:sqs", "body": body.to_string()})
}

/// `VisibilityTimeout` of LifecycleQueue, one less than its `maxReceiveCount`, and `BatchSize` of its mapping (template.yaml).
const VISIBILITY_TIMEOUT: SignedDuration = SignedDuration::from_mins(15);
pub(super) const MAX_RECEIVES: u32 = 16;
const MAX_BATCH: usize = 500;
