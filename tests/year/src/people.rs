//! What people do in the course of time: tenants go and come back, and keys are replaced by hand.

use std::collections::BTreeSet;

use graph_edge::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    Scale,
    chance::Chance,
    figures::Figures,
    organisation::Organisation,
    process::{Process, Site},
};

/// The people who look after the stack.
pub(super) struct People {
    organisation: Organisation,
    chance: Chance,
    /// The tenants that have gone, each with when it comes back.
    gone: Vec<(usize, Timestamp)>,
    /// The tenants that have come back, each with when all of its subscriptions have to be there.
    back: Vec<(usize, Timestamp)>,
    /// When keys are replaced, the latest first.
    rotations: Vec<Timestamp>,
    /// Until when a run has to have made what was missing.
    grace: SignedDuration,
    /// How many times as often as in a usual year all of it happens.
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

    /// Does what is to be done before a run.
    pub(super) async fn act(&mut self, site: &Site, process: &Process, figures: &mut Figures) {
        let now = site.clock.now();
        self.look(site, now, figures);
        self.move_tenants(site, now, figures);
        self.lie(site, now);
        if self.rotations.last().is_some_and(|moment| *moment <= now) {
            self.rotations.pop();
            process.handle(json!({"rotate": true})).await;
            figures.rotated();
        }
    }

    /// Looks whether the tenants that have come back have all of their subscriptions.
    fn look(&mut self, site: &Site, now: Timestamp, figures: &mut Figures) {
        let state = site.microsoft.state();
        if state.faults.is_locked(now) || state.faults.is_out(now) {
            for (_, until) in &mut self.back {
                *until = now + self.grace;
            }
            return;
        }
        let is_due = |(_, until): &(usize, Timestamp)| *until <= now;
        for (index, _) in self.back.extract_if(.., |back| is_due(back)) {
            let (tenant_id, wanted) = &self.organisation.tenants[index];
            figures.came_back(index, state.count_of(tenant_id), *wanted);
        }
    }

    /// Has a tenant go now and then, and come back some days later. The first one stays.
    fn move_tenants(&mut self, site: &Site, now: Timestamp, figures: &mut Figures) {
        let coming: Vec<usize> = self
            .gone
            .extract_if(.., |(_, until)| *until <= now)
            .map(|(index, _)| index)
            .collect();
        let mut has_changed = !coming.is_empty();
        for index in coming {
            site.microsoft.state().come(&self.organisation.tenants[index].0);
            self.back.push((index, now + self.grace));
        }
        let tenants = u64::try_from(self.organisation.tenants.len()).unwrap_or_default();
        if self.chance.is(MOVES_IN_A_MILLION * self.times) && tenants > 1 {
            let index = usize::try_from(1 + self.chance.below(tenants - 1)).unwrap_or(1);
            let is_here = self
                .gone
                .iter()
                .chain(&self.back)
                .all(|(other, _)| *other != index);
            if is_here && self.gone.len() < 3 {
                let hours = i64::try_from(6 + self.chance.below(7 * 24)).unwrap_or(6);
                self.gone.push((index, now + SignedDuration::from_hours(hours)));
                site.microsoft.state().leave(&self.organisation.tenants[index].0);
                figures.went_away();
                has_changed = true;
            }
        }
        if has_changed {
            let gone: BTreeSet<usize> = self.gone.iter().map(|(index, _)| *index).collect();
            site.configure(&self.organisation.without(&gone));
        }
        let gone = self
            .gone
            .iter()
            .map(|(index, _)| self.organisation.tenants[*index].1);
        figures.wants(self.organisation.subscriptions - gone.sum::<usize>());
    }

    /// Has the list of an application lie now and then.
    fn lie(&mut self, site: &Site, now: Timestamp) {
        if !self.chance.is(LIES_IN_A_MILLION * self.times) {
            return;
        }
        let mut state = site.microsoft.state();
        if let Some(one) = state.any() {
            let mut chance = self.chance.clone();
            state.lies.begin((one.tenant_id, one.client_id), now, &mut chance);
            self.chance = chance;
        }
    }
}

/// How many of a million runs a tenant goes before: about three in a month.
const MOVES_IN_A_MILLION: u64 = 700;

/// How many of a million runs a list begins to lie before: about one a week.
const LIES_IN_A_MILLION: u64 = 1_000;
