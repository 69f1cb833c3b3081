//! Lists a tenant's subscriptions and plans.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use graph_core::subscription::{
    config::{Entry, Problem},
    model::Subscription,
    plan::{
        Action, Context, Desired, Listing, Objects, Policy, Removals, Step, SubscriptionCount, Urgency,
        delete_all, excess, expand, plan,
    },
    rotation::KeysInUse,
};
use graph_edge::graph::{GraphError, GraphErrorKind};
use jiff::SignedDuration;

pub(super) use self::result::Knowledge;
pub(crate) use self::result::TenantResult;
use self::sight::{Sight, missing, remembered, takes_twice};
use super::objects;
use crate::{
    advice,
    apply::{Applier, DeletionTurns},
    keys::LEAD,
    memory::{Known, Subject, lock},
    ports::Ports,
    report::{Margin, describe},
    result::{Status, StepResult},
    tenant_run::TenantRun,
};

mod brake;
mod context;
mod needs;
mod observed;
mod result;
mod sight;
mod turn;

/// A tenant with its plan.
pub(super) struct TenantPlan<'a, P: Ports> {
    pub(super) result: TenantResult,
    pub(super) steps: Vec<Step>,
    /// Applies the steps; nothing if there is no plan.
    pub(super) applier: Option<Applier<'a, P>>,
}

impl<'a, P: Ports> TenantRun<'a, P> {
    /// Lists the tenant's subscriptions and plans.
    pub(super) async fn observe(self) -> TenantPlan<'a, P> {
        let mut result = TenantResult::of(&self);
        let known = self.known();
        let (existing, sight) = match self.existing(&known).await {
            Ok(existing) => (existing, Sight::Listed),
            Err(error) => self.unlisted(&error, &known, &mut result),
        };
        // Nothing is known of a tenant that Graph has never listed to this process, not even what is missing.
        let is_blind = !matches!(sight, Sight::Listed | Sight::Conflicts);
        if is_blind && existing.is_empty() && !lock(&known).is_listed() {
            return TenantPlan::none(result);
        }
        let Some(mut context) = self.context() else {
            result.line.error = Some("no client-state key exists yet".to_owned());
            return TenantPlan::none(result);
        };
        self.learn_keys(&existing, &mut context).await;
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
            result.problems.extend(self.missing(&result.needs));
        }
        let (entries, late) = self.with_objects(entries).await;
        result.late.extend(late);
        self.plan(&entries, (existing, sight), context, known, result)
    }

    /// Adds to the result that Graph could not list the subscriptions, and returns the remembered ones: they are renewed as
    /// long as the list fails.
    fn unlisted(
        &self,
        error: &GraphError,
        known: &Mutex<Known>,
        result: &mut TenantResult,
    ) -> (Vec<Subscription>, Sight) {
        if matches!(error.kind, GraphErrorKind::OutOfTime) {
            // Lists of other tenants may have taken the time.
            result.line.unfinished = true;
            result.late.insert(String::new());
        } else {
            let advice = advice::for_list(&error.kind, self.tenant);
            let mut text = format!("{}{advice}", describe(error));
            result.is_locked_out = error.kind.is_lockout();
            // Only for a departed tenant: a configured one may be let in again after a correction.
            if result.line.taken_out && result.is_locked_out {
                text.push_str(LOCKED_OUT);
            }
            result.line.error = Some(text);
        }
        // Nobody has confirmed them, and only a list can show that they are no longer wanted.
        result.held = usize::from(self.may_brake() && self.stored.is_held(self.name));
        let known = lock(known);
        let application = self.tenant.application;
        // A run that published it before may have listed it.
        let is_new = || {
            let is_first_run = self.stored.is_blank() && self.keys.is_new(self.tenant, &LEAD, self.begun);
            is_first_run || self.keys.was_added(self.tenant, &LEAD, self.begun)
        };
        result.is_unseen = !known.is_listed() && (self.stored.is_unseen(application) || is_new());
        if !known.is_listed() {
            result.knowledge = self.knowledge();
        }
        let sight = match error.kind {
            GraphErrorKind::Login(_) => Sight::LoggedOut,
            GraphErrorKind::OutOfTime => Sight::Remembered,
            // A mistyped application may be refused, or be new: it has nothing to be found.
            _ if !(known.is_listed() || result.is_unseen || error.kind.is_lockout())
                && self.is_long_unlisted() =>
            {
                Sight::Conflicts
            }
            _ => Sight::Remembered,
        };
        (known.all(), sight)
    }

    /// Returns whether Graph has listed the subscriptions before, but to no process for two periods.
    fn is_long_unlisted(&self) -> bool {
        let look = self.stored.last_look(self.name);
        let longest = self.deps.policy.period.saturating_mul(2);
        look.is_some_and(|look| self.begun.duration_since(look.at) > longest)
    }

    /// Returns what another process has stored of the subscriptions.
    fn knowledge(&self) -> Knowledge {
        let is_wanted = |entry: &&Entry| entry.tenants.contains(self.name);
        let mut entries = self.config.subscriptions.values().filter(is_wanted).peekable();
        let are_read = self.config.is_whole_for(self.name);
        if are_read && entries.peek().is_none() {
            return Knowledge::Earlier(SubscriptionCount::default());
        }
        let Some(look) = self.stored.last_look(self.name) else {
            return if self.keys.is_new(self.tenant, &LEAD, self.begun) {
                Knowledge::New
            } else {
                Knowledge::Unknown
            };
        };
        let count = SubscriptionCount::since(&look, entries, &self.deps.policy, self.begun);
        if are_read {
            Knowledge::Earlier(count)
        } else {
            Knowledge::Part(count)
        }
    }

    fn plan(
        self,
        entries: &[(&Entry, Objects)],
        (existing, sight): (Vec<Subscription>, Sight),
        mut context: Context,
        known: Arc<Mutex<Known>>,
        mut result: TenantResult,
    ) -> TenantPlan<'a, P> {
        let listing = Listing::of(&existing, &self.deps.stack, self.tenant.application.client_id);
        result.in_use = (sight == Sight::Listed).then(|| KeysInUse::of(&existing, listing.urls()));
        (result.line.listed, result.line.others) = (listing.count(), listing.others());
        let mut expansion = expand(entries, &listing);
        let (many, problems) = objects::report(entries, &expansion, self.name, &result.late);
        result.many = many;
        result.problems.extend(problems);
        result.problems.extend(self.shorten(&mut expansion.desired));
        let desired = expansion.desired;
        // Objects that cannot be listed now must not lose their subscriptions, nor those that have them under an entry's
        // former name.
        context.complete &= expansion.held.is_empty();
        context.held.extend(expansion.held);
        context.removed = of_listed(&self.removed(), &listing);
        context.unproven = lock(&known).unproven(self.begun);
        // The margin depends on the count: thousands of early renewals would use up Graph's limit.
        let in_all = self.deps.memory.count(self.tenant.application.client_id);
        let policy = self.deps.policy.of_many(listing.count(), in_all);
        result.margins = self.margins(&desired, &policy);
        let steps = if sight == Sight::Listed {
            self.steps(&desired, &listing, &mut context, &policy, &known, &mut result)
        } else {
            context.braked = true;
            let mut steps = plan(&desired, &listing, &context, self.begun, &policy);
            let known = lock(&known);
            // Nobody doubts that these are gone: Graph has said so by id, after this process saw them.
            known.history.name_lost(&mut steps);
            if known.is_listed() {
                result.steps.extend(missing(&steps, sight));
            }
            remembered(steps, sight, &policy, self.begun)
        };
        let steps = if self.stored.has_left_over() {
            turn::in_turn(steps, self.begun, policy.period)
        } else {
            steps
        };
        let planned = steps.iter().chain(result.steps.iter().map(|result| &result.step));
        result.missing_before = self.missing_before(planned, &context);
        // A person who starts a run wants Graph to be asked again.
        let turns = if self.request.options.is_patient {
            DeletionTurns::of(&steps, self.begun)
        } else {
            DeletionTurns::default()
        };
        let applier = Applier {
            run: self,
            policy,
            context,
            desired,
            known,
            turns,
            rescues: DeletionTurns::default(),
            replaced: replaced(&steps),
        };
        TenantPlan {
            result,
            steps,
            applier: Some(applier),
        }
    }

    /// Returns the names that were missing at the last look, have no step, and may be names of entries that cannot be read.
    fn missing_before<'s>(
        &self,
        steps: impl Iterator<Item = &'s Step>,
        context: &Context,
    ) -> BTreeSet<String> {
        let mut names = self.stored.missing(self.name);
        let are_read = self.config.is_whole_for(self.name);
        names.retain(|name| context.held.contains_key(name) || !are_read);
        for step in steps {
            names.remove(&step.name);
        }
        names
    }

    /// Plans with a list from Graph, and plans again with the brake if the first plan deletes too much.
    fn steps(
        &self,
        desired: &[Desired],
        listing: &Listing<'_>,
        context: &mut Context,
        policy: &Policy,
        known: &Mutex<Known>,
        result: &mut TenantResult,
    ) -> Vec<Step> {
        let mut steps = if self.request.options.deletes_all {
            delete_all(listing)
        } else {
            plan(desired, listing, context, self.begun, policy)
        };
        let absent = self.absent(&steps, known);
        let excess = excess(&steps, listing.ours(), &self.wish());
        if let Some(count) = excess.filter(|_| self.may_brake()) {
            context.braked = true;
            // Planned again and not filtered, because under the brake a replacement becomes a renewal.
            steps = plan(desired, listing, context, self.begun, policy);
            result.held = count;
            result.problems.push(self.braked(count, listing.ours()));
        } else if !absent.is_empty() {
            context.absent = absent;
            steps = plan(desired, listing, context, self.begun, policy);
        }
        let holds = policy.period.saturating_mul(PERIODS_REMEMBERED);
        result.removed = self.record(&mut steps, context, holds, known);
        let known = lock(known);
        // Only the second list that does not show the first one counts.
        let waits = |step: &Step| takes_twice(step) && known.history.is_first_missed(&step.name, holds);
        let (wait, steps): (Vec<_>, Vec<_>) = steps.into_iter().partition(waits);
        let wait = wait
            .into_iter()
            .map(|step| StepResult::of(step, Status::Unfinished));
        result.steps.extend(wait);
        steps
    }

    /// Records in the history which subscriptions exist, and returns the confirmed removals.
    fn record(
        &self,
        steps: &mut [Step],
        context: &Context,
        holds: SignedDuration,
        known: &Mutex<Known>,
    ) -> Removals {
        let Known {
            history, absences, ..
        } = &mut *lock(known);
        // The stored summary first: a new process learns from it what was there before.
        if let Some(look) = self.stored.of(self.name, &self.read.version_id) {
            history.recall(look);
        }
        for step in steps.iter().filter(|step| step.action.creates()) {
            if let Some((id, seen_at)) = absences.take_deleted(&step.name) {
                history.deleted(&step.name, &id, seen_at);
            }
        }
        history.observe(steps, &self.removed(), context, holds, self.begun)
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

    /// Shortens lifetimes to what Graph has granted to the same entry before, and returns a warning for each entry.
    fn shorten(&self, desired: &mut [Desired]) -> impl Iterator<Item = Problem> + use<P> {
        let mut shortened = BTreeSet::new();
        for one in desired {
            let entry = one.name.split('/').next().unwrap_or_default();
            let Some(minutes) = self.deps.memory.longest(self.tenant, entry) else {
                continue;
            };
            let granted = SignedDuration::from_mins(i64::from(minutes));
            one.lifetime = one.lifetime.min(granted);
            shortened.insert((entry.to_owned(), minutes));
        }
        shortened.into_iter().map(|(entry, minutes)| {
            Problem::warning(
                format!("subscriptions.{entry}.expirationMinutes"),
                format!("is {minutes}, because Graph refused a longer lifetime for this resource"),
            )
        })
    }

    /// Returns the urgency of a step; nothing for a step that changes nothing.
    pub(super) fn urgency(&self, step: &Step) -> Option<Urgency> {
        Urgency::of(step, &self.deps.policy, self.begun)
    }

    /// Returns the sort key among equally urgent steps: refused creations last, what this process left in the last run first.
    pub(super) fn rank(&self, step: &Step) -> (bool, bool) {
        let Some(creation) = step.action.creation().filter(|_| step.action.creates()) else {
            return (false, false);
        };
        let refusals = lock(&self.deps.memory.refusals);
        let refusal = refusals.get(&Subject::one(self.name, &step.name));
        let is_refused = refusal.is_some_and(|refusal| refusal.is_of(&creation.desired));
        (is_refused, !self.deps.memory.was_left_over(self.name, &step.name))
    }
}

impl<P: Ports> TenantPlan<'_, P> {
    /// Returns the plan for a tenant in which nothing can be done.
    fn none(result: TenantResult) -> Self {
        Self {
            result,
            steps: Vec::new(),
            applier: None,
        }
    }
}

/// The text about a departed tenant whose credential Graph refuses for good.
const LOCKED_OUT: &str = "; the tenant was removed from ConfigSecret, so no later run tries again: its subscriptions expire \
                          within 30 days, and their notifications are rejected";

/// Returns the ids of the subscriptions that a plan replaces.
fn replaced(steps: &[Step]) -> BTreeSet<String> {
    let replaced = steps.iter().filter_map(|step| match &step.action {
        Action::Replace { id, .. } => Some(id.clone()),
        _ => None,
    });
    replaced.collect()
}

/// Returns the ids of those reported subscriptions that the list shows under the same name.
fn of_listed(reported: &BTreeSet<(String, String)>, listing: &Listing<'_>) -> BTreeSet<String> {
    let is_listed = |(id, name): &&(String, String)| listing.names(id) == Some(name);
    reported
        .iter()
        .filter(is_listed)
        .map(|(id, _)| id.clone())
        .collect()
}

/// For how many periods an earlier list proves that a missing subscription is new. After that, another process may have
/// created it in between.
const PERIODS_REMEMBERED: i32 = 3;
