//! The operators' actions during the year: they remove and add tenants, and replace keys.

use std::collections::BTreeSet;

use graph_edge::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    Scale,
    chance::Chance,
    figures::Figures,
    organisation::Organisation,
    process::{Environment, Process},
};

/// The operators of the stack.
pub(super) struct People {
    organisation: Organisation,
    chance: Chance,
    /// The tenants that have left, each with the time of its return.
    gone: Vec<(usize, Timestamp)>,
    /// The tenants that have returned, each with the time by which it must have all subscriptions.
    back: Vec<(usize, Timestamp)>,
    /// When keys are replaced, the latest first.
    rotations: Vec<Timestamp>,
    /// How long a run may take to create what was missing.
    grace: SignedDuration,
    /// How many times as often as in a usual year they act.
    times: u64,
}

impl People {
    pub(super) fn new(organisation: Organisation, scale: &Scale, start: Timestamp, chance: Chance) -> Self {
        let hours = scale.days * 24;
        let at = |hour: i64| start + SignedDuration::from_hours(hour);
        Self {
            organisation,
            chance,
            gone: Vec::new(),
            back: Vec::new(),
            rotations: vec![at(hours * 3 / 4), at(hours / 3)],
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
        self.check_returned(environment, now, figures);
        self.move_tenants(environment, now, figures);
        self.make_list_wrong(environment, now);
        if self.rotations.last().is_some_and(|moment| *moment <= now) {
            self.rotations.pop();
            process.handle(json!({"rotate": true})).await;
            figures.count_rotation();
        }
    }

    /// Checks whether returned tenants have all of their subscriptions.
    fn check_returned(&mut self, environment: &Environment, now: Timestamp, figures: &mut Figures) {
        let state = environment.microsoft.state();
        if state.faults.is_locked(now) || state.faults.is_out(now) {
            for (_, until) in &mut self.back {
                *until = now + self.grace;
            }
            return;
        }
        let is_due = |(_, until): &(usize, Timestamp)| *until <= now;
        for (index, _) in self.back.extract_if(.., |back| is_due(back)) {
            let (tenant_id, wanted) = &self.organisation.tenants[index];
            figures.check_returned_tenant(index, state.count_of(tenant_id), *wanted);
        }
    }

    /// Removes a tenant now and then, and adds it again some days later. The first one stays.
    fn move_tenants(&mut self, environment: &Environment, now: Timestamp, figures: &mut Figures) {
        let coming: Vec<usize> = self
            .gone
            .extract_if(.., |(_, until)| *until <= now)
            .map(|(index, _)| index)
            .collect();
        let mut has_changed = !coming.is_empty();
        for index in coming {
            environment
                .microsoft
                .state()
                .add_tenant(&self.organisation.tenants[index].0);
            self.back.push((index, now + self.grace));
        }
        let tenants = u64::try_from(self.organisation.tenants.len()).unwrap_or_default();
        if self.chance.is(MOVES_PER_MILLION * self.times) && tenants > 1 {
            let index = usize::try_from(1 + self.chance.below(tenants - 1)).unwrap_or(1);
            let is_here = self
                .gone
                .iter()
                .chain(&self.back)
                .all(|(other, _)| *other != index);
            if is_here && self.gone.len() < 3 {
                let hours = i64::try_from(6 + self.chance.below(7 * 24)).unwrap_or(6);
                self.gone.push((index, now + SignedDuration::from_hours(hours)));
                environment
                    .microsoft
                    .state()
                    .remove_tenant(&self.organisation.tenants[index].0);
                figures.count_departure();
                has_changed = true;
            }
        }
        if has_changed {
            let gone: BTreeSet<usize> = self.gone.iter().map(|(index, _)| *index).collect();
            environment.configure(&self.organisation.without(&gone));
        }
        let gone = self
            .gone
            .iter()
            .map(|(index, _)| self.organisation.tenants[*index].1);
        figures.set_wanted(self.organisation.subscriptions - gone.sum::<usize>());
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
