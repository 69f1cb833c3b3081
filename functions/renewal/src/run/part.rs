//! The part of a run that is about one tenant.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use graph_core::subscription::{
    config::{Config, Entry, Problem, Tenant},
    plan::{Action, Context, Expansion, Listing, Past, Step, expand, plan},
    rotation::{self, KeysInUse, PublishedKeys},
};
use jiff::{SignedDuration, Timestamp};
use tracing::info;

use super::{Scope, Told, objects};
use crate::{
    Deps, advice,
    apply::{Applier, Basis, Outcome},
    keys::LEAD,
    ports::{Clock, Documents, Graph},
    report::{ManyLine, TenantLine, told},
};

/// What was found and done in a tenant.
#[derive(Default)]
pub(super) struct Found {
    pub(super) line: TenantLine,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) many: Vec<ManyLine>,
    pub(super) problems: Vec<Problem>,
    pub(super) expansion: Expansion,
    /// The removals that Graph has told of and that concern the application.
    pub(super) removed: BTreeSet<(String, String)>,
    /// Nothing when the tenant's subscriptions could not be listed.
    pub(super) in_use: Option<KeysInUse>,
}

/// The part of a run that is about one tenant.
pub(super) struct Part<'a, D, G, C, Q, R> {
    pub(super) deps: &'a Deps<D, G, C, Q, R>,
    pub(super) scope: &'a Scope,
    pub(super) config: &'a Config,
    pub(super) config_version: &'a str,
    pub(super) keys: &'a PublishedKeys,
    pub(super) now: Timestamp,
    pub(super) name: &'a str,
    pub(super) tenant: &'a Tenant,
}

impl<D: Documents, G: Graph, C: Clock, Q, R> Part<'_, D, G, C, Q, R> {
    pub(super) async fn reconcile(&self) -> Found {
        let mut found = Found::default();
        self.name.clone_into(&mut found.line.tenant);
        let listed = match self.deps.graph.list(self.tenant).await {
            Ok(listed) => listed,
            Err(error) => {
                let advice = advice::for_list(&error.kind, self.tenant);
                found.line.error = Some(format!("{}{advice}", told(&error)));
                return found;
            }
        };
        let Some(context) = self.context() else {
            found.line.error = Some("there is no client-state key yet".to_owned());
            return found;
        };
        let listing = Listing::of(&listed, &self.deps.stack);
        found.in_use = Some(KeysInUse::of(&listed, listing.urls()));
        let entries: Vec<&Entry> = self
            .config
            .subscriptions
            .values()
            .filter(|entry| entry.tenants.contains(self.name))
            .collect();
        let entries = objects::list(&self.deps.graph, self.tenant, &entries).await;
        found.expansion = expand(&entries, &listing);
        (found.many, found.problems) = objects::report(&entries, &found.expansion, self.name);
        self.bring_in_line(&listing, context, &mut found).await;
        found
    }

    /// Plans, and does what the plan says.
    async fn bring_in_line(&self, listing: &Listing<'_>, mut context: Context, found: &mut Found) {
        context.held.extend(found.expansion.held.clone());
        let past = self.past();
        let told = self.told();
        let is_listed = |(id, name): &&(String, String)| listing.names(id) == Some(name);
        let of_listed = |told: &BTreeSet<(String, String)>| -> BTreeSet<String> {
            told.iter().filter(is_listed).map(|(id, _)| id.clone()).collect()
        };
        context.reauthorization_required = of_listed(&told.challenged);
        context.removed = of_listed(&told.removed);
        let desired = &found.expansion.desired;
        let mut steps = plan(desired, listing, &context, self.now, &self.deps.policy);
        let holds = self.deps.policy.period.saturating_mul(PERIODS_REMEMBERED);
        found.removed = lock(&past).look(&mut steps, &told.removed, &context, holds, self.now);
        found.line.listed = listing.count();
        found.line.others = listing.others();
        if self.scope.dry_run {
            found.outcomes = steps
                .iter()
                .map(|step| Outcome::planned(step, self.name))
                .collect();
            return;
        }
        wait_for_key(&self.deps.clock, self.keys, self.tenant, &steps).await;
        let applier = Applier {
            graph: &self.deps.graph,
            clock: &self.deps.clock,
            name: self.name,
            tenant: self.tenant,
            basis: Basis {
                documents: &self.deps.documents,
                version_id: self.config_version,
            },
            keys: self.keys,
            context: &context,
            desired,
            stop_at: self.stop_at(),
            patience: &self.deps.memory.patience,
            past: &past,
            is_patient: self.scope.is_patient,
        };
        found.outcomes = applier.apply(&steps).await;
    }

    /// Returns what Graph tells of the application's subscriptions.
    fn told(&self) -> Told {
        let id = (self.tenant.tenant_id.clone(), self.tenant.client_id.clone());
        self.scope.told.get(&id).cloned().unwrap_or_default()
    }

    /// Returns what this process remembers of the application. A dry run leaves no trace in it.
    fn past(&self) -> Arc<Mutex<Past>> {
        // Without a key nothing can have been made.
        let is_new = self.keys.is_new(self.tenant, &LEAD, self.now);
        let fresh = || {
            if is_new {
                Past::none(self.now)
            } else {
                Past::default()
            }
        };
        let id = (self.tenant.tenant_id.clone(), self.tenant.client_id.clone());
        let mut pasts = lock(&self.deps.memory.pasts);
        if self.scope.dry_run {
            let past = pasts.get(&id).map_or_else(fresh, |past| lock(past).clone());
            return Arc::new(Mutex::new(past));
        }
        let past = pasts.entry(id).or_insert_with(|| Arc::new(Mutex::new(fresh())));
        Arc::clone(past)
    }

    /// Returns when no step is begun any more: what is left then is enough for one that takes long, and for the report.
    fn stop_at(&self) -> Timestamp {
        let left = self.scope.deadline.duration_since(self.now);
        let reserve = RESERVE.min(left / 3);
        self.scope
            .deadline
            .saturating_sub(reserve)
            .unwrap_or(self.scope.deadline)
    }

    /// Returns what the plan is made against.
    fn context(&self) -> Option<Context> {
        let Self {
            deps,
            scope: _,
            config,
            config_version: _,
            keys,
            now,
            name,
            tenant,
        } = self;
        let refused = config
            .refused
            .iter()
            .map(|name| (name.clone(), "its entry has an error".to_owned()));
        let not_planned = config.subscriptions.values().filter_map(|entry| {
            // One application may stand in two tenants of the configuration, and Graph lists it as one.
            let is_same_application = |other: &&String| {
                let other = config.tenants.get(*other);
                other.is_some_and(|other| {
                    other.tenant_id == tenant.tenant_id && other.client_id == tenant.client_id
                })
            };
            let is_own = entry.tenants.contains(*name);
            let other = entry.tenants.iter().find(is_same_application);
            let other = other.filter(|_| !is_own)?;
            Some((entry.name.clone(), format!("it belongs to tenant {other}")))
        });
        let certificates = keys.certificate_lives(tenant);
        let client_state = keys.client_state_lives();
        Some(Context {
            stack: deps.stack.clone(),
            notifications: deps.notifications.clone(),
            lifecycle: deps.lifecycle.clone(),
            mint_key: keys.mint_key(*now)?.id.clone(),
            keys: client_state.iter().map(|key| key.id.to_owned()).collect(),
            // There is none in a dry run before the first run, and then nothing exists that could have another.
            certificate: keys
                .certificate(tenant, *now)
                .map(|key| key.id.clone())
                .unwrap_or_default(),
            certificates: certificates.iter().map(|key| key.id.to_owned()).collect(),
            retiring_keys: rotation::retiring(&client_state, *now),
            retiring_certificates: rotation::retiring(&certificates, *now),
            complete: config.whole,
            held: refused.chain(not_planned).collect(),
            reauthorization_required: BTreeSet::new(),
            removed: BTreeSet::new(),
        })
    }
}

/// Waits until new subscriptions may be made, but not for long: a webhook that does not know their key or application yet
/// would turn their notifications away.
async fn wait_for_key(clock: &impl Clock, keys: &PublishedKeys, tenant: &Tenant, steps: &[Step]) {
    let creates = steps
        .iter()
        .any(|step| matches!(step.action, Action::Create(_) | Action::Replace { .. }));
    let now = clock.now();
    let usable_from = keys.usable_from(tenant, now);
    let Some(usable_from) = usable_from.filter(|from| creates && *from > now) else {
        return;
    };
    let wait = Duration::try_from(usable_from.duration_since(now)).unwrap_or_default();
    if wait <= LONGEST_WAIT {
        info!(
            "Waiting {} s until every webhook knows tenant {}",
            wait.as_secs(),
            tenant.tenant_id
        );
        clock.sleep(wait).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For how many periods a look at the list says what is new: another process may have made something since.
const PERIODS_REMEMBERED: i32 = 3;

/// The longest wait for a key within a run.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// The time kept for the steps under way when no other is begun any more: one may wait a minute for Graph.
const RESERVE: SignedDuration = SignedDuration::from_mins(2);
