//! Graph's lifecycle notifications, and their way through the queue to renewal.

use graph_core::subscription::url::NotificationUrl;
use graph_edge::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    chance::Chance,
    process::{Process, Site},
};
use graph_simulator::Registered;

/// LifecycleQueue, and the process that reads it.
pub(super) struct Lifecycle<'a> {
    site: &'a Site,
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
    pub(super) fn new(site: &'a Site) -> Self {
        Self {
            site,
            process: site.process(),
            waiting: Vec::new(),
            number: 0,
        }
    }

    /// Lets lifecycle events happen until `end`, and handles their notifications. Half of them come while the scheduled
    /// run is under way.
    pub(super) async fn period(&mut self, end: Timestamp, mut chance: Chance) {
        let clock = self.site.clock.clone();
        let length = end.duration_since(clock.now()).as_millis();
        let length = u64::try_from(length - 1_000).unwrap_or_default();
        let mut moments = Vec::new();
        for (event, in_a_million) in [
            (Some("reauthorizationRequired"), 200_000),
            (Some("subscriptionRemoved"), 30_000),
            (None, 15_000),
        ] {
            if chance.is(in_a_million) {
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
            self.happen(event, &mut chance);
        }
        self.deliver(end).await;
        clock.sleep_until(end).await;
    }

    /// Lets an event happen to a subscription or, for a challenge, to up to three.
    fn happen(&mut self, event: Option<&str>, chance: &mut Chance) {
        let now = self.site.clock.now();
        let mut state = self.site.microsoft.state();
        if state.faults.is_out(now) || state.faults.is_locked(now) {
            return;
        }
        let mut told = Vec::new();
        if event == Some("reauthorizationRequired") {
            for _ in 0..=chance.below(3) {
                let Some(subscription) = state.any() else {
                    return;
                };
                // One notification in five is lost.
                if !chance.is(200_000) {
                    state.ledger.challenge(&subscription, now);
                    told.push(subscription);
                }
            }
        } else {
            // Graph reports a removal only for mail, calendars, contacts and messages; a third of these reports is
            // lost.
            let says_so = |one: &Registered| {
                ["/messages", "/events", "Messages"]
                    .iter()
                    .any(|end| one.resource.contains(end))
            };
            let removed = state.remove_one(now);
            told.extend(removed.filter(|one| event.is_some() && says_so(one) && !chance.is(333_333)));
        }
        drop(state);
        for subscription in told {
            self.number += 1;
            // Some notifications come twice.
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
            self.site.clock.sleep_until(first).await;
            let now = self.site.clock.now();
            let (mut batch, rest): (Vec<Queued>, Vec<Queued>) = std::mem::take(&mut self.waiting)
                .into_iter()
                .partition(|one| one.visible_at <= now);
            self.waiting = rest;
            self.waiting.extend(batch.drain(batch.len().min(MOST_IN_BATCH)..));
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
                one.visible_at = now + VISIBILITY;
                if has_failed && one.received < MOST_RECEIVES {
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

/// `VisibilityTimeout` of LifecycleQueue, its `maxReceiveCount`, and `BatchSize` of its mapping (template.yaml).
const VISIBILITY: SignedDuration = SignedDuration::from_mins(15);
const MOST_RECEIVES: u32 = 16;
const MOST_IN_BATCH: usize = 500;
