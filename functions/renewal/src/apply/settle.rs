//! Resolves conflicts: creations that fail because another subscription exists.

use std::collections::BTreeSet;

use graph_core::subscription::{
    model::Subscription,
    plan::{Action, Creation, Listing, Reason, Step, is_of_stack},
};
use graph_edge::graph::{GraphError, GraphErrorKind};
use jiff::{SignedDuration, Timestamp};

use super::{Applier, Done, Failure, failure::TAKE_OVER};
use crate::{memory::lock, ports::Ports, tenant_run::TenantRun};

impl<P: Ports> Applier<'_, P> {
    /// Creates a subscription after a conflict, or says which subscription conflicts. The first attempt is repeated,
    /// because an earlier step may have removed the conflict, as when two entries swap their resources.
    pub(super) async fn settle(&self, creation: &Creation, conflict: &GraphError) -> Result<Done, Failure> {
        let error = match self.create(creation).await {
            Err(Failure::Graph(error)) => error,
            outcome => return outcome.map(Done::from),
        };
        let GraphErrorKind::Conflict { existing, message } = &error.kind else {
            return Err(error.into());
        };
        let Some(id) = existing else {
            return Err(self
                .rival(creation, message.clone())
                .unwrap_or_else(|| error.into()));
        };
        let existing = match self.get(id).await {
            // Creating and reading can disagree for hours after a deletion, and only time helps.
            Err(error) if matches!(error.kind, GraphErrorKind::NotFound { .. }) => {
                return Err(Failure::Vanished(id.clone()));
            }
            existing => existing?,
        };
        if conflict.is_repeated && self.is_of_request(&existing, creation) {
            return Ok(existing.into());
        }
        self.settle_with(creation, existing).await
    }

    async fn settle_with(&self, creation: &Creation, existing: Subscription) -> Result<Done, Failure> {
        let id = existing.id.clone();
        let url = existing.notification_url.clone().unwrap_or_default();
        // Neither the list nor a client state proves whose the subscription is: only the stack id in its URL does.
        let Some(ours) = self.context.stack.read(&url) else {
            let is_of_stack = is_of_stack(&existing);
            if self.context.takes_over && is_of_stack {
                return Err(self.in_the_way(creation, existing, Reason::TakenOver));
            }
            return Err(Failure::Theirs {
                id,
                address: address(&url),
                advice: if is_of_stack { TAKE_OVER } else { "" },
            });
        };
        if ours.name == creation.desired.name {
            // A subscription with a retired key is not adopted: the webhook would reject its notifications.
            let key_id = ours.key_id;
            if self.is_published(&key_id).await {
                return self.adopt(creation, existing).await;
            }
            return Err(self.in_the_way(creation, existing, Reason::KeyGone(key_id)));
        }
        if self.desired.iter().any(|desired| desired.name == ours.name) {
            return Err(Failure::Entry(ours.name));
        }
        // As in the plan: an incomplete or wrong list can make every subscription of this stack look unwanted.
        if let Some(why) = self.context.held_because(&ours.name) {
            let why = why.to_owned();
            return Err(Failure::Held { id, why });
        }
        Err(self.in_the_way(creation, existing, Reason::Renamed(ours.name)))
    }

    /// Returns whether a client-state key is published. It may have been published since the run began.
    async fn is_published(&self, key_id: &String) -> bool {
        let unknown = || BTreeSet::from([key_id.clone()]);
        self.context.keys.contains(key_id) || self.run.published_now(unknown()).await.contains(key_id)
    }

    /// Returns the failure because of a subscription that has to be replaced, and remembers that it exists: until its
    /// successor does, notifications are lost.
    fn in_the_way(&self, creation: &Creation, existing: Subscription, reason: Reason) -> Failure {
        let mut known = lock(&self.known);
        known
            .history
            .seen(&creation.desired.name, &existing.id, self.now());
        known.put(existing.clone());
        Failure::InTheWay(Box::new((existing, reason)))
    }

    /// Makes the replacement that would have been planned if the list had shown the subscription in the way of a creation.
    pub(super) async fn displace(
        &self,
        step: Step,
        attempt: Result<Done, Failure>,
    ) -> (Step, Result<Done, Failure>) {
        let is_creation = matches!(step.action, Action::Create(_));
        let (existing, reason) = match attempt {
            Err(Failure::InTheWay(found)) if is_creation => *found,
            // Of another step the next run plans it: this one has a subscription of its own to care for.
            attempt => return (step, attempt),
        };
        let step = step.in_place_of(&existing, reason);
        let attempt = match &step.action {
            Action::Replace { id, creation } if self.is_current().await => {
                self.delete_first(&step, id, creation).await
            }
            _ => Err(Failure::Outdated),
        };
        (step, attempt)
    }

    /// Returns whether a request for this creation made the subscription, though its answer was lost: the same URL and expiry were
    /// asked for, or the expiry that Graph grants at most.
    fn is_of_request(&self, existing: &Subscription, creation: &Creation) -> bool {
        let TenantRun {
            deps, tenant, begun, ..
        } = &self.run;
        let entry = creation.desired.name.split('/').next().unwrap_or_default();
        let longest = deps.memory.longest(tenant, entry);
        // Graph may round the expiry.
        let second = SignedDuration::from_secs(1);
        let is_asked = |end: Timestamp| {
            let is_granted = longest.is_some_and(|minutes| {
                let asked_at = end.saturating_sub(SignedDuration::from_mins(minutes.into()));
                asked_at.is_ok_and(|at| {
                    begun.duration_since(at) <= second && at.duration_since(self.now()) <= second
                })
            });
            is_granted || end.duration_since(creation.expires_at).abs() < second
        };
        existing.notification_url.as_ref() == Some(&creation.notification_url)
            && existing.expiration_date_time.is_some_and(is_asked)
    }

    /// Adopts a subscription that Graph did not list, and renews it if it is due.
    async fn adopt(&self, creation: &Creation, existing: Subscription) -> Result<Done, Failure> {
        let reason = "Graph did not list it, or another run had just created it".to_owned();
        let otherwise = Some(("adopt", reason));
        // Before the renewal, which may fail: the subscription exists in any case.
        lock(&self.known).put(existing.clone());
        let done = if self.is_due(existing.expiration_date_time, creation) {
            let name = &creation.desired.name;
            self.extend(name, &existing.id, &creation.extension()).await?
        } else {
            existing.into()
        };
        Ok(Done { otherwise, ..done })
    }

    /// Returns all that is known, sorted by owner.
    pub(crate) fn listing<'l>(&self, all: &'l [Subscription]) -> Listing<'l> {
        Listing::of(all, &self.context.stack, self.run.tenant.application.client_id)
    }

    /// Returns the listed subscription that conflicts, where Graph does not name it.
    fn rival(&self, creation: &Creation, text: String) -> Option<Failure> {
        let all = lock(&self.known).all();
        let listing = self.listing(&all);
        let desired = &creation.desired;
        let (id, url) = listing.rival(&desired.resource, &desired.change_type)?;
        Some(Failure::Rival {
            id: id.to_owned(),
            address: address(url),
            text,
        })
    }
}

/// Returns a notification URL without its query, which contains the stack id and key ids.
fn address(url: &str) -> String {
    let before_query = url.split(['?', '#']).next().unwrap_or_default();
    before_query.chars().take(200).collect()
}
