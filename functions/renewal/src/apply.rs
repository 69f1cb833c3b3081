//! Does what a plan says, several steps at a time. What fails for one subscription does not stop the others.

use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, stream};
use graph_core::{
    notification::client_state,
    subscription::{
        catalogue::Version,
        config::Tenant,
        model::{EncryptionCertificate, NewSubscription, Subscription, SubscriptionUpdate},
        plan::{Action, Context, Creation, Desired, Past, Renewal, Step},
        rotation::PublishedKeys,
    },
};
use graph_edge::graph::{GraphError, GraphErrorKind};
use jiff::Timestamp;

pub(crate) use self::{basis::Basis, outcome::Outcome, patience::Patience};
use self::{
    failure::{Failure, is_in_the_way},
    outcome::{Attempt, Done},
    patience::Breaker,
};
use crate::ports::{Clock, Documents, Graph};

mod basis;
mod failure;
mod outcome;
mod patience;

/// Does the steps for one tenant.
pub(crate) struct Applier<'a, D, G, C> {
    pub(crate) graph: &'a G,
    pub(crate) clock: &'a C,
    /// The tenant's name in the configuration.
    pub(crate) name: &'a str,
    pub(crate) tenant: &'a Tenant,
    /// What the plan goes by.
    pub(crate) basis: Basis<'a, D>,
    pub(crate) keys: &'a PublishedKeys,
    pub(crate) context: &'a Context,
    pub(crate) desired: &'a [Desired],
    /// When no step is begun any more.
    pub(crate) stop_at: Timestamp,
    /// What Graph has refused and when it may be asked again.
    pub(crate) patience: &'a Mutex<Patience>,
    /// What is remembered of the subscriptions.
    pub(crate) past: &'a Mutex<Past>,
    /// Whether patience is kept: a person who starts a run wants to see what Graph says now.
    pub(crate) is_patient: bool,
}

impl<D: Documents, G: Graph, C: Clock> Applier<'_, D, G, C> {
    /// Does all steps and returns what became of each, in their order.
    ///
    /// A creation that another subscription stands in the way of is tried again, once, when the other steps are done:
    /// one of them may have removed it, as when two entries have swapped their resources.
    pub(crate) async fn apply(&self, steps: &[Step]) -> Vec<Outcome> {
        let run = Run {
            applier: self,
            breaker: &Breaker::default(),
        };
        // What is kept is nearly all, and has nothing to wait for.
        let mut attempts = Vec::new();
        for step in steps.iter().filter(|step| !is_kept(step)) {
            attempts.push(run.attempt(step));
        }
        let mut attempts = stream::iter(attempts)
            .buffered(PARALLEL_STEPS)
            .collect::<Vec<_>>()
            .await
            .into_iter();
        let mut outcomes = Vec::with_capacity(steps.len());
        for step in steps {
            if is_kept(step) {
                outcomes.push(Outcome::planned(step, self.name));
                continue;
            }
            let Some(attempt) = attempts.next() else { continue };
            let attempt = match (&attempt.result, creation(&step.action)) {
                (Err(Failure::Graph(error)), Some(creation)) if is_in_the_way(error) && !self.is_late() => {
                    attempt.again(self.settle(creation).await, self.clock.now())
                }
                _ => attempt,
            };
            outcomes.push(self.outcome(step, attempt));
        }
        outcomes
    }

    /// Closes a step: remembers what Graph has refused, and says what a person has to know.
    fn outcome(&self, step: &Step, attempt: Attempt) -> Outcome {
        let now = self.clock.now();
        let mut until = None;
        if let Some(creation) = creation(&step.action) {
            let mut patience = self.patience.lock().unwrap_or_else(PoisonError::into_inner);
            match &attempt.result {
                Ok(done) => {
                    patience.forget(&self.tenant.tenant_id, &creation.desired);
                    if let Some(made) = &done.subscription {
                        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
                        past.made(&step.name, &made.id, now);
                    }
                }
                Err(failure) if failure.calls_for_patience() => {
                    until = Some(patience.note(&self.tenant.tenant_id, &creation.desired, now));
                }
                Err(_) => {}
            }
        }
        Outcome::of(step, self.name, self.tenant, attempt, until)
    }

    fn is_late(&self) -> bool {
        self.clock.now() >= self.stop_at
    }

    async fn create(&self, creation: &Creation) -> Result<Subscription, Failure> {
        let body = self.body(creation)?;
        Ok(self
            .graph
            .create(self.tenant, creation.desired.version, &body)
            .await?)
    }

    async fn delete(&self, version: Version, id: &str) -> Result<(), Failure> {
        Ok(self.graph.delete(self.tenant, version, id).await?)
    }

    async fn renew(&self, id: &str, renewal: &Renewal) -> Result<Subscription, Failure> {
        let update = SubscriptionUpdate {
            expiration_date_time: renewal.expires_at,
            notification_url: renewal.notification_url.clone(),
            certificate: self.certificate(renewal.certificate_id.as_deref())?,
        };
        Ok(self
            .graph
            .update(self.tenant, renewal.version, id, &update)
            .await?)
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
        let key = match (key, usable_from) {
            (Some(key), Some(usable_from)) if usable_from <= now => key,
            (Some(_), Some(_)) => return Err(Failure::KeyNotYet),
            (None, _) | (_, None) => return Err(Failure::NotPublished),
        };
        let subject = client_state::Subject {
            name: &desired.name,
            tenant_id: &self.tenant.tenant_id,
            client_id: &self.tenant.client_id,
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

    /// Creates what another subscription stood in the way of, or says which one still does.
    async fn settle(&self, creation: &Creation) -> Result<Done, Failure> {
        let error = match self.create(creation).await {
            Err(Failure::Graph(error)) => error,
            outcome => return outcome.map(Done::from),
        };
        let GraphErrorKind::Conflict { existing: Some(id) } = &error.kind else {
            return Err(error.into());
        };
        let version = creation.desired.version;
        let existing = match self.graph.get(self.tenant, version, id).await {
            Err(GraphError {
                kind: GraphErrorKind::NotFound { .. },
                ..
            }) => return Err(Failure::Vanished(id.clone())),
            existing => existing?,
        };
        let url = existing.notification_url.clone().unwrap_or_default();
        let Some(ours) = self.context.stack.read(&url) else {
            let before_query = url.split(['?', '#']).next().unwrap_or_default();
            return Err(Failure::Theirs {
                id: id.clone(),
                place: before_query.chars().take(200).collect(),
            });
        };
        if ours.name == creation.desired.name && self.context.keys.contains(&ours.key_id) {
            let reason = "another run has just created it".to_owned();
            return Ok(Done {
                otherwise: Some(("adopt", reason)),
                ..existing.into()
            });
        }
        let entry = ours.name.split('/').next().unwrap_or_default();
        let is_wanted = self.context.held.contains_key(entry)
            || self
                .desired
                .iter()
                .any(|desired| desired.name == ours.name && ours.name != creation.desired.name);
        if is_wanted {
            return Err(Failure::Entry(ours.name));
        }
        if !self.basis.holds().await {
            return Err(Failure::Outdated);
        }
        self.delete(version, id).await?;
        let created = self.create(creation).await?;
        let reason = format!("{id} stood in its way, and no entry asks for that");
        Ok(Done {
            otherwise: Some(("replace", reason)),
            ..created.into()
        })
    }
}

/// One pass over the steps.
struct Run<'a, 'b, D, G, C> {
    applier: &'a Applier<'b, D, G, C>,
    breaker: &'a Breaker,
}

impl<D, G, C> Clone for Run<'_, '_, D, G, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D, G, C> Copy for Run<'_, '_, D, G, C> {}

impl<D: Documents, G: Graph, C: Clock> Run<'_, '_, D, G, C> {
    async fn attempt(self, step: &Step) -> Attempt {
        let begun = self.applier.clock.now();
        let result = match self.hindrance(step, begun) {
            Some(failure) => Err(failure),
            None if deletes(step) && !self.applier.basis.holds().await => Err(Failure::Outdated),
            None => self.take(step).await,
        };
        Attempt {
            result,
            begun,
            ended: self.applier.clock.now(),
        }
    }

    /// Returns why the step is not begun.
    fn hindrance(self, step: &Step, now: Timestamp) -> Option<Failure> {
        if self.applier.is_late() {
            return Some(Failure::NoTime);
        }
        let (Action::Create(creation) | Action::Replace { creation, .. }) = &step.action else {
            return None;
        };
        if self.applier.is_patient {
            let patience = self.applier.patience.lock();
            let patience = patience.unwrap_or_else(PoisonError::into_inner);
            let until = patience.until(&self.applier.tenant.tenant_id, &creation.desired, now);
            if let Some(until) = until {
                return Some(Failure::Waiting(until));
            }
        }
        self.breaker.is_open(&step.name).then_some(Failure::GivenUp)
    }

    async fn take(self, step: &Step) -> Result<Done, Failure> {
        let applier = self.applier;
        match &step.action {
            Action::Keep { .. } => Ok(Done::default()),
            Action::Delete { id } => {
                applier.delete(Version::V1, id).await?;
                Ok(Done::default())
            }
            Action::Create(creation) => self.create(&step.name, creation).await.map(Done::from),
            Action::Replace { id, creation } => {
                // What cannot succeed is found out before anything is deleted.
                applier.body(creation)?;
                applier.delete(creation.desired.version, id).await?;
                self.create(&step.name, creation).await.map(Done::from)
            }
            Action::Renew {
                id,
                renewal,
                otherwise,
            } => match applier.renew(id, renewal).await {
                Err(Failure::Graph(GraphError {
                    kind: GraphErrorKind::NotFound { .. },
                    ..
                })) => {
                    let created = self.create(&step.name, otherwise).await?;
                    let reason =
                        "it was gone when it was to be renewed; what happened since was missed".to_owned();
                    Ok(Done {
                        otherwise: Some(("create", reason)),
                        ..created.into()
                    })
                }
                renewed => renewed.map(Done::from),
            },
        }
    }

    async fn create(self, name: &str, creation: &Creation) -> Result<Subscription, Failure> {
        let created = self.applier.create(creation).await;
        self.breaker.note(name, created.as_ref().err());
        created
    }
}

fn is_kept(step: &Step) -> bool {
    matches!(step.action, Action::Keep { .. })
}

fn deletes(step: &Step) -> bool {
    matches!(step.action, Action::Replace { .. } | Action::Delete { .. })
}

fn creation(action: &Action) -> Option<&Creation> {
    match action {
        Action::Create(creation) | Action::Replace { creation, .. } => Some(creation),
        Action::Renew { otherwise, .. } => Some(otherwise),
        Action::Delete { .. } | Action::Keep { .. } => None,
    }
}

/// How many steps for one tenant are under way at once: as many as keep up with Graph's limit where a creation takes a
/// little more than a second, its two handshakes included.
///
/// JSON batching (`$batch`, 20 requests in a call) is not used. It would save calls, not changes, and Graph limits changes.
/// `cargo bench-all --only renewal` shows what a run takes beyond that limit, which is the most that batching could save.
/// It would be worth a try only if Graph counted a batch as one request, of which its limits for subscriptions say nothing.
const PARALLEL_STEPS: usize = 24;
