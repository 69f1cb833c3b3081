//! Batches of LifecycleQueue (Microsoft Graph, *lifecycle notifications*).

use std::collections::{BTreeMap, BTreeSet};

use graph_core::{
    notification::{item::Notification, queued::QueuedItem},
    subscription::plan::gap::{Gap, GapKind},
};
use graph_edge::{
    deadline::Deadline,
    metrics::{Metric, Metrics},
    sqs::{Message, Queue},
    telemetry::causes,
};
use jiff::Timestamp;
use rand_core::CryptoRng;
use serde_json::{Value, json};
use tracing::{error, info, warn};

use crate::{
    Deps,
    ports::{Clock, Documents, Graph},
    run::{self, ApplicationId, End, Run, STORE_WITHIN, Scope, Told},
};

/// Returns the records of an event that comes from a queue.
pub(crate) fn records(event: &Value) -> Option<&[Value]> {
    let records = event.get("Records")?.as_array()?;
    let is_from_queue = |record: &Value| record.get("eventSource").and_then(Value::as_str) == Some("aws:sqs");
    records.iter().any(is_from_queue).then_some(records)
}

/// Handles a batch and returns exactly the messages to try again.
///
/// What a batch asks for is done in one run over the applications that it names: several events of one subscription,
/// late ones and ones that come twice cost nothing, for the run looks at what is, and not at the event.
pub(crate) async fn handle<D: Documents, G: Graph, C: Clock, Q: Queue, R: CryptoRng>(
    records: &[Value],
    deadline: Timestamp,
    deps: &Deps<D, G, C, Q, R>,
    metrics: &mut Metrics,
) -> Value {
    let mut events = Vec::new();
    let mut malformed = Vec::new();
    for record in records {
        let id = record
            .get("messageId")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let body = record.get("body").and_then(Value::as_str).unwrap_or_default();
        match Event::parse(body) {
            Some(event) => events.push((id, event)),
            None => malformed.push((id, body)),
        }
    }
    let mut again = set_aside(&malformed, &deps.failed_queue).await;
    let failed = malformed.len().saturating_sub(again.len());
    metrics.count(Metric::Failed, failed);
    metrics.count(Metric::FailedMalformed, failed);
    let failed = react(&events, deadline, deps, metrics).await;
    again.extend(
        events
            .iter()
            .zip(failed)
            .filter(|(_, failed)| *failed)
            .map(|((id, _), _)| *id),
    );
    metrics.count(Metric::LifecycleRetried, again.len());
    let failures: Vec<Value> = again.iter().map(|id| json!({"itemIdentifier": id})).collect();
    json!({"batchItemFailures": failures})
}

/// Stores what can never be processed where a person finds it, and returns the ids of what could not be stored.
async fn set_aside<'a>(malformed: &[(&'a str, &'a str)], queue: &impl Queue) -> Vec<&'a str> {
    if malformed.is_empty() {
        return Vec::new();
    }
    for (id, _) in malformed {
        error!(
            message.id = id,
            "Message {id} is not a lifecycle notification; it is in FailedQueue"
        );
    }
    let messages = malformed
        .iter()
        .map(|(id, body)| (*id, Message::of_nobody((*body).to_owned()).failed(MALFORMED)));
    queue
        .send(messages.collect(), Deadline::after(STORE_WITHIN))
        .await
        .lost
}

/// Does what the events ask for and returns, in their order, which of them have to come again.
async fn react<D: Documents, G: Graph, C: Clock, Q: Queue, R: CryptoRng>(
    events: &[(&str, Event)],
    deadline: Timestamp,
    deps: &Deps<D, G, C, Q, R>,
    metrics: &mut Metrics,
) -> Vec<bool> {
    for (_, event) in events {
        let Event {
            kind,
            name,
            subscription_id,
            ..
        } = event;
        match kind {
            Kind::Missed => warn!(
                subscription.name = name,
                subscription.id = subscription_id,
                "Graph could not deliver some notifications of {name}; its consumers have to catch up"
            ),
            Kind::Challenge | Kind::Removed | Kind::Unknown => info!(
                subscription.name = name,
                subscription.id = subscription_id,
                "Graph sent {kind:?} for {name}"
            ),
        }
    }
    let calls_for_run = || {
        events
            .iter()
            .map(|(_, event)| event)
            .filter(|event| event.kind != Kind::Missed)
    };
    let mut told: BTreeMap<ApplicationId, Told> = BTreeMap::new();
    for event in calls_for_run() {
        let told = told.entry(event.application.clone()).or_default();
        let one = (event.subscription_id.clone(), event.name.clone());
        match event.kind {
            Kind::Challenge => drop(told.challenged.insert(one)),
            Kind::Removed => drop(told.removed.insert(one)),
            Kind::Missed | Kind::Unknown => {}
        }
    }
    let only: BTreeSet<ApplicationId> = told.keys().cloned().collect();
    let scope = Scope {
        is_patient: true,
        told,
        only: Some(only.clone()),
        ..Scope::everything(deadline)
    };
    let run = if only.is_empty() {
        Some(Run::default())
    } else {
        let run = run::run(deps, &scope).await;
        run.inspect(|run| run::count::steps(&run.report, metrics))
            .inspect_err(|error| error!(error = causes(error), "Run for a lifecycle notification failed"))
            .ok()
    };
    let mut failed: Vec<bool> = events
        .iter()
        .map(|(_, event)| match &run {
            Some(run) => event.has_failed(run),
            None => event.kind != Kind::Missed,
        })
        .collect();
    let run = run.unwrap_or_default();
    let gaps = events
        .iter()
        .enumerate()
        .filter(|(index, _)| failed.get(*index) == Some(&false))
        .filter_map(|(index, (_, event))| Some((index, event.gap(&run, deps.clock.now())?)));
    let gaps: Vec<(usize, Gap)> = gaps.collect();
    for index in run::send(&deps.delivery_queue, gaps).await {
        if let Some(failed) = failed.get_mut(index) {
            *failed = true;
        }
    }
    failed
}

/// What Graph tells about a subscription. Its client state has been checked by the webhook.
struct Event {
    kind: Kind,
    name: String,
    subscription_id: String,
    application: ApplicationId,
    received_at: Timestamp,
    expires_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `reauthorizationRequired`.
    Challenge,
    /// `subscriptionRemoved`.
    Removed,
    /// `missed`.
    Missed,
    /// An event that Graph has added since: a look at the subscription does no harm.
    Unknown,
}

impl Event {
    fn parse(body: &str) -> Option<Self> {
        let queued = QueuedItem::parse(body).ok()?;
        let item = Notification::parse(queued.item).ok()?;
        let kind = match item.lifecycle_event.as_deref()?.to_ascii_lowercase().as_str() {
            "reauthorizationrequired" => Kind::Challenge,
            "subscriptionremoved" => Kind::Removed,
            "missed" => Kind::Missed,
            _ => Kind::Unknown,
        };
        Some(Self {
            kind,
            received_at: queued.received_at,
            expires_at: item.expires_at(),
            name: queued.subscription.into_owned(),
            subscription_id: item.subscription_id?.into_owned(),
            application: (
                queued.tenant_id.to_ascii_lowercase(),
                queued.client_id.to_ascii_lowercase(),
            ),
        })
    }

    /// Returns whether the run could not do what the event asks for.
    fn has_failed(&self, run: &Run) -> bool {
        if self.kind == Kind::Missed {
            return false;
        }
        !run.has_config
            || run.unreachable.contains(&self.application)
            || self.end(run).is_some_and(|end| end.has_failed)
    }

    /// Returns what a consumer has to be told: of notifications that Graph could not deliver, and of a subscription that
    /// Graph has removed, once it has a successor. A subscription that is not wanted any more concerns nobody.
    fn gap(&self, run: &Run, now: Timestamp) -> Option<Gap> {
        let (kind, end, until, reason) = match self.kind {
            Kind::Missed => (
                GapKind::Missed,
                None,
                self.received_at,
                "Graph could not deliver some notifications",
            ),
            Kind::Removed => {
                let removed = run.removed.get(&self.application)?;
                removed.get(&(self.subscription_id.clone(), self.name.clone()))?;
                let end = self.end(run)?;
                (GapKind::Removed, Some(end), now, "Graph removed the subscription")
            }
            Kind::Challenge | Kind::Unknown => return None,
        };
        // It was there when it was last renewed.
        let renewed_at = end
            .and_then(|end| end.lifetime)
            .zip(self.expires_at)
            .and_then(|(lifetime, expires_at)| expires_at.saturating_sub(lifetime).ok());
        Some(Gap {
            kind,
            name: self.name.clone(),
            tenant_id: self.application.0.clone(),
            client_id: self.application.1.clone(),
            subscription_id: Some(self.subscription_id.clone()),
            new_subscription_id: end.and_then(|end| end.subscription_id.clone()),
            resource: end.and_then(|end| end.resource.clone()),
            from: renewed_at,
            until,
            reason: reason.to_owned(),
        })
    }

    fn end<'a>(&self, run: &'a Run) -> Option<&'a End> {
        run.ends.get(&self.application)?.get(&self.name)
    }
}

/// Why a message is in FailedQueue.
const MALFORMED: &str = "Malformed";
