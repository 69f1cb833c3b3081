//! Applies the steps of a plan. A step that fails does not stop the others.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use graph_core::subscription::{
    model::Subscription,
    plan::{Action, Context, Desired, Policy, Reason, Step},
};
use graph_edge::{graph::GraphErrorKind, secrets::Source};
use jiff::Timestamp;
use tracing::info;

use self::failure::Failure;
pub(crate) use self::{
    call::{get, renew},
    deletion_turns::DeletionTurns,
};
use crate::{
    memory::{Known, Refusal, Subject, lock},
    ports::{Clock, Document, Documents, Ports},
    result::{Lost, Status, StepResult},
    run::send,
    tenant_run::TenantRun,
};

mod call;
mod deletion_turns;
mod failure;
mod gap;
mod renew;
mod replace;
mod settle;

/// Applies the steps of one tenant.
pub(crate) struct Applier<'a, P: Ports> {
    pub(crate) run: TenantRun<'a, P>,
    pub(crate) policy: Policy,
    pub(crate) context: Context,
    pub(crate) desired: Vec<Desired>,
    /// The login's subscriptions as far as they are known.
    pub(crate) known: Arc<Mutex<Known>>,
    pub(crate) turns: DeletionTurns,
    /// The turns of subscriptions that would lapse: what else is missing does not hold these back.
    pub(crate) rescues: DeletionTurns,
    /// The ids of the subscriptions that the plan replaces.
    pub(crate) replaced: BTreeSet<String>,
}

/// What a step has led to at Graph.
#[derive(Default)]
struct Done {
    /// The subscription as Graph returned it; its expiry is the one that counts.
    subscription: Option<Subscription>,
    /// The action and its reason, where they differ from the plan.
    otherwise: Option<(&'static str, String)>,
    /// Whether the subscription to renew or replace no longer existed.
    was_gone: bool,
    /// Why the subscription was renewed without the new URL or certificate, or in place of its replacement.
    short_of: Option<Failure>,
}

impl From<Subscription> for Done {
    fn from(subscription: Subscription) -> Self {
        Self {
            subscription: Some(subscription),
            ..Self::default()
        }
    }
}

impl Done {
    /// Returns whether another run had already created the subscription.
    fn is_adopted(&self) -> bool {
        matches!(self.otherwise, Some(("adopt", _)))
    }
}

impl<P: Ports> Applier<'_, P> {
    /// Applies a step, and informs consumers of a gap at once: AWS Lambda may end the run at any moment.
    pub(crate) async fn apply(&self, step: Step) -> StepResult {
        self.wait_for_key(&step).await;
        // A replaced subscription may miss notifications from here on.
        let begun = self.now();
        let attempt = match self.hindrance(&step, begun) {
            Some(failure) => Err(failure),
            // Only deletions ask again: a creation or renewal by an outdated configuration is undone by the next run.
            None if step.action.deletes() && !self.is_current().await => Err(Failure::Outdated),
            None => self.run_step(&step).await,
        };
        let (step, attempt) = self.displace(step, attempt).await;
        let until = attempt
            .as_ref()
            .err()
            .and_then(|failure| self.note_refusal(&step, failure));
        let attempt = match attempt {
            Err(failure) => self.keep_alive(&step, failure).await,
            done => done,
        };
        // Before the new subscription takes its place in the history.
        let made_before = lock(&self.known).history.made_before(&step);
        let done = attempt.as_ref().ok();
        let gap = done.and_then(|done| {
            let lost = self.lost(&step, done, begun)?;
            Some((self.gap(&step, done, &lost, made_before), lost))
        });
        let mut result = StepResult {
            made_before,
            ..self.conclude(step, attempt, until)
        };
        if let Some((gap, lost)) = gap {
            result.lost = Some(Lost {
                from: gap.from,
                until: gap.until,
            });
            let run = &self.run;
            let deadline = run.request.stores_by(&run.deps.clock);
            let unsent = send(run.deps, run.config, vec![((), gap.clone().into())], deadline).await;
            result.is_unreported = !unsent.is_empty();
            let history = &mut lock(&self.known).history;
            if result.is_unreported {
                // The next run finds it again, and sends the same event with its window.
                history.unreported(&result.step.name, lost);
            } else {
                history.told(&gap);
            }
        }
        result
    }

    /// Waits a short time until a new subscription may be created: webhooks that do not know its key or application yet
    /// would reject its notifications.
    async fn wait_for_key(&self, step: &Step) {
        let TenantRun {
            deps, keys, tenant, ..
        } = &self.run;
        let now = self.now();
        let usable_from = keys.usable_from(tenant, now).filter(|from| *from > now);
        let Some(usable_from) = usable_from.filter(|_| step.action.creates()) else {
            return;
        };
        let wait = Duration::try_from(usable_from.duration_since(now)).unwrap_or_default();
        if wait <= MAX_WAIT_FOR_KEY {
            info!(
                "Waiting {} s until every webhook knows tenant {}",
                wait.as_secs(),
                tenant.application.tenant_id
            );
            deps.clock.sleep(wait).await;
        }
    }

    /// Returns why the step does not begin, or nothing if it may.
    fn hindrance(&self, step: &Step, now: Timestamp) -> Option<Failure> {
        if now >= self.run.request.stop_at() {
            return Some(Failure::NoTime);
        }
        // A person who starts a run wants to see Graph's answer.
        let is_patient = self.run.request.options.is_patient;
        let refusal = self.held(&self.subject(step)).filter(|_| is_patient);
        let throttled = refusal.as_ref().filter(|refusal| refusal.is_of_all());
        if let Some(refusal) = throttled.filter(|refusal| self.may_wait(step, refusal.until)) {
            return Some(Failure::Throttled(refusal.until));
        }
        // Only creations wait or are given up: a renewal that is held back can end in a lapse.
        let creation = step.action.creation().filter(|_| step.action.creates())?;
        if let Some(refusal) = refusal.filter(|refusal| refusal.is_of(&creation.desired)) {
            return Some(Failure::Waiting {
                until: refusal.until,
                is_skipped: refusal.is_skipped,
            });
        }
        let entry = Subject::entry(self.run.name, &step.name);
        self.is_refused(&entry, MOST_REFUSALS).then_some(Failure::GivenUp)
    }

    /// Returns whether a step can wait until then without the risk of a lapse.
    fn may_wait(&self, step: &Step, until: Timestamp) -> bool {
        match step.expires_at {
            Some(end) => end.duration_since(until) > self.policy.period.saturating_mul(2),
            // A living subscription whose end is unknown may end at any moment.
            None => step.action.id().is_none(),
        }
    }

    /// Returns the refusal after which Graph is not asked again yet; in a run that a person started, only one of that run.
    fn held(&self, subject: &Subject) -> Option<Refusal> {
        let refusals = lock(&self.run.deps.memory.refusals);
        let counts = |refusal: &&Refusal| self.run.request.options.is_patient || refusal.at >= self.run.begun;
        let refusal = refusals.get(subject).filter(counts);
        refusal.filter(|refusal| refusal.until > self.now()).cloned()
    }

    /// Returns whether Graph has refused so many in a row in this run.
    fn is_refused(&self, subject: &Subject, count: usize) -> bool {
        let refusals = lock(&self.run.deps.memory.refusals);
        let refusal = refusals.get(subject);
        refusal.is_some_and(|refusal| refusal.is_repeated(count, self.run.begun))
    }

    fn subject(&self, step: &Step) -> Subject {
        Subject::one(self.run.name, &step.name)
    }

    /// Returns whether the configuration of the run is still current. An unreadable configuration counts as changed.
    ///
    /// Asked before each deletion: another run may have created subscriptions for a newer configuration, and this run's
    /// list shows them as subscriptions that no entry asks for. A run reads the configuration before it creates
    /// anything, so the newer version is visible by now.
    async fn is_current(&self) -> bool {
        let current = self.run.deps.documents.secret(Document::Config).read().await;
        let is_same = |version_id: &str| version_id == self.run.read.current_id;
        current.is_ok_and(|current| current.is_some_and(|current| is_same(&current.version_id)))
    }

    async fn run_step(&self, step: &Step) -> Result<Done, Failure> {
        match &step.action {
            Action::Keep(_) => Ok(Done::default()),
            Action::Delete(id) => {
                // Lists show subscriptions for weeks that are gone: then this one is no duplicate.
                if let Reason::Duplicate(of) = &step.reason
                    && let Err(Failure::Gone) = self.find(of).await
                {
                    return Err(Failure::Outdated);
                }
                self.delete(id).await?;
                Ok(Done::default())
            }
            Action::Create(creation) => self.create_or_settle(creation, None).await,
            Action::Replace { id, creation } => self.replace_if_reachable(step, id, creation).await,
            Action::Renew {
                id,
                renewal,
                otherwise,
            } => {
                self.extend_or_replace(step, id, renewal, otherwise.as_ref())
                    .await
            }
        }
    }

    /// Remembers the refusal of a creation, or that Graph throttles the subscription, and returns when Graph is asked again.
    fn note_refusal(&self, step: &Step, failure: &Failure) -> Option<Timestamp> {
        if let Some(GraphErrorKind::Throttled {
            retry_after: Some(wait),
        }) = failure.kind()
        {
            let until = self.now().saturating_add(*wait).unwrap_or(Timestamp::MAX);
            let mut refusals = lock(&self.run.deps.memory.refusals);
            return Some(refusals.hold(self.subject(step), until, self.now()));
        }
        // Renewals are retried at every run, and their refusal must not hold back a creation after the lapse.
        let waits = step.action.creates() && failure.calls_for_patience();
        let creation = step.action.creation().filter(|_| waits)?;
        let is_skipped = failure.is_skipped(step);
        let mut refusals = lock(&self.run.deps.memory.refusals);
        Some(refusals.note(self.subject(step), &creation.desired, is_skipped, self.now()))
    }

    /// Ends a step: remembers the subscription, and returns the result.
    fn conclude(&self, step: Step, attempt: Result<Done, Failure>, until: Option<Timestamp>) -> StepResult {
        let failure = match attempt {
            Ok(done) => {
                self.turns.done(&step, self.run.begun);
                self.remember(&step, &done);
                return self.of_done(step, done, until);
            }
            Err(failure) => failure,
        };
        let status = self.status(&step, &failure, until);
        let mut result = StepResult::of(step, status);
        if let Some(id) = result.step.action.id().filter(|id| !self.is_known(id)) {
            // It was deleted, or Graph said that it no longer exists, before the step failed.
            lock(&self.known).history.gone(&result.step.name, id);
            (result.subscription_id, result.expires_at) = (None, None);
        }
        result
    }

    /// Returns the result of a step that Graph has carried out.
    fn of_done(&self, step: Step, done: Done, until: Option<Timestamp>) -> StepResult {
        let status = match done.short_of {
            None => Status::Done,
            Some(failure) if failure.is_postponed() => Status::Unfinished,
            Some(failure) => {
                let failure = self.describe(&step, &failure, until);
                Status::Failed(format!("extended, but not brought up to date: {failure}"))
            }
        };
        let mut result = StepResult {
            otherwise: done.otherwise,
            ..StepResult::of(step, status)
        };
        if let Some(subscription) = done.subscription {
            result.subscription_id = Some(subscription.id);
            result.expires_at = subscription.expiration_date_time.or(result.expires_at);
        }
        result
    }

    /// Returns the status of a failed step. A refused creation is retried after `until`.
    fn status(&self, step: &Step, failure: &Failure, until: Option<Timestamp>) -> Status {
        // Not a failure: Graph refused nothing, and the next run takes the step.
        if failure.is_postponed() {
            return Status::Unfinished;
        }
        let text = self.describe(step, failure, until);
        if failure.is_skipped(step) {
            Status::Skipped(text)
        } else {
            Status::Failed(text)
        }
    }

    fn describe(&self, step: &Step, failure: &Failure, until: Option<Timestamp>) -> String {
        let creation = step.action.creation();
        let resource = creation.map(|creation| creation.desired.resource.as_str());
        failure.describe(resource, self.run.tenant, until)
    }

    fn remember(&self, step: &Step, done: &Done) {
        let mut known = lock(&self.known);
        let before = step.action.id();
        let Some(one) = &done.subscription else {
            if let Some(id) = before.filter(|_| step.action.deletes()) {
                known.remove(id);
            } else if let Some(id) = before {
                known.history.seen(&step.name, id, self.now());
            }
            return;
        };
        // A renewal may have ended in a new subscription, so the id in Graph's answer decides, not the action.
        let is_same = before == Some(one.id.as_str());
        if let Some(id) = before.filter(|_| !is_same) {
            known.remove(id);
        }
        known.put(one.clone());
        // A renewed or adopted subscription existed before this run.
        if is_same || done.is_adopted() {
            known.history.seen(&step.name, &one.id, self.now());
        } else {
            known.history.made(&step.name, &one.id, self.now());
        }
        if done.short_of.is_none() {
            lock(&self.run.deps.memory.refusals).forget(&self.subject(step));
        }
    }

    fn now(&self) -> Timestamp {
        self.run.deps.clock.now()
    }

    fn is_late(&self) -> bool {
        self.now() >= self.run.request.stop_at()
    }
}

/// How many creations of an entry's objects are refused in a row before the next run goes on with the others.
const MOST_REFUSALS: usize = 30;

/// The longest wait for a key within a run.
const MAX_WAIT_FOR_KEY: Duration = Duration::from_mins(1);
