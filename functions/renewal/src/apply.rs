//! Applies the steps of a plan. A step that fails does not stop the others.

use std::{pin::pin, sync::Mutex, time::Duration};

use futures_util::future::{Either, select};
use graph_core::{
    notification::client_state,
    subscription::{
        catalogue::Version,
        config::Tenant,
        model::{EncryptionCertificate, NewSubscription, Subscription, SubscriptionUpdate},
        plan::{Action, Context, Creation, Desired, Policy, Renewal, Step},
        rotation::PublishedKeys,
    },
};
use graph_edge::graph::{GraphClient, GraphError, GraphErrorKind};
use jiff::{SignedDuration, Timestamp};

pub(crate) use self::{circuit_breaker::CircuitBreaker, config_version::ConfigVersion, outcome::Outcome};
use self::{
    failure::{Failure, is_in_the_way},
    outcome::{Attempt, Done},
};
use crate::{
    memory::{Known, Memory, What, lock},
    ports::{Clock, Ports},
};

mod circuit_breaker;
mod config_version;
mod failure;
mod outcome;
mod settle;

/// Applies the steps of one tenant.
pub(crate) struct Applier<'a, P: Ports> {
    pub(crate) graph: &'a GraphClient<P>,
    pub(crate) clock: &'a P::Clock,
    /// The tenant's name in the configuration.
    pub(crate) name: &'a str,
    pub(crate) tenant: &'a Tenant,
    /// The version of the configuration that the plan was made with.
    pub(crate) basis: ConfigVersion<'a, P::Documents>,
    pub(crate) keys: &'a PublishedKeys,
    pub(crate) policy: Policy,
    pub(crate) context: &'a Context,
    pub(crate) desired: &'a [Desired],
    /// The subscriptions that Graph lists, to name the one that conflicts with a creation.
    pub(crate) listed: &'a [Subscription],
    /// The time from which no step begins.
    pub(crate) stop_at: Timestamp,
    /// The time at which every call has ended.
    pub(crate) end_at: Timestamp,
    pub(crate) memory: &'a Memory,
    /// The login's subscriptions as far as they are known.
    pub(crate) known: &'a Mutex<Known>,
    pub(crate) breaker: &'a CircuitBreaker,
    /// Whether a recent refusal by Graph is respected. False when a person starts the run, who wants to see Graph's
    /// answer.
    pub(crate) is_patient: bool,
}

impl<P: Ports> Applier<'_, P> {
    /// Applies a step and returns its outcome.
    pub(crate) async fn apply(&self, step: &Step) -> Outcome {
        // A replaced subscription may miss notifications from here on.
        let begun = self.clock.now();
        let result = match self.hindrance(step, begun) {
            Some(failure) => Err(failure),
            // Only deletions ask again: a creation or renewal by an outdated configuration is undone by the next run.
            None if deletes(step) && !self.basis.holds().await => Err(Failure::Outdated),
            None => self.run_step(step).await,
        };
        let ended = self.clock.now();
        let attempt = Attempt { result, begun, ended };
        self.close(step, attempt)
    }

    /// Returns why the step does not begin, or nothing if it may.
    fn hindrance(&self, step: &Step, now: Timestamp) -> Option<Failure> {
        if self.is_late() {
            return Some(Failure::NoTime);
        }
        // Only creations wait or are given up: a renewal that is held back can end in a lapse.
        let (Action::Create(creation) | Action::Replace { creation, .. }) = &step.action else {
            return None;
        };
        let refusals = lock(&self.memory.refusals);
        let refusal = refusals.get(&self.what(creation));
        if let Some(refusal) = refusal.filter(|refusal| self.is_patient && refusal.until > now) {
            return Some(Failure::Waiting {
                until: refusal.until,
                is_skipped: refusal.is_skipped,
            });
        }
        self.breaker.is_open(&step.name).then_some(Failure::GivenUp)
    }

    async fn run_step(&self, step: &Step) -> Result<Done, Failure> {
        match &step.action {
            Action::Keep { .. } => Ok(Done::default()),
            Action::Delete { id } => {
                // An unwanted subscription has no entry that names a version.
                self.delete(Version::V1, id).await?;
                Ok(Done::default())
            }
            Action::Create(creation) => self.create_or_settle(&step.name, creation).await,
            Action::Replace { id, creation } => {
                // Whatever would make the creation fail has to fail before the subscription is deleted.
                self.body(creation)?;
                let was_there = self.delete(creation.desired.version, id).await?;
                let done = self.create_or_settle(&step.name, creation).await?;
                Ok(Done {
                    was_gone: !was_there,
                    ..done
                })
            }
            Action::Extend { id, renewal } => Ok(self.renew(id, renewal).await?.into()),
            Action::Renew {
                id,
                renewal,
                otherwise,
            } => self.extend(step, id, renewal, otherwise).await,
        }
    }

    /// Renews a subscription, and tries what is left when Graph refuses the renewal, so that the subscription does not
    /// lapse.
    async fn extend(
        &self,
        step: &Step,
        id: &str,
        renewal: &Renewal,
        otherwise: &Creation,
    ) -> Result<Done, Failure> {
        let failure = match self.renew(id, renewal).await {
            Ok(renewed) => return Ok(renewed.into()),
            Err(failure) => failure,
        };
        let Failure::Graph(error) = failure else {
            return Err(failure);
        };
        match &error.kind {
            // Graph also answers 404 for subscriptions that exist, so the answer is checked before anything is created.
            GraphErrorKind::NotFound { .. } => self.look_again(step, id, renewal, otherwise).await,
            // Graph's refusal names the longest lifetime, so one more call is enough.
            GraphErrorKind::TooLong { minutes, .. } => {
                let expires_at = self.shorten(&otherwise.desired, *minutes);
                let shorter = Renewal {
                    expires_at,
                    ..renewal.clone()
                };
                Ok(self.renew(id, &shorter).await?.into())
            }
            // The new URL or certificate may be the cause: Graph validates the URL again when a PATCH changes it.
            kind if renewal.changes() && !kind.is_transient_for_all() => {
                let renewed = self.renew(id, &renewal.alone()).await?;
                Ok(Done {
                    short_of: Some(error.into()),
                    ..renewed.into()
                })
            }
            // Replacing costs a gap, so renewal waits until the subscription would lapse otherwise.
            kind if kind.is_lasting() && self.is_in_danger(step, otherwise) => {
                self.replace_while_it_lives(id, otherwise).await
            }
            _ => Err(error.into()),
        }
    }

    /// Asks for a subscription by id after Graph answered 404 to its renewal: Graph's answers differ from call to call.
    async fn look_again(
        &self,
        step: &Step,
        id: &str,
        renewal: &Renewal,
        otherwise: &Creation,
    ) -> Result<Done, Failure> {
        match self
            .within(self.graph.get(self.tenant, renewal.version, id))
            .await
        {
            // Seen in practice: PATCH answers 404 although GET finds the subscription.
            Ok(_) => Ok(self.renew(id, renewal).await?.into()),
            Err(error) if matches!(error.kind, GraphErrorKind::NotFound { .. }) => {
                // Before the creation: if that fails, the next run still knows that the old subscription is gone.
                lock(self.known).remove(id);
                let done = self.create_or_settle(&step.name, otherwise).await?;
                let reason =
                    "it no longer existed when it was due for renewal; changes since then were missed";
                Ok(Done {
                    otherwise: done.otherwise.or(Some(("create", reason.to_owned()))),
                    was_gone: true,
                    ..done
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Creates a successor for a living subscription that Graph no longer renews. The old one is deleted first only
    /// where Graph refuses a second one.
    async fn replace_while_it_lives(&self, id: &str, creation: &Creation) -> Result<Done, Failure> {
        let created = match self.create(creation).await {
            Err(Failure::Graph(error)) if is_in_the_way(&error) => {
                self.delete(creation.desired.version, id).await?;
                self.create(creation).await?
            }
            created => {
                let created = created?;
                // A failure is ignored: a subscription that is not deleted expires by itself.
                drop(self.delete(creation.desired.version, id).await);
                created
            }
        };
        let reason = "Graph no longer extends it".to_owned();
        Ok(Done {
            otherwise: Some(("replace", reason)),
            ..created.into()
        })
    }

    fn is_in_danger(&self, step: &Step, creation: &Creation) -> bool {
        let Some(end) = step.expires_at else { return true };
        let left = self
            .policy
            .percent_left(creation.desired.lifetime, end, self.clock.now());
        left < Policy::DANGER_PERCENT
    }

    /// Remembers the longest lifetime that Graph grants to an entry, and returns the expiry that follows from it.
    fn shorten(&self, desired: &Desired, minutes: u32) -> Timestamp {
        let minutes = minutes.saturating_sub(KEPT_BACK);
        let entry = desired.name.split('/').next().unwrap_or_default();
        lock(&self.memory.longest).insert(entry.to_owned(), minutes);
        let now = self.clock.now();
        now.saturating_add(SignedDuration::from_mins(i64::from(minutes)))
            .unwrap_or(now)
    }

    /// Ends a step: remembers the subscription or the refusal, and returns the outcome for the report.
    fn close(&self, step: &Step, attempt: Attempt) -> Outcome {
        let now = self.clock.now();
        let mut until = None;
        let what = creation(&step.action).map(|creation| self.what(creation));
        match &attempt.result {
            Ok(done) => self.remember(step, done, now),
            Err(failure) if failure.calls_for_patience() => {
                let mut refusals = lock(&self.memory.refusals);
                until = what.map(|what| refusals.note(what, failure.is_skipped(), now));
            }
            Err(_) => {}
        }
        Outcome::of(step, self.name, self.tenant, attempt, until)
    }

    fn remember(&self, step: &Step, done: &Done, now: Timestamp) {
        let mut known = lock(self.known);
        if let Action::Replace { id, .. } | Action::Delete { id } = &step.action {
            known.remove(id);
        }
        let Some(one) = &done.subscription else { return };
        // A renewal may have ended in a new subscription, so the id in Graph's answer decides, not the action.
        if step.action.id() != Some(one.id.as_str()) {
            step.action.id().into_iter().for_each(|id| known.remove(id));
        }
        known.put(one.clone());
        // A renewed or adopted subscription existed before this run.
        let is_made = step.action.id() != Some(one.id.as_str()) && !done.is_adopted();
        if is_made {
            known.history.made(&step.name, &one.id, now);
        } else {
            known.history.seen(&step.name, &one.id, now);
        }
        if let Some(creation) = creation(&step.action) {
            lock(&self.memory.refusals).forget(&self.what(creation));
        }
    }

    fn what(&self, creation: &Creation) -> What {
        What::of(self.tenant.application.tenant_id, &creation.desired)
    }

    fn is_late(&self) -> bool {
        self.clock.now() >= self.stop_at
    }

    /// Makes a call that ends with the run at the latest.
    async fn within<T>(&self, call: impl Future<Output = Result<T, GraphError>>) -> Result<T, GraphError> {
        within(self.clock, self.end_at, call).await
    }

    async fn create_or_settle(&self, name: &str, creation: &Creation) -> Result<Done, Failure> {
        let created = self.create(creation).await;
        self.breaker.note(name, created.as_ref().err());
        match created {
            // Without time to look at the conflict, the next run does it.
            Err(Failure::Graph(error)) if is_in_the_way(&error) && !self.is_late() => {
                self.settle(creation).await
            }
            created => created.map(Done::from),
        }
    }

    /// Creates a subscription, with a shorter lifetime if Graph refuses the requested one.
    async fn create(&self, creation: &Creation) -> Result<Subscription, Failure> {
        let mut body = self.body(creation)?;
        let version = creation.desired.version;
        match self.within(self.graph.create(self.tenant, version, &body)).await {
            Err(GraphError {
                kind: GraphErrorKind::TooLong { minutes, .. },
                ..
            }) => {
                body.expiration_date_time = self.shorten(&creation.desired, minutes);
                let created = self
                    .within(self.graph.create(self.tenant, version, &body))
                    .await?;
                Ok(ends_at(created, body.expiration_date_time))
            }
            created => Ok(ends_at(created?, body.expiration_date_time)),
        }
    }

    /// Deletes a subscription and returns whether it was there.
    async fn delete(&self, version: Version, id: &str) -> Result<bool, Failure> {
        let was_there = self.within(self.graph.delete(self.tenant, version, id)).await?;
        lock(self.known).remove(id);
        Ok(was_there)
    }

    async fn renew(&self, id: &str, renewal: &Renewal) -> Result<Subscription, Failure> {
        let update = SubscriptionUpdate {
            expiration_date_time: renewal.expires_at,
            notification_url: renewal.notification_url.clone(),
            certificate: self.certificate(renewal.certificate_id.as_deref())?,
        };
        let call = self.graph.update(self.tenant, renewal.version, id, &update);
        Ok(ends_at(self.within(call).await?, renewal.expires_at))
    }

    /// Returns the body of a creation, with its client state.
    fn body(&self, creation: &Creation) -> Result<NewSubscription, Failure> {
        let desired = &creation.desired;
        let client_state = self.client_state(creation)?;
        Ok(NewSubscription {
            change_type: desired.change_type.clone(),
            notification_url: creation.notification_url.clone(),
            lifecycle_notification_url: creation.lifecycle_url.clone(),
            resource: desired.resource.clone(),
            notification_query_options: desired.query_options.clone(),
            expiration_date_time: creation.expires_at,
            client_state,
            latest_supported_tls_version: "v1_2",
            include_resource_data: desired.include_resource_data,
            certificate: self.certificate(creation.certificate_id.as_deref())?,
            prefer: desired.prefer(),
        })
    }

    /// Returns the client state of a creation, once every webhook knows its key and its application.
    fn client_state(&self, creation: &Creation) -> Result<String, Failure> {
        let Creation { desired, key_id, .. } = creation;
        let now = self.clock.now();
        let keys = &self.keys.client_state.keys;
        let key = keys.iter().find(|key| key.id == *key_id);
        let usable_from = self.keys.usable_from(self.tenant, now);
        // Key and application are published separately, so each has to be known to every webhook: else items are
        // rejected.
        let key = match (key, usable_from) {
            (Some(key), Some(usable_from)) if usable_from <= now => key,
            (Some(_), Some(_)) => return Err(Failure::KeyNotYet),
            (None, _) | (_, None) => return Err(Failure::NotPublished),
        };
        let subject = client_state::Subject {
            name: &desired.name,
            application: self.tenant.application,
            includes_resource_data: desired.include_resource_data,
        };
        client_state::mint(key, &subject).map_err(Failure::Mint)
    }

    fn certificate(&self, id: Option<&str>) -> Result<Option<EncryptionCertificate>, Failure> {
        let Some(id) = id else { return Ok(None) };
        let key = self
            .keys
            .decryption
            .keys
            .iter()
            .find(|key| key.id == id)
            .ok_or(Failure::NoCertificate)?;
        Ok(Some(EncryptionCertificate {
            certificate: key.certificate.clone(),
            id: id.to_owned(),
        }))
    }
}

/// Makes a call that ends at `end_at`, whatever Graph does.
pub(crate) async fn within<T>(
    clock: &impl Clock,
    end_at: Timestamp,
    call: impl Future<Output = Result<T, GraphError>>,
) -> Result<T, GraphError> {
    let left = end_at.duration_since(clock.now());
    let end = clock.sleep(Duration::try_from(left).unwrap_or_default());
    // The call is polled first: an answer counts even if the time is over as well.
    match select(pin!(call), pin!(end)).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(GraphError::of(GraphErrorKind::OutOfTime)),
    }
}

/// Returns a subscription with the requested expiry where Graph shows none that is readable: without an expiry, every
/// run would renew it.
fn ends_at(mut one: Subscription, asked: Timestamp) -> Subscription {
    one.expiration_date_time = one.expiration_date_time.or(Some(asked));
    one
}

fn deletes(step: &Step) -> bool {
    matches!(step.action, Action::Replace { .. } | Action::Delete { .. })
}

fn creation(action: &Action) -> Option<&Creation> {
    match action {
        Action::Create(creation) | Action::Replace { creation, .. } => Some(creation),
        Action::Renew { otherwise, .. } => Some(otherwise),
        Action::Extend { .. } | Action::Delete { .. } | Action::Keep { .. } => None,
    }
}

/// How many minutes of the granted lifetime are not requested: Graph counts the lifetime from when it reads the
/// request.
const KEPT_BACK: u32 = 10;
