//! The part of a run for one tenant.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use graph_core::subscription::{
    config::{Config, Entry, Problem, Severity, Tenant},
    model::Subscription,
    plan::{
        Action, Context, Desired, Expansion, Listing, Objects, Policy, Step, StoredState, Urgency, Wish,
        delete_all, excess, expand, plan,
    },
    rotation::{KeysInUse, PublishedKeys},
};
use jiff::{SignedDuration, Timestamp};
use tracing::info;

use super::{
    SubscriptionStatus,
    gaps::send,
    objects,
    request::{Notices, RunRequest},
};
use crate::{
    Deps, advice,
    apply::{Applier, CircuitBreaker, ConfigVersion, Outcome},
    memory::{Known, What, lock},
    ports::{Clock, Ports},
    report::{ManyLine, Margin, Need, TenantLine, describe},
};

mod context;
mod needs;
mod observed;
mod remembered;

/// The result of a run for one tenant.
#[derive(Default)]
pub(super) struct TenantResult {
    pub(super) line: TenantLine,
    /// How many deletions and replacements the brake holds back.
    pub(super) held: usize,
    pub(super) many: Vec<ManyLine>,
    pub(super) problems: Vec<Problem>,
    pub(super) expansion: Expansion,
    /// The removals that Graph reported and the list confirmed, by id and name.
    pub(super) removed: BTreeSet<(String, String)>,
    /// How long renewals may fail without a lapse.
    pub(super) margins: Vec<Margin>,
    /// The permissions that entries need, in a dry run.
    pub(super) needs: BTreeMap<String, Vec<Need>>,
    /// Whether Graph refuses the credential of a departed tenant for good.
    pub(super) is_locked_out: bool,
    /// The keys that its subscriptions name; nothing if Graph could not list them.
    pub(super) in_use: Option<KeysInUse>,
    /// The remembered subscriptions, if Graph could not list them; nothing if none is remembered.
    pub(super) remembered: Option<Vec<SubscriptionStatus>>,
}

/// The part of a run for one tenant.
pub(super) struct TenantRun<'a, P: Ports> {
    pub(super) deps: &'a Deps<P>,
    pub(super) request: &'a RunRequest,
    pub(super) config: &'a Config,
    pub(super) config_version: &'a str,
    /// The version of the configuration that was current when the run began: another one, if that cannot be parsed.
    pub(super) current_version: &'a str,
    /// The stored summary of the last run over everything.
    pub(super) stored: &'a StoredState,
    pub(super) keys: &'a PublishedKeys,
    pub(super) now: Timestamp,
    pub(super) name: &'a str,
    pub(super) tenant: &'a Tenant,
}

/// A tenant with its list and its plan.
pub(super) struct TenantPlan<'a, P: Ports> {
    run: TenantRun<'a, P>,
    pub(super) result: TenantResult,
    pub(super) steps: Vec<Step>,
    plan: Option<Planned>,
}

/// What the steps were planned with.
struct Planned {
    context: Context,
    policy: Policy,
    listed: Vec<Subscription>,
    known: Arc<Mutex<Known>>,
    breaker: CircuitBreaker,
}

impl<'a, P: Ports> TenantRun<'a, P> {
    /// Lists the tenant's subscriptions and plans.
    pub(super) async fn observe(self) -> TenantPlan<'a, P> {
        let mut result = TenantResult::default();
        self.name.clone_into(&mut result.line.tenant);
        result.line.taken_out = self.config.departed.contains(self.name);
        let known = self.known();
        let listed = match self.subscriptions(&known).await {
            Ok(listed) => listed,
            Err(error) => {
                let advice = advice::for_list(&error.kind, self.tenant);
                let mut text = format!("{}{advice}", describe(&error));
                // Only for a departed tenant: a configured one may be let in again after a correction.
                if result.line.taken_out && error.kind.is_lockout() {
                    result.is_locked_out = true;
                    text.push_str(LOCKED_OUT);
                }
                result.line.error = Some(text);
                return TenantPlan::unplanned(self, result);
            }
        };
        let Some(context) = self.context() else {
            result.line.error = Some("no client-state key exists yet".to_owned());
            return TenantPlan::unplanned(self, result);
        };
        let entries: Vec<&Entry> = self
            .config
            .subscriptions
            .values()
            // Without entries, the plan consists of deletions.
            .filter(|entry| entry.tenants.contains(self.name) && !self.request.options.deletes_all)
            .collect();
        if self.request.options.dry_run {
            // Only here: the needs cost an access token, and a real run shows Graph's refusals anyway.
            result.needs = self.needs(&entries).await;
        }
        let entries = objects::list(self.deps, self.request, self.tenant, &entries).await;
        self.plan(&entries, listed, context, known, result)
    }

    /// Plans, and plans again with the brake if the first plan deletes too much.
    fn plan(
        self,
        entries: &[(&Entry, Objects)],
        listed: Vec<Subscription>,
        mut context: Context,
        known: Arc<Mutex<Known>>,
        mut result: TenantResult,
    ) -> TenantPlan<'a, P> {
        let listing = Listing::of(&listed, &self.deps.stack, self.tenant.application.client_id);
        result.in_use = Some(KeysInUse::of(&listed, listing.urls()));
        result.expansion = expand(entries, &listing);
        (result.many, result.problems) = objects::report(entries, &result.expansion, self.name);
        result.problems.extend(self.missing(&result.needs));
        self.shorten(&mut result);
        // Objects that cannot be listed now must not lose their subscriptions.
        context.held.extend(result.expansion.held.clone());
        let notices = self.notices();
        context.reauthorization_required = of_listed(&notices.challenged, &listing);
        context.removed = of_listed(&notices.removed, &listing);
        // The margin depends on the count: thousands of early renewals would use up Graph's limit.
        let policy = self.deps.policy.of_many(listing.count());
        result.margins = self.margins(&result.expansion.desired, &policy);
        let desired = &result.expansion.desired;
        let mut steps = if self.request.options.deletes_all {
            delete_all(&listing)
        } else {
            plan(desired, &listing, &context, self.now, &policy)
        };
        let excess = excess(&steps, listing.ours(), self.wish(&known));
        if let Some(count) = excess.filter(|_| self.may_brake()) {
            context.braked = true;
            // Planned again and not filtered, because under the brake a replacement becomes a renewal.
            steps = plan(desired, &listing, &context, self.now, &policy);
            result.held = count;
            result.problems.push(self.braked(count, listing.ours()));
        } else {
            // Remembered only for a plan that is applied whole: the next run must still see the change as new.
            lock(&known).version = Some(self.config_version.to_owned());
        }
        let holds = policy.period.saturating_mul(PERIODS_REMEMBERED);
        // The stored summary first: a new process learns from it what was there before.
        let mut guard = lock(&known);
        let stored = self.stored.of(self.name, self.config_version);
        if let Some(look) = stored {
            guard.history.recall(look);
        }
        result.removed = guard
            .history
            .observe(&mut steps, &notices.removed, &context, holds, self.now);
        drop(guard);
        result.line.listed = listing.count();
        result.line.others = listing.others();
        let planned = Planned {
            context,
            policy,
            listed,
            known,
            breaker: CircuitBreaker::default(),
        };
        TenantPlan {
            run: self,
            result,
            steps,
            plan: Some(planned),
        }
    }

    /// Returns the margins, by the lifetime of subscriptions.
    fn margins(&self, desired: &[Desired], policy: &Policy) -> Vec<Margin> {
        let mut counts: BTreeMap<SignedDuration, usize> = BTreeMap::new();
        for one in desired {
            *counts.entry(one.lifetime).or_default() += 1;
        }
        let of_few = &self.deps.policy;
        counts
            .into_iter()
            .map(|(lifetime, count)| Margin::of(self.name, lifetime, count, policy, of_few))
            .collect()
    }

    /// Returns what the configuration says about wanted deletions.
    fn wish(&self, known: &Mutex<Known>) -> Wish {
        if self.config.subscriptions.is_empty() && self.config.refused.is_empty() {
            Wish::Nothing
        } else if lock(known).version.as_deref() == Some(self.config_version) {
            Wish::Old
        } else {
            Wish::New
        }
    }

    /// Returns whether the brake may hold deletions: not if a person asked for them.
    fn may_brake(&self) -> bool {
        let options = &self.request.options;
        !(options.confirms_deletions || options.deletes_all || self.config.departed.contains(self.name))
    }

    /// Shortens lifetimes to what Graph has granted to the same entry before.
    fn shorten(&self, result: &mut TenantResult) {
        let longest = lock(&self.deps.memory.longest);
        let mut told = BTreeSet::new();
        for desired in &mut result.expansion.desired {
            let entry = desired.name.split('/').next().unwrap_or_default();
            let Some(minutes) = longest.get(entry) else {
                continue;
            };
            desired.lifetime = desired
                .lifetime
                .min(SignedDuration::from_mins(i64::from(*minutes)));
            told.insert((entry.to_owned(), *minutes));
        }
        result
            .problems
            .extend(told.into_iter().map(|(entry, minutes)| Problem {
                path: format!("subscriptions.{entry}.expirationMinutes"),
                message: format!("is {minutes}, because Graph refused a longer lifetime for this resource"),
                severity: Severity::Warning,
            }));
    }

    fn braked(&self, count: usize, live: usize) -> Problem {
        Problem {
            path: format!("tenants.{}", self.name),
            message: format!(
                "has {live} subscriptions, of which the configuration would delete or replace {count}; renewal renews all \
                 and deletes none. If you want the deletions, invoke renewal with {{\"confirmDeletions\": true}}"
            ),
            severity: Severity::Error,
        }
    }

    /// Returns the lifecycle notifications of the application.
    fn notices(&self) -> Notices {
        let notices = self.request.notices.get(&self.tenant.application);
        notices.cloned().unwrap_or_default()
    }
}

impl<'a, P: Ports> TenantPlan<'a, P> {
    fn unplanned(run: TenantRun<'a, P>, mut result: TenantResult) -> Self {
        result.remembered = run.remembered();
        Self {
            run,
            result,
            steps: Vec::new(),
            plan: None,
        }
    }

    /// Applies a step, and reports a gap to consumers at once: AWS Lambda may end the run at any moment.
    pub(super) async fn work(&self, step: &Step) -> Outcome {
        let Some(planned) = &self.plan else {
            return self.leave(step);
        };
        let run = &self.run;
        wait_for_key(&run.deps.clock, run.keys, run.tenant, step).await;
        let applier: Applier<'_, P> = Applier {
            graph: &run.deps.graph,
            clock: &run.deps.clock,
            name: run.name,
            tenant: run.tenant,
            basis: ConfigVersion {
                documents: &run.deps.documents,
                version_id: run.current_version,
            },
            keys: run.keys,
            policy: planned.policy,
            context: &planned.context,
            desired: &self.result.expansion.desired,
            listed: &planned.listed,
            stop_at: run.request.stop_at(),
            end_at: run.request.end_at(),
            memory: &run.deps.memory,
            known: &planned.known,
            breaker: &planned.breaker,
            is_patient: run.request.is_patient,
        };
        let mut outcome = applier.apply(step).await;
        if let Some(gap) = &outcome.gap {
            let untold = send(run.deps, run.config, vec![((), gap.clone().into())]).await;
            outcome.is_untold = !untold.is_empty();
        }
        outcome
    }

    /// Returns the outcome of a step that is not applied.
    pub(super) fn leave(&self, step: &Step) -> Outcome {
        let mut outcome = Outcome::planned(step, self.run.name);
        let line = &mut outcome.line;
        // Not for `forEach` entries, whose lines are summed up: a search through thousands of subscriptions for each
        // line is slow.
        if line.resource.is_none()
            && !step.name.contains('/')
            && let Some(live) = self.listed(step.action.id())
        {
            line.resource.clone_from(&live.resource);
            line.change_type.clone_from(&live.change_type);
        }
        outcome
    }

    /// Returns a listed subscription by id.
    fn listed(&self, id: Option<&str>) -> Option<&Subscription> {
        let listed = &self.plan.as_ref()?.listed;
        listed.iter().find(|one| Some(one.id.as_str()) == id)
    }

    /// Returns the outcome of a step that is left for the next run.
    pub(super) fn postpone(&self, step: &Step) -> Outcome {
        let mut outcome = self.leave(step);
        outcome.line.unfinished = true;
        outcome
    }

    /// Returns the urgency of a step; nothing for a step that changes nothing.
    pub(super) fn urgency(&self, step: &Step) -> Option<Urgency> {
        Urgency::of(step, &self.run.deps.policy, self.run.now)
    }

    /// Returns the sort key among equally urgent steps: refused creations last, leftovers of the last run first.
    pub(super) fn rank(&self, step: &Step) -> (bool, bool) {
        let (Action::Create(creation) | Action::Replace { creation, .. }) = &step.action else {
            return (false, false);
        };
        let what = What::of(self.run.tenant.application.tenant_id, &creation.desired);
        let is_refused = lock(&self.run.deps.memory.refusals).get(&what).is_some();
        let key = (self.run.name.to_owned(), step.name.clone());
        let is_left_over = lock(&self.run.deps.memory.left_over).contains(&key);
        (is_refused, !is_left_over)
    }

    pub(super) fn tenant(&self) -> (&str, &Tenant) {
        (self.run.name, self.run.tenant)
    }
}

/// The text about a departed tenant whose credential Graph refuses for good.
const LOCKED_OUT: &str = "; the tenant was removed from ConfigSecret, so no later run tries again: its subscriptions expire \
                          within 29 days, and their notifications are rejected";

/// Returns the ids of those reported subscriptions that the list shows under the same name.
fn of_listed(told: &BTreeSet<(String, String)>, listing: &Listing<'_>) -> BTreeSet<String> {
    let is_listed = |(id, name): &&(String, String)| listing.names(id) == Some(name);
    told.iter().filter(is_listed).map(|(id, _)| id.clone()).collect()
}

/// Waits a short time until a new subscription may be created: webhooks that do not know its key or application yet
/// would reject its notifications.
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
            tenant.application.tenant_id
        );
        clock.sleep(wait).await;
    }
}

/// For how many periods an earlier list proves that a missing subscription is new. After that, another process may have
/// created it in between.
const PERIODS_REMEMBERED: i32 = 3;

/// The longest wait for a key within a run.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
