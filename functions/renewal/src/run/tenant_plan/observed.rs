//! The existing subscriptions: from Graph's list, from requests by id, and from memory.

use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};
use graph_core::subscription::model::Subscription;
use graph_edge::graph::{GraphError, GraphErrorKind};

use crate::{
    keys::LEAD,
    memory::{Known, keep_query, lock},
    ports::Ports,
    run::request::until,
    tenant_run::TenantRun,
};

impl<P: Ports> TenantRun<'_, P> {
    /// Returns the subscriptions of the login: those that Graph lists, plus those that the list leaves out though they
    /// exist; or the remembered ones, if the last list is recent.
    pub(super) async fn existing(&self, known: &Mutex<Known>) -> Result<Vec<Subscription>, GraphError> {
        let pages = self.deps.memory.pages(self.tenant.application.client_id);
        let is_stale = lock(known).is_stale(pages, &self.deps.policy, self.begun);
        // A lifecycle notification reports a change at Graph, and a person wants to see the present state.
        if self.request.is_over_everything() && self.request.options.is_patient && !is_stale {
            return Ok(lock(known).all());
        }
        let list = self.deps.graph.list(self.tenant);
        let listed = until(self.request.lists_until(), &self.deps.clock, list).await?;
        let mut doubtful = lock(known).replace_by(listed, self.begun);
        // Graph has said itself that these are gone: asking again by id costs a call each.
        let removed = self.removed();
        doubtful.retain(|one| !removed.iter().any(|(id, _)| *id == one.id));
        self.ask_for(doubtful, known).await;
        Ok(lock(known).all())
    }

    /// Asks by id for subscriptions of which the list and Graph's earlier answers differ: lists can be wrong for days. Those
    /// without an answer count as before, and are the first to be asked for in the next run.
    async fn ask_for(&self, doubtful: Vec<Subscription>, known: &Mutex<Known>) {
        let (ask, rest) = doubtful.split_at(doubtful.len().min(MAX_LOOKUPS_PER_RUN));
        // Not asked for: too many calls would use up Graph's limit, and a wrong list must not delete anything.
        for one in rest {
            lock(known).keep(one.clone());
        }
        let calls = ask.iter().map(|one| async move {
            let call = self.deps.graph.get(self.tenant, one.version(), &one.id);
            match self.within(call).await {
                Ok(mut shown) => {
                    keep_query(&mut shown, one);
                    lock(known).put(shown);
                }
                Err(error) if matches!(error.kind, GraphErrorKind::NotFound { .. }) => {
                    lock(known).deny(&one.id, self.begun);
                }
                Err(_) => lock(known).keep(one.clone()),
            }
        });
        let calls = stream::iter(calls).buffer_unordered(CONCURRENT_LOOKUPS);
        calls.collect::<()>().await;
    }

    /// Returns what this process remembers of the login's subscriptions. A dry run works on a copy.
    pub(super) fn known(&self) -> Arc<Mutex<Known>> {
        // A tenant that was published just now and that no run has looked at has had no subscription. The first key is used at
        // once, so another process may have created subscriptions already: then the stored look says which.
        let is_unseen = self.stored.is_new(self.name);
        let is_new = is_unseen && self.config.whole && self.keys.is_new(self.tenant, &LEAD, self.begun);
        let fresh = || {
            if is_new {
                Known::none(self.begun)
            } else {
                Known::default()
            }
        };
        let memory = &self.deps.memory;
        if self.request.options.dry_run {
            return Arc::new(Mutex::new(memory.copy_of(self.name, self.tenant, fresh)));
        }
        memory.known(self.name, self.tenant, fresh)
    }
}

/// How many doubtful subscriptions are asked for by id in one run.
const MAX_LOOKUPS_PER_RUN: usize = 100;

const CONCURRENT_LOOKUPS: usize = 8;
