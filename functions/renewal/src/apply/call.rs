//! The calls that change subscriptions.

use std::sync::{Mutex, atomic::AtomicBool};

use graph_core::{
    notification::client_state,
    subscription::{
        catalogue::Version,
        config::Tenant,
        model::{EncryptionCertificate, NewSubscription, Subscription, SubscriptionUpdate},
        plan::{Creation, Renewal},
    },
};
use graph_edge::graph::{GraphError, GraphErrorKind, Refused};
use jiff::{SignedDuration, Timestamp};

use super::{
    Applier, Done,
    failure::{Failure, is_in_the_way},
};
use crate::{
    Deps,
    memory::{Known, Subject, filled_in, keep_query, lock},
    ports::{Clock, Ports},
    run::RunRequest,
    tenant_run::TenantRun,
};

impl<P: Ports> Applier<'_, P> {
    /// Creates a subscription, and resolves a conflict, unless that is with the one that it `replaces`.
    pub(super) async fn create_or_settle(
        &self,
        creation: &Creation,
        replaces: Option<&str>,
    ) -> Result<Done, Failure> {
        let is_of_replaced = |error: &GraphError| replaces.is_some_and(|id| self.is_blocked_by(error, id));
        match self.create(creation).await {
            // Without time to look at the conflict, the next run does it.
            Err(Failure::Graph(error))
                if is_in_the_way(&error) && !is_of_replaced(&error) && !self.is_late() =>
            {
                self.settle(creation, &error).await
            }
            created => created.map(Done::from),
        }
    }

    /// Creates a subscription, with a shorter lifetime if Graph refuses the requested one.
    pub(super) async fn create(&self, creation: &Creation) -> Result<Subscription, Failure> {
        let mut body = self.body(creation)?;
        let is_open = AtomicBool::new(false);
        let create = async |body: &NewSubscription| {
            let call = self
                .run
                .deps
                .graph
                .create(self.run.tenant, creation.desired.version, body, &is_open);
            self.run.within(call).await
        };
        let mut created = create(&body).await;
        if let Err(GraphError {
            kind: GraphErrorKind::TooLong { minutes, .. },
            ..
        }) = created
        {
            let TenantRun { deps, tenant, .. } = &self.run;
            body.expiration_date_time = shorten(deps, tenant, &creation.desired.name, minutes);
            created = create(&body).await;
        }
        self.note_answer(&creation.desired.name, &created);
        // Graph may have made it: a request had no answer, or one that cannot be read.
        let is_unread = |error: &GraphError| matches!(error.kind, GraphErrorKind::Malformed);
        if created
            .as_ref()
            .is_err_and(|error| is_open.into_inner() || is_unread(error))
        {
            lock(&self.known).history.may_exist(&creation.desired.name);
        }
        let created = created?;
        let granted = created.expiration_date_time;
        let TenantRun { deps, tenant, .. } = &self.run;
        note_granted(
            deps,
            tenant,
            &creation.desired.name,
            body.expiration_date_time,
            granted,
        );
        let asked = Subscription {
            resource: Some(body.resource),
            change_type: Some(body.change_type),
            notification_url: Some(body.notification_url),
            lifecycle_notification_url: Some(body.lifecycle_notification_url),
            notification_query_options: body.notification_query_options,
            expiration_date_time: Some(body.expiration_date_time),
            include_resource_data: Some(body.include_resource_data),
            ..Subscription::default()
        };
        Ok(filled_in(created, asked))
    }

    /// Notes whether Graph refuses an entry's objects one after the other, and whether it could validate the notification URL
    /// of the tenant.
    fn note_answer<T>(&self, name: &str, answer: &Result<T, GraphError>) {
        let (begun, now) = (self.run.begun, self.now());
        let tenant = Subject::tenant(self.run.name);
        let entry = Subject::entry(self.run.name, name);
        let mut refusals = lock(&self.run.deps.memory.refusals);
        match answer.as_ref().map_err(|error| &error.kind) {
            Ok(_) => {
                refusals.forget(&tenant);
                refusals.accept(entry, now);
            }
            Err(GraphErrorKind::HandshakeFailed { .. }) => refusals.count(tenant, begun, now),
            Err(kind @ (GraphErrorKind::Forbidden { .. } | GraphErrorKind::Validation { .. }))
                if !kind.refused().is_some_and(Refused::is_of_object) =>
            {
                refusals.count(entry, begun, now);
            }
            // Other failures, and those whose cause is the object, say nothing about the next creation.
            Err(_) => {}
        }
    }

    /// Asks for a subscription by id. One that is not known is gone only if no version of the API shows it: its entry may have
    /// had another version.
    pub(super) async fn get(&self, id: &str) -> Result<Subscription, GraphError> {
        let run = &self.run;
        let known = lock(&self.known).get(id).map(Subscription::version);
        let versions = known.map_or_else(|| vec![Version::V1, Version::Beta], |version| vec![version]);
        get(run.deps, run.request, run.tenant, &versions, id, &self.known).await
    }

    /// Deletes a subscription and returns whether it was there.
    pub(super) async fn delete(&self, id: &str) -> Result<bool, Failure> {
        let version = lock(&self.known).get(id).map(Subscription::version);
        let version = version.unwrap_or_default();
        let was_there = self
            .run
            .within(self.run.deps.graph.delete(self.run.tenant, version, id))
            .await?;
        lock(&self.known).deny(id, self.now());
        Ok(was_there)
    }

    pub(super) async fn renew(
        &self,
        name: &str,
        id: &str,
        renewal: &Renewal,
    ) -> Result<Subscription, Failure> {
        let update = SubscriptionUpdate {
            expiration_date_time: renewal.expires_at,
            notification_url: renewal.notification_url.clone(),
            certificate: self.certificate(renewal.certificate_id.as_deref())?,
        };
        let known = lock(&self.known).get(id).cloned().unwrap_or_default();
        let known = Subscription {
            id: id.to_owned(),
            ..known
        };
        let run = &self.run;
        Ok(renew(run.deps, run.request, run.tenant, name, known, update).await?)
    }

    /// Returns the body of a creation, with its client state.
    pub(super) fn body(&self, creation: &Creation) -> Result<NewSubscription, Failure> {
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
        let now = self.now();
        let keys = &self.run.keys.client_state.keys;
        let key = keys.iter().find(|key| key.id == *key_id);
        let usable_from = self.run.keys.usable_from(self.run.tenant, now);
        // Key and application are published separately, so each has to be known to every webhook: else items are
        // rejected.
        let key = match (key, usable_from) {
            (Some(key), Some(usable_from)) if usable_from <= now => key,
            (Some(_), Some(_)) => return Err(Failure::KeyNotYet),
            (None, _) | (_, None) => return Err(Failure::NotPublished),
        };
        let subject = client_state::Subject {
            name: &desired.name,
            application: self.run.tenant.application,
            includes_resource_data: desired.include_resource_data,
        };
        client_state::mint(key, &subject).map_err(Failure::Mint)
    }

    fn certificate(&self, id: Option<&str>) -> Result<Option<EncryptionCertificate>, Failure> {
        let Some(id) = id else { return Ok(None) };
        let key = self
            .run
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

/// Asks for a subscription by id, and returns it with what Graph does not show but this process knows of it. It is gone only if
/// none of the `versions` shows it.
pub(crate) async fn get<P: Ports>(
    deps: &Deps<P>,
    request: &RunRequest,
    tenant: &Tenant,
    versions: &[Version],
    id: &str,
    known: &Mutex<Known>,
) -> Result<Subscription, GraphError> {
    let mut found = Err(GraphError::of(GraphErrorKind::OutOfTime));
    for version in versions {
        let call = deps.graph.get(tenant, *version, id);
        found = request.within(&deps.clock, call).await;
        let is_unknown = |error: &GraphError| matches!(error.kind, GraphErrorKind::NotFound { .. });
        if !found.as_ref().is_err_and(is_unknown) {
            break;
        }
    }
    let mut one = found?;
    if let Some(known) = lock(known).get(id) {
        keep_query(&mut one, known);
    }
    Ok(one)
}

/// Renews the subscription called `name`, which is `known` so far, and returns it with what Graph's answer leaves out. If
/// Graph finds the expiry too late, its refusal names the longest lifetime, so one more call is enough.
pub(crate) async fn renew<P: Ports>(
    deps: &Deps<P>,
    request: &RunRequest,
    tenant: &Tenant,
    name: &str,
    known: Subscription,
    mut update: SubscriptionUpdate,
) -> Result<Subscription, GraphError> {
    let call = async |update: &SubscriptionUpdate| {
        let call = deps.graph.update(tenant, known.version(), &known.id, update);
        request.within(&deps.clock, call).await
    };
    let mut renewed = match call(&update).await {
        Err(GraphError {
            kind: GraphErrorKind::TooLong { minutes, .. },
            ..
        }) => {
            update.expiration_date_time = shorten(deps, tenant, name, minutes);
            call(&update).await?
        }
        renewed => renewed?,
    };
    if renewed.expiration_date_time.is_none() {
        // An answer without content says nothing, and one with an error may have any status.
        let shown = deps.graph.get(tenant, known.version(), &known.id);
        let shown = request.within(&deps.clock, shown).await.ok();
        renewed.expiration_date_time = shown.and_then(|shown| shown.expiration_date_time);
    }
    let (before, granted) = (known.expiration_date_time, renewed.expiration_date_time);
    let asked = update.expiration_date_time;
    if let Some(end) = granted.filter(|end| asked.duration_since(*end) > TOLERANCE && granted <= before) {
        let message = format!("it was not extended, and expires at {end} as before");
        return Err(GraphError::of(GraphErrorKind::Unexpected {
            status: 200,
            message,
        }));
    }
    note_granted(deps, tenant, name, asked, granted);
    let asked = Subscription {
        notification_url: update.notification_url.or(known.notification_url),
        expiration_date_time: Some(update.expiration_date_time),
        encryption_certificate_id: None,
        ..known
    };
    Ok(filled_in(renewed, asked))
}

/// Remembers a lifetime that Graph has cut short without a refusal.
fn note_granted<P: Ports>(
    deps: &Deps<P>,
    tenant: &Tenant,
    name: &str,
    asked: Timestamp,
    granted: Option<Timestamp>,
) {
    let now = deps.clock.now();
    let Some(granted) = granted.filter(|granted| *granted > now) else {
        return;
    };
    // Graph counts from a later moment, and rounds.
    let least = TOLERANCE.max(asked.duration_since(now) / 10);
    if asked.duration_since(granted) > least {
        let minutes = granted.duration_since(now).as_mins();
        shorten(deps, tenant, name, u32::try_from(minutes).unwrap_or_default());
    }
}

/// By how much the expiry that Graph shows may differ from the one that was asked for.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Remembers the longest lifetime that Graph grants, and returns the expiry that follows from it.
fn shorten<P: Ports>(deps: &Deps<P>, tenant: &Tenant, name: &str, minutes: u32) -> Timestamp {
    let lifetime = deps.memory.shorten(tenant, name, minutes);
    let now = deps.clock.now();
    now.saturating_add(lifetime).unwrap_or(now)
}
