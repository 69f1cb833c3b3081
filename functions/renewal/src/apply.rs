//! Does what a plan says, several steps at a time. What fails for one subscription does not stop the others.

use futures_util::{StreamExt, stream};
use graph_core::{
    catalogue::{self, Version},
    client_state::{self, MintError},
    config::Tenant,
    plan::{Action, Context, Creation, Desired, Renewal, Step},
    subscription::{EncryptionCertificate, NewSubscription, Subscription, SubscriptionUpdate},
};
use graph_edge::graph::{GraphError, GraphErrorKind};

use crate::{
    keys::Keys,
    ports::{Clock, Graph},
    report::{Line, told},
};

/// Does the steps for one tenant.
pub(crate) struct Applier<'a, G, C> {
    pub(crate) graph: &'a G,
    pub(crate) clock: &'a C,
    /// The tenant's name in the configuration.
    pub(crate) name: &'a str,
    pub(crate) tenant: &'a Tenant,
    pub(crate) keys: &'a Keys,
    pub(crate) context: &'a Context,
    pub(crate) desired: &'a [Desired],
}

impl<G: Graph, C: Clock> Applier<'_, G, C> {
    /// Does all steps and returns a line for each, in their order.
    ///
    /// A creation that another subscription stands in the way of is tried again when the other steps are done: one of
    /// them may have removed it, as when two entries have swapped their resources.
    pub(crate) async fn apply(&self, steps: &[Step]) -> Vec<Line> {
        let mut attempts = Vec::new();
        for step in steps {
            attempts.push(async move { (step, self.attempt(step).await) });
        }
        let outcomes: Vec<_> = stream::iter(attempts).buffered(PARALLEL_STEPS).collect().await;
        let mut lines = Vec::new();
        for (step, outcome) in outcomes {
            let outcome = match (outcome, creation(&step.action)) {
                (Err(Failure::Graph(error)), Some(creation)) if is_in_the_way(&error) => {
                    self.settle(creation).await
                }
                (outcome, _) => outcome,
            };
            lines.push(line(step, self.name, outcome));
        }
        lines
    }

    async fn attempt(&self, step: &Step) -> Result<Done, Failure> {
        match &step.action {
            Action::Keep { .. } => Ok(Done::default()),
            Action::Delete { id } => {
                self.graph.delete(self.tenant, Version::V1, id).await?;
                Ok(Done::default())
            }
            Action::Create(creation) => self.create(creation).await.map(Done::from),
            Action::Replace { id, creation } => {
                // What cannot succeed is found out before anything is deleted.
                self.body(creation)?;
                self.graph
                    .delete(self.tenant, creation.desired.version, id)
                    .await?;
                self.create(creation).await.map(Done::from)
            }
            Action::Renew {
                id,
                renewal,
                otherwise,
            } => match self.renew(id, renewal).await {
                Err(Failure::Graph(GraphError {
                    kind: GraphErrorKind::NotFound { .. },
                    ..
                })) => {
                    let created = self.create(otherwise).await?;
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

    async fn create(&self, creation: &Creation) -> Result<Subscription, Failure> {
        let body = self.body(creation)?;
        Ok(self
            .graph
            .create(self.tenant, creation.desired.version, &body)
            .await?)
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
        let key = self
            .keys
            .of(self.tenant)
            .into_iter()
            .find(|key| key.id == creation.key_id);
        let key = key
            .filter(|key| key.mint_from <= self.clock.now())
            .ok_or(Failure::KeyNotYet)?;
        let is_chat_message = catalogue::find(&desired.resource)
            .is_some_and(|row| row.entity.eq_ignore_ascii_case("chatMessage"));
        Ok(NewSubscription {
            change_type: desired.change_type.clone(),
            notification_url: creation.notification_url.clone(),
            lifecycle_notification_url: creation.lifecycle_url.clone(),
            resource: desired.resource.clone(),
            expiration_date_time: creation.expires_at,
            client_state: client_state::mint(key, &desired.name).map_err(Failure::Mint)?,
            latest_supported_tls_version: "v1_2",
            include_resource_data: desired.include_resource_data,
            certificate: self.certificate(creation.certificate_id.as_deref())?,
            prefer: is_chat_message.then_some("include-unknown-enum-members"),
        })
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
        let Some(ours) = self.context.notifications.read(&url) else {
            let place = url.split(['?', '#']).next().unwrap_or_default();
            return Err(Failure::Theirs {
                id: id.clone(),
                place: place.chars().take(200).collect(),
            });
        };
        if ours.name == creation.desired.name && self.context.keys.contains(&ours.key_id) {
            let reason = "another run has just created it".to_owned();
            return Ok(Done {
                otherwise: Some(("adopt", reason)),
                ..existing.into()
            });
        }
        let is_wanted = self.context.held.contains_key(&ours.name)
            || self
                .desired
                .iter()
                .any(|desired| desired.name == ours.name && ours.name != creation.desired.name);
        if is_wanted {
            return Err(Failure::Entry(ours.name));
        }
        self.graph.delete(self.tenant, version, id).await?;
        let created = self.create(creation).await?;
        let reason = format!("{id} stood in its way, and no entry asks for that");
        Ok(Done {
            otherwise: Some(("replace", reason)),
            ..created.into()
        })
    }
}

impl Line {
    /// Returns the line for a step that has not been taken (yet).
    pub(crate) fn of(step: &Step, tenant: &str) -> Self {
        Self {
            name: step.name.clone(),
            tenant: tenant.to_owned(),
            action: step.action.name(),
            reason: step.reason.to_string(),
            subscription_id: step.action.id().map(str::to_owned),
            expires_at: step.expires_at,
            error: None,
        }
    }
}

/// What became of a step.
#[derive(Default)]
struct Done {
    /// The subscription as Graph answered; what it says of the end is the truth.
    subscription: Option<Subscription>,
    /// The action and the reason, where they are others than planned.
    otherwise: Option<(&'static str, String)>,
}

impl From<Subscription> for Done {
    fn from(subscription: Subscription) -> Self {
        Self {
            subscription: Some(subscription),
            otherwise: None,
        }
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("call to microsoft graph failed")]
    Graph(#[from] GraphError),
    #[error("client state cannot be minted: {0}")]
    Mint(MintError),
    #[error("the new client-state key may not be used yet; the next run does")]
    KeyNotYet,
    #[error("there is no certificate; the next run makes one")]
    NoCertificate,
    #[error(
        "subscription {id} of the same application already watches this, for {place}; delete it or change the entry"
    )]
    Theirs { id: String, place: String },
    #[error("entry {0} already watches this")]
    Entry(String),
    #[error("Graph says that subscription {0} is in the way but does not show it; this can last for hours")]
    Vanished(String),
}

fn creation(action: &Action) -> Option<&Creation> {
    match action {
        Action::Create(creation) | Action::Replace { creation, .. } => Some(creation),
        Action::Renew { otherwise, .. } => Some(otherwise),
        Action::Delete { .. } | Action::Keep { .. } => None,
    }
}

/// Returns whether a creation failed because of a subscription that exists.
fn is_in_the_way(error: &GraphError) -> bool {
    match &error.kind {
        GraphErrorKind::Conflict { .. } => true,
        GraphErrorKind::Forbidden { message } => message.contains("has reached its limit"),
        GraphErrorKind::Login(_)
        | GraphErrorKind::Throttled { .. }
        | GraphErrorKind::NotFound { .. }
        | GraphErrorKind::HandshakeFailed { .. }
        | GraphErrorKind::Validation { .. }
        | GraphErrorKind::Unauthorized { .. }
        | GraphErrorKind::Unavailable { .. }
        | GraphErrorKind::Malformed => false,
    }
}

fn line(step: &Step, tenant: &str, outcome: Result<Done, Failure>) -> Line {
    let mut line = Line::of(step, tenant);
    match outcome {
        Ok(done) => {
            if let Some(subscription) = done.subscription {
                line.subscription_id = Some(subscription.id);
                line.expires_at = subscription.expiration_date_time.or(line.expires_at);
            }
            if let Some((action, reason)) = done.otherwise {
                (line.action, line.reason) = (action, reason);
            }
        }
        Err(Failure::Graph(error)) => line.error = Some(told(&error)),
        Err(error) => line.error = Some(error.to_string()),
    }
    line
}

/// How many calls for one tenant are under way at once.
const PARALLEL_STEPS: usize = 4;
