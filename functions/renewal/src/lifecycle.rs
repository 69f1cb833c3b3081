//! Handles batches of LifecycleQueue (Microsoft Graph, *lifecycle notifications*).

use std::{collections::BTreeMap, time::Duration};

use graph_core::{
    application::Application,
    notification::{
        client_state::{ClientStateKeys, Proven},
        queued::VerifiedItem,
    },
    read::QueueMessage,
    subscription::config::Config,
};
use graph_edge::{
    deadline::Deadline,
    metrics::{Metric, Metrics},
    sqs::{self, Failed, LastTry, Reason, Sent, Unfinished, received},
    telemetry::causes,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::error;

use self::{
    answer::{Answers, Verdict},
    losses::Losses,
    removals::Removals,
};
use crate::{
    Deps,
    invocation::Options,
    keys,
    ports::{Clock, Ports},
    report::Report,
    result::StepResult,
    run::{self, Removed, Run, RunRequest, STORE_WITHIN, TenantResult},
};

mod answer;
mod losses;
mod removals;

/// The queue of lifecycle notifications, as the log names it.
const QUEUE: &str = "LifecycleQueue";

/// How long FailedQueue may take at the end of a batch, when another queue has taken its time.
const KEEP_WITHIN: Duration = Duration::from_secs(3);

/// Returns whether a text can be an id of Graph's. Other texts are neither sent to Graph nor printed.
fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Returns the records of an event that SQS sent.
pub(crate) fn records(event: &Value) -> Option<&[Value]> {
    let records = event.get("Records")?.as_array()?;
    let is_from_queue = |record: &Value| record.get("eventSource").and_then(Value::as_str) == Some("aws:sqs");
    records.iter().any(is_from_queue).then_some(records)
}

/// Handles a batch and returns exactly the messages to retry.
///
/// One run serves the whole batch, over the applications that its messages name. Repeated and late events cost nothing,
/// because the run compares the configuration with Graph and does not replay events.
pub(crate) async fn handle<P: Ports>(
    records: &[Value],
    deadline: Timestamp,
    deps: &Deps<P>,
    metrics: &mut Metrics,
) -> Value {
    let keys = keys::of_messages(&deps.documents).await;
    let (mut events, mut rejected, mut unfinished) = (Vec::new(), Vec::new(), Vec::new());
    for record in records {
        let id = text(record, "messageId");
        let body = text(record, "body");
        // Without keys nothing is proven yet: the message is retried and not set aside.
        let Some(keys) = &keys else {
            unfinished.push(retried(record, None, Reason::NoClientStateKeys, deps.tries));
            continue;
        };
        match Event::of(body, keys, deps.clock.now()) {
            Ok(event) => events.push((record, event)),
            // A person may correct the entry of ClientStateSecret that the message needs.
            Err((reason @ Reason::NoClientStateKeys, owner)) => {
                unfinished.push(retried(record, owner.as_ref(), reason, deps.tries));
            }
            Err((reason, owner)) => rejected.push(Failed {
                note: (id, reason),
                id: id.to_owned(),
                body: body.to_owned(),
                owner,
                reason,
                is_last_try: false,
            }),
        }
    }
    let sent = sqs::set_aside(rejected, QUEUE, &deps.failed_queue, Deadline::after(STORE_WITHIN)).await;
    let mut again = count_failed(sent, metrics);
    let failures = react(&events, deadline, deps, metrics).await;
    for ((record, event), failure) in events.iter().zip(failures) {
        let Some(reason) = failure else { continue };
        unfinished.push(retried(record, Some(&event.owner()), reason, deps.tries));
    }
    let sent = sqs::keep(
        unfinished,
        QUEUE,
        &deps.failed_queue,
        Deadline::after(KEEP_WITHIN),
    )
    .await;
    again.extend(count_failed(sent, metrics));
    metrics.count(Metric::LifecycleRetried, again.len());
    let failures: Vec<Value> = again.iter().map(|id| json!({"itemIdentifier": id})).collect();
    json!({"batchItemFailures": failures})
}

/// Returns a member of a record.
fn text<'a>(record: &'a Value, member: &str) -> &'a str {
    record.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the message of a record that LifecycleQueue has to hand over again, which it does `tries` times.
fn retried<'r>(
    record: &'r Value,
    owner: Option<&Proven>,
    reason: Reason,
    tries: u32,
) -> Unfinished<(&'r str, Reason)> {
    let id = text(record, "messageId");
    let count = record.pointer("/attributes/ApproximateReceiveCount");
    let received = received(count.and_then(Value::as_str));
    Unfinished {
        note: (id, reason),
        id: id.to_owned(),
        last_try: LastTry::of(received, tries, text(record, "body"), owner),
        reason,
    }
}

/// Counts the messages that are in FailedQueue, and returns the ids of those that SQS hands over again. What FailedQueue does not
/// store comes back and would be counted twice.
fn count_failed<'a>(sent: Sent<(&'a str, Reason)>, metrics: &mut Metrics) -> Vec<&'a str> {
    for (_, reason) in sent.stored {
        reason.count(1, metrics);
    }
    sent.lost.into_iter().map(|(id, _)| id).collect()
}

/// Answers the events and returns, in their order, why they have to be retried, if they have to.
///
/// Reauthorization is answered at once, by the subscription's id. Graph lists subscriptions only where one is gone, and
/// an event that is older than the last list and names no listed subscription costs no call.
async fn react<P: Ports>(
    events: &[(&Value, Event)],
    deadline: Timestamp,
    deps: &Deps<P>,
    metrics: &mut Metrics,
) -> Vec<Option<Reason>> {
    let now = deps.clock.now();
    let options = Options {
        // Repeated events must not make Graph refuse the same creation again and again.
        is_patient: true,
        ..Options::default()
    };
    let request = RunRequest::everything(options, now, deadline);
    let config = run::config::read(
        &deps.documents,
        &deps.memory,
        &request.options,
        &mut Report::default(),
    )
    .await;
    let Ok(Some(read)) = config.inspect_err(|error| {
        error!(
            error = causes(error),
            "ConfigSecret cannot be read, so lifecycle notifications wait"
        );
    }) else {
        // Without a configuration nothing can be renewed, and no consumer can be told what was missed.
        return vec![Some(Reason::NoConfiguration); events.len()];
    };
    let answers = Answers {
        deps,
        request: &request,
        config: &read.config,
    };
    let verdicts = answers.to(events).await;
    let extended = verdicts.iter().filter(|one| **one == Verdict::Extended);
    metrics.count(Metric::Renewed, extended.count());
    let run = run_over_gone(deps, &request, events, &verdicts, metrics).await;
    let removals = Removals::of(&answers, events.iter().zip(&verdicts)).await;
    // Only now a removed subscription has a successor: until then its notifications had no receiver.
    let now = deps.clock.now();
    let mut failures = Vec::with_capacity(events.len());
    let mut losses = Losses::default();
    for (index, ((_, event), verdict)) in events.iter().zip(verdicts).enumerate() {
        // Nothing if the event has to come again.
        let lost = match (verdict, &run) {
            (Verdict::Failed, _) | (Verdict::Gone, None) => None,
            (Verdict::Gone, Some(run)) if event.has_failed(run, &read.config) => None,
            (Verdict::Gone, Some(run)) if event.kind == Kind::Removed => {
                Some(event.removed(run, now, removals.has_happened(event)))
            }
            // The run may have found or created the successor, which bounds the gap.
            (Verdict::Gone, Some(_)) => {
                let verdict = answers.after_run(event).filter(|_| event.kind == Kind::Missed);
                Some(Vec::from_iter(
                    verdict.and_then(|verdict| verdict.loss(event, now)),
                ))
            }
            (verdict, _) => Some(Vec::from_iter(verdict.loss(event, now))),
        };
        failures.push(lost.is_none().then_some(Reason::NotRenewed));
        for loss in lost.into_iter().flatten() {
            losses.add(index, loss, &deps.memory);
        }
    }
    // An event whose loss no consumer has heard of comes again, though Graph needs nothing more.
    let deadline = request.stores_by(&deps.clock);
    for index in losses.send(deps, &read.config, deadline).await {
        if let Some(failure) = failures.get_mut(index) {
            *failure = Some(Reason::NotStored);
        }
    }
    let failed = failures.iter().map(Option::is_some);
    let deadline = request.keeps_state_by(&deps.clock);
    removals
        .store(events.iter().map(|(_, event)| event).zip(failed), deadline)
        .await;
    failures
}

/// Runs once over the applications in which a subscription is gone.
async fn run_over_gone<P: Ports>(
    deps: &Deps<P>,
    request: &RunRequest,
    events: &[(&Value, Event)],
    verdicts: &[Verdict],
    metrics: &mut Metrics,
) -> Option<Run> {
    let mut removed: BTreeMap<Application, Removed> = BTreeMap::new();
    let gone = events.iter().zip(verdicts);
    for ((_, event), _) in gone.filter(|(_, verdict)| **verdict == Verdict::Gone) {
        let of_application = removed.entry(event.application).or_default();
        // Only a removal is evidence; in the other cases the run compares the list.
        if event.kind == Kind::Removed {
            of_application.insert((event.subscription_id.clone(), event.name.clone()));
        }
    }
    if removed.is_empty() {
        // No run is needed, so none has failed.
        return Some(Run::default());
    }
    let request = RunRequest {
        removed: Some(removed),
        ..request.clone()
    };
    let run = run::run(deps, &request, metrics).await;
    run.inspect_err(|error| error!(error = causes(error), "Run for a lifecycle notification failed"))
        .ok()
}

/// A lifecycle notification about a subscription of this stack.
struct Event {
    kind: Kind,
    name: String,
    subscription_id: String,
    application: Application,
    received_at: Timestamp,
    expires_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// `reauthorizationRequired`.
    Challenge,
    /// `subscriptionRemoved`.
    Removed,
    /// `missed`.
    Missed,
    /// An event that Graph introduced later; the next scheduled run sees whatever changed.
    Unknown,
}

impl Event {
    /// Reads a message. Only its client state proves whose subscription it is about; its other members do not. Returns
    /// otherwise why it goes to FailedQueue, and whose it is, as far as that is proven.
    fn of(body: &str, keys: &ClientStateKeys, now: Timestamp) -> Result<Self, (Reason, Option<Proven>)> {
        match QueueMessage::open(body, keys) {
            Ok(QueueMessage::Item(verified)) => {
                Self::proven(&verified, now).map_err(|reason| (reason, Some(verified.proven().clone())))
            }
            Ok(QueueMessage::Window(window)) => Err((Reason::Malformed, Some(window.owner()))),
            Err(rejected) => Err((rejected.unproven.into(), rejected.owner)),
        }
    }

    fn proven(verified: &VerifiedItem<'_>, now: Timestamp) -> Result<Self, Reason> {
        let item = verified.read(now)?;
        let event = item.lifecycle_event.as_deref().ok_or(Reason::Malformed)?;
        let kind = match event.to_ascii_lowercase().as_str() {
            "reauthorizationrequired" => Kind::Challenge,
            "subscriptionremoved" => Kind::Removed,
            "missed" => Kind::Missed,
            _ => Kind::Unknown,
        };
        let proven = verified.proven();
        Ok(Self {
            kind,
            received_at: verified.queued().received_at,
            expires_at: item.expires_at(),
            name: proven.subscription.clone(),
            application: proven.application,
            subscription_id: item.subscription_id.ok_or(Reason::Malformed)?.into_owned(),
        })
    }

    /// Returns whose subscription it is about.
    fn owner(&self) -> Proven {
        Proven {
            application: self.application,
            subscription: self.name.clone(),
        }
    }

    /// Returns whether the run failed to do what the event asks for, in a login that may have had the subscription.
    fn has_failed(&self, run: &Run, config: &Config) -> bool {
        let is_asked = |tenant: &TenantResult| config.entry(&tenant.line.tenant, &self.name).is_some();
        let tenants = narrowed(run.of(self.application).collect(), is_asked);
        let tenants = narrowed(tenants, |tenant| self.may_be_removed(tenant));
        let has_failed = |tenant: &TenantResult| {
            !tenant.is_listed() || self.of_name(&tenant.steps).any(StepResult::has_failed)
        };
        !run.has_config || tenants.into_iter().any(has_failed)
    }

    /// Returns the results of the event's subscription.
    fn of_name<'r>(&'r self, steps: &'r [StepResult]) -> impl Iterator<Item = &'r StepResult> {
        let of_name = steps.iter().filter(|result| result.step.name == self.name);
        of_name.filter(|result| result.is_wanted())
    }
}

/// Returns those of `all` that `fit`; all if none does.
fn narrowed<T>(all: Vec<&T>, fit: impl Fn(&T) -> bool) -> Vec<&T> {
    let found: Vec<_> = all.iter().copied().filter(|one| fit(one)).collect();
    if found.is_empty() { all } else { found }
}
