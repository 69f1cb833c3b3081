//! The operators' actions during the year: they remove and add tenants, and replace keys.

use std::collections::BTreeSet;

use graph_edge::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    Scale,
    chance::Chance,
    figures::Figures,
    organisation::{Organisation, Tenant},
    process::{Environment, Process},
    state::State,
    wanted::{Place, differences},
};

/// The operators of the stack.
pub(super) struct People {
    organisation: Organisation,
    chance: Chance,
    /// The tenants that have left.
    gone: Vec<Gone>,
    /// The tenants that have returned, each with the time by which it must have all subscriptions.
    back: Vec<(usize, Timestamp)>,
    /// When keys are replaced, the latest first.
    rotations: Vec<Timestamp>,
    /// When the subscriptions are compared with the wanted ones.
    next_comparison: Timestamp,
    /// How long a run may take to create what was missing.
    grace: SignedDuration,
    /// How many times as often as in a usual year they act.
    times: u64,
}

/// A tenant that has left.
struct Gone {
    tenant: usize,
    until: Timestamp,
    /// When its last subscription must have been deleted.
    empty_by: Timestamp,
}

impl People {
    pub(super) fn new(organisation: Organisation, scale: &Scale, start: Timestamp, chance: Chance) -> Self {
        // Tuesdays at 10:00, when credentials are accepted.
        let rotation = |day: i64| start + SignedDuration::from_hours(day / 7 * 7 * 24 + 34);
        Self {
            organisation,
            chance,
            gone: Vec::new(),
            back: Vec::new(),
            rotations: vec![rotation(scale.days * 3 / 4), rotation(scale.days / 4)],
            next_comparison: start + WEDNESDAY_NOON,
            grace: scale.policy.period * 3 + scale.policy.margin,
            times: scale.fault_rate,
        }
    }

    /// Runs the actions that are due before a run.
    pub(super) async fn run_due_actions(
        &mut self,
        environment: &Environment,
        process: &Process,
        figures: &mut Figures,
    ) {
        let now = environment.clock.now();
        self.extend_graces(&environment.microsoft.state(), now);
        self.check_returned(environment, now, figures);
        self.move_tenants(environment, now, figures);
        self.make_list_wrong(environment, now);
        if self.next_comparison <= now {
            self.next_comparison += WEEK;
            self.compare(&environment.microsoft.state(), now, figures);
        }
        if self.rotations.last().is_some_and(|moment| *moment <= now) {
            self.replace_keys(environment, process, figures).await;
        }
    }

    /// Compares the subscriptions with the wanted ones.
    pub(super) fn compare(&self, state: &State, now: Timestamp, figures: &mut Figures) {
        let places = (0..self.organisation.tenants.len()).map(|tenant| self.place(tenant, now));
        let tenants: Vec<(&Tenant, Place)> = self.organisation.tenants.iter().zip(places).collect();
        let here = tenants.iter().filter(|(_, place)| *place == Place::Here);
        figures.set_wanted(here.map(|(tenant, _)| tenant.resources.len()).sum());
        figures.compared(differences(tenants.into_iter(), state), now);
    }

    /// Replaces all keys. Where a person sees that it failed, the next attempt comes before the next run.
    async fn replace_keys(&mut self, environment: &Environment, process: &Process, figures: &mut Figures) {
        let before = environment.client_state_keys();
        process.handle(json!({"rotate": true})).await;
        if environment.client_state_keys().is_subset(&before) {
            return;
        }
        self.rotations.pop();
        let mut state = environment.microsoft.state();
        let is_pause = state.faults.is_pause(environment.clock.now());
        figures.count_rotation(is_pause);
        state.ledger.replaced_keys.extend(before);
    }

    fn place(&self, tenant: usize, now: Timestamp) -> Place {
        let gone = self.gone.iter().find(|gone| gone.tenant == tenant);
        match gone {
            Some(gone) if gone.empty_by <= now => Place::Gone,
            Some(_) => Place::OnTheMove,
            None if self.back.iter().any(|(other, _)| *other == tenant) => Place::OnTheMove,
            None => Place::Here,
        }
    }

    /// Gives tenants on the move more time while no run can do anything, or cannot see what is there.
    fn extend_graces(&mut self, state: &State, now: Timestamp) {
        let is_pause = state.faults.is_pause(now);
        for gone in &mut self.gone {
            let id = &self.organisation.tenants[gone.tenant].id;
            if is_pause || state.wrong_lists.has(id, now) {
                gone.empty_by = gone.empty_by.max(now + self.grace);
            }
        }
        for (_, until) in self.back.iter_mut().filter(|_| is_pause) {
            *until = now + self.grace;
        }
    }

    /// Checks whether returned tenants have all of their subscriptions.
    fn check_returned(&mut self, environment: &Environment, now: Timestamp, figures: &mut Figures) {
        let state = environment.microsoft.state();
        let is_due = |(_, until): &(usize, Timestamp)| *until <= now;
        for (index, _) in self.back.extract_if(.., |back| is_due(back)) {
            let tenant = &self.organisation.tenants[index];
            figures.compared(differences([(tenant, Place::Here)].into_iter(), &state), now);
            figures.count_return();
        }
    }

    /// Removes a tenant now and then, and adds it again some days later. The first one stays, and half of the tenants do:
    /// renewal takes it for a mistake if most of them are missing.
    fn move_tenants(&mut self, environment: &Environment, now: Timestamp, figures: &mut Figures) {
        let coming: Vec<Gone> = self.gone.extract_if(.., |gone| gone.until <= now).collect();
        let mut has_changed = !coming.is_empty();
        for Gone { tenant, .. } in coming {
            let id = &self.organisation.tenants[tenant].id;
            environment.microsoft.state().add_tenant(id);
            self.back.push((tenant, now + self.grace));
        }
        let tenants = u64::try_from(self.organisation.tenants.len()).unwrap_or_default();
        if self.chance.is(MOVES_PER_MILLION * self.times) && tenants > 1 {
            let tenant = usize::try_from(1 + self.chance.below(tenants - 1)).unwrap_or(1);
            let is_here = matches!(self.place(tenant, now), Place::Here);
            let most = ((self.organisation.tenants.len() - 1) / 2).clamp(1, 3);
            if is_here && self.gone.len() < most {
                let hours = i64::try_from(6 + self.chance.below(7 * 24)).unwrap_or(6);
                self.gone.push(Gone {
                    tenant,
                    until: now + SignedDuration::from_hours(hours),
                    empty_by: now + self.grace,
                });
                let id = &self.organisation.tenants[tenant].id;
                environment.microsoft.state().remove_tenant(id, now);
                figures.count_departure();
                has_changed = true;
            }
        }
        if has_changed {
            let gone: BTreeSet<usize> = self.gone.iter().map(|gone| gone.tenant).collect();
            environment.configure(&self.organisation.without(&gone));
            environment.microsoft.state().ledger.disturb(now);
        }
    }

    /// Makes the list of an application wrong now and then.
    fn make_list_wrong(&mut self, environment: &Environment, now: Timestamp) {
        if !self.chance.is(WRONG_LISTS_PER_MILLION * self.times) {
            return;
        }
        let mut state = environment.microsoft.state();
        if let Some(one) = state.any() {
            let mut chance = self.chance.clone();
            state
                .wrong_lists
                .begin((one.tenant_id, one.client_id), now, &mut chance);
            self.chance = chance;
        }
    }
}

/// Before how many of a million runs a tenant leaves: about three times a month.
const MOVES_PER_MILLION: u64 = 700;

/// Before how many of a million runs a list becomes wrong: about once a week.
const WRONG_LISTS_PER_MILLION: u64 = 1_000;

/// From Monday, when the year begins, to the first comparison.
const WEDNESDAY_NOON: SignedDuration = SignedDuration::from_hours(60);

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
