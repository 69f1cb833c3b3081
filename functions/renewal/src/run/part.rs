//! The part of a run that is about one tenant.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use graph_core::subscription::{
    catalogue::Version,
    config::{Config, Entry, Problem, Severity, Tenant},
    model::Subscription,
    plan::{Action, Context, Expansion, Listing, Objects, Policy, Step, Urgency, excess, expand, plan},
    rotation::{self, KeysInUse, PublishedKeys},
    url::NotificationUrl,
};
use graph_edge::graph::{GraphError, GraphErrorKind};
use jiff::{SignedDuration, Timestamp};
use tracing::info;

use super::{Scope, Told, objects, send};
use crate::{
    Deps, advice,
    apply::{Applier, Basis, Breaker, Outcome, within},
    keys::LEAD,
    memory::{Known, What, keep_query, lock},
    ports::{Clock, Ports},
    report::{ManyLine, TenantLine, told},
};

/// What was found and done in a tenant.
#[derive(Default)]
pub(super) struct Found {
    pub(super) line: TenantLine,
    /// How many subscriptions would be deleted or replaced, and are not: too many at once.
    pub(super) held: usize,
    pub(super) many: Vec<ManyLine>,
    pub(super) problems: Vec<Problem>,
    pub(super) expansion: Expansion,
    /// The removals that Graph has told of and that concern the application.
    pub(super) removed: BTreeSet<(String, String)>,
    /// Nothing when the tenant's subscriptions could not be listed.
    pub(super) in_use: Option<KeysInUse>,
}

/// The part of a run that is about one tenant.
pub(super) struct Part<'a, P: Ports> {
    pub(super) deps: &'a Deps<P>,
    pub(super) scope: &'a Scope,
    pub(super) config: &'a Config,
    pub(super) config_version: &'a str,
    pub(super) keys: &'a PublishedKeys,
    pub(super) now: Timestamp,
    pub(super) name: &'a str,
    pub(super) tenant: &'a Tenant,
}

/// A tenant that was looked at, and what is to be done in it.
pub(super) struct Looked<'a, P: Ports> {
    part: Part<'a, P>,
    pub(super) found: Found,
    pub(super) steps: Vec<Step>,
    plan: Option<Planned>,
}

/// What the steps were made with.
struct Planned {
    context: Context,
    policy: Policy,
    listed: Vec<Subscription>,
    known: Arc<Mutex<Known>>,
    breaker: Breaker,
}

impl<'a, P: Ports> Part<'a, P> {
    /// Looks at the tenant and plans.
    pub(super) async fn look(self) -> Looked<'a, P> {
        let mut found = Found::default();
        self.name.clone_into(&mut found.line.tenant);
        let known = self.known();
        let listed = match self.subscriptions(&known).await {
            Ok(listed) => listed,
            Err(error) => {
                let advice = advice::for_list(&error.kind, self.tenant);
                found.line.error = Some(format!("{}{advice}", told(&error)));
                return Looked::unplanned(self, found);
            }
        };
        let Some(context) = self.context() else {
            found.line.error = Some("there is no client-state key yet".to_owned());
            return Looked::unplanned(self, found);
        };
        let entries: Vec<&Entry> = self
            .config
            .subscriptions
            .values()
            .filter(|entry| entry.tenants.contains(self.name))
            .collect();
        let entries = objects::list(self.deps, self.scope, self.tenant, &entries).await;
        self.plan(&entries, listed, context, known, found)
    }

    /// Returns the subscriptions of the login: as Graph lists them, with those that it leaves out and still has; or as they
    /// are remembered, where the list is fresh.
    async fn subscriptions(&self, known: &Mutex<Known>) -> Result<Vec<Subscription>, GraphError> {
        let pages = self.deps.memory.pages(&self.tenant.client_id);
        let is_stale = lock(known).is_stale(pages, &self.deps.policy, self.now);
        let told = self.told();
        if self.scope.is_patient && !self.scope.lists && !is_stale {
            return Ok(lock(known).all());
        }
        let list = self.deps.graph.list(self.tenant);
        let listed = within(&self.deps.clock, self.scope.end_at(), list).await?;
        let mut left_out = lock(known).take_list(listed, self.now);
        left_out.retain(|one| !told.removed.iter().any(|(id, _)| *id == one.id));
        self.look_for(left_out, known).await;
        Ok(lock(known).all())
    }

    /// Asks by id for what a list leaves out: lists lie for days at times. What cannot be asked about now counts as there.
    async fn look_for(&self, left_out: Vec<Subscription>, known: &Mutex<Known>) {
        let (ask, rest) = left_out.split_at(left_out.len().min(MOST_LOOKS));
        for one in rest {
            lock(known).put(one.clone());
        }
        let looks = ask.iter().map(|one| async move {
            let version = self.version(one);
            let look = self.deps.graph.get(self.tenant, version, &one.id);
            match within(&self.deps.clock, self.scope.end_at(), look).await {
                Ok(mut shown) => {
                    keep_query(&mut shown, one);
                    Some(shown)
                }
                Err(error) if matches!(error.kind, GraphErrorKind::NotFound { .. }) => None,
                Err(_) => Some(one.clone()),
            }
        });
        let mut looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
        while let Some(one) = looks.next().await {
            if let Some(one) = one {
                lock(known).put(one);
            }
        }
    }

    /// Returns the version of the API that manages a subscription.
    fn version(&self, one: &Subscription) -> Version {
        let url = one.notification_url.as_deref().map(NotificationUrl::anywhere);
        let name = url.map(|url| url.name).unwrap_or_default();
        let entry = name.split('/').next().unwrap_or_default();
        self.config
            .subscriptions
            .get(entry)
            .map_or(Version::V1, |entry| entry.version)
    }

    /// Plans, with the brake on where too much would go.
    fn plan(
        self,
        entries: &[(&Entry, Objects)],
        listed: Vec<Subscription>,
        mut context: Context,
        known: Arc<Mutex<Known>>,
        mut found: Found,
    ) -> Looked<'a, P> {
        let listing = Listing::of(&listed, &self.deps.stack, &self.tenant.client_id);
        found.in_use = Some(KeysInUse::of(&listed, listing.urls()));
        found.expansion = expand(entries, &listing);
        (found.many, found.problems) = objects::report(entries, &found.expansion, self.name);
        self.shorten(&mut found);
        context.held.extend(found.expansion.held.clone());
        let told = self.told();
        context.reauthorization_required = of_listed(&told.challenged, &listing);
        context.removed = of_listed(&told.removed, &listing);
        let policy = self.deps.policy.of_many(listing.count());
        let desired = &found.expansion.desired;
        let mut steps = plan(desired, &listing, &context, self.now, &policy);
        let is_new = lock(&known).version.as_deref() != Some(self.config_version);
        let excess = excess(&steps, listing.ours(), is_new);
        if let Some(count) = excess.filter(|_| !self.scope.confirms_deletions) {
            context.braked = true;
            steps = plan(desired, &listing, &context, self.now, &policy);
            found.held = count;
            found.problems.push(self.braked(count, listing.ours()));
        } else {
            lock(&known).version = Some(self.config_version.to_owned());
        }
        let holds = policy.period.saturating_mul(PERIODS_REMEMBERED);
        let mut guard = lock(&known);
        found.removed = guard
            .past
            .look(&mut steps, &told.removed, &context, holds, self.now);
        drop(guard);
        found.line.listed = listing.count();
        found.line.others = listing.others();
        let planned = Planned {
            context,
            policy,
            listed,
            known,
            breaker: Breaker::default(),
        };
        Looked {
            part: self,
            found,
            steps,
            plan: Some(planned),
        }
    }

    /// Asks for no more time than Graph has granted to others of an entry.
    fn shorten(&self, found: &mut Found) {
        let longest = lock(&self.deps.memory.longest);
        let mut told = BTreeSet::new();
        for desired in &mut found.expansion.desired {
            let entry = desired.name.split('/').next().unwrap_or_default();
            let Some(minutes) = longest.get(entry) else {
                continue;
            };
            desired.lifetime = desired
                .lifetime
                .min(SignedDuration::from_mins(i64::from(*minutes)));
            told.insert((entry.to_owned(), *minutes));
        }
        found
            .problems
            .extend(told.into_iter().map(|(entry, minutes)| Problem {
                path: format!("subscriptions.{entry}.expirationMinutes"),
                message: format!("is {minutes}: Graph refused a longer time for this resource"),
                severity: Severity::Warning,
            }));
    }

    fn braked(&self, count: usize, live: usize) -> Problem {
        Problem {
            path: format!("tenants.{}", self.name),
            message: format!(
                "has {live} subscriptions, of which {count} would be deleted or replaced; nothing is, and all are renewed. If \
                 that is what the configuration asks for, invoke renewal with {{\"confirmDeletions\": true}}"
            ),
            severity: Severity::Error,
        }
    }

    /// Returns what Graph tells of the application's subscriptions.
    fn told(&self) -> Told {
        let id = (self.tenant.tenant_id.clone(), self.tenant.client_id.clone());
        self.scope.told.get(&id).cloned().unwrap_or_default()
    }

    /// Returns what this process remembers of the login's subscriptions. A dry run leaves no trace in it.
    fn known(&self) -> Arc<Mutex<Known>> {
        // Without a key nothing can have been made.
        let is_new = self.keys.is_new(self.tenant, &LEAD, self.now);
        let fresh = || {
            if is_new {
                Known::none(self.now)
            } else {
                Known::default()
            }
        };
        let memory = &self.deps.memory;
        if self.scope.dry_run {
            return Arc::new(Mutex::new(memory.glimpse(self.name, self.tenant, fresh)));
        }
        memory.known(self.name, self.tenant, fresh)
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
            braked: false,
            held: refused.chain(not_planned).collect(),
            reauthorization_required: BTreeSet::new(),
            removed: BTreeSet::new(),
        })
    }
}

impl<'a, P: Ports> Looked<'a, P> {
    fn unplanned(part: Part<'a, P>, found: Found) -> Self {
        Self {
            part,
            found,
            steps: Vec::new(),
            plan: None,
        }
    }

    /// Does a step, and tells consumers at once what may have been lost: a run may be ended at any moment.
    pub(super) async fn work(&self, step: &Step) -> Outcome {
        let Some(planned) = &self.plan else {
            return self.leave(step);
        };
        let part = &self.part;
        wait_for_key(&part.deps.clock, part.keys, part.tenant, step).await;
        let applier: Applier<'_, P> = Applier {
            graph: &part.deps.graph,
            clock: &part.deps.clock,
            name: part.name,
            tenant: part.tenant,
            basis: Basis {
                documents: &part.deps.documents,
                version_id: part.config_version,
            },
            keys: part.keys,
            policy: planned.policy,
            context: &planned.context,
            desired: &self.found.expansion.desired,
            listed: &planned.listed,
            stop_at: part.scope.stop_at(),
            end_at: part.scope.end_at(),
            memory: &part.deps.memory,
            known: &planned.known,
            breaker: &planned.breaker,
            is_patient: part.scope.is_patient,
        };
        let mut outcome = applier.apply(step).await;
        if let Some(gap) = &outcome.gap {
            let untold = send(&part.deps.delivery_queue, vec![((), gap.clone())]).await;
            outcome.is_untold = !untold.is_empty();
        }
        outcome
    }

    /// Returns the outcome of a step that is not to be taken.
    pub(super) fn leave(&self, step: &Step) -> Outcome {
        Outcome::planned(step, self.part.name)
    }

    /// Returns how urgent a step is; nothing for one that leaves everything as it is.
    pub(super) fn urgency(&self, step: &Step) -> Option<Urgency> {
        Urgency::of(step, &self.part.deps.policy, self.part.now)
    }

    /// Returns whether Graph has refused the step's creation before, or it was left over.
    pub(super) fn rank(&self, step: &Step) -> (bool, bool) {
        let (Action::Create(creation) | Action::Replace { creation, .. }) = &step.action else {
            return (false, false);
        };
        let what = What::of(&self.part.tenant.tenant_id, &creation.desired);
        let is_refused = lock(&self.part.deps.memory.refusals).get(&what).is_some();
        let key = (self.part.name.to_owned(), step.name.clone());
        let is_left_over = lock(&self.part.deps.memory.left_over).contains(&key);
        (is_refused, !is_left_over)
    }

    pub(super) fn tenant(&self) -> (&str, &Tenant) {
        (self.part.name, self.part.tenant)
    }
}

/// Returns the ids among those that Graph tells of that the list shows under the same name.
fn of_listed(told: &BTreeSet<(String, String)>, listing: &Listing<'_>) -> BTreeSet<String> {
    let is_listed = |(id, name): &&(String, String)| listing.names(id) == Some(name);
    told.iter().filter(is_listed).map(|(id, _)| id.clone()).collect()
}

/// Waits until new subscriptions may be made, but not for long: a webhook that does not know their key or application yet
/// would turn their notifications away.
async fn wait_for_key(clock: &impl Clock, keys: &PublishedKeys, tenant: &Tenant, step: &Step) {
    let creates = matches!(step.action, Action::Create(_) | Action::Replace { .. });
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

/// For how many periods a look at the list says what is new: another process may have made something since.
const PERIODS_REMEMBERED: i32 = 3;

/// The longest wait for a key within a run.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// The most subscriptions that are asked for by id in a run because a list leaves them out.
const MOST_LOOKS: usize = 100;

const LOOKS_AT_ONCE: usize = 8;
